"""What becomes of our mail, as webhooks and returned mail tell it. One account of a provider serves all brands."""

from datetime import datetime
from hashlib import sha256

import structlog
from django.db.models import QuerySet

from accounts.models import Brand
from intake.hooks.receiving import store
from intake.models import InboundEvent, Source
from mailing.models import OutgoingMail
from mailing.providers import reports_in
from mailing.returned import SOURCE as BY_MAIL
from mailing.returned import reports_in_mail
from mailing.services import MailReport, record_mail_event
from mailing.services.reports import mails_named

State, Reason = InboundEvent.State, InboundEvent.Reason

log = structlog.get_logger(__name__)


def receive_mail_events(esp: str, body: bytes, *, now: datetime) -> tuple[InboundEvent, bool]:
    """The stored event, and whether it is a new one; `esp`: a provider, or BY_MAIL.

    What is not to be read is stored too: a newer version may.
    """
    return store(
        brand_spoken_of(esp, body, now=now), Source.MAIL, esp, f"{esp}:{sha256(body).hexdigest()}", body, now=now
    )


def brand_spoken_of(esp: str, body: bytes, *, now: datetime) -> Brand | None:
    """The brand whose mail, and nobody else's, it speaks of: its staff may read it."""
    brands = Brand.objects.filter(mails__in=mails_named(try_to_read(esp, body, now=now))).distinct()[:2]
    return brands[0] if len(brands) == 1 else None


def mails_spoken_of(event: InboundEvent) -> QuerySet[OutgoingMail]:
    return mails_named(try_to_read(event.kind, bytes(event.body), now=event.received_at))


def try_to_read(teller: str, body: bytes, *, now: datetime) -> list[MailReport]:
    """Nothing where it cannot be read: that is found out, and said, when it is worked."""
    try:
        return read(teller, body, now=now)
    except Exception:
        log.exception("mail_hook_unreadable", esp=teller)
        return []


def read(teller: str, body: bytes, *, now: datetime) -> list[MailReport]:
    return reports_in_mail(body, now=now) if teller == BY_MAIL else reports_in(teller, body, now=now)


def record_reports(event: InboundEvent, *, now: datetime) -> tuple[InboundEvent.State, str]:
    """Into the timelines of the mails they speak of, once each; what became of the message, and why."""
    reports = read(event.kind, bytes(event.body), now=event.received_at)
    if not reports:
        return State.IGNORED, Reason.UNKNOWN_TOPIC
    # In one order for all, so that two messages about the same mails wait for each other and no longer.
    in_order = sorted(reports, key=lambda report: report.mail)
    recorded = [record_mail_event(report, now=now) for report in in_order]
    if any(recorded):
        return State.DONE, ""
    return State.IGNORED, Reason.NOTHING_NEW if mails_named(reports).exists() else Reason.UNKNOWN_MAIL
