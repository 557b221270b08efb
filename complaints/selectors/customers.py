"""What a customer sees of their own case."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from complaints.models import Attachment, Complaint, ComplaintEvent
from complaints.services.mails import case_of_mail
from mailing.models import OutgoingMail


def case_for(token: str) -> Complaint | None:
    """The case that this secret opens: its own, or that of a mail that was written about it."""
    cases = Complaint.objects.select_related("brand", "customer", "purchase")
    if own := cases.with_token(token).first():
        return own
    mail = OutgoingMail.objects.with_token(token).filter(template__startswith="complaints/").first()
    return case_of_mail(mail, cases) if mail else None


@dataclass(frozen=True)
class Message:
    """A thing said between customer and brand."""

    is_ours: bool
    text: str
    at: datetime
    files: Sequence[Attachment] = ()


def thread_of(complaint: Complaint) -> list[Message]:
    """What customer and brand said to each other, oldest first. Notes among colleagues are not in it."""
    ours = ComplaintEvent.TO_CUSTOMER
    said = complaint.events.filter(kind__in=ComplaintEvent.SHOWN_TO_CUSTOMER)
    shown: Iterable[ComplaintEvent] = said.exclude(text="").prefetch_related("attachments")
    return [Message(event.kind in ours, event.text, event.at, list(event.attachments.all())) for event in shown]


def file_of(complaint: Complaint, uuid: UUID) -> Attachment | None:
    """A file that its customer may have: it came with what they said, or with what was said to them."""
    return complaint.attachments.for_customers().select_related("content").filter(uuid=uuid).first()
