"""How a brand's cases go: sentences that carry the figures, two charts, and the tables behind them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.formats import number_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from accounts.templatetags.components import percent
from complaints.models import Complaint, Remedy
from complaints.selectors.reporting import CaseReport, Group, Kept, RemedyCount, Times
from complaints.wording import duration_in_words
from dashboards import charts
from insights.endings import EASIEST, Endings

CAUSES_DRAWN = 8


@dataclass(frozen=True)
class PromiseRow:
    label: str
    kept: int
    missed: int
    running: int
    share: str
    tone: str


@dataclass(frozen=True)
class GroupRow:
    name: str
    n: int
    share: str
    median: str
    late: int


@dataclass(frozen=True)
class Table:
    key: str
    title: str
    rows: list[GroupRow]


@dataclass(frozen=True)
class RemedyRow:
    name: str
    n: int
    done: int
    cost: str


@dataclass(frozen=True)
class CasesPage:
    headline: str
    said: list[str]
    promises: list[PromiseRow]
    ages: SafeString | str
    age_rows: list[tuple[str, int]]
    causes: SafeString | str
    tables: list[Table]
    remedies: list[RemedyRow]


def write_cases(report: CaseReport, endings: Endings | None = None) -> CasesPage:
    """`endings`: what customers say of it; none where they are not asked."""
    of_customers = endings_said(endings) if endings else ()
    return CasesPage(
        headline=headline_of(report),
        said=[*(sentence for sentence in sentences_of(report) if sentence), *of_customers],
        promises=promise_rows(report),
        ages=ages_chart(report.ages),
        age_rows=[(age_in_words(days), n) for days, n in report.ages],
        causes=causes_chart(report.groups["cause"]),
        tables=tables_of(report),
        remedies=[remedy_row(each) for each in report.remedies],
    )


# --- Sentences -----------------------------------------------------------------------------------------------------
def headline_of(report: CaseReport) -> str:
    if not report.opened:
        return _("No case was opened in this time.")
    text = ngettext(
        "%(opened)s case was opened, %(resolved)s of them is resolved.",
        "%(opened)s cases were opened, %(resolved)s of them are resolved.",
        report.opened,
    )
    return text % {"opened": number_format(report.opened), "resolved": number_format(report.resolved)}


def sentences_of(report: CaseReport) -> Iterator[str]:
    yield times_said(report.answered, _("Half of the customers had a first answer within %(median)s, nine of ten within %(p90)s."))  # noqa: E501  # fmt: skip
    yield times_said(report.solved, _("Half of the cases were solved within %(median)s, nine of ten within %(p90)s."))
    if report.reopened:
        text = ngettext("%(count)s was opened again.", "%(count)s were opened again.", report.reopened)
        yield text % {"count": number_format(report.reopened)}


def endings_said(endings: Endings) -> Iterator[str]:
    if endings.answered:
        text = ngettext(
            "Of %(n)s customer who said how their case ended, %(share)s say that it was put right.",
            "Of %(n)s customers who said how their case ended, %(share)s say that it was put right.",
            endings.answered,
        )
        yield text % {"n": number_format(endings.answered), "share": percent(endings.solved_share)}
    if endings.ease:
        mean, low, high = (number_format(round(each, 1), 1) for each in endings.ease)
        text = _(
            "“They made it easy for me”: %(mean)s of %(scale)s on average, between %(low)s and %(high)s with "
            "%(confidence)s confidence (%(n)s answers)."
        )
        n, confidence = number_format(endings.rated), percent(0.95)
        yield text % {"mean": mean, "scale": EASIEST, "low": low, "high": high, "confidence": confidence, "n": n}


def times_said(times: Times, text: str) -> str:
    if times.median is None or times.p90 is None:
        return ""
    return text % {"median": duration_in_words(times.median), "p90": duration_in_words(times.p90)}


# --- Promises ------------------------------------------------------------------------------------------------------
def promise_rows(report: CaseReport) -> list[PromiseRow]:
    labels = {"answer": _("First answer"), "solution": _("Solution"), "law": _("Term of the law")}
    return [
        promise_row(label, report.promises[name])
        for name, label in labels.items()
        if any((report.promises[name].kept, report.promises[name].missed, report.promises[name].running))
    ]


def promise_row(label: str, kept: Kept) -> PromiseRow:
    tone = "improve" if kept.missed else ""
    return PromiseRow(label, kept.kept, kept.missed, kept.running, percent(kept.share), tone)


# --- Charts --------------------------------------------------------------------------------------------------------
def age_in_words(days: int) -> str:
    if not days:
        return _("older")
    return ngettext("up to %(count)d day", "up to %(count)d days", days) % {"count": days}


def ages_chart(ages: Sequence[tuple[int, int]]) -> SafeString | str:
    if not any(n for _days, n in ages):
        return ""
    caption = charts.Caption("ages", _("Open cases by how old they are"), _("The table beside says the same."))
    return charts.bars_in_order(caption, [charts.Bar(age_in_words(days), n) for days, n in ages])


def causes_chart(causes: Sequence[Group]) -> SafeString | str:
    known = [each for each in causes if each.name]
    total = sum(each.n for each in known)
    if not known:
        return ""
    caption = charts.Caption(
        "causes", _("Causes of cases, the most frequent first"), _("The table below has them all.")
    )
    labels = dict(Complaint.Cause.choices)
    bars = [charts.Bar(str(labels.get(each.name, each.name)), each.n, each.n / total) for each in known[:CAUSES_DRAWN]]
    return charts.bars_in_order(caption, bars, tone="improve")


# --- Tables --------------------------------------------------------------------------------------------------------
def tables_of(report: CaseReport) -> list[Table]:
    titles: dict[str, tuple[str, Sequence[tuple[Any, Any]]]] = {
        "cause": (_("By cause"), Complaint.Cause.choices),
        "part": (_("By whose part"), Complaint.Part.choices),
        "kind": (_("By kind"), Complaint.Kind.choices),
        "product": (_("By product"), ()),
        "affiliate": (_("By affiliate"), ()),
    }
    return [
        Table(key, title, [group_row(each, dict(choices), report.opened) for each in report.groups[key]])
        for key, (title, choices) in titles.items()
        if any(each.name for each in report.groups[key])
    ]


def group_row(found: Group, labels: dict[Any, Any], opened: int) -> GroupRow:
    name = str(labels.get(found.name, found.name)) or pgettext("case", "not known")
    median = duration_in_words(found.median) if found.median is not None else "—"
    return GroupRow(name, found.n, percent(found.n / opened), median, found.late)


def remedy_row(found: RemedyCount) -> RemedyRow:
    cost = f"{number_format(found.cost, 2)} {found.currency}" if found.currency else "—"
    return RemedyRow(str(Remedy.Kind(found.kind).label), found.n, found.done, cost)


# --- For a spreadsheet ---------------------------------------------------------------------------------------------
def headings_of_cases() -> list[str]:
    return [
        pgettext("column", "number"),
        pgettext("column", "kind"),
        pgettext("column", "state"),
        pgettext("column", "severity"),
        pgettext("column", "part"),
        pgettext("column", "cause"),
        pgettext("column", "product"),
        pgettext("column", "affiliate"),
        pgettext("column", "opened"),
        pgettext("column", "first answer"),
        pgettext("column", "resolved"),
        pgettext("column", "first answer due"),
        pgettext("column", "solution due"),
        pgettext("column", "term of the law"),
    ]


def cells_of_case(row: Sequence[Any]) -> list[str]:
    """Codes as they are stored, times in UTC."""
    return [each.isoformat() if isinstance(each, datetime) else str(each or "") for each in row]
