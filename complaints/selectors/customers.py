"""What a customer sees of their own case."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from complaints.models import Complaint, ComplaintEvent
from mailing.models import OutgoingMail

Event = ComplaintEvent.Kind


def case_for(token: str) -> Complaint | None:
    """The case that this secret opens: its own, or that of a mail that was written about it."""
    cases = Complaint.objects.select_related("brand", "customer", "purchase")
    if own := cases.with_token(token).first():
        return own
    mail = OutgoingMail.objects.with_token(token).filter(template__startswith="complaints/").first()
    return cases.filter(uuid=mail.context.get("complaint"), brand=mail.brand_id).first() if mail else None


@dataclass(frozen=True)
class Message:
    """A thing said between customer and brand."""

    is_ours: bool
    text: str
    at: datetime


def thread_of(complaint: Complaint) -> list[Message]:
    """What customer and brand said to each other, oldest first. Notes among colleagues are not in it."""
    ours = {Event.REPLIED, Event.RESOLVED}
    shown: Iterable[ComplaintEvent] = complaint.events.filter(kind__in=[*ComplaintEvent.FROM_CUSTOMER, *ours])
    return [Message(event.kind in ours, event.text, event.at) for event in shown if event.text]
