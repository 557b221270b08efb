"""How the queue does: its age, its speed, who rests, who works. Each figure by index and counted up to a bound."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet

from accounts.models import Brand, User
from mailing.alarms import ADVICE, Pulse
from mailing.models import Heartbeat, MailEvent, OutgoingMail
from mailing.selectors.ledger import Count, Shelf, count_up_to
from mailing.selectors.pulse import take_pulse, troubles_now

State = OutgoingMail.State

COUNTED = 10_000  # an index gives so many in about two milliseconds
SUMMARY_COUNTED = 1_000
SPEED_OVER = timedelta(minutes=5)
DOMAINS_SHOWN = 20
# A process that was killed is looked for as long; one that ended as it should is not shown.
MISSED_FOR = timedelta(hours=1)
ENDS = (State.SENT, State.FAILED, State.UNCERTAIN, State.CANCELLED, State.EXPIRED)
REPORTS = (MailEvent.Kind.BOUNCED, MailEvent.Kind.COMPLAINED, MailEvent.Kind.UNSUBSCRIBED)


@dataclass(frozen=True)
class Trouble:
    label: str
    since: datetime
    advice: str


@dataclass(frozen=True)
class Total:
    label: str
    count: Count


@dataclass(frozen=True)
class DomainPace:
    """A recipient domain that cannot take its mail at once. `said`: its server's words, where it asked for a rest."""

    name: str
    waiting: Count
    through_at: datetime  # when the last mail that waits now has its turn
    rests_until: datetime | None
    said: str


@dataclass(frozen=True)
class Process:
    label: str
    host: str
    pid: int
    seen_at: datetime
    is_silent: bool


@dataclass(frozen=True)
class QueueHealth:
    now: datetime
    troubles: list[Trouble]
    oldest_due_at: datetime | None  # of all brands: the queue is one
    due: Count  # of the reader's brands, as all that follows
    later: Count
    being_sent: Count
    last_minute: Count
    per_minute: Count  # over SPEED_OVER
    minutes_left: int | None  # at that speed; None: nothing waits, nothing moves, or too much to count
    today: list[Total]
    reported: list[Total]
    domains: list[DomainPace]
    processes: list[Process]


def standing_troubles(pulse: Pulse) -> list[Trouble]:
    found = troubles_now(pulse)
    return [Trouble(str(kind.label), since, str(ADVICE[kind])) for kind, since in found.items()]


def queue_health(user: User, *, midnight: datetime) -> QueueHealth:
    """A constant number of statements. `midnight`: where the reader's today began."""
    pulse = take_pulse()
    brands = list(Brand.objects.visible_to(user).values_list("pk", flat=True))
    mails = OutgoingMail.objects.filter(brand__in=brands)
    waiting = mails.filter(state=State.QUEUED)
    due = count_up_to(waiting.filter(not_before__lte=pulse.now), COUNTED)
    sent = mails.filter(state=State.SENT)
    recently = count_up_to(sent.filter(updated_at__gt=pulse.now - SPEED_OVER), COUNTED * 10)
    per_minute = Count(round(recently.number / (SPEED_OVER.total_seconds() / 60)), recently.is_more)
    return QueueHealth(
        now=pulse.now,
        troubles=standing_troubles(pulse),
        oldest_due_at=pulse.oldest_due_at,
        due=due,
        later=count_up_to(waiting.filter(not_before__gt=pulse.now), COUNTED),
        being_sent=count_up_to(mails.filter(state__in=[State.CLAIMED, State.HANDING_OVER]), COUNTED),
        last_minute=count_up_to(sent.filter(updated_at__gt=pulse.now - timedelta(minutes=1)), COUNTED),
        per_minute=per_minute,
        minutes_left=minutes_left(due, per_minute),
        today=[Total(str(Shelf(state).label), ended_since(mails, state, midnight)) for state in ENDS],
        reported=[Total(str(kind.label), reported_since(brands, kind, midnight)) for kind in REPORTS],
        domains=slow_domains(brands, now=pulse.now),
        processes=processes(now=pulse.now),
    )


def minutes_left(due: Count, per_minute: Count) -> int | None:
    if not due.number or not per_minute.number or due.is_more:
        return None
    return -(-due.number // per_minute.number)


def ended_since(mails: "QuerySet[OutgoingMail]", state: str, since: datetime) -> Count:
    return count_up_to(mails.filter(state=state, updated_at__gte=since), COUNTED)


def reported_since(brands: Sequence[int], kind: str, since: datetime) -> Count:
    events = MailEvent.objects.filter(brand__in=brands, kind=kind, occurred_at__gte=since)
    return count_up_to(events, COUNTED)


_SLOW_DOMAINS = """
SELECT slow.name, slow.through_at, slow.paused_until, slow.said, few.number
  FROM (SELECT name, said, CASE WHEN paused_until > %(now)s THEN paused_until END AS paused_until,
               greatest(free_at, paused_until) AS through_at
          FROM mailing_maildomain AS domain
         WHERE name <> '' AND (free_at > %(now)s OR paused_until > %(now)s)
           AND EXISTS (SELECT FROM mailing_outgoingmail
                        WHERE state = 'queued' AND brand_id = ANY(%(brands)s)
                          AND split_part(to_address, '@', -1) = domain.name)
         ORDER BY 4 DESC LIMIT %(shown)s) AS slow,
       LATERAL (SELECT count(*) AS number
                  FROM (SELECT FROM mailing_outgoingmail
                         WHERE state = 'queued' AND brand_id = ANY(%(brands)s)
                           AND split_part(to_address, '@', -1) = slow.name
                         LIMIT %(bound)s) AS counted) AS few
 ORDER BY slow.through_at DESC
"""


def slow_domains(brands: Sequence[int], *, now: datetime) -> list[DomainPace]:
    """Those for which mail of these brands waits: whom others write to is none of the reader's business."""
    with connection.cursor() as cursor:
        known: dict[str, Any] = {"now": now, "brands": list(brands), "shown": DOMAINS_SHOWN, "bound": COUNTED + 1}
        cursor.execute(_SLOW_DOMAINS, known)
        return [
            DomainPace(name, Count(min(number, COUNTED), number > COUNTED), through_at, rests_until, said)
            for name, through_at, rests_until, said, number in cursor.fetchall()
        ]


def processes(*, now: datetime) -> list[Process]:
    silent_since = now - timedelta(seconds=settings.ALARM_SILENT_SECONDS)
    rows = Heartbeat.objects.filter(stopped_at__isnull=True, seen_at__gt=now - MISSED_FOR)
    return [
        Process(row.get_kind_display(), row.host, row.pid, row.seen_at, row.seen_at < silent_since)
        for row in rows.order_by("kind", "host", "pid")[:100]
    ]


@dataclass(frozen=True)
class MailSummary:
    """The mail in one look, for whoever only passes by."""

    troubles: list[Trouble]
    waiting: Count
    failed: Count
    uncertain: Count


def mail_summary(user: User) -> MailSummary:
    brands = list(Brand.objects.visible_to(user).values_list("pk", flat=True))
    mails = OutgoingMail.objects.filter(brand__in=brands)
    states = (State.QUEUED, State.FAILED, State.UNCERTAIN)
    waiting, failed, uncertain = (count_up_to(mails.filter(state=state), SUMMARY_COUNTED) for state in states)
    return MailSummary(standing_troubles(take_pulse()), waiting, failed, uncertain)
