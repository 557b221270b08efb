"""What customers do with their own case: they write to it, send files, or say by a form that something is still wrong.

Whoever wants to go on about a case that is closed has it opened again; where its purchase has another open case by now,
or it was merged into one, that one is told. After the brand's days a new case begins, which is linked to the old one.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from complaints.files import CheckedFile
from complaints.models import Complaint, ComplaintEvent, ComplaintLink
from complaints.services.attaching import attach, refuse_too_many
from complaints.services.handling import open_again, required
from complaints.services.moving import take_turn
from complaints.services.opening import Problem, append, has_said, open_case_of, open_complaint
from complaints.services.record import lock_purchase, record

Event = ComplaintEvent.Kind


@transaction.atomic
def customer_wrote(
    complaint: Complaint,
    *,
    text: str,
    now: datetime,
    files: Sequence[CheckedFile] = (),
    data: Mapping[str, Any] | None = None,
) -> Complaint:
    """What the customer adds to their case; the case that it was added to. `data`: what is known of an e-mail.

    A double tap on the page adds nothing; an e-mail, which is known by its Message-ID, is always another one.
    """
    current = case_to_tell(complaint)
    text = required(text, _("Write your message."))
    refuse_too_many(current, files)
    if is_over(current, now=now):
        kind = Complaint.Kind.INQUIRY  # what it is now staff tell
        told: dict[str, Any] = {"language": current.language, "files": files, "data": data or {}}
        return begin_anew(current, Problem(kind, current.subject, text, wants_contact=True, **told), now=now)
    if data is None and current.is_open and has_said(current, text, [file.name for file in files]):
        return current
    event = record(current, Event.CUSTOMER_WROTE, by=None, now=now, text=text, **(data or {}))
    attach(event, files, by=None, now=now)
    current.wants_contact = True  # whoever writes to us may be answered
    go_on(current, now=now)
    return current


@transaction.atomic
def report_on_case(complaint: Complaint, problem: Problem, *, now: datetime) -> Complaint:
    """Say by the form that something is wrong with a case or with how it ended; the case that was told.

    What is graver than the case was is from now on what the case is called, with the law's clock where it has one.
    """
    current = case_to_tell(complaint)
    if is_over(current, now=now):
        return begin_anew(current, problem, now=now)
    go_on(current, now=now)
    append(current, problem, by=None, now=now)
    return current


def case_to_tell(complaint: Complaint) -> Complaint:
    """The case that goes on with what its customer says; locked, after its purchase."""
    complaint = complaint.merged_into or complaint
    lock_purchase(complaint.purchase_id)
    cases = Complaint.objects.select_related("brand", "customer", "purchase")
    current = cases.select_for_update(of=("self",)).get(pk=complaint.pk)
    if current.is_open:
        return current
    if current.purchase_id:
        return open_case_of(current.purchase_id) or current
    begun_anew = cases.open().filter(links_back__complaint=current, customer=current.customer).order_by("pk")
    return begun_anew.select_for_update(of=("self",)).last() or current


def is_over(complaint: Complaint, *, now: datetime) -> bool:
    """Closed for longer than it may be opened again by its customer. Staff may at any time."""
    days = complaint.brand.reopen_days
    return days is not None and complaint.resolved_at is not None and now > complaint.resolved_at + timedelta(days)


def begin_anew(old: Complaint, problem: Problem, *, now: datetime) -> Complaint:
    complaint, _is_new = open_complaint(old.brand, problem, purchase=old.purchase, customer=old.customer, now=now)
    ComplaintLink.objects.create(complaint=old, other=complaint)
    record(old, Event.LINKED, by=None, now=now, other=complaint.number)
    record(complaint, Event.LINKED, by=None, now=now, other=old.number)
    return complaint


def go_on(complaint: Complaint, *, now: datetime) -> None:
    """It is our turn: a case that waited for its customer goes on, and a closed one is opened again."""
    take_turn(complaint, by=None, now=now)
    complaint.save(update_fields=["state", "wants_contact", "waits_since", "service_due_at", "updated_at"])
    if not complaint.is_open:
        open_again(complaint, by=None, now=now, text="")
