"""Whether the mail goes at all: one cheap question, asked by every process that is alive."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection

from mailing.alarms import Kind, Pulse, troubles

_PULSE = """
SELECT statement_timestamp(),
       (SELECT max(seen_at) FROM mailing_heartbeat WHERE kind = 'beat'),
       (SELECT max(seen_at) FROM mailing_heartbeat WHERE kind = 'worker'),
       (SELECT not_before FROM mailing_outgoingmail
         WHERE state = 'queued' AND not_before <= statement_timestamp() ORDER BY not_before LIMIT 1),
       EXISTS (SELECT FROM mailing_outgoingmail WHERE state = 'queued' AND reason = 'unreachable'),
       ARRAY(SELECT kind FROM mailing_alarm WHERE ended_at IS NULL),
       (SELECT began_at FROM mailing_alarm WHERE kind = 'restored' AND ended_at IS NULL)
"""


def take_pulse() -> Pulse:
    """By four indexes, however long the queue; one statement."""
    with connection.cursor() as cursor:
        cursor.execute(_PULSE)
        now, beat_seen_at, worker_seen_at, oldest_due_at, is_unreachable, standing, held_since = cursor.fetchone()
    return Pulse(now, beat_seen_at, worker_seen_at, oldest_due_at, is_unreachable, frozenset(standing), held_since)


def troubles_now(pulse: Pulse) -> dict[Kind, datetime]:
    """What is wrong by the limits of this installation, and since when."""
    return troubles(
        pulse,
        silent_after=timedelta(seconds=settings.ALARM_SILENT_SECONDS),
        late_after=timedelta(seconds=settings.ALARM_LATE_SECONDS),
    )
