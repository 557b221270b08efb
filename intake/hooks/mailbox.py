"""Mailboxes that are read: the one to which bounces come back, taken in as webhooks are, and the one for customers."""

import imaplib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from urllib.parse import unquote, urlsplit

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError

from complaints.services.receiving import take_in as take_in_letter
from intake.hooks.mail import receive_mail_events
from intake.hooks.processing import process_event
from mailing.returned import SOURCE as BY_MAIL

LARGEST_BATCH = 1000  # mails of one run; the next takes the others
TIMEOUT = 60  # seconds

log = structlog.get_logger(__name__)


class MailboxError(Exception):
    """It cannot be reached, or does not let us in."""


def take_in(raw: bytes, *, now: datetime, recipient: str = "") -> bool:
    """Store and work one mail; whether it is new. `recipient`: to whom it was delivered, where it does not say so."""
    if recipient:
        raw = f"X-Original-To: {' '.join(recipient.split())}\r\n".encode() + raw
    event, is_new = receive_mail_events(BY_MAIL, raw, now=now)
    if is_new:
        process_event(event, now=now)
    return is_new


def read_mailbox(url: str, *, now: datetime) -> int:
    """Take in the bounces among what is unread at `imaps://user:password@host/folder`; how many mails. MailboxError."""
    return take_unread(url, lambda raw: take_in(raw, now=now), most_bytes=settings.HOOK_MAX_BYTES)


def read_customers_mailbox(url: str, *, now: datetime) -> int:
    """The same for mail of customers, which goes into cases."""
    # One byte too many tells that there is more of it.
    return take_unread(url, lambda raw: take_in_letter(raw, now=now), most_bytes=settings.INBOUND_MAX_BYTES + 1)


def take_unread(url: str, take: Callable[[bytes], object], *, most_bytes: int) -> int:
    """Take what is unread, each mail by itself, and mark it as read; how many. MailboxError.

    One that cannot be stored stays unread, for the next run, and stops no other. Without a database none can be.
    """
    try:
        with _open(url) as mailbox:
            _status, [found] = mailbox.uid("SEARCH", "UNSEEN")
            uids = [uid.decode() for uid in (found or b"").split()[:LARGEST_BATCH]]
            return sum(_take_one(mailbox, uid, take, most_bytes) for uid in uids)
    except (OSError, imaplib.IMAP4.error) as error:
        raise MailboxError(f"{type(error).__name__}: {error}") from error


def _take_one(mailbox: imaplib.IMAP4, uid: str, take: Callable[[bytes], object], most_bytes: int) -> bool:
    raw = _fetch(mailbox, uid, most_bytes)
    if raw is None:  # somebody has removed it meanwhile
        return False
    try:
        take(raw)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("mail_of_mailbox_left_for_later", uid=uid)
        return False
    # Marked only once it is stored: whoever dies in between takes it again, and knows it.
    mailbox.uid("STORE", uid, "+FLAGS.SILENT", r"(\Seen)")
    return True


@contextmanager
def _open(url: str) -> Iterator[imaplib.IMAP4]:
    """Signed in, in its folder."""
    address = urlsplit(url)
    host, folder = address.hostname or "", unquote(address.path.strip("/")) or "INBOX"
    if address.scheme == "imaps":
        mailbox: imaplib.IMAP4 = imaplib.IMAP4_SSL(host, address.port or 993, timeout=TIMEOUT)
    else:
        mailbox = imaplib.IMAP4(host, address.port or 143, timeout=TIMEOUT)
    try:
        mailbox.login(unquote(address.username or ""), unquote(address.password or ""))
        status, _said = mailbox.select(f'"{folder}"')
        if status != "OK":
            raise imaplib.IMAP4.error(f"no folder {folder}")
        yield mailbox
    except BaseException:
        with suppress(OSError):
            mailbox.shutdown()
        raise
    mailbox.logout()


def _fetch(mailbox: imaplib.IMAP4, uid: str, most_bytes: int) -> bytes | None:
    _status, parts = mailbox.uid("FETCH", uid, f"(BODY.PEEK[]<0.{most_bytes}>)")
    return next((bytes(part[1]) for part in parts if isinstance(part, tuple)), None)
