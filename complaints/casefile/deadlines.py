"""The clocks of a case in words: when each is due, whether it was kept, and the sum that leads there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.utils.dates import WEEKDAYS
from django.utils.formats import date_format, time_format
from django.utils.text import get_text_list
from django.utils.translation import get_language, ngettext, pgettext
from django.utils.translation import gettext as _

from complaints.calendars import Span, merged
from complaints.models import Complaint, Pause
from complaints.services.timing import Rules, rules_of
from complaints.wording import Clock, clock, duration_in_words, moment_in_words, term_in_words, to_be_confirmed


@dataclass(frozen=True)
class Deadline:
    """`sum`: sentences that show how it was reckoned. `is_running`: it is still to be kept."""

    label: str
    clock: Clock
    sum: list[str]
    is_running: bool


def deadlines_of(complaint: Complaint, *, now: datetime, zone: ZoneInfo) -> list[Deadline]:
    """Those that the case has or had, the next answer first; of a merged case none, as it goes on elsewhere."""
    if complaint.merged_into_id:
        return []
    rules, pauses = rules_of(complaint.brand), list(complaint.pauses.all())
    found = [
        answer_deadline(complaint, rules, pauses, now=now, zone=zone),
        solution_deadline(complaint, rules, pauses, now=now, zone=zone),
        legal_deadline(complaint, rules, now=now, zone=zone),
    ]
    return [deadline for deadline in found if deadline]


# --- The three -----------------------------------------------------------------------------------------------------
def answer_deadline(
    complaint: Complaint, rules: Rules, pauses: Sequence[Pause], *, now: datetime, zone: ZoneInfo
) -> Deadline | None:
    """The one that is owed now; when none is, how the first was kept."""
    due, since = complaint.answer_due_at, complaint.waits_since
    if complaint.is_open and since and due:
        label = _("Next answer") if complaint.answered_at else _("First answer")
        hours = complaint.brand.first_answer_hours
        sums = service_sum(_("The customer waits since %(moment)s"), since, hours, rules, zone)
        sums += pauses_in_words(since, pauses) + if_changed(due, rules.answer_due(since, ended(pauses)))
        return Deadline(label, clock(due, now=now, zone=zone), sums, is_running=True)
    if complaint.first_due_at is None or not (complaint.wants_contact or complaint.answered_at):
        return None  # who did not ask for an answer was not owed one
    kept = outcome(complaint.answered_at or complaint.resolved_at, complaint.first_due_at, now=now)
    hours = complaint.brand.first_answer_hours
    sums = service_sum(_("Received on %(moment)s"), complaint.opened_at, hours, rules, zone)
    return Deadline(_("First answer"), kept, sums, is_running=False)


def solution_deadline(
    complaint: Complaint, rules: Rules, pauses: Sequence[Pause], *, now: datetime, zone: ZoneInfo
) -> Deadline | None:
    hours, due = complaint.brand.solution_hours, complaint.solution_due_at
    label = _("Solution")
    if hours is None or complaint.first_due_at is None:
        return None
    sums = service_sum(_("Received on %(moment)s"), complaint.opened_at, hours, rules, zone)
    sums += pauses_in_words(complaint.opened_at, pauses)
    if due is None:
        return Deadline(label, Clock(_("stands while we wait for the customer")), sums, is_running=True)
    sums += if_changed(due, rules.solution_due(complaint.opened_at, ended(pauses)))
    if complaint.is_open:
        return Deadline(label, clock(due, now=now, zone=zone), sums, is_running=True)
    return Deadline(label, outcome(complaint.resolved_at, due, now=now), sums, is_running=False)


def legal_deadline(complaint: Complaint, rules: Rules, *, now: datetime, zone: ZoneInfo) -> Deadline | None:
    """In the brand's zone whoever reads it: that is where the day of the law ends."""
    due = complaint.legal_due_at
    if due is None:
        return None
    sums = legal_sum_in_words(complaint, rules)
    if complaint.is_open:
        return Deadline(_("Term of the law"), clock(due, now=now, zone=rules.zone), sums, is_running=True)
    return Deadline(_("Term of the law"), outcome(complaint.resolved_at, due, now=now), sums, is_running=False)


def outcome(at: datetime | None, due: datetime, *, now: datetime) -> Clock:
    """How a promise ended: kept with what was left, or missed by so much."""
    moment = at or now
    if moment <= due:
        return Clock(_("kept, %(long)s before") % {"long": duration_in_words(due - moment)})
    return Clock(_("missed by %(long)s") % {"long": duration_in_words(moment - due)}, "alarm")


# --- The sums ------------------------------------------------------------------------------------------------------
def service_sum(beginning: str, since: datetime, hours: int, rules: Rules, zone: ZoneInfo) -> list[str]:
    began = beginning % {"moment": moment_in_words(since, zone)}
    wait = ngettext("+ %(count)d hour", "+ %(count)d hours", hours) % {"count": hours}
    return [f"{began}, {wait}{hours_in_words(rules)}."]


def hours_in_words(rules: Rules) -> str:
    """«, contadas de lunes a viernes de 9:00 a 18:00, sin festivos»; nothing where the clock runs day and night."""
    hours = rules.hours
    if hours.opens is None or hours.closes is None:
        return ""
    told = {
        "days": weekdays_in_words(sorted(hours.weekdays)),
        "opens": time_format(hours.opens, "TIME_FORMAT"),
        "closes": time_format(hours.closes, "TIME_FORMAT"),
    }
    return _(", counted %(days)s from %(opens)s to %(closes)s, without holidays") % told


def weekdays_in_words(days: Sequence[int]) -> str:
    names = [str(WEEKDAYS[day]) for day in days]
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        return pgettext("weekdays", "%(first)s to %(last)s") % {"first": names[0], "last": names[-1]}
    return get_text_list(names, _("and"))


def pauses_in_words(since: datetime, pauses: Sequence[Pause]) -> list[str]:
    """How often and how long the clock stood, by what for."""
    texts = {
        Pause.Cause.CUSTOMER: _("Not counted: %(long)s of waiting for the customer."),
        Pause.Cause.RESOLVED: _("Not counted: %(long)s for which it was closed."),
    }
    told = []
    for cause, text in texts.items():
        spans = ended([pause for pause in pauses if pause.cause == cause], since)
        if spans:
            told.append(text % {"long": get_text_list([duration_in_words(end - start) for start, end in spans], "+")})
    return told


def ended(pauses: Iterable[Pause], since: datetime | None = None) -> list[Span]:
    spans = [(pause.began_at, pause.ended_at) for pause in pauses if pause.ended_at]
    return merged([(max(start, since), end) for start, end in spans if end > since] if since else spans)


def if_changed(stored: datetime, reckoned: datetime | None) -> list[str]:
    if stored == reckoned:
        return []
    return [_("It was reckoned by the rules that held then; the brand’s rules have changed since.")]


def legal_sum_in_words(complaint: Complaint, rules: Rules) -> list[str]:
    """From what was stored when it was reckoned."""
    stored = complaint.legal_sum
    if not stored:
        return []
    term = term_in_words(stored["amount"], stored["unit"], stored["law"])
    received = _("Received on %(day)s") % {"day": day_in_words(date.fromisoformat(stored["received_on"]))}
    sums = [f"{received}, + {term}."]
    if skipped := skipped_in_words(stored, rules):
        sums.append(_("Not counted: %(days)s.") % {"days": skipped})
    last = day_in_words(date.fromisoformat(stored["due_on"]))
    sums.append(_("Last day: %(day)s. Waiting for the customer does not stop it.") % {"day": last})
    return [*sums, to_be_confirmed()]


def skipped_in_words(stored: dict[str, object], rules: Rules) -> str:
    weekend_days, holidays = stored["weekend_days"], stored["holidays"]
    assert isinstance(weekend_days, int)
    assert isinstance(holidays, list)
    told = []
    if weekend_days:
        told.append(
            ngettext("%(count)d day of a weekend", "%(count)d days of weekends", weekend_days) % {"count": weekend_days}
        )
    for day in map(date.fromisoformat, holidays):
        name = rules.calendar.name_of(day, get_language() or "")
        told.append(f"{day_in_words(day)} ({name})" if name else day_in_words(day))
    return get_text_list(told, _("and")) if told else ""


def day_in_words(day: date) -> str:
    """«martes, 10 de marzo de 2026»."""
    return f"{date_format(day, 'l')}, {date_format(day, 'DATE_FORMAT')}"
