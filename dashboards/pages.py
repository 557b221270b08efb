"""What the affiliate's home shows: findings as rows and sentences, ready for its templates. Pure: no database."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from accounts.templatetags.components import percent, percent_range
from dashboards import charts
from dashboards.wording import (
    answers_said,
    between_said,
    name_of_month,
    nps_range,
    nps_said,
    of_ten,
    owner_said,
    short_month,
    verdict_said,
)
from insights.findings import UNSPECIFIC, Advice, AspectFinding, Figure, Findings, MissingFact
from insights.privacy import Insights, LinkFindings
from insights.privacy import QuoteView as Words

ROWS_OF_A_BOARD = 5
INDICATIVE_ROWS = 3
EXPECTATIONS_AT_HOME = 4


# --- Figures ---------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class FigureRow:
    """A figure in words. `term` is its entry in the glossary."""

    term: str
    label: str
    value: str
    range: str
    n: int
    reference: str
    verdict: str


def figure_rows(findings: Findings) -> list[FigureRow]:
    shares = [
        ("csat", _("Satisfied customers"), findings.csat),
        ("valoracion-del-afiliado", _("How you are rated"), findings.affiliate_rating),
        ("promesa", _("Got what they were told, or better"), findings.promise_kept),
        ("falto", _("Missed something before buying"), findings.missed_something),
    ]
    rows = [share_row(term, label, figure) for term, label, figure in shares if figure]
    nps = findings.nps
    if nps:
        reference = nps_said(nps.reference) if nps.reference is not None else ""
        rows.append(
            FigureRow(
                "nps", _("Recommendation"), nps_said(nps.value), nps_range(nps.low, nps.high), nps.n, reference, ""
            )
        )
    return rows


def share_row(term: str, label: str, figure: Figure) -> FigureRow:
    return FigureRow(
        term,
        label,
        percent(figure.value),
        percent_range(figure.low, figure.high),
        figure.n,
        percent(figure.reference) if figure.reference is not None else "",
        verdict_said(figure.verdict),
    )


def sentences(findings: Findings) -> list[str]:
    """Beside satisfaction, what a seller can do most about, in words that carry their uncertainty."""
    said = [
        (findings.promise_kept, _("%(share)s got what they had been told, or better (%(range)s).")),
        (
            findings.affiliate_rating,
            _("%(share)s rate the information and treatment before buying as good (%(range)s)."),
        ),
    ]
    return [
        text % {"share": of_ten(figure.value), "range": between_said(figure.low, figure.high)}
        for figure, text in said
        if figure
    ]


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


# --- What was missing, and what to do about it ------------------------------------------------------------------------
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


# --- Trend -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class TrendRow:
    month: str
    value: float | None
    low: float | None
    high: float | None
    n: int


def trend_rows(insights: Insights) -> list[TrendRow]:
    """The newest first."""
    return [TrendRow(name_of_month(p.month), p.value, p.low, p.high, p.n) for p in reversed(insights.trend)]


def trend_chart(insights: Insights) -> SafeString | str:
    """One month is no trend."""
    if len(insights.trend) < 2:
        return ""
    reference = insights.own.csat.reference if insights.own and insights.own.csat else None
    first, last = insights.trend[0], insights.trend[-1]
    return charts.line_with_band(
        charts.Caption(
            "trend",
            _("Satisfied customers, month by month"),
            _("From %(first)s to %(last)s. The table below has every month.")
            % {"first": name_of_month(first.month), "last": name_of_month(last.month)},
        ),
        [
            charts.TrendPoint(short_month(p.month), p.n, estimate=p.smoothed, low=p.low, high=p.high, raw=p.value)
            for p in insights.trend
        ],
        reference=None if reference is None else charts.Reference(reference, programme_said(reference)),
    )


def programme_said(reference: float) -> str:
    return pgettext("comparison", "programme %(share)s") % {"share": percent(reference)}


# --- New customers, and those there are ------------------------------------------------------------------------------
@dataclass(frozen=True)
class Halves:
    """Purchases credited in the period: of how many customers, and how many of them came back."""

    customers: int
    purchases: int
    returning: int

    @property
    def share_returning(self) -> float:
        return self.returning / self.purchases


def write_halves(insights: Insights) -> Halves | None:
    if not insights.purchases:
        return None
    return Halves(insights.customers, insights.purchases, insights.purchases - insights.customers)


# --- The page --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Home:
    """The affiliate's home. Without enough answers it tells of the programme; without even that, of nothing."""

    insights: Insights
    findings: Findings
    answers: str
    reference: str
    figures: list[FigureRow]
    sentences: list[str]
    boards: tuple[Board, Board]
    missing: list[MissingRow]
    more_missing: list[MissingRow]
    expectations: list[ExpectationRow]
    checklist: list[ChecklistRow]
    chart: SafeString | str
    trend: list[TrendRow]


def write_home(insights: Insights) -> Home | None:
    findings = insights.findings
    if findings is None:
        return None
    missing, more_missing = missing_rows(findings, insights.links)
    reference = findings.csat.reference if findings.csat else None
    return Home(
        insights,
        findings,
        answers_said(findings.n),
        "" if reference is None else programme_said(reference),
        figure_rows(findings),
        sentences(findings),
        (keep_board(insights, findings), improve_board(insights, findings)),
        missing,
        more_missing,
        expectation_rows(insights)[:EXPECTATIONS_AT_HOME],
        checklist(findings, insights.links),
        trend_chart(insights),
        trend_rows(insights),
    )
