"""What comes back to us by mail: delivery reports (RFC 3464), complaints (RFC 5965), and wishes for no more mail.

Nothing is believed that does not know the mail it speaks of: by a signed address of ours, or by its Message-ID.
"""

import hashlib
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from email import message_from_bytes, message_from_string
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from uuid import UUID

from mailing.bounces import enhanced_code
from mailing.models import MailEvent
from mailing.return_paths import BOUNCE, UNSUBSCRIBE, mail_about
from mailing.services.reports import MailReport

SOURCE = "smtp"
Kind = MailEvent.Kind

ACTIONS = {
    "failed": Kind.BOUNCED,
    "delayed": Kind.DEFERRED,
    "delivered": Kind.DELIVERED,
    "relayed": Kind.DELIVERED,
    "expanded": Kind.DELIVERED,
}
# Where servers write to whom they delivered it, beside whom it was meant for.
_RECIPIENTS = ("X-Original-To", "Delivered-To", "Envelope-To", "X-Envelope-To", "To")
_REFUSAL = re.compile(r"^.*\b[45]\d\d[ -].*$", re.MULTILINE)


def reports_in_mail(raw: bytes, *, now: datetime) -> list[MailReport]:
    """What a mail that came back tells of mail of ours; nothing in an out-of-office reply or a stranger's letter."""
    message = message_from_bytes(raw)
    addresses = [address for _name, address in getaddresses(_headers(message, *_RECIPIENTS))]
    at = _date_of(message, now=now)
    if mail := _named_in(addresses, UNSUBSCRIBE):
        return [_report(raw, 0, str(mail), Kind.UNSUBSCRIBED, at)]
    verp = _named_in(addresses, BOUNCE)
    about = str(verp) if verp else _original_id(message)
    if not about:
        return []
    told = list(_told_in(message, is_ours=verp is not None))
    return [_report(raw, number, about, kind, at, detail) for number, (kind, detail) in enumerate(told)]


def _told_in(message: Message, *, is_ours: bool) -> Iterator[tuple[str, str]]:
    """Kind and details. `is_ours`: it came to an address that only bounces come to."""
    parts = {part.get_content_type(): part for part in message.walk()}
    if status := parts.get("message/delivery-status"):
        yield from _statuses(status)
    elif feedback := parts.get("message/feedback-report"):
        if _field(_inside(feedback), "Feedback-Type").lower() in ("abuse", "fraud", "virus"):
            yield Kind.COMPLAINED, ""
    elif is_ours and _is_from_a_server(message):
        text = _text_of(parts.get("text/plain"))
        refusal = _REFUSAL.search(text)
        yield Kind.BOUNCED, " ".join((refusal.group() if refusal else text).split())[:200]


def _statuses(status: Message) -> Iterator[tuple[str, str]]:
    """Of each recipient, as the blocks after the first have it."""
    blocks = status.get_payload()
    for block in blocks if isinstance(blocks, list) else []:
        kind = ACTIONS.get(_field(block, "Action").lower())
        if isinstance(block, Message) and kind:
            said = _field(block, "Diagnostic-Code")
            yield kind, said if enhanced_code(said) else f"{_field(block, 'Status')} {said}".strip()


def _is_from_a_server(message: Message) -> bool:
    """A bounce of a server that knows no reports, and not somebody's or a robot's answer."""
    is_reply = "auto-replied" in _field(message, "Auto-Submitted").lower()
    sender = f"{_field(message, 'Return-Path')} {_field(message, 'From')}".lower()
    return not is_reply and ("<>" in sender or "mailer-daemon" in sender or "postmaster" in sender)


def _original_id(message: Message) -> str:
    """The Message-ID of the mail that was sent back, whole or its headers alone."""
    for part in message.walk():
        if part.get_content_type() == "text/rfc822-headers":
            return _field(message_from_string(_text_of(part)), "Message-ID")
        if part.get_content_type() == "message/rfc822":
            return _field(_inside(part), "Message-ID")
    return ""


def _named_in(addresses: list[str], purpose: str) -> UUID | None:
    return next(filter(None, (mail_about(address, purpose) for address in addresses)), None)


def _report(raw: bytes, number: int, mail: str, kind: str, at: datetime, detail: str = "") -> MailReport:
    event_id = f"{hashlib.sha256(raw).hexdigest()}:{number}"
    return MailReport(source=SOURCE, event_id=event_id, mail=mail, kind=kind, occurred_at=at, detail=detail)


def _date_of(message: Message, *, now: datetime) -> datetime:
    """When it was written, if that can be."""
    with suppress(ValueError, TypeError, OverflowError):
        told = parsedate_to_datetime(_field(message, "Date"))
        return min(told if told.tzinfo else told.replace(tzinfo=UTC), now)
    return now


def _inside(part: Message) -> Message:
    payload = part.get_payload()
    inner = payload[0] if isinstance(payload, list) and payload else None
    return inner if isinstance(inner, Message) else Message()


def _text_of(part: Message | None) -> str:
    payload = part.get_payload(decode=True) if part else b""
    return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""


def _field(message: object, name: str) -> str:
    """Unfolded; of several the first, of none nothing."""
    return " ".join(next(iter(_headers(message, name)), "").split())


def _headers(message: object, *names: str) -> list[str]:
    if not isinstance(message, Message):
        return []
    return [str(value) for name in names for value in message.get_all(name, [])]
