"""From what django-anymail makes of a provider's webhook to what the ledger records."""

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime

from anymail.signals import AnymailTrackingEvent, EventType

from mailing.models import MailEvent
from mailing.services.reports import MailReport

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


def reports_of(esp: str, events: Iterable[AnymailTrackingEvent], *, now: datetime) -> list[MailReport]:
    """Those that the ledger keeps, under the name of the provider; `now` for an event that tells no time."""
    return [
        MailReport(
            source=esp,
            event_id=event_id_of(event),
            mail=str(event.metadata.get("mail") or event.message_id or ""),
            kind=KINDS[event.event_type],
            detail=" ".join(filter(None, [event.mta_response, event.description])),
            reject_reason=event.reject_reason or "",
            occurred_at=event.timestamp or now,
        )
        for event in events
        if event.event_type in KINDS
    ]


def event_id_of(event: AnymailTrackingEvent) -> str:
    """The provider's own; where it gives none, what it sent, which is the same when it sends it again."""
    if event.event_id and len(str(event.event_id)) <= 100:
        # One event may speak of several recipients, and some providers count events per message.
        return f"{event.event_id}:{event.event_type}:{_digest(event.recipient or '')[:16]}"
    return _digest(json.dumps([event.event_type, event.recipient, event.esp_event], default=str, sort_keys=True))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
