"""What every change of a case leaves behind, and the lock under which it is made."""

from datetime import datetime
from typing import Any

from accounts.models import AuditEntry, User
from accounts.services import record_change
from affiliates.models import Purchase
from complaints.models import Complaint, ComplaintChange, ComplaintEvent
from complaints.services.telling import tell_of_case
from complaints.services.words import index_words


def record(
    complaint: Complaint, kind: ComplaintEvent.Kind, *, by: User | None, now: datetime, text: str = "", **data: Any
) -> ComplaintEvent:
    """Leave a trace of a change in its own transaction, note the case for counting, and tell other systems."""
    ComplaintChange.objects.create(complaint=complaint)
    event = ComplaintEvent.objects.create(complaint=complaint, kind=kind, actor=by, text=text, data=data, at=now)
    if text or kind == ComplaintEvent.Kind.OPENED:
        index_words([complaint.pk])
    if by is not None:
        record_change(by, complaint.brand_id, AuditEntry.Action.CASE, complaint, event=kind)
    tell_of_case(complaint, kind, data)
    return event


def hold_cause(complaint: Complaint) -> str:
    """The name under which an open case holds its purchase's surveys."""
    return f"complaint:{complaint.pk}"


def lock_purchase(purchase_id: int | None) -> None:
    """Whoever changes what is open on a purchase takes the purchase first, then the case, then the surveys.

    One order for all, so that nobody waits for somebody who waits for them.
    """
    if purchase_id is not None:
        Purchase.objects.select_for_update(no_key=True).get(pk=purchase_id)
