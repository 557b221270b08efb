"""The four boards and the checklist: what to keep, to improve and to tell."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from accounts.templatetags.components import percent
from dashboards.wording import between_said, owner_said
from insights.findings import UNSPECIFIC, Advice, AspectFinding, Findings, MissingFact
from insights.privacy import Insights, LinkFindings
from insights.privacy import QuoteView as Words

ROWS_OF_A_BOARD = 5
INDICATIVE_ROWS = 3


# --- Boards ----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class BoardRow:
    """An aspect. `tone` is "keep" or "improve" where there is a verdict, else empty, and `state` says so.

    `count` stands for the value where that leans on the programme, and might say the opposite of what they said.
    """

    label: str
    count: str
    value: float
    low: float
    high: float
    tone: str
    state: str
    spoken: str
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class Board:
    """`rows` are what to look at, `rest` what is folded away."""

    key: str
    title: str
    term: str
    rows: tuple[BoardRow, ...]
    rest: tuple[BoardRow, ...]
    empty: str
    words: tuple[Words, ...] = ()


def keep_board(insights: Insights, findings: Findings) -> Board:
    rows, rest = board_rows(findings.keep, "keep")
    return Board(
        "keep",
        _("Keep"),
        "mantener",
        rows,
        rest,
        _("Nothing can be called good with certainty yet."),
        some_words(insights, "keep_text"),
    )


def improve_board(insights: Insights, findings: Findings) -> Board:
    rows, rest = board_rows(findings.improve, "improve")
    return Board(
        "improve",
        _("Improve"),
        "mejorar",
        rows,
        rest,
        _("Nothing that has to improve with certainty."),
        some_words(insights, "improve_text"),
    )


def board_rows(found: Sequence[AspectFinding], board: str) -> tuple[tuple[BoardRow, ...], tuple[BoardRow, ...]]:
    """What has a verdict, or where there can be none yet («orientativo») the first ones; then all else."""
    decided = [each for each in found if each.verdict == board and each.aspect not in UNSPECIFIC]
    first = decided[:ROWS_OF_A_BOARD] if any(each.verdict for each in found) else found[:INDICATIVE_ROWS]
    rest = [each for each in found if each not in first]
    return tuple(board_row(each, board) for each in first), tuple(board_row(each, board) for each in rest)


def board_row(found: AspectFinding, board: str) -> BoardRow:
    shown = {"share": percent(found.share), "range": between_said(found.low, found.high)}
    is_indicative = found.verdict is None
    counts = {"mentions": found.mentions, "n": found.n}
    if is_indicative:
        spoken = (
            _("With so few answers the value leans on the programme's: %(share)s would keep it, %(range)s.") % shown
        )
    else:
        spoken = _("%(share)s would keep it as it is, %(range)s.") % shown
    return BoardRow(
        label=found.label,
        count=_("%(mentions)s of %(n)s") % counts if is_indicative else "",
        value=found.share,
        low=found.low,
        high=found.high,
        tone="" if found.verdict in (None, "inconclusive") else board,
        state={"inconclusive": _("not conclusive yet"), None: _("indicative")}.get(found.verdict, ""),
        spoken=spoken,
        evidence=(mentions_said(found, board), spoken, owner_said(found.owner)),
    )


def mentions_said(found: AspectFinding, board: str) -> str:
    if board == "keep":
        text = _("%(mentions)s of the %(n)s who mention it want it to stay as it is.")
    else:
        text = _("%(mentions)s of the %(n)s who mention it ask for something better.")
    return text % {"mentions": found.mentions, "n": found.n}


def some_words(insights: Insights, question: str) -> tuple[Words, ...]:
    return tuple(words for words in insights.quotes if words.question == question)[:1]


# --- What was missing, and what to do about it -----------------------------------------------------------------------
@dataclass(frozen=True)
class MissingRow:
    """A fact that was missed. `bar` is a share of the longest bar; `where` the link it was missed at most."""

    label: str
    count: str
    bar: float
    where: str


def missing_rows(findings: Findings, links: Sequence[LinkFindings]) -> tuple[list[MissingRow], list[MissingRow]]:
    """The facts missed most, and the others, «other» last: nothing can be done about it."""
    ordered = sorted(findings.missing, key=lambda fact: (fact.fact in UNSPECIFIC, -fact.n))
    longest = max((fact.n for fact in ordered), default=1)
    rows = [
        MissingRow(fact.label, f"{fact.n} · {percent(fact.share)}", fact.n / longest, where_missed(fact, links))
        for fact in ordered
    ]
    return rows[:ROWS_OF_A_BOARD], rows[ROWS_OF_A_BOARD:]


def where_missed(fact: MissingFact, links: Sequence[LinkFindings]) -> str:
    """The link at which more than half of what can be told by link was missed, if three or more did."""
    counts = {link.campaign or link.code: n for link in links if (n := times_missed(link, fact.fact))}
    if not counts:
        return ""
    name, n = max(counts.items(), key=lambda item: item[1])
    if n < 3 or 2 * n <= fact.n:
        return ""
    return _("%(n)s of the %(all)s came from “%(link)s”") % {"n": n, "all": fact.n, "link": name}


def times_missed(link: LinkFindings, code: str) -> int:
    return next((fact.n for fact in link.findings.missing if fact.fact == code), 0)


@dataclass(frozen=True)
class ChecklistRow:
    text: str
    evidence: str
    where: str = ""


def checklist(findings: Findings, links: Sequence[LinkFindings]) -> list[ChecklistRow]:
    return [ChecklistRow(line.text, line.evidence, where_of(line, findings, links)) for line in findings.next_sale]


def where_of(line: Advice, findings: Findings, links: Sequence[LinkFindings]) -> str:
    if line.kind != "missing":
        return ""
    return next((where_missed(fact, links) for fact in findings.missing if fact.fact == line.key), "")


# --- Expectations ----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class ExpectationRow:
    text: str
    status: str
    tone: str


EXPECTATION_TONES = {"in_progress": "improve", "met": "keep"}


def expectation_rows(insights: Insights) -> list[ExpectationRow]:
    return [
        ExpectationRow(each.text, each.status_label, EXPECTATION_TONES.get(each.status, ""))
        for each in insights.expectations
    ]
