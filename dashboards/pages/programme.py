"""The programme for its staff: a sentence, a chart, and the table behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.templatetags.components import percent, percent_range
from complaints.models import Complaint
from dashboards import charts
from dashboards.pages.comparison import (
    AlternativesOnPage,
    ChangesOnPage,
    PartsOnPage,
    TargetRow,
    fall_said,
    write_alternatives,
    write_changes,
    write_parts,
    write_targets,
)
from dashboards.wording import name_of_month, short_month, verdict_said
from insights.comparing import Fall, Parts, PeriodChanges
from insights.findings import TrendPoint
from insights.models import Alert
from insights.overview import Compared, Fallen, Field, Responsibility, Rivalry
from insights.targets import Progress

WIDE = 720
WORDS_SHOWN = 6  # of the newest; the others are folded away


# --- Affiliates side by side -----------------------------------------------------------------------------------------
@dataclass(frozen=True)
class ComparedRow:
    name: str
    url: str
    value: float
    range: str
    n: int
    verdict: str
    tone: str


@dataclass(frozen=True)
class FieldOnPage:
    sentence: str
    note: str
    chart: SafeString
    rows: list[ComparedRow]


def write_field(field: Field | None, slug: str) -> FieldOnPage | None:
    if field is None:
        return None
    points = [
        charts.FunnelPoint(each.name, each.satisfied, each.n, url=page_of(slug, each.code), known_verdict=each.verdict)
        for each in field.affiliates
    ]
    caption = charts.Caption(
        "field",
        _("Affiliates by satisfied customers and number of answers"),
        _("Between the inner lines 95 of 100 would lie if all were alike, between the outer ones 998 of 1,000."),
    )
    chart = charts.funnel_plot(
        caption, points, reference=field.reference, strength=field.widening, width=WIDE if len(points) > 1 else 340
    )
    return FieldOnPage(
        field_said(field), widening_said(field), chart, [row_of(each, slug) for each in field.affiliates]
    )


def page_of(slug: str, code: str) -> str:
    return reverse("dashboards:home", kwargs={"brand": slug, "code": code})


def field_said(field: Field) -> str:
    verdicts = [each.verdict for each in field.affiliates]
    judged = sum(verdict is not None for verdict in verdicts)
    if not judged:
        return _("No affiliate has the 20 answers yet that a comparison needs.")
    below = sum(verdict in ("below", "well_below") for verdict in verdicts)
    above = sum(verdict in ("above", "well_above") for verdict in verdicts)
    text = ngettext(
        "Of %(n)s affiliate with 20 answers, %(below)s lie below and %(above)s above what is to be expected.",
        "Of %(n)s affiliates with 20 answers, %(below)s lie below and %(above)s above what is to be expected.",
        judged,
    )
    return text % {"n": judged, "below": below, "above": above}


def widening_said(field: Field) -> str:
    if field.widening is None:
        return ""
    return _("Affiliates differ by more than chance makes them, and the lines allow for that: whoever lies outside differs even more.")  # noqa: E501  # fmt: skip


def row_of(found: Compared, slug: str) -> ComparedRow:
    tones = {"well_below": "improve", "below": "improve", "above": "keep", "well_above": "keep"}
    return ComparedRow(
        found.name,
        page_of(slug, found.code),
        found.share,
        percent_range(*found.interval),
        found.n,
        verdict_said(found.verdict) or _("too few answers"),
        tones.get(found.verdict or "", ""),
    )


# --- Where the programme stands --------------------------------------------------------------------------------------
@dataclass(frozen=True)
class AlertRow:
    """`url` leads to the affiliate it is about; the programme's own has none."""

    name: str
    url: str
    sentence: str


@dataclass(frozen=True)
class CaseRow:
    name: str
    url: str
    own: int
    known: int
    n: int


@dataclass(frozen=True)
class ProgrammePage:
    headline: str
    alerts: list[AlertRow]
    more_alerts: int
    targets: list[TargetRow]
    changes: ChangesOnPage | None
    parts: PartsOnPage | None
    kinds: list[CaseRow]
    affiliates: list[CaseRow]


def write_programme(
    slug: str,
    *,
    progress: Sequence[Progress],
    changes: PeriodChanges | None,
    fallen: Fallen,
    parts: Responsibility,
    labels: Mapping[str, str],
) -> ProgrammePage:
    return ProgrammePage(
        headline=targets_said(progress),
        alerts=[alert_row(alert, labels) for alert in fallen.alerts],
        more_alerts=fallen.others,
        targets=write_targets(progress),
        changes=write_changes(changes, labels),
        parts=write_parts(parts.said, parts.found),
        kinds=[case_row(str(Complaint.Kind(kind).label), "", each) for kind, each in parts.by_kind],
        affiliates=[case_row(each.name, page_of(slug, each.code), each.parts) for each in parts.by_affiliate],
    )


def targets_said(progress: Sequence[Progress]) -> str:
    if not progress:
        return _("No target has been set yet.")
    judged = [each.judgement for each in progress]
    text = _("%(met)s of %(n)s targets met, %(missed)s missed; of the rest it cannot be told yet.")
    if "open" not in judged:
        text = _("%(met)s of %(n)s targets met, %(missed)s missed.")
    return text % {"n": len(judged), "met": judged.count("met"), "missed": judged.count("missed")}


def alert_row(alert: Alert, labels: Mapping[str, str]) -> AlertRow:
    label = "" if alert.key == Alert.SATISFACTION else labels.get(alert.key, alert.key)
    sentence = fall_said(Fall(alert, label, ""))
    if alert.affiliate is None:
        return AlertRow(_("The whole programme"), "", sentence)
    return AlertRow(str(alert.affiliate), page_of(alert.brand.slug, alert.affiliate.code), sentence)


def case_row(name: str, url: str, parts: Parts) -> CaseRow:
    return CaseRow(name, url, parts.of_affiliate, parts.known, parts.n)


# --- The alternatives ------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class RivalryPage:
    alternatives: AlternativesOnPage | None
    chart: SafeString | str
    months: list[tuple[str, str, str, int]]
    apart: list[tuple[str, int, float]]
    described: int
    words: Sequence[str]
    more_words: Sequence[str]
    needs: Sequence[str]
    more_needs: Sequence[str]


def write_rivalry(found: Rivalry, brand: str) -> RivalryPage:
    most = max((n for _label, n in found.apart), default=1)
    return RivalryPage(
        alternatives=write_alternatives(found.alternatives, brand),
        chart=trend_chart(found.trend),
        months=[
            (name_of_month(p.month), percent(p.value), percent_range(p.low, p.high), p.n)
            for p in reversed(found.trend)
            if p.low is not None and p.high is not None
        ],
        apart=[(label, n, n / most) for label, n in found.apart],
        described=found.described,
        words=found.words[:WORDS_SHOWN],
        more_words=found.words[WORDS_SHOWN:],
        needs=found.needs[:WORDS_SHOWN],
        more_needs=found.needs[WORDS_SHOWN:],
    )


def trend_chart(trend: Sequence[TrendPoint]) -> SafeString | str:
    """One month is no trend."""
    if len(trend) < 2:
        return ""
    caption = charts.Caption(
        "alternatives",
        _("Better than the alternatives, month by month"),
        _("From %(first)s to %(last)s. The table below has every month.")
        % {"first": name_of_month(trend[0].month), "last": name_of_month(trend[-1].month)},
    )
    points = [
        charts.TrendPoint(short_month(p.month), p.n, estimate=p.smoothed, low=p.low, high=p.high, raw=p.value)
        for p in trend
    ]
    return charts.line_with_band(caption, points)
