"""The programme at a glance, for its staff: what needs somebody first, then how it goes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.templatetags.components import percent, percent_range
from complaints.models import Complaint
from complaints.wording import clock
from dashboards.pages.comparison import TERMS, label_of_figure, range_of_reading, value_said
from dashboards.pages.programme import AlertRow, alert_row, page_of
from dashboards.wording import verdict_said
from insights.asking import Asking
from insights.at_risk import AtRisk, Delivery
from insights.findings import AspectFinding, Findings
from insights.models import BrandFigure
from insights.overview import Compared, Fallen, Field
from insights.targets import Reading
from surveys.models import Invitation, Reason

SHOWN = ("csat", "promise_unmet", "missing", "nps", "response_rate", "first_answer")
NAMED = 8  # affiliates that need somebody; the others are beside all of them
ROWS_OF_AN_OWNER = 3
REASONS_SHOWN = 5


@dataclass(frozen=True)
class RiskRow:
    """Something promised: what, when at the latest, and who looks after it."""

    name: str
    url: str
    about: str
    clock: str
    tone: str


@dataclass(frozen=True)
class RisksOnPage:
    """Sentences with the counts, of which the rows are the nearest."""

    orders_said: list[str]
    orders: list[RiskRow]
    cases_said: list[str]
    cases: list[RiskRow]


@dataclass(frozen=True)
class FigureRow:
    term: str
    label: str
    value: str
    range: str
    n: int


@dataclass(frozen=True)
class OwnerGroup:
    title: str
    rows: list[tuple[str, str, str]]  # aspect, share with its range, and verdict or that it is no verdict yet


@dataclass(frozen=True)
class AskingOnPage:
    sentence: str
    others: list[tuple[str, int, str]]  # why not, how many, and where to find them
    trouble: list[str]


@dataclass(frozen=True)
class Overview:
    headline: str
    risks: RisksOnPage
    attention: list[AlertRow]
    more_attention: int
    figures: list[FigureRow]
    owners: list[OwnerGroup]
    asking: AskingOnPage


def write_overview(
    slug: str,
    *,
    risks: RisksOnPage,
    fallen: Fallen,
    field: Field | None,
    figures: Iterable[BrandFigure],
    findings: Findings | None,
    asking: Asking,
    labels: Mapping[str, str],
) -> Overview:
    attention = write_attention(fallen, field, labels, slug)
    by_name = {figure.figure: figure for figure in figures}
    return Overview(
        headline=headline_of(by_name.get("csat")),
        risks=risks,
        attention=attention[:NAMED],
        more_attention=max(0, len(attention) + fallen.others - NAMED),
        figures=write_figures(by_name),
        owners=write_owners(findings) if findings else [],
        asking=write_asking(asking),
    )


def headline_of(csat: BrandFigure | None) -> str:
    if csat is None:
        return _("Nobody has answered in the last 90 days.")
    text = _("%(share)s of the customers of the last 90 days are satisfied; it may be anything from %(range)s.")
    return text % {"share": percent(csat.value), "range": percent_range(csat.low, csat.high)}


def write_figures(found: Mapping[str, BrandFigure]) -> list[FigureRow]:
    """All of them where there is any: of too few nothing is said, and that it is missing says so."""
    return [figure_row(name, found[name].reading if name in found else None) for name in SHOWN] if found else []


def figure_row(name: str, reading: Reading | None) -> FigureRow:
    value, between = (value_said(name, reading.value), range_of_reading(name, reading)) if reading else ("—", "")
    return FigureRow(TERMS.get(name, ""), label_of_figure(name), value, between, reading.n if reading else 0)


# --- Promises about to be broken -------------------------------------------------------------------------------------
def write_risks(found: AtRisk, *, now: datetime, zone: ZoneInfo) -> RisksOnPage:
    return RisksOnPage(
        list(orders_said(found)),
        [order_row(each, now, zone) for each in found.deliveries],
        list(cases_said(found)),
        [case_row(each, now, zone) for each in found.cases],
    )


def orders_said(found: AtRisk) -> Iterable[str]:
    if found.soon:
        text = ngettext(
            "%(n)s order has to arrive within a day and is not reported delivered.",
            "%(n)s orders have to arrive within a day and are not reported delivered.",
            found.soon,
        )
        yield text % {"n": number_format(found.soon)}
    if found.late:
        text = ngettext(
            "%(n)s order of the last two weeks is later than was promised.",
            "%(n)s orders of the last two weeks are later than was promised.",
            found.late,
        )
        yield text % {"n": number_format(found.late)}


def cases_said(found: AtRisk) -> Iterable[str]:
    if found.soon_cases:
        text = ngettext("%(n)s case is due within a day.", "%(n)s cases are due within a day.", found.soon_cases)
        yield text % {"n": number_format(found.soon_cases)}
    if found.late_cases:
        text = ngettext("%(n)s case is late.", "%(n)s cases are late.", found.late_cases)
        yield text % {"n": number_format(found.late_cases)}


def order_row(each: Delivery, now: datetime, zone: ZoneInfo) -> RiskRow:
    told = _("“%(promise)s”") % {"promise": each.said} if each.said else _("the day that the shop named")
    about = (str(each.purchase.product or ""), told, str(each.affiliate or ""))
    due = clock(each.due_at, now=now, zone=zone)
    url = reverse("admin:affiliates_purchase_change", args=[each.purchase.pk])
    return RiskRow(str(each.purchase), url, " · ".join(filter(None, about)), due.text, due.tone)


def case_row(case: Complaint, now: datetime, zone: ZoneInfo) -> RiskRow:
    due = clock(case.due_at, now=now, zone=zone) if case.due_at else None
    owner = str(case.assignee) if case.assignee else _("nobody’s yet")
    url = reverse("admin:complaints_complaint_change", args=[case.pk])
    return RiskRow(case.number, url, f"{case.subject} · {owner}", due.text if due else "", due.tone if due else "")


# --- Who needs attention ---------------------------------------------------------------------------------------------
def write_attention(fallen: Fallen, field: Field | None, labels: Mapping[str, str], slug: str) -> list[AlertRow]:
    """What has fallen first, then who stands below the programme by more than chance."""
    below = [each for each in field.affiliates if each.verdict in ("below", "well_below")] if field else []
    return [*(alert_row(alert, labels) for alert in fallen.alerts), *(below_row(each, slug) for each in below)]


def below_row(found: Compared, slug: str) -> AlertRow:
    text = _("%(share)s satisfied (%(range)s, %(n)s answers): %(verdict)s.")
    said = {"share": percent(found.share), "range": percent_range(*found.interval), "n": found.n}
    return AlertRow(found.name, page_of(slug, found.code), text % {**said, "verdict": verdict_said(found.verdict)})


# --- What to improve, by who looks after it --------------------------------------------------------------------------
def write_owners(findings: Findings) -> list[OwnerGroup]:
    titles = {
        "brand": _("The brand looks after it"),
        "both": _("Brand and affiliates together"),
        "affiliate": _("The affiliates look after it"),
    }
    groups = [
        OwnerGroup(title, [aspect_row(row) for row in findings.improve if row.owner == owner][:ROWS_OF_AN_OWNER])
        for owner, title in titles.items()
    ]
    return [group for group in groups if group.rows]


def aspect_row(found: AspectFinding) -> tuple[str, str, str]:
    value = _("%(share)s would keep it (%(range)s), of %(n)s who mention it")
    said = {"share": percent(found.share), "range": percent_range(found.low, found.high), "n": found.n}
    return found.label, value % said, "" if found.verdict == "improve" else _("no verdict yet")


# --- Whether asking goes well ----------------------------------------------------------------------------------------
def write_asking(found: Asking) -> AskingOnPage:
    return AskingOnPage(asking_said(found), reasons_of(found), list(trouble_of(found)))


def asking_said(found: Asking) -> str:
    if found.coverage is None:
        return _("No purchase is old enough yet to be asked about.")
    text = ngettext(
        "Of the newest %(n)s purchase that was old enough %(share)s was asked about.",
        "Of the newest %(n)s purchases that were old enough %(share)s were asked about.",
        found.n,
    )
    return text % {"n": number_format(found.n), "share": percent(found.coverage)}


def reasons_of(found: Asking) -> list[tuple[str, int, str]]:
    names = {**dict(Invitation.State.choices), **dict(Reason.choices), "": _("Not decided yet")}
    address = reverse("admin:surveys_invitation_changelist")
    return [
        (str(names.get(code, code)), n, f"{address}?reason={code}" if code in Reason.values else address)
        for code, n in found.others[:REASONS_SHOWN]
    ]


def trouble_of(found: Asking) -> Iterable[str]:
    if found.paused_since:
        yield _("Asking is paused: nobody is written to until it is resumed.")
    elif found.late:
        text = ngettext(
            "%(n)s invitation was to go more than an hour ago and has not gone.",
            "%(n)s invitations were to go more than an hour ago and have not gone.",
            found.late,
        )
        yield text % {"n": number_format(found.late)}
