"""The webhooks of mail providers: is one genuine, and what of what django-anymail reads in it does the ledger keep?"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import requests
import structlog
from anymail.exceptions import AnymailError
from anymail.signals import AnymailTrackingEvent, EventType
from anymail.webhooks.amazon_ses import AmazonSESBaseWebhookView, AmazonSESTrackingWebhookView
from anymail.webhooks.base import AnymailBaseWebhookView
from anymail.webhooks.brevo import BrevoTrackingWebhookView
from anymail.webhooks.mailersend import MailerSendTrackingWebhookView
from anymail.webhooks.mailgun import MailgunTrackingWebhookView
from anymail.webhooks.mailjet import MailjetTrackingWebhookView
from anymail.webhooks.mailtrap import MailtrapTrackingWebhookView
from anymail.webhooks.mandrill import MandrillCombinedWebhookView
from anymail.webhooks.postal import PostalTrackingWebhookView
from anymail.webhooks.postmark import PostmarkTrackingWebhookView
from anymail.webhooks.resend import ResendTrackingWebhookView
from anymail.webhooks.sendgrid import SendGridTrackingWebhookView
from anymail.webhooks.sparkpost import SparkPostTrackingWebhookView
from anymail.webhooks.unisender_go import UnisenderGoTrackingWebhookView
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest

from mailing.models import MailEvent
from mailing.services.reports import MailReport

log = structlog.get_logger(__name__)


class SesTrackingWebhookView(AmazonSESTrackingWebhookView):
    """Without Amazon's own library, which it needs only to confirm a subscription: `confirm_subscription` does."""

    def __init__(self) -> None:
        self.auto_confirm_enabled = False
        super(AmazonSESBaseWebhookView, self).__init__()


# By their name in our address, which is the one that django-anymail gives them.
VIEWS: dict[str, type[AnymailBaseWebhookView]] = {
    "amazon_ses": SesTrackingWebhookView,
    "brevo": BrevoTrackingWebhookView,
    "mailersend": MailerSendTrackingWebhookView,
    "mailgun": MailgunTrackingWebhookView,
    "mailjet": MailjetTrackingWebhookView,
    "mailtrap": MailtrapTrackingWebhookView,
    "mandrill": MandrillCombinedWebhookView,
    "postal": PostalTrackingWebhookView,
    "postmark": PostmarkTrackingWebhookView,
    "resend": ResendTrackingWebhookView,
    "sendgrid": SendGridTrackingWebhookView,
    "sparkpost": SparkPostTrackingWebhookView,
    "unisender_go": UnisenderGoTrackingWebhookView,
}
# What is missing here tells nothing that we keep: openings and clicks are not followed.
KINDS = {
    EventType.DELIVERED: MailEvent.Kind.DELIVERED,
    EventType.DEFERRED: MailEvent.Kind.DEFERRED,
    EventType.BOUNCED: MailEvent.Kind.BOUNCED,
    EventType.COMPLAINED: MailEvent.Kind.COMPLAINED,
    EventType.UNSUBSCRIBED: MailEvent.Kind.UNSUBSCRIBED,
    EventType.REJECTED: MailEvent.Kind.REJECTED,
    EventType.FAILED: MailEvent.Kind.REJECTED,
}
# Where Amazon's subscriptions are confirmed; a signed request may still not send us anywhere else.
_SNS_HOST = re.compile(r"sns\.[a-z0-9-]+\.amazonaws\.com(\.cn)?")
CONFIRM_TIMEOUT = 10  # seconds


class NotGenuine(Exception):
    """It is not signed as its provider signs, or nothing is configured by which that could be told."""


def check_genuine(esp: str, request: HttpRequest, views: Mapping[str, type[AnymailBaseWebhookView]] = VIEWS) -> None:
    """NotGenuine, unless the provider of `views` signed this, or it knows the secret that only the provider knows.

    Where the provider signs nothing and no ANYMAIL_WEBHOOK_SECRET is set, anybody could have sent it.
    """
    try:
        view: Any = views[esp]()
        if view.warn_if_no_basic_auth and not view.basic_auth:
            raise NotGenuine("no ANYMAIL_WEBHOOK_SECRET")
        view.run_validators(request)
    except ImproperlyConfigured as error:  # AnymailConfigurationError among them
        log.error("mail_hook_not_configured", esp=esp, error=str(error))
        raise NotGenuine(esp) from error
    except (AnymailError, ValueError, KeyError, TypeError, AttributeError) as error:  # whatever shape it has
        raise NotGenuine(type(error).__name__) from error


def events_in(esp: str, body: bytes) -> list[AnymailTrackingEvent]:
    """What one message of the provider tells; whatever django-anymail raises where it cannot read it."""
    is_json = body.lstrip()[:1] in (b"{", b"[")
    environ = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": "application/json" if is_json else "application/x-www-form-urlencoded",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": BytesIO(body),
    }
    view: Any = VIEWS[esp]()
    events = view.parse_events(WSGIRequest(environ))
    return [event for event in events if isinstance(event, AnymailTrackingEvent)]


def reports_in(esp: str, body: bytes, *, now: datetime) -> list[MailReport]:
    """Those that the ledger keeps, under the name of the provider; `now` for an event that tells no time."""
    return reports_of(esp, events_in(esp, body), now=now)


def reports_of(esp: str, events: Iterable[AnymailTrackingEvent], *, now: datetime) -> list[MailReport]:
    return [
        MailReport(
            source=esp,
            event_id=event_id_of(event),
            mail=mail_named_by(event),
            kind=KINDS[event.event_type],
            detail=" ".join(filter(None, [event.mta_response, event.description])),
            reject_reason=event.reject_reason or "",
            is_for_good=is_for_good(esp, event.esp_event),
            occurred_at=event.timestamp or now,
        )
        for event in events
        if event.event_type in KINDS
    ]


def mail_named_by(event: AnymailTrackingEvent) -> str:
    """Our uuid, which went along as metadata; else our Message-ID, where the provider tells it beside its own."""
    told = event.esp_event if isinstance(event.esp_event, Mapping) else {}
    message = told.get("mail")  # Amazon
    common = message.get("commonHeaders") if isinstance(message, Mapping) else None
    original = common.get("messageId") if isinstance(common, Mapping) else None
    return str(event.metadata.get("mail") or original or event.message_id or "")


def is_for_good(esp: str, told: Any) -> bool:
    """Does the provider itself say that the address will never work? The server's own code says it better."""
    if not isinstance(told, Mapping):
        return False
    match esp:
        case "postmark":
            return told.get("Type") in ("HardBounce", "BadEmailAddress")
        case "brevo":
            return told.get("event") in ("hard_bounce", "invalid_email")
        case "sendgrid":
            return (told.get("event"), told.get("type")) == ("bounce", "bounce")
        case "amazon_ses":
            bounce = told.get("bounce")
            return isinstance(bounce, Mapping) and bounce.get("bounceType") == "Permanent"
        case "mailgun":
            data = told.get("event-data")
            said = (data.get("severity"), data.get("reason")) if isinstance(data, Mapping) else None
            return said in (("permanent", "bounce"), ("permanent", "suppress-bounce"))
    return False


def event_id_of(event: AnymailTrackingEvent) -> str:
    """The provider's own; where it gives none, what it sent, which is the same when it sends it again."""
    if event.event_id and len(str(event.event_id)) <= 100:
        # One event may speak of several recipients, and some providers count events per message.
        return f"{event.event_id}:{event.event_type}:{_digest(event.recipient or '')[:16]}"
    return _digest(json.dumps([event.event_type, event.recipient, event.esp_event], default=str, sort_keys=True))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def subscription_to_confirm(esp: str, body: bytes) -> str:
    """The address by which Amazon wants to hear that we asked for its events; nothing in any other message."""
    if esp != "amazon_ses":
        return ""
    message = json.loads(body)
    url = str(message.get("SubscribeURL") or "") if message.get("Type") == "SubscriptionConfirmation" else ""
    address = urlsplit(url)
    is_amazons = address.scheme == "https" and _SNS_HOST.fullmatch(address.netloc)
    return url if is_amazons else ""


def confirm_subscription(url: str) -> bool:
    """False: not done. Amazon asks again."""
    try:
        requests.get(url, timeout=CONFIRM_TIMEOUT, allow_redirects=False).raise_for_status()
    except requests.RequestException as error:
        log.error("mail_hook_not_confirmed", error=type(error).__name__)
        return False
    return True
