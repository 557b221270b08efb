"""Cases of another tool, a set at a time: history that mails nobody, and open ones that go on here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Brand
from affiliates.models import Purchase
from affiliates.services import FieldError
from complaints.models import Complaint, ComplaintChange, ComplaintEvent
from complaints.services.opening import customers_by_email, draw_numbers
from complaints.services.record import hold_cause
from complaints.services.timing import rules_of, set_legal_term
from complaints.services.words import index_words
from mailing.addresses import normalize_address
from mailing.selectors.suppressions import erased_addresses
from mailing.tokens import hash_token
from surveys.services import hold_purchase, lift_hold

Event = ComplaintEvent.Kind


@dataclass(frozen=True)
class HistoricComplaint:
    """A case as another tool kept it, its values read and checked for their form."""

    external_id: str
    subject: str
    opened_at: datetime
    text: str = ""
    kind: str = Complaint.Kind.COMPLAINT
    state: str = Complaint.State.NEW
    resolved_at: datetime | None = None
    purchase: str = ""  # the shop's id
    email: str = ""
    language: str = ""


@dataclass(frozen=True)
class Imported:
    """`status`: created, updated, duplicate or rejected, as the commands count them."""

    status: str
    complaint: Complaint | None = None
    errors: tuple[FieldError, ...] = ()


@transaction.atomic
def import_complaints(brand: Brand, rows: Sequence[HistoricComplaint], *, now: datetime) -> list[Imported]:
    """Store cases that another tool kept, in the order given; a fixed number of statements but for open ones.

    Nobody is written to. A known id is a duplicate, or an update where it is resolved by now. An open case holds its
    purchase's surveys; a second open one of a purchase is refused.
    """
    batch = _Batch(brand, rows)
    results = [batch.take(row) for row in rows]
    batch.save(now=now)
    return results


class _Batch:
    def __init__(self, brand: Brand, rows: Sequence[HistoricComplaint]) -> None:
        self.brand = brand
        self.rules = rules_of(brand)
        purchases = Purchase.objects.filter(brand=brand, external_id__in={row.purchase for row in rows if row.purchase})
        # In the order in which everybody takes purchases; then nobody opens another case on one of them.
        locked = purchases.select_related("customer").select_for_update(of=("self",), no_key=True).order_by("pk")
        self.purchases = {purchase.external_id: purchase for purchase in locked}
        by_address = [row for row in rows if row.email and not row.purchase]
        self.erased = erased_addresses(brand, {row.email for row in by_address})
        self.customers = customers_by_email(brand, {row.email for row in by_address if not self.is_of_erased(row)})
        known = Complaint.objects.filter(brand=brand, external_id__in={row.external_id for row in rows})
        self.known = {case.external_id: case for case in known.select_for_update(of=("self",)).order_by("pk")}
        self.busy = set(
            Complaint.objects.open().filter(purchase__in=self.purchases.values()).values_list("purchase", flat=True)
        )
        self.numbers = iter(draw_numbers(brand, [row.opened_at for row in rows]))
        self.new: list[Complaint] = []
        self.resolved: list[tuple[Complaint, datetime]] = []

    def take(self, row: HistoricComplaint) -> Imported:
        pk, number = next(self.numbers)
        if standing := self.known.get(row.external_id):
            return self._repeat(standing, row)
        if errors := tuple(self._errors(row)):
            return Imported("rejected", errors=errors)
        if self.is_of_erased(row):
            return Imported("duplicate")
        complaint = self._new(row, pk, number)
        self.known[row.external_id] = complaint
        self.new.append(complaint)
        if complaint.is_open and complaint.purchase_id:
            self.busy.add(complaint.purchase_id)
        return Imported("created", complaint)

    def is_of_erased(self, row: HistoricComplaint) -> bool:
        """An old file must not bring back what they wrote; what they write afterwards is another matter."""
        if purchase := self.purchases.get(row.purchase):
            return purchase.customer.erased_at is not None
        erased_at = self.erased.get(normalize_address(row.email))
        return not row.purchase and erased_at is not None and row.opened_at <= erased_at

    def _repeat(self, standing: Complaint, row: HistoricComplaint) -> Imported:
        if row.state != Complaint.State.RESOLVED or not standing.is_open or standing.pk is None:
            return Imported("duplicate", standing)
        if standing.assignee_id:  # somebody here works on it: the other tool's word no longer closes it
            return Imported("duplicate", standing)
        standing.state, standing.waits_since = Complaint.State.RESOLVED, None
        standing.resolved_at = row.resolved_at or row.opened_at
        self.resolved.append((standing, standing.resolved_at))
        return Imported("updated", standing)

    def _errors(self, row: HistoricComplaint) -> Iterable[FieldError]:
        purchase = self.purchases.get(row.purchase)
        if row.purchase and purchase is None:
            yield FieldError("purchase", "unknown_purchase", _("There is no purchase of this id."))
        if not row.subject.strip():
            yield FieldError("subject", "required", _("This is needed."))
        if row.kind not in Complaint.Kind.values:
            yield FieldError("kind", "invalid_choice", _("There is no such kind of case."))
        if row.state not in Complaint.State.values:
            yield FieldError("state", "invalid_choice", _("There is no such state to set."))
        elif row.state != Complaint.State.RESOLVED and purchase and purchase.pk in self.busy:
            yield FieldError("purchase", "open_case", _("This purchase already has an open case; go on there."))

    def _new(self, row: HistoricComplaint, pk: int, number: str) -> Complaint:
        purchase = self.purchases.get(row.purchase)
        customer = purchase.customer if purchase else self.customers.get(row.email)
        complaint = Complaint(
            pk=pk,
            brand=self.brand,
            number=number,
            external_id=row.external_id,
            kind=row.kind,
            state=row.state,
            purchase=purchase,
            customer=customer,
            subject=row.subject.strip()[:200],
            text=row.text,
            language=row.language or (customer.language if customer else ""),
            wants_contact=bool(customer and customer.email),  # they wrote to the brand once; nothing is sent by itself
            opened_at=row.opened_at,
            waits_since=None if row.state == Complaint.State.RESOLVED else row.opened_at,
            # Without a date of their own resolved cases are taken to have been resolved at once.
            resolved_at=(row.resolved_at or row.opened_at) if row.state == Complaint.State.RESOLVED else None,
        )
        set_legal_term(complaint, row.opened_at, self.rules)
        complaint.token_hash = hash_token(complaint.token)
        return complaint

    def save(self, *, now: datetime) -> None:
        Complaint.objects.bulk_create(self.new)
        resolved = [case for case, _at in self.resolved]
        for case in resolved:
            case.updated_at = now
        Complaint.objects.bulk_update(resolved, ["state", "resolved_at", "waits_since", "updated_at"])
        changed = [*self.new, *resolved]
        events = [event for case in self.new for event in _history_of(case)]
        events += [ComplaintEvent(complaint=case, kind=Event.RESOLVED, at=at) for case, at in self.resolved]
        ComplaintEvent.objects.bulk_create(events)
        index_words([case.pk for case in self.new])
        ComplaintChange.objects.bulk_create(ComplaintChange(complaint=case) for case in changed)
        for case in self.new:
            if case.is_open and case.purchase:
                hold_purchase(case.purchase, cause=hold_cause(case), now=now)
        for case in resolved:
            if case.purchase:
                lift_hold(case.purchase, cause=hold_cause(case), now=now)


def _history_of(case: Complaint) -> Iterable[ComplaintEvent]:
    yield ComplaintEvent(complaint=case, kind=Event.OPENED, at=case.opened_at, text=case.text, data={"imported": True})
    if case.resolved_at:
        yield ComplaintEvent(complaint=case, kind=Event.RESOLVED, at=case.resolved_at)
