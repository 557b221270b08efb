"""The four boards and the checklist: what to keep, to improve and to tell."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from accounts.templatetags.components import percent
from dashboards.wording import between_said, owner_said
from insights.findings import EVEN, UNSPECIFIC, Advice, AspectFinding, Findings, MissingFact
from insights.privacy import Insights, LinkFindings, QuoteView

ROWS_OF_A_BOARD = 5
INDICATIVE_ROWS = 3


# --- Boards ----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class BoardRow:
    """An aspect. `tone` is "keep" or "improve" where there is a verdict, else empty, and `state` says so.

    `count` stands for the value where that leans on the programme, and might say the opposite of what they said.
    """

    aspect: str
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
    """`rows` are what to look at, `rest` what is folded away; `note` says what the numbers in the rows are."""

    key: str
    title: str
    term: str
    note: str
    rows: tuple[BoardRow, ...]
    rest: tuple[BoardRow, ...]
    empty: str
    quotes: tuple[QuoteView, ...] = ()


def keep_board(insights: Insights, findings: Findings) -> Board:
    rows, rest = board_rows(findings.keep, "keep")
    counted = _("Of those who mention it, how many want it to stay as it is.")
    empty = _("Nothing can be called good with certainty yet.")
    quotes = newest_quote(insights, "keep_text")
    return Board("keep", _("Keep"), "mantener", note_on(rows + rest, counted), rows, rest, empty, quotes)


def improve_board(insights: Insights, findings: Findings) -> Board:
    rows, rest = board_rows(findings.improve, "improve")
    counted = _("Of those who mention it, how many ask for something better.")
    empty = _("Nothing that has to improve with certainty.")
    quotes = newest_quote(insights, "improve_text")
    return Board("improve", _("Improve"), "mejorar", note_on(rows + rest, counted), rows, rest, empty, quotes)


def note_on(rows: Sequence[BoardRow], counted: str) -> str:
    if not rows:
        return ""
    return counted if rows[0].count else _("Of those who mention it, the share who would keep it as it is.")


def newest_quote(insights: Insights, question: str) -> tuple[QuoteView, ...]:
    return tuple(quote for quote in insights.quotes if quote.question == question)[:1]


def board_rows(found: Sequence[AspectFinding], board: str) -> tuple[tuple[BoardRow, ...], tuple[BoardRow, ...]]:
    """What has a verdict, or where there can be none yet («orientativo») the first ones; then all else."""
    decided = [each for each in found if each.verdict == board and each.aspect not in UNSPECIFIC]
    first = decided[:ROWS_OF_A_BOARD] if any(each.verdict for each in found) else found[:INDICATIVE_ROWS]
    rest = [each for each in found if each not in first]
    return tuple(board_row(each, board) for each in first), tuple(board_row(each, board) for each in rest)


def board_row(found: AspectFinding, board: str) -> BoardRow:
    is_indicative = found.verdict is None
    counts = {"mentions": found.mentions, "n": found.n}
    spoken = share_said(found)
    evidence = [mentions_said(found, board), spoken, comparison_said(found), owner_said(found.owner)]
    return BoardRow(
        aspect=found.aspect,
        label=found.label,
        count=_("%(mentions)s of %(n)s") % counts if is_indicative else "",
        value=found.share,
        low=found.low,
        high=found.high,
        tone="" if found.verdict in (None, "inconclusive") else board,
        state={"inconclusive": _("not conclusive yet"), None: _("indicative")}.get(found.verdict, ""),
        spoken=spoken,
        evidence=tuple(filter(None, evidence)),
    )


def share_said(found: AspectFinding) -> str:
    text = _("%(share)s would keep it as it is, %(range)s.")
    if found.verdict is None:
        text = _("With so few answers the value leans on the programme's: %(share)s would keep it, %(range)s.")
    return text % {"share": percent(found.share), "range": between_said(found.low, found.high)}


def comparison_said(found: AspectFinding) -> str:
    """Where the value alone would not explain the verdict: 83 % to improve, as elsewhere it is 95 %."""
    if found.verdict == "improve" and found.high >= EVEN:
        return _("In the rest of the programme clearly more of them would keep it.")
    if found.verdict == "keep" and found.low < EVEN:
        return _("In the rest of the programme it is no more than that.")
    return ""


def mentions_said(found: AspectFinding, board: str) -> str:
    if board == "keep":
        text = _("%(mentions)s of the %(n)s who mention it want it to stay as it is.")
    else:
        text = _("%(mentions)s of the %(n)s who mention it ask for something better.")
    return text % {"mentions": found.mentions, "n": found.n}


# --- What was missing, and what to do about it -----------------------------------------------------------------------
@dataclass(frozen=True)
class MissingRow:
    """A fact that was missed. `bar` is a share of the longest bar; `where` the link it was missed at most."""

    fact: str
    label: str
    count: str
    bar: float
    where: str


def missing_rows(findings: Findings, links: Sequence[LinkFindings]) -> tuple[list[MissingRow], list[MissingRow]]:
    """The facts missed most, and the others, «other» last: nothing can be done about it."""
    ordered = sorted(findings.missing, key=lambda fact: (fact.fact in UNSPECIFIC, -fact.n))
    longest = max((fact.n for fact in ordered), default=1)
    rows = [
        MissingRow(
            fact.fact, fact.label, f"{fact.n} · {percent(fact.share)}", fact.n / longest, where_missed(fact, links)
        )
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
