"""The affiliate's home: one sentence, the figures, the boards, the trend."""

from dataclasses import dataclass

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from accounts.templatetags.components import percent, percent_range
from dashboards import charts
from dashboards.pages.boards import (
    Board,
    ChecklistRow,
    ExpectationRow,
    MissingRow,
    checklist,
    expectation_rows,
    improve_board,
    keep_board,
    missing_rows,
)
from dashboards.wording import (
    answers_said,
    between_said,
    name_of_month,
    nps_range,
    nps_said,
    of_ten,
    short_month,
    verdict_said,
)
from insights.findings import Figure, Findings
from insights.privacy import Insights

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


# --- The page --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Home:
    """The affiliate's home. Without enough answers it tells of the programme; without even that, of nothing."""

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
