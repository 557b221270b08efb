"""The clocks of a case: what the law gives its brand, what the brand has promised itself, and when the latter stand."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import F, Value
from django.db.models.functions import Greatest

from accounts.models import Brand
from complaints.calendars import Calendar, Hours, Span, after_service_time
from complaints.clocks import LegalDue, legal_due, terms_for
from complaints.models import Complaint, DayOff, Pause

# Only what the customer calls a complaint or a formal claim starts the clock of the law.
LEGAL_KINDS = (Complaint.Kind.COMPLAINT, Complaint.Kind.CLAIM)
State = Complaint.State


@dataclass(frozen=True)
class Rules:
    """How a brand counts time; read once for a set of its cases. `calendar`: the law's, `hours`: its own."""

    brand: Brand
    zone: ZoneInfo
    calendar: Calendar
    hours: Hours

    def legal_due(self, kind: str, since: datetime) -> LegalDue | None:
        """None: the law sets no term for a case of this kind."""
        if kind not in LEGAL_KINDS:
            return None
        brand = self.brand
        terms = terms_for(kind, regime=brand.legal_regime, country=brand.country, region=brand.region)
        return legal_due(since, terms=terms, calendar=self.calendar, zone=self.zone)

    def answer_due(self, since: datetime, pauses: list[Span] | None = None) -> datetime | None:
        """When somebody who has written then is owed an answer."""
        return self._after(self.brand.first_answer_hours, since, pauses or [])

    def solution_due(self, opened_at: datetime, pauses: list[Span]) -> datetime | None:
        """None: the brand promises no solution within a time."""
        hours = self.brand.solution_hours
        return None if hours is None else self._after(hours, opened_at, pauses)

    def _after(self, hours: int, since: datetime, pauses: list[Span]) -> datetime | None:
        return after_service_time(since, timedelta(hours=hours), hours=self.hours, pauses=pauses)


def rules_of(brand: Brand) -> Rules:
    days_off = list(DayOff.objects.filter(brand=brand))
    zone = ZoneInfo(brand.timezone)
    public = {each.day: each.name for each in days_off if each.is_public}
    closed = Calendar(brand.country, brand.region, {each.day: each.name for each in days_off})
    weekdays = frozenset(brand.service_weekdays)
    hours = Hours(zone, closed, brand.service_opens, brand.service_closes, weekdays)
    return Rules(brand, zone, Calendar(brand.country, brand.region, public), hours)


def start_clocks(complaint: Complaint, rules: Rules) -> None:
    """Of a case that comes in now: it waits for an answer, a solution, and what the law wants."""
    complaint.waits_since = complaint.opened_at
    complaint.first_due_at = complaint.service_due_at = rules.answer_due(complaint.opened_at)
    complaint.solution_due_at = rules.solution_due(complaint.opened_at, [])
    set_legal_term(complaint, complaint.opened_at, rules)


def set_legal_term(complaint: Complaint, since: datetime, rules: Rules) -> None:
    """What the law gives a case of its kind, counted from this moment, with the sum that shows it."""
    found = rules.legal_due(complaint.kind, since)
    complaint.legal_due_at = found.due_at if found else None
    complaint.legal_sum = found.as_data if found else None


def tighten_legal_term(complaint: Complaint, since: datetime, rules: Rules) -> None:
    """The same of a case that has become graver, unless its term would run out later for it."""
    standing = complaint.legal_due_at, complaint.legal_sum
    set_legal_term(complaint, since, rules)
    if standing[0] and (complaint.legal_due_at is None or standing[0] < complaint.legal_due_at):
        complaint.legal_due_at, complaint.legal_sum = standing


def await_answer(complaint: Complaint, *, now: datetime) -> None:
    """The customer has spoken: the clock of our answer runs, from the first thing they said that has none."""
    if complaint.waits_since is None:
        complaint.waits_since = now
        complaint.service_due_at = rules_of(complaint.brand).answer_due(now)


def keep_pauses(complaint: Complaint, *, before: State, now: datetime) -> None:
    """The case has just left this state: begin or end a pause, and reckon its promises anew.

    Promises stand while we wait for the customer, and stood while a case that is opened again was closed. The case is
    locked; what changes is saved.
    """
    # No clock is trusted to agree with the one that the beginning was read from.
    complaint.pauses.standing().update(ended_at=Greatest(Value(now), F("began_at")))
    if before == State.RESOLVED and complaint.resolved_at:
        closed_at = min(complaint.resolved_at, now)
        complaint.pauses.create(cause=Pause.Cause.RESOLVED, began_at=closed_at, ended_at=now)
    if complaint.state == State.WAITING:
        complaint.pauses.create(cause=Pause.Cause.CUSTOMER, began_at=now)
        complaint.service_due_at = complaint.solution_due_at = None
    else:
        reckon_promises(complaint, rules_of(complaint.brand))
    complaint.save(update_fields=["service_due_at", "solution_due_at", "first_due_at"])


def reckon_promises(complaint: Complaint, rules: Rules) -> None:
    """When answer and solution are due by all pauses so far. What was answered keeps what was promised for it then.

    Nothing was promised to whoever wrote to another tool, or before there were promises.
    """
    pauses = [(pause.began_at, pause.ended_at) for pause in complaint.pauses.all() if pause.ended_at]
    was_promised = complaint.first_due_at is not None
    if complaint.waits_since and (was_promised or complaint.waits_since > complaint.opened_at):
        complaint.service_due_at = rules.answer_due(complaint.waits_since, pauses)
    if was_promised and complaint.answered_at is None:
        complaint.first_due_at = rules.answer_due(complaint.opened_at, pauses)
    if was_promised:
        complaint.solution_due_at = rules.solution_due(complaint.opened_at, pauses)
