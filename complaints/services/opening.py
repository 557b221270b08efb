"""How cases come to be: somebody says that something is wrong."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import Q

from accounts.models import Brand, User
from affiliates.models import Customer, Purchase
from complaints.files import CheckedFile
from complaints.models import Complaint, ComplaintEvent
from complaints.services.attaching import attach, refuse_too_many, room_for_files
from complaints.services.mails import acknowledge
from complaints.services.moving import take_turn
from complaints.services.record import hold_cause, lock_purchase, record
from complaints.services.timing import LEGAL_KINDS, rules_of, start_clocks, tighten_legal_term
from mailing.addresses import hash_address, known_hashes, normalize_address
from mailing.tokens import hash_token
from surveys.services import hold_purchase


@dataclass(frozen=True)
class Problem:
    """What is wrong, as somebody told us."""

    kind: str
    subject: str
    text: str = ""
    severity: str = Complaint.Severity.MEDIUM
    part: str = ""
    language: str = ""
    wants_contact: bool = False
    details: Mapping[str, str] = field(default_factory=dict)  # by the codes of `complaints.kinds`
    files: Sequence[CheckedFile] = ()
    data: Mapping[str, Any] = field(default_factory=dict)  # what is known of the e-mail that told us


@transaction.atomic
def open_complaint(
    brand: Brand,
    problem: Problem,
    *,
    now: datetime,
    purchase: Purchase | None = None,
    customer: Customer | None = None,
    by: User | None = None,
) -> tuple[Complaint, bool]:
    """A new case and True; or, where the purchase has an open one, that one with this added, and False.

    A new case holds its purchase's surveys, and is acknowledged to whoever asked to be contacted.
    """
    if purchase is not None:
        # One open case a purchase: whoever comes second waits here, and then finds the first one's case.
        lock_purchase(purchase.pk)
        if standing := open_case_of(purchase.pk):
            append(standing, problem, by=by, now=now)
            return standing, False
    complaint = _new_case(brand, problem, now=now)
    complaint.purchase = purchase
    complaint.customer = customer or (purchase.customer if purchase else None)
    complaint.language = problem.language or (complaint.customer.language if complaint.customer else "")
    complaint.save(force_insert=True)
    event = record(complaint, ComplaintEvent.Kind.OPENED, by=by, now=now, text=problem.text, **problem.data)
    attach(event, problem.files, by=by, now=now)
    if purchase is not None:
        hold_purchase(purchase, cause=hold_cause(complaint), now=now)
    if problem.wants_contact:
        acknowledge(complaint, now=now)
    return complaint, True


def open_case_of(purchase_id: int) -> Complaint | None:
    """The open case of a purchase that the caller has locked, or the one that its case was merged into; locked."""
    merged_into = Complaint.objects.filter(purchase=purchase_id).exclude(merged_into=None).values("merged_into")
    cases = Complaint.objects.open().filter(Q(purchase=purchase_id) | Q(pk__in=merged_into))
    return cases.select_related("brand", "customer").select_for_update(of=("self",)).first()


def append(complaint: Complaint, problem: Problem, *, by: User | None, now: datetime) -> None:
    """Add what was said later to an open case; the worse of both severities stands. A double tap adds nothing.

    ValidationError: it brings more files than the case has room for. An e-mail, which cannot be asked to come without
    them, is kept with as many as fit.
    """
    if not is_known(complaint, problem):
        kind = ComplaintEvent.Kind.ANSWER_ADDED
        files, left_out = files_that_fit(complaint, problem)
        more = {**problem.data, **({"details": dict(problem.details)} if problem.details else {}), **left_out}
        event = record(complaint, kind, by=by, now=now, text=problem.text, subject=problem.subject, **more)
        attach(event, files, by=by, now=now)
    # What was told first stands: a serial number does not change because somebody mistypes it later.
    complaint.details = {**problem.details, **complaint.details}
    ranks = Complaint.Severity.values
    asks_now = problem.wants_contact and not complaint.wants_contact
    complaint.severity = max(complaint.severity, problem.severity, key=ranks.index)
    complaint.part = complaint.part if complaint.cause else complaint.part or problem.part
    complaint.wants_contact = complaint.wants_contact or problem.wants_contact
    if is_graver(problem.kind, complaint.kind):
        before, complaint.kind = complaint.kind, problem.kind
        tighten_legal_term(complaint, now, rules_of(complaint.brand))
        record(complaint, ComplaintEvent.Kind.KIND_CHANGED, by=by, now=now, before=before, after=problem.kind)
    take_turn(complaint, by=by, now=now)
    complaint.save(
        update_fields=[
            *("state", "severity", "part", "wants_contact", "kind", "legal_due_at", "legal_sum", "details"),
            *("waits_since", "service_due_at", "updated_at"),
        ]
    )
    if asks_now:
        acknowledge(complaint, now=now)


def files_that_fit(complaint: Complaint, problem: Problem) -> tuple[Sequence[CheckedFile], dict[str, list[str]]]:
    """Those to be kept, and what its event says of an e-mail's others."""
    if not problem.data:
        refuse_too_many(complaint, problem.files)
        return problem.files, {}
    room = room_for_files(complaint)
    left_out = [*problem.data.get("left_out", ()), *(file.name for file in problem.files[room:])]
    return problem.files[:room], {"left_out": left_out} if left_out else {}


def is_graver(kind: str, than: str) -> bool:
    """A follow-up becomes what the customer then calls it; whatever it was a complaint, and that a formal claim."""
    if kind in LEGAL_KINDS:
        return than not in LEGAL_KINDS or (kind, than) == (Complaint.Kind.CLAIM, Complaint.Kind.COMPLAINT)
    return than == Complaint.Kind.FOLLOW_UP and kind != Complaint.Kind.FOLLOW_UP


def is_known(complaint: Complaint, problem: Problem) -> bool:
    """Does the case hold this already? Without words of the customer the subject tells. No e-mail comes here twice."""
    if problem.data:
        return False
    if problem.text:
        return has_said(complaint, problem.text, [file.name for file in problem.files])
    return complaint.subject == problem.subject or complaint.events.filter(data__subject=problem.subject).exists()


def has_said(complaint: Complaint, text: str, files: Sequence[str] = ()) -> bool:
    """Has the customer written just this before, with files of just these names?"""
    said = complaint.events.filter(kind__in=ComplaintEvent.FROM_CUSTOMER, text=text).prefetch_related("attachments")
    return any(not files or [file.name for file in event.attachments.all()] == list(files) for event in said)


def _new_case(brand: Brand, problem: Problem, *, now: datetime) -> Complaint:
    [(pk, number)] = draw_numbers(brand, [now])
    complaint = Complaint(
        pk=pk,
        brand=brand,
        number=number,
        kind=problem.kind,
        subject=problem.subject[:200],
        text=problem.text,
        severity=problem.severity,
        part=problem.part,
        wants_contact=problem.wants_contact,
        details=dict(problem.details),
        opened_at=now,
    )
    start_clocks(complaint, rules_of(brand))
    complaint.token_hash = hash_token(complaint.token)
    return complaint


def customers_by_email(brand: Brand, emails: Iterable[str]) -> dict[str, Customer]:
    """Whom these addresses belong to, as written; who is unknown becomes a customer, who may never have bought."""
    wanted = {email: known_hashes(email) for email in emails}
    Customer.objects.bulk_create(
        [
            Customer(brand=brand, email=normalize_address(email), email_hash=hash_address(email))
            for email in unknown_addresses(brand, wanted)
        ],
        ignore_conflicts=True,  # somebody else may write them down at this very moment
    )
    found = customers_of(brand, wanted)
    return {email: found[digest] for email, hashes in wanted.items() for digest in hashes if digest in found}


def unknown_addresses(brand: Brand, wanted: Mapping[str, Sequence[bytes]]) -> list[str]:
    found = customers_of(brand, wanted)
    return [email for email, hashes in wanted.items() if not any(digest in found for digest in hashes)]


def customers_of(brand: Brand, wanted: Mapping[str, Sequence[bytes]]) -> dict[bytes, Customer]:
    hashes = [digest for known in wanted.values() for digest in known]
    customers = Customer.objects.filter(brand=brand, email_hash__in=hashes)
    return {bytes(customer.email_hash): customer for customer in customers if customer.email_hash}


def draw_numbers(brand: Brand, moments: Sequence[datetime]) -> list[tuple[int, str]]:
    """For each case opened at these moments its id and its number, readable and never given twice.

    Both from the sequence of the ids, so that two at once need no lock; numbers may be skipped.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('complaints_complaint', 'id')) FROM generate_series(1, %s)",
            [len(moments)],
        )
        ids = [pk for (pk,) in cursor.fetchall()]
    zone = ZoneInfo(brand.timezone)
    return [(pk, f"{at.astimezone(zone).year}-{pk:06d}") for at, pk in zip(moments, ids, strict=True)]


def skip_numbers(count: int) -> None:
    """Of the numbers that come next so many are given to nobody: somebody has perhaps been told them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT setval(name, nextval(name) + %s) FROM pg_get_serial_sequence('complaints_complaint', 'id') AS name",
            [count],
        )
