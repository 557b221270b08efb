"""Addresses of ours that say which mail they are about: where its bounces go, where one unsubscribes from it, and where
answers to it go.

Such an address tells no stranger to whom the mail went, and nobody can make one up: `bounces+1-<mail><signature>@…`, in
letters and digits that survive a server which writes all in small letters.
"""

import base64
import hmac
import re
from uuid import UUID

from django.conf import settings

from mailing.models import OutgoingMail

BOUNCE, UNSUBSCRIBE, REPLY = "bounce", "unsubscribe", "reply"
_SIGNATURE_BYTES = 8  # on top of 122 random bits
_ADDRESS = re.compile(r"\+(\d{1,3})-([a-z2-7]{26})([a-z2-7]{13})@", re.IGNORECASE)


def bounce_address(mail: OutgoingMail) -> str:
    """The envelope's sender: by its bounces we know the mail. Without BOUNCE_ADDRESS whom it comes from."""
    return address_about(mail, BOUNCE, settings.BOUNCE_ADDRESS) if settings.BOUNCE_ADDRESS else mail.sender


def unsubscribe_address(mail: OutgoingMail) -> str:
    """Where any mail unsubscribes from this one; empty: only the link does."""
    return address_about(mail, UNSUBSCRIBE, settings.UNSUBSCRIBE_ADDRESS) if settings.UNSUBSCRIBE_ADDRESS else ""


def reply_address(mail: OutgoingMail) -> str:
    """Where answers go. Each mail has its own, so that two customers who answer one survey are never taken for one."""
    if settings.REPLY_ADDRESS:
        return address_about(mail, REPLY, settings.REPLY_ADDRESS)
    return mail.brand.reply_to or mail.brand.service_sender or mail.sender


def address_about(mail: OutgoingMail, purpose: str, address: str) -> str:
    """`address` with the mail behind its local part; its `{domain}` is that of the sender, as DMARC likes it."""
    local, _at, domain = address.replace("{domain}", mail.sender.rpartition("@")[2]).rpartition("@")
    signature = _signature(mail.uuid, purpose, key_version=mail.key_version)
    return f"{local}+{mail.key_version}-{_letters(mail.uuid.bytes)}{signature}@{domain}"


def mail_about(address: str, purpose: str) -> UUID | None:
    """The mail that an address of ours for this purpose is about; None: it is none, or forged."""
    found = _ADDRESS.search(address)
    if found is None or int(found[1]) not in settings.LINK_KEYS:
        return None
    mail = UUID(bytes=base64.b32decode(found[2].upper() + "======"))
    signature = _signature(mail, purpose, key_version=int(found[1]))
    return mail if hmac.compare_digest(signature, found[3].lower()) else None


def _signature(mail: UUID, purpose: str, *, key_version: int) -> str:
    digest = hmac.digest(settings.LINK_KEYS[key_version].encode(), f"{purpose}:{mail}".encode(), "sha256")
    return _letters(digest[:_SIGNATURE_BYTES])


def _letters(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=").lower()
