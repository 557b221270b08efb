"""Times of a case as people say them: deadlines, what is left, what is over. In the active language."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils.formats import date_format, time_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

SOON = timedelta(days=6)  # so long a weekday alone says which day is meant


@dataclass(frozen=True)
class Clock:
    """What a deadline says now. `tone`: "alarm" late, "improve" due today, "" otherwise."""

    text: str
    tone: str = ""


def clock(due_at: datetime, *, now: datetime, zone: ZoneInfo) -> Clock:
    if due_at <= now:
        return Clock(_("was due %(long)s ago") % {"long": duration_in_words(now - due_at)}, "alarm")
    due, today = due_at.astimezone(zone), now.astimezone(zone).date()
    time = time_format(due, "TIME_FORMAT")
    if due.date() == today:
        return Clock(_("due today %(time)s") % {"time": time}, "improve")
    if due.date() == today + timedelta(days=1):
        return Clock(_("due tomorrow %(time)s") % {"time": time})
    if due.date() - today <= SOON:
        return Clock(_("due %(weekday)s %(time)s") % {"weekday": date_format(due, "l"), "time": time})
    return Clock(_("due %(day)s") % {"day": date_format(due, pgettext("day and month", "F j"))})


def duration_in_words(duration: timedelta) -> str:
    """The largest unit alone: «2 h», «3 días»."""
    if duration >= timedelta(days=1):
        return ngettext("%(count)d day", "%(count)d days", duration.days) % {"count": duration.days}
    hours, seconds = divmod(int(duration.total_seconds()), 3600)
    if hours:
        return _("%(count)d h") % {"count": hours}
    return _("%(count)d min") % {"count": seconds // 60}


def moment_in_words(moment: datetime, zone: ZoneInfo) -> str:
    """«martes 3 de marzo a las 14:00»; the end of a day is the day."""
    local = moment.astimezone(zone)
    day = date_format(local, pgettext("weekday, day and month", "l, F j"))
    if (local.hour, local.minute) == (23, 59):
        return day
    return _("%(day)s at %(time)s") % {"day": day, "time": time_format(local, "TIME_FORMAT")}


def term_in_words(amount: int, unit: str, law: str) -> str:
    """«15 días hábiles (Ley 10/2025)»."""
    if unit == "months":
        term = ngettext("%(count)d month from date to date", "%(count)d months from date to date", amount)
    else:
        term = ngettext("%(count)d working day", "%(count)d working days", amount)
    return f"{term % {'count': amount}} ({law or _('no law is known here')})"


def to_be_confirmed() -> str:
    """Of what `complaints.clocks` and `complaints.warranty` say of the law."""
    return _("To be confirmed by your lawyer: this was read in a summary of the law.")
