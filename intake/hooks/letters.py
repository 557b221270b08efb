"""Mail of customers as it comes in by webhook: from a provider as django-anymail reads it, or raw and signed."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import structlog
from anymail.signals import AnymailInboundEvent
from anymail.webhooks.base import AnymailBaseWebhookView
from anymail.webhooks.brevo import BrevoInboundWebhookView
from anymail.webhooks.mailersend import MailerSendInboundWebhookView
from anymail.webhooks.mailgun import MailgunInboundWebhookView
from anymail.webhooks.mailjet import MailjetInboundWebhookView
from anymail.webhooks.mailtrap import MailtrapInboundWebhookView
from anymail.webhooks.mandrill import MandrillCombinedWebhookView
from anymail.webhooks.postal import PostalInboundWebhookView
from anymail.webhooks.postmark import PostmarkInboundWebhookView
from anymail.webhooks.resend import ResendInboundWebhookView
from anymail.webhooks.sendgrid import SendGridInboundWebhookView
from anymail.webhooks.sparkpost import SparkPostInboundWebhookView
from django.conf import settings
from django.http import HttpRequest

from complaints.services.receiving import take_in
from intake.hooks.signatures import is_standard_signed

RAW = "raw"
# By their name in our address, as django-anymail has it. Amazon's needs its own library: use a mailbox or `raw` there.
VIEWS: Mapping[str, type[AnymailBaseWebhookView]] = {
    "brevo": BrevoInboundWebhookView,
    "mailersend": MailerSendInboundWebhookView,
    "mailgun": MailgunInboundWebhookView,
    "mailjet": MailjetInboundWebhookView,
    "mailtrap": MailtrapInboundWebhookView,
    "mandrill": MandrillCombinedWebhookView,
    "postal": PostalInboundWebhookView,
    "postmark": PostmarkInboundWebhookView,
    "resend": ResendInboundWebhookView,
    "sendgrid": SendGridInboundWebhookView,
    "sparkpost": SparkPostInboundWebhookView,
}

log = structlog.get_logger(__name__)


def is_signed(headers: Mapping[str, str], body: bytes, *, now: datetime) -> bool:
    """A raw mail, by the secret of INBOUND_MAIL_SECRET; without one nothing is."""
    return is_standard_signed(
        headers.get("webhook-signature", ""),
        headers.get("webhook-id", ""),
        headers.get("webhook-timestamp", ""),
        body,
        settings.INBOUND_MAIL_SECRET.split(),
        now=now,
    )


def receive_letters(esp: str, request: HttpRequest, *, now: datetime) -> bool:
    """Take in what one message of the provider, which is genuine, brings; whether any of it is new.

    What cannot be read is kept as it came, for a person to look at: the provider would only send it again.
    """
    try:
        letters = list(_letters_in(esp, request))
    except Exception:
        log.exception("inbound_hook_unreadable", esp=esp)
        letters = [(request.body, "")]
    return _take_in_each(letters, now=now)


def _take_in_each(letters: Sequence[tuple[bytes, str]], *, now: datetime) -> bool:
    """One that cannot be stored stops no other; then the provider hears of it, and sends all of them again."""
    any_new, fault = False, None
    for raw, recipient in letters:
        try:
            _mail, is_new = take_in(raw, now=now, recipient=recipient)
            any_new = any_new or is_new
        except Exception as error:
            log.exception("inbound_mail_not_stored")
            fault = error
    if fault:
        raise fault
    return any_new


def _letters_in(esp: str, request: HttpRequest) -> Iterator[tuple[bytes, str]]:
    for event in VIEWS[esp]().parse_events(request):
        if isinstance(event, AnymailInboundEvent):
            message = event.message
            if message.envelope_sender == "":  # nobody: a bounce
                message["Return-Path"] = "<>"
            yield message.as_bytes(), message.envelope_recipient or ""
