"""What is written to the customer of a case. Such mail is owed: it goes at least once, and has no unsubscribe."""

import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet
from django.utils.translation import override

from complaints.models import Complaint, ComplaintEvent
from complaints.wording import moment_in_words
from mailing.models import OutgoingMail
from mailing.services import MailRequest, queue_mail

KEY = re.compile(r"complaint:(?:(?P<case>\d+):acknowledgement|event:(?P<event>\d+))")


def acknowledge(complaint: Complaint, *, now: datetime) -> None:
    """Say that the case has come in, its number and when an answer is due."""
    zone = ZoneInfo(complaint.brand.timezone)
    dues = {"service_due": complaint.answer_due_at, "legal_due": complaint.legal_due_at}
    with override(complaint.mail_language):
        # Of what is late already nothing is promised.
        promises = {name: moment_in_words(due, zone) if due and due > now else "" for name, due in dues.items()}
    key = f"complaint:{complaint.pk}:acknowledgement"
    _write(complaint, "complaints/acknowledgement", key=key, now=now, context=promises)


def send_reply(complaint: Complaint, event: ComplaintEvent, *, now: datetime) -> None:
    context = {"text": event.text, "has_files": event.attachments.exists()}
    _write(complaint, "complaints/reply", key=f"complaint:event:{event.pk}", now=now, context=context)


def send_resolution(complaint: Complaint, event: ComplaintEvent, *, now: datetime) -> None:
    _write(complaint, "complaints/resolution", key=f"complaint:event:{event.pk}", now=now, context={"text": event.text})


def case_of_mail(mail: OutgoingMail, cases: QuerySet[Complaint]) -> Complaint | None:
    """Which of these cases a mail was written about: by its key, which stays when what it said is forgotten."""
    found = KEY.fullmatch(mail.dedupe_key)
    if found is None:
        return None
    about = Q(pk=found["case"]) if found["case"] else Q(events=found["event"])
    return cases.filter(about, brand=mail.brand_id).first()


def _write(complaint: Complaint, template: str, *, key: str, now: datetime, context: dict[str, Any]) -> None:
    customer = complaint.customer
    if customer is None or not customer.email:
        return
    queue_mail(
        MailRequest(
            brand=complaint.brand,
            template=template,
            to=customer.email,
            language=complaint.mail_language,
            dedupe_key=key,
            # Links in the mail carry the mail's own token; the customer's page finds the case by the mail's key.
            context={"number": complaint.number, **context},
            guarantee=OutgoingMail.Guarantee.AT_LEAST_ONCE,
            not_before=now,
        )
    )
