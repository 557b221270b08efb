"""Open cases reckoned anew, after a day was taken off or given back."""

from datetime import date, datetime, time

from django.db import transaction
from django.db.models import Q

from accounts.models import Brand
from complaints.clocks import LegalDue
from complaints.models import Complaint
from complaints.services.timing import Rules, reckon_promises, rules_of

AT_ONCE = 500  # cases locked together
CLOCKS = ("legal_due_at", "legal_sum", "first_due_at", "service_due_at", "solution_due_at")


def recount_clocks(brand: Brand, *, since: date) -> int:
    """Reckon the deadlines of the brand's open cases that end on this day or later; how many of them changed.

    What was due before does not depend on a day that was taken off or given back.
    """
    rules, changed, last = rules_of(brand), 0, 0
    moment = datetime.combine(since, time(0), tzinfo=rules.zone)
    still_due = Q(legal_due_at__gte=moment) | Q(service_due_at__gte=moment) | Q(solution_due_at__gte=moment)
    cases = Complaint.objects.filter(still_due, brand=brand).open().order_by("pk")
    while ids := list(cases.filter(pk__gt=last).values_list("pk", flat=True)[:AT_ONCE]):
        changed += _recount(ids, rules)
        last = ids[-1]
    return changed


@transaction.atomic
def _recount(ids: list[int], rules: Rules) -> int:
    cases = Complaint.objects.filter(pk__in=ids).open().select_for_update(of=("self",)).order_by("pk")
    changed = []
    for case in cases.prefetch_related("pauses"):
        before = [getattr(case, name) for name in CLOCKS]
        recount(case, rules)
        if before != [getattr(case, name) for name in CLOCKS]:
            changed.append(case)
    Complaint.objects.bulk_update(changed, CLOCKS)
    return len(changed)


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
    return rules.legal_due(case.kind, datetime.combine(received_on, time(12), tzinfo=rules.zone))
