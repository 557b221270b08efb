"""Open cases reckoned anew, after a day was taken off or given back: by a task, since there may be very many."""

import time
from collections.abc import Mapping
from datetime import date, datetime
from datetime import time as clock_time

from django.db import transaction
from django.db.models import Q

from accounts.models import Brand, User
from complaints.clocks import LegalDue
from complaints.models import Alarm, Complaint, ComplaintEvent, ComplaintQuerySet, Recount
from complaints.services.timing import Rules, reckon_promises, rules_of

AT_ONCE = 500  # cases locked together
RUN_SECONDS = 20.0  # how long one run goes on
# Of what a case keeps, and what its people call it: an event says of each how it moved.
DEADLINES: Mapping[str, Alarm.Clock] = {
    "legal_due_at": Alarm.Clock.LAW,
    "service_due_at": Alarm.Clock.ANSWER,
    "solution_due_at": Alarm.Clock.SOLUTION,
}
CLOCKS = (*DEADLINES, "legal_sum", "first_due_at")


@transaction.atomic
def ask_recount(brand: Brand, *, since: date, by: User | None, now: datetime) -> Recount:
    """Have the deadlines of the brand's open cases that end on this day or later reckoned anew, soon.

    What was due before does not depend on a day that was taken off or given back. One goes on at a time: another day
    meanwhile has it begin again.
    """
    Brand.objects.select_for_update(no_key=True).get(pk=brand.pk)
    standing = Recount.objects.unfinished().select_for_update().filter(brand=brand).first()
    if standing is None:
        return Recount.objects.create(brand=brand, since=since, asked_by=by, asked_at=now)
    standing.since, standing.last_id, standing.looked_at = min(standing.since, since), 0, 0
    standing.asked_by, standing.asked_at = by, now
    standing.save(update_fields=["since", "last_id", "looked_at", "asked_by", "asked_at"])
    return standing


def recount_deadlines(*, now: datetime, seconds: float = RUN_SECONDS) -> int:
    """Go on with what was asked for; how many batches were looked at."""
    until, count = time.monotonic() + seconds, 0
    while time.monotonic() < until and _next_batch(now=now):
        count += 1
    return count


@transaction.atomic
def _next_batch(*, now: datetime) -> bool:
    """One batch with the note that it is done. False: nothing was asked for, or others are at it."""
    waiting = Recount.objects.unfinished().select_related("brand", "asked_by").order_by("pk")
    recount = waiting.select_for_update(skip_locked=True, of=("self",)).first()
    if recount is None:
        return False
    rules = rules_of(recount.brand)
    ids = list(_cases_of(recount, rules).values_list("pk", flat=True)[:AT_ONCE])
    recount.moved += _recount(ids, rules, by=recount.asked_by, now=now)
    recount.looked_at += len(ids)
    recount.last_id = ids[-1] if ids else recount.last_id
    recount.finished_at = now if len(ids) < AT_ONCE else None
    recount.save(update_fields=["moved", "looked_at", "last_id", "finished_at"])
    return True


def _cases_of(recount: Recount, rules: Rules) -> ComplaintQuerySet:
    moment = datetime.combine(recount.since, clock_time(0), tzinfo=rules.zone)
    still_due = Q(legal_due_at__gte=moment) | Q(service_due_at__gte=moment) | Q(solution_due_at__gte=moment)
    return Complaint.objects.open().filter(still_due, brand=recount.brand, pk__gt=recount.last_id).order_by("pk")


def _recount(ids: list[int], rules: Rules, *, by: User | None, now: datetime) -> int:
    cases = Complaint.objects.filter(pk__in=ids).open().select_for_update(of=("self",)).order_by("pk")
    changed, events = [], []
    for case in cases.prefetch_related("pauses"):
        before = {name: getattr(case, name) for name in CLOCKS}
        recount(case, rules)
        if before != {name: getattr(case, name) for name in CLOCKS}:
            changed.append(case)
            events.append(_event(case, before, by=by, now=now))
    Complaint.objects.bulk_update(changed, CLOCKS)
    ComplaintEvent.objects.bulk_create(events)
    return len(changed)


def _event(case: Complaint, before: Mapping[str, datetime | None], *, by: User | None, now: datetime) -> ComplaintEvent:
    """From when to when each of its deadlines has moved."""
    moved = {
        clock.value: [was.isoformat(), now_due.isoformat()]
        for name, clock in DEADLINES.items()
        if (was := before[name]) and (now_due := getattr(case, name)) and was != now_due
    }
    return ComplaintEvent(
        complaint=case, kind=ComplaintEvent.Kind.DEADLINES_MOVED, actor=by, data={"moved": moved}, at=now
    )


def recount(case: Complaint, rules: Rules) -> None:
    if found := _legal_due(case, rules):
        case.legal_due_at, case.legal_sum = found.due_at, found.as_data
    if case.state != Complaint.State.WAITING:
        reckon_promises(case, rules)


def _legal_due(case: Complaint, rules: Rules) -> LegalDue | None:
    """Counted from the day that the sum begins with, which may be later than the case."""
    if not case.legal_sum:
        return None
    received_on = date.fromisoformat(case.legal_sum["received_on"])
    return rules.legal_due(case.kind, datetime.combine(received_on, clock_time(12), tzinfo=rules.zone))
