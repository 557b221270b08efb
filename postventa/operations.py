"""The page on which whoever runs the installation sees how it does, and a brand's administrators what is theirs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import formats, timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts import replica
from accounts.admin import has_role
from accounts.models import Membership, User
from dashboards import charts
from intake.operations import page
from intake.operations.figures import Figures, take_figures
from intake.operations.page import Part
from intake.operations.troubles import QUEUE_NAMES, Job, of_mail, timetable, troubles
from mailing.admin.ledger import zone_of
from mailing.models import Heartbeat
from postventa.readiness import is_migrated

HOURS_BETWEEN_LABELS = 6
MINUTE, HOUR = 60, 3600  # seconds


@require_safe
def operations(request: HttpRequest) -> HttpResponse:
    """Of hosts, tasks and tables those learn who run it; of a brand's webhooks and cases its administrators."""
    user = request.user
    if not isinstance(user, User) or not has_role(user, Membership.Role.ADMIN):
        raise PermissionDenied
    figures = take_figures()
    with timezone.override(zone_of(user)):
        context = {
            "title": _("How the installation does"),
            "figures": figures,
            "own": page.own(user, now=figures.now),
            "tells_of_troubles": True,
            **(whole(figures) if user.is_superuser else {"troubles": list(of_mail(figures))}),
        }
        return render(request, "admin/operations.html", admin.site.each_context(request) | context)


@dataclass(frozen=True)
class Chart:
    """`hours`: the worst, or the most, of each hour, for the table beside it."""

    key: str
    title: str
    picture: SafeString
    hours: list[tuple[str, str]]


def whole(figures: Figures) -> dict[str, Any]:
    ready = is_migrated()
    hosts, silent_since = page.hosts(), figures.now - timedelta(seconds=settings.ALARM_SILENT_SECONDS)

    def is_missed(process: Heartbeat) -> bool:
        return process.stopped_at is None and process.seen_at < silent_since

    return {
        "troubles": troubles(figures, is_migrated=ready, silent=[str(each) for each in hosts if is_missed(each)]),
        "charts": list(day_in_charts(page.last_day(now=figures.now))),
        "queues": [(QUEUE_NAMES[name], queue, said(queue.age)) for name, queue in figures.queues.items()],
        "hosts": [(each, is_missed(each)) for each in hosts],
        "jobs": [(job, *durations(job)) for job in timetable(figures)],
        "alarms": page.alarms(),
        "retention": page.last_retention(),
        "tables": page.biggest_tables(),
        "is_migrated": ready,
        "replica": replica_said(),
        "version": settings.VERSION,
    }


def replica_said() -> str:
    """Empty: there is none."""
    if not replica.exists():
        return ""
    behind = replica.WATCH.behind()
    if behind is None:
        return _("cannot be read from")
    return _("up to date") if behind < 1 else _("%(span)s behind") % {"span": said(behind)}


def durations(job: Job) -> tuple[str, str]:
    """Of its last run, and of all on average."""
    return (lasted(job.run.last_seconds), lasted(job.run.seconds / job.run.runs)) if job.run else ("", "")


def lasted(seconds: float) -> str:
    return said(seconds) if seconds >= 1 else _("%(n)s ms") % {"n": number(round(seconds * 1000))}


def day_in_charts(parts: Sequence[Part]) -> list[Chart]:
    late = charts.Reference(settings.ALARM_LATE_SECONDS, _("late"))
    return [
        chart("mail-age", _("How long the oldest mail has waited"), parts, lambda part: part.mail_age, said, late),
        chart("mails", _("Mails sent in a minute"), parts, lambda part: part.mails, number),
        chart("webhook-age", _("How long the oldest webhook has waited"), parts, lambda part: part.webhook_age, said),
        chart("answers", _("Answers in a minute"), parts, lambda part: part.answers, number),
    ]


def chart(
    key: str,
    title: str,
    parts: Sequence[Part],
    value: Callable[[Part], float | None],
    spoken: Callable[[float], str],
    limit: charts.Reference | None = None,
) -> Chart:
    known = [known for part in parts if (known := value(part)) is not None]
    most = spoken(max(known)) if known else "—"
    unit = unit_of(max(known, default=0)) if spoken is said else 1
    caption = charts.Caption(key, title, _("Over the last day; %(most)s at most.") % {"most": most})
    moments = [charts.Moment(value(part), hour_label(part)) for part in parts]
    hours: dict[str, list[float]] = {}
    for part in parts:
        own = hours.setdefault(f"{timezone.localtime(part.at):%H}:00", [])
        own.extend(known for known in (value(part),) if known is not None)
    rows = [(hour, spoken(max(own)) if own else "—") for hour, own in hours.items()]
    return Chart(key, title, charts.over_hours(caption, moments, spoken=spoken, unit=unit, limit=limit), rows)


def hour_label(part: Part) -> str:
    at = timezone.localtime(part.at)
    return f"{at:%H:%M}" if at.minute == 0 and at.hour % HOURS_BETWEEN_LABELS == 0 else ""


def number(value: float) -> str:
    return str(formats.number_format(value, 0 if value >= 10 or value == int(value) else 1, force_grouping=True))


def said(seconds: float) -> str:
    """In the unit in which it is a small number."""
    unit = unit_of(seconds)
    words = {1: _("%(n)s s"), MINUTE: _("%(n)s min"), HOUR: _("%(n)s h")}
    return words[unit] % {"n": number(round(seconds / unit))}


def unit_of(seconds: float) -> int:
    return 1 if seconds < 2 * MINUTE else MINUTE if seconds < 2 * HOUR else HOUR
