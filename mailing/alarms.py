"""When the mail needs somebody: from what is known of its processes and its queue to what is wrong."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from mailing.models import Alarm

Kind = Alarm.Kind

ADVICE = {
    Kind.BEAT_SILENT: _("Nothing is planned nor sent until it runs again: see whether its process lives, and its log."),
    Kind.WORKERS_SILENT: _("Nothing is sent until one runs again: see whether their processes live, and their logs."),
    Kind.QUEUE_LATE: _("Workers live but do not keep up. The page of the queue says how fast mail goes."),
    Kind.UNREACHABLE: _("Mail waits and goes by itself once the server answers again. See EMAIL_URL and the server."),
    Kind.RESTORED: _(
        "Nobody here knows what was sent after it was taken. See the uncertain mail; then run manage.py release_mail."
    ),
}

# A queue that was late has to be well ahead before it is in time again: else it would be late and in time by turns.
IN_TIME_AGAIN = 0.2  # of what makes it late


@dataclass(frozen=True)
class Pulse:
    """What the database knows of its processes and its queue, at one moment of its clock."""

    now: datetime
    beat_seen_at: datetime | None  # None: never
    worker_seen_at: datetime | None
    oldest_due_at: datetime | None  # None: nothing waits
    is_unreachable: bool  # mail waits since the server could not be spoken to
    standing: frozenset[str] = frozenset()  # alarms that somebody has noticed already
    held_since: datetime | None = None  # a backup was restored, and nobody has let the mail go again


def troubles(pulse: Pulse, *, silent_after: timedelta, late_after: timedelta) -> dict[Kind, datetime]:
    """What is wrong, and since when as far as that is known."""
    found: dict[Kind, datetime] = {}
    for kind, seen_at in ((Kind.BEAT_SILENT, pulse.beat_seen_at), (Kind.WORKERS_SILENT, pulse.worker_seen_at)):
        if seen_at is None or pulse.now - seen_at > silent_after:
            found[kind] = seen_at or pulse.now
    patience = late_after * IN_TIME_AGAIN if Kind.QUEUE_LATE in pulse.standing else late_after
    if pulse.held_since:
        found[Kind.RESTORED] = pulse.held_since
    elif pulse.oldest_due_at and pulse.now - pulse.oldest_due_at > patience:
        found[Kind.QUEUE_LATE] = pulse.oldest_due_at
    if pulse.is_unreachable:
        found[Kind.UNREACHABLE] = pulse.now
    return found


def parts(found: Collection[Kind]) -> dict[str, str]:
    """For programs: each part in a word."""
    said = {
        "beat": (Kind.BEAT_SILENT, "silent"),
        "workers": (Kind.WORKERS_SILENT, "silent"),
        "queue": (Kind.QUEUE_LATE, "late"),
        "server": (Kind.UNREACHABLE, "unreachable"),
    }
    told = {name: word if kind in found else "ok" for name, (kind, word) in said.items()}
    return {**told, "queue": "held"} if Kind.RESTORED in found else told
