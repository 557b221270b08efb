from datetime import datetime
from typing import Any

from accounts.models import User
from complaints.models import Complaint, ComplaintChange, ComplaintEvent


def record(
    complaint: Complaint, kind: ComplaintEvent.Kind, *, by: User | None, now: datetime, text: str = "", **data: Any
) -> ComplaintEvent:
    """Leave a trace of a change in its own transaction, and note the case for counting."""
    ComplaintChange.objects.create(complaint=complaint)
    return ComplaintEvent.objects.create(complaint=complaint, kind=kind, actor=by, text=text, data=data, at=now)


def hold_cause(complaint: Complaint) -> str:
    """The name under which an open case holds its purchase's surveys."""
    return f"complaint:{complaint.pk}"
