"""What the page of operations shows beside the figures of now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import F, OuterRef, Subquery
from django.utils.translation import gettext as _

from accounts.models import Brand, User
from complaints.models import Complaint
from intake.models import Hook, InboundEvent, Reading, RetentionRun
from mailing.models import Alarm, Endpoint, Heartbeat
from mailing.selectors.ledger import Count, count_up_to

DAY = timedelta(days=1)
STEP = timedelta(minutes=10)  # of the charts
MOST_TABLES, MOST_ALARMS = 12, 20
# A table of which so much is dead rows, and more than so many, is worth a look.
MUCH_DEAD, MANY_DEAD = 0.2, 10_000
LATE_COUNTED = 1_000


@dataclass(frozen=True)
class Part:
    """Ten minutes of the last day; None: no reading of them. Ages are the worst of them in seconds, rates a minute."""

    at: datetime
    mail_age: float | None = None
    webhook_age: float | None = None
    mails: float | None = None
    answers: float | None = None


def last_day(*, now: datetime) -> list[Part]:
    """From readings alone: as quick with a million mails as with none."""
    end = now.replace(minute=now.minute // 10 * 10, second=0, microsecond=0) + STEP
    begin = end - DAY
    readings: dict[datetime, list[Reading]] = {}
    last: Reading | None = None
    parts = []
    for reading in Reading.objects.filter(at__gte=begin - STEP, at__lt=end).order_by("at"):
        readings.setdefault(begin + (reading.at - begin) // STEP * STEP, []).append(reading)
    for place in range(-1, DAY // STEP):
        at = begin + place * STEP
        known = readings.get(at, [])
        if place >= 0:
            parts.append(_part(at, known, last))
        last = known[-1] if known else last
    return parts


def _part(at: datetime, known: Sequence[Reading], before: Reading | None) -> Part:
    if not known:
        return Part(at)
    before = before or known[0]
    minutes = (known[-1].until - before.until).total_seconds() / 60

    def rate(name: str) -> float | None:
        return (known[-1].totals.get(name, 0) - before.totals.get(name, 0)) / minutes if minutes else None

    return Part(
        at,
        mail_age=_worst(known, "mail"),
        webhook_age=max(_worst(known, "webhooks_in"), _worst(known, "webhooks_out")),
        mails=rate("mails_sent"),
        answers=rate("answers"),
    )


def _worst(known: Sequence[Reading], queue: str) -> float:
    return max(float(reading.waits.get(queue, [0])[0]) for reading in known)


@dataclass(frozen=True)
class Table:
    name: str
    bytes: int
    rows: int
    dead: int
    cleaned_at: datetime | None

    @property
    def is_bloated(self) -> bool:
        return self.dead > MANY_DEAD and self.dead > MUCH_DEAD * (self.rows + self.dead)


_TABLES = """
SELECT relname, pg_total_relation_size(relid) AS size, n_live_tup, n_dead_tup,
       greatest(last_vacuum, last_autovacuum)
  FROM pg_stat_user_tables WHERE schemaname = current_schema() ORDER BY size DESC LIMIT %s
"""


def biggest_tables() -> list[Table]:
    """As PostgreSQL's statistics have them."""
    with connection.cursor() as cursor:
        cursor.execute(_TABLES, [MOST_TABLES])
        return [Table(*row) for row in cursor.fetchall()]


def hosts() -> list[Heartbeat]:
    """Who should be at work first."""
    return list(Heartbeat.objects.order_by(F("stopped_at").desc(nulls_first=True), "host", "kind", "pid")[:100])


def alarms() -> list[Alarm]:
    return list(Alarm.objects.order_by("-began_at")[:MOST_ALARMS])


def last_retention() -> RetentionRun | None:
    return RetentionRun.objects.order_by("-ran_at").first()


@dataclass(frozen=True)
class Door:
    """A webhook of a brand. `last_at`: when something came, or went."""

    name: str
    last_at: datetime | None
    is_troubled: bool
    state: str


@dataclass(frozen=True)
class Own:
    """What of it belongs to the reader's brands."""

    incoming: list[Door]
    outgoing: list[Door]
    late_cases: Count


def own(user: User, *, now: datetime) -> Own:
    events = InboundEvent.objects.filter(brand=OuterRef("brand"), source=OuterRef("source"))
    newest = Subquery(events.order_by("-received_at").values("received_at")[:1])
    hooks = Hook.objects.visible_to(user).select_related("brand").annotate(newest_event_at=newest)
    endpoints = Endpoint.objects.standing().visible_to(user).order_by("brand", "pk")
    brands = list(Brand.objects.administered_by(user).values_list("pk", flat=True))
    return Own(
        incoming=[_incoming(hook, now=now) for hook in hooks],
        outgoing=[_outgoing(endpoint) for endpoint in endpoints],
        late_cases=count_up_to(Complaint.objects.filter(brand__in=brands).open().due_by(now), LATE_COUNTED),
    )


def _incoming(hook: Hook, *, now: datetime) -> Door:
    last_at: datetime | None = hook.newest_event_at  # type: ignore[attr-defined]
    is_silent = hook.is_silent(last_at, now=now)
    return Door(str(hook), last_at, is_silent, _("silent for longer than expected") if is_silent else _("heard"))


def _outgoing(endpoint: Endpoint) -> Door:
    is_failing = endpoint.is_active and endpoint.failing_since is not None
    state = _("does not answer") if is_failing else endpoint.get_state_display()
    return Door(str(endpoint), endpoint.delivered_at, is_failing or not endpoint.is_active, str(state))
