"""Who is alive, what is wrong, and that somebody hears of it.

Every process that is alive looks (mailing/heartbeats.py, /readyz, `manage.py check_queue`): where all workers are dead
beat still writes to the operator, and where beat is dead too the web process does, as long as something asks it.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Now
from django.template.loader import render_to_string
from django.utils import translation

from mailing.alarms import ADVICE, Kind
from mailing.models import Alarm, Heartbeat
from mailing.selectors.pulse import take_pulse, troubles_now

# What passes sooner is nobody's business: a restart, a mail server's hiccup.
TOLD_AFTER = timedelta(minutes=2)
# Whoever writes to the operator has so long; then another process tries.
TELLING_LASTS = timedelta(minutes=5)
TELLING_TIMEOUT = 10  # seconds for each answer of the mail server
FORGOTTEN_AFTER = timedelta(days=7)

log = structlog.get_logger(__name__)


def note_alive(kind: str, *, host: str, pid: int, has_just_started: bool = False) -> None:
    """This process is at work, by the database's clock."""
    if has_just_started:  # in a container it has host and process number of the one before
        Heartbeat.objects.filter(Q(kind=kind, host=host, pid=pid) | Q(seen_at__lt=Now() - FORGOTTEN_AFTER)).delete()
    row = Heartbeat(kind=kind, host=host, pid=pid, started_at=Now(), seen_at=Now())
    Heartbeat.objects.bulk_create(
        [row],
        update_conflicts=True,
        unique_fields=["kind", "host", "pid"],
        update_fields=["seen_at", "stopped_at"],
    )


def note_stopped(kind: str, *, host: str, pid: int) -> None:
    """This process ends because it was asked to. Nobody has to miss it."""
    Heartbeat.objects.filter(kind=kind, host=host, pid=pid).update(stopped_at=Now(), seen_at=Now())


@dataclass
class Runs:
    """Those of one task that a process has not written down yet. Moments are of the monotonic clock."""

    runs: int = 0
    failures: int = 0
    seconds: float = 0.0
    last_seconds: float = 0.0
    result: str = ""
    ended_well_at: float | None = None
    failed_at: float | None = None
    problem: str = ""  # of the last one that failed

    def add(self, seconds: float, result: str, problem: str) -> None:
        self.runs += 1
        self.failures += bool(problem)
        self.seconds += seconds
        self.last_seconds, self.result = seconds, result
        if problem:
            self.failed_at, self.problem = time.monotonic(), problem
        else:
            self.ended_well_at = time.monotonic()

    def follow(self, earlier: "Runs") -> None:
        """Take in what ran before."""
        self.runs += earlier.runs
        self.failures += earlier.failures
        self.seconds += earlier.seconds
        self.ended_well_at = self.ended_well_at or earlier.ended_well_at
        if self.failed_at is None:
            self.failed_at, self.problem = earlier.failed_at, earlier.problem


# What another process has written meanwhile may be of later runs than what we have kept while the database was away.
_NOTE_RUNS = """
INSERT INTO mailing_taskrun AS known (name, runs, failures, seconds, began_at, last_seconds, host, result,
                                      ended_well_at, failed_at, problem)
SELECT name, runs, failures, seconds, greatest(well_at, failed_at) - make_interval(secs => last_seconds), last_seconds,
       %(host)s, result, well_at, failed_at, problem
  FROM (SELECT *, statement_timestamp() - make_interval(secs => well_ago) AS well_at,
               statement_timestamp() - make_interval(secs => failed_ago) AS failed_at
          FROM unnest(%(names)s::text[], %(runs)s::bigint[], %(failures)s::bigint[], %(seconds)s::float[],
                      %(last_seconds)s::float[], %(results)s::text[], %(well_ago)s::float[], %(failed_ago)s::float[],
                      %(problems)s::text[])
               AS run (name, runs, failures, seconds, last_seconds, result, well_ago, failed_ago, problem)) AS run
 ORDER BY name
ON CONFLICT (name) DO UPDATE
   SET runs = known.runs + excluded.runs, failures = known.failures + excluded.failures,
       seconds = known.seconds + excluded.seconds,
       (began_at, last_seconds, host, result) = (
           SELECT began_at, last_seconds, host, result
             FROM (VALUES (greatest(excluded.ended_well_at, excluded.failed_at), excluded.began_at,
                           excluded.last_seconds, excluded.host, excluded.result),
                          (greatest(known.ended_well_at, known.failed_at), known.began_at,
                           known.last_seconds, known.host, known.result))
                  AS run (ended_at, began_at, last_seconds, host, result)
            ORDER BY ended_at DESC LIMIT 1),
       problem = CASE WHEN excluded.failed_at >= coalesce(known.failed_at, '-infinity') THEN excluded.problem
                      ELSE known.problem END,
       ended_well_at = greatest(known.ended_well_at, excluded.ended_well_at),
       failed_at = greatest(known.failed_at, excluded.failed_at)
"""


def note_runs(tasks: Mapping[str, Runs], *, host: str) -> None:
    """Add what a process has run, by task; in one statement, the rows in one order for all who write."""
    now, own = time.monotonic(), list(tasks.values())

    def ago(moment: float | None) -> float | None:
        return None if moment is None else now - moment

    told: dict[str, Any] = {
        "host": host,
        "names": list(tasks),
        "runs": [each.runs for each in own],
        "failures": [each.failures for each in own],
        "seconds": [each.seconds for each in own],
        "last_seconds": [each.last_seconds for each in own],
        "results": [each.result for each in own],
        "well_ago": [ago(each.ended_well_at) for each in own],
        "failed_ago": [ago(each.failed_at) for each in own],
        "problems": [each.problem for each in own],
    }
    with connection.cursor() as cursor:
        cursor.execute(_NOTE_RUNS, told)


def watch() -> dict[Kind, datetime]:
    """What is wrong now, and since when. It is written down, and the operator told, once an episode."""
    pulse = take_pulse()
    found = troubles_now(pulse)
    write_down(found, standing=pulse.standing, now=pulse.now)
    tell_operators(now=pulse.now)
    return found


def write_down(found: dict[Kind, datetime], *, standing: Iterable[str], now: datetime) -> None:
    """Begin and end episodes. Nothing is written where all is as it was."""
    if new := [Alarm(kind=kind, began_at=since) for kind, since in found.items() if kind not in standing]:
        Alarm.objects.bulk_create(new, ignore_conflicts=True)  # another process notices at the same time
        log.error("mail_alarm", kinds=[alarm.kind for alarm in new])
    if over := set(standing) - set(found):
        Alarm.objects.filter(ended_at__isnull=True, kind__in=over).update(ended_at=now)
        log.info("mail_alarm_over", kinds=sorted(over))


def tell_operators(*, now: datetime) -> int:
    """Write to OPERATOR_EMAILS of what has begun and what is over; of how many alarms.

    Straight to the mail server, past the ledger, which may be what is in trouble. Where that fails, and where we die
    in the middle, somebody tries again: better told twice than never.
    """
    alarms = claim_untold(now=now) if settings.OPERATOR_EMAILS else []
    if not alarms:
        return 0
    try:
        message_about(alarms).send()
    except Exception as error:  # whatever the mail library raises: the next try comes by itself
        log.error("mail_alarm_untold", error=str(error))
        return 0
    told = Alarm.objects.filter(pk__in=[alarm.pk for alarm in alarms])
    told.filter(pk__in=[alarm.pk for alarm in alarms if alarm.ended_at]).update(end_told_at=now)
    told.update(told_at=Coalesce("told_at", now), telling_until=None)
    return len(alarms)


@transaction.atomic
def claim_untold(*, now: datetime) -> list[Alarm]:
    """What the operator has not heard of yet and should, ours for a while."""
    begun = Q(ended_at__isnull=True, told_at__isnull=True, began_at__lte=now - TOLD_AFTER)
    was_long = Q(told_at__isnull=False) | Q(began_at__lte=F("ended_at") - TOLD_AFTER)
    over = Q(ended_at__isnull=False, end_told_at__isnull=True) & was_long
    is_free = Q(telling_until__isnull=True) | Q(telling_until__lte=now)
    free = Alarm.objects.filter(begun | over).filter(is_free).select_for_update(skip_locked=True)
    alarms = list(free.order_by("began_at", "pk"))
    Alarm.objects.filter(pk__in=[alarm.pk for alarm in alarms]).update(telling_until=now + TELLING_LASTS)
    return alarms


def message_about(alarms: list[Alarm]) -> EmailMessage:
    with translation.override(settings.LANGUAGE_CODE):
        context = {
            "alarms": [(alarm, ADVICE[Kind(alarm.kind)]) for alarm in alarms],
            "is_over": all(alarm.ended_at for alarm in alarms),
            "base_url": settings.BASE_URL,
        }
        subject, body = (render_to_string(f"mailing/alarm_{part}.txt", context) for part in ("subject", "body"))
    return EmailMessage(
        " ".join(subject.split()),
        body.strip() + "\n",
        settings.DEFAULT_FROM_EMAIL,
        settings.OPERATOR_EMAILS,
        headers={"Auto-Submitted": "auto-generated"},
        connection=get_connection(timeout=TELLING_TIMEOUT),
    )
