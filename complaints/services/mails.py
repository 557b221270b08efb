"""What is written to the customer of a case. Such mail is owed: it goes at least once, and has no unsubscribe."""

from datetime import datetime

from complaints.models import Complaint, ComplaintEvent
from mailing.models import OutgoingMail
from mailing.services import MailRequest, queue_mail


def acknowledge(complaint: Complaint, *, now: datetime) -> None:
    """Say that the case has come in, its number and when an answer is due."""
    _write(complaint, "complaints/acknowledgement", key=f"complaint:{complaint.pk}:acknowledgement", now=now)


def send_reply(complaint: Complaint, event: ComplaintEvent, *, now: datetime) -> None:
    _write(complaint, "complaints/reply", key=f"complaint:event:{event.pk}", text=event.text, now=now)


def _write(complaint: Complaint, template: str, *, key: str, now: datetime, text: str = "") -> None:
    customer = complaint.customer
    if customer is None or not customer.email:
        return
    due_at = complaint.legal_due_at or complaint.service_due_at
    queue_mail(
        MailRequest(
            brand=complaint.brand,
            template=template,
            to=customer.email,
            language=complaint.brand.language_for(complaint.language),
            dedupe_key=key,
            # The link in the mail carries the mail's own token; the customer's page finds the case by this.
            context={
                "complaint": str(complaint.uuid),
                "number": complaint.number,
                "subject": complaint.subject,
                "text": text,
                "due_at": due_at.isoformat() if due_at else "",
            },
            guarantee=OutgoingMail.Guarantee.AT_LEAST_ONCE,
            not_before=now,
        )
    )
