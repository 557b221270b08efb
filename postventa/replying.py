"""Answers from the demo's mailbox: whoever plays the customer writes back, and the mail goes in as from any server."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from secrets import token_hex
from urllib.parse import parse_qs

import requests
from django.conf import settings

from mailing.signing import signed_headers

LONGEST = 20_000  # bytes of what the form sends
TIMEOUT = 20  # seconds


def can_reply() -> bool:
    """Only where the product takes mail in that we sign."""
    return bool(settings.INBOUND_MAIL_SECRET)


def is_from_here(headers: Mapping[str, str]) -> bool:
    """Does a page of ours ask? Any other that a browser has open may post here too, and says so.

    A page that tells no referrer tells no origin either (`null`), but always whether it is the same.
    """
    origin = headers.get("Origin", "").partition("://")[2]
    return headers.get("Sec-Fetch-Site") == "same-origin" or (bool(origin) and origin == headers.get("Host"))


def text_in(form: bytes) -> str:
    return parse_qs(form.decode("utf-8", "replace")).get("text", [""])[0].replace("\0", "").strip()


def answer_to(headers: Mapping[str, str], *, text: str, quoted: str, now: datetime) -> EmailMessage:
    """As mail programs write it, with what is answered below. `headers`: of that mail, by names in small letters."""
    message = EmailMessage()
    message["From"] = headers["to"]
    message["To"] = headers.get("reply-to") or headers["from"]
    message["Subject"] = f"Re: {headers.get('subject', '')}"
    message["Date"] = format_datetime(now)
    message["Message-ID"] = make_msgid(domain="correo.example")
    message["In-Reply-To"] = headers.get("message-id", "")
    lead = f"El {now:%d/%m/%Y, %H:%M}, {headers['from']} escribió:"
    message.set_content("\n".join([text, "", lead, *(f"> {line}" for line in quoted.splitlines())]))
    return message


def send_in(message: EmailMessage) -> bool:
    """Whether it was taken."""
    body = message.as_bytes()
    secrets, event_id = settings.INBOUND_MAIL_SECRET.split()[:1], f"msg_{token_hex(8)}"
    headers = signed_headers(secrets, event_id=event_id, timestamp=int(time.time()), body=body)
    url = f"{settings.BASE_URL}/api/v1/hooks/inbound/raw/"
    headers["Content-Type"] = "message/rfc822"
    try:
        return requests.post(url, body, headers=headers, timeout=TIMEOUT).ok
    except requests.RequestException:
        return False


def reply(headers: Mapping[str, str], *, text: str, quoted: str) -> bool:
    return send_in(answer_to(headers, text=text, quoted=quoted, now=datetime.now(UTC)))
