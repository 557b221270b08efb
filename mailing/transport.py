"""Handing a message to a mail server, and saying truthfully what became of it.

Four answers: accepted; `Refused` for good; `Deferred`, not accepted now; `Lost`, perhaps accepted. Plus `Unreachable`,
which is about the server and no mail's fault.
"""

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

import requests
from anymail.exceptions import (
    AnymailAPIError,
    AnymailConfigurationError,
    AnymailInvalidAddress,
    AnymailRecipientsRefused,
    AnymailSerializationError,
    AnymailUnsupportedFeature,
)
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend as SmtpBackend

from mailing.rendering import Message

# Seconds for an answer to anything but the message itself. To give up there loses nothing: the mail is tried again.
COMMAND_TIMEOUT = 60
CLOSING = 421  # the server says goodbye
BEGUN = (250, 250, 354)  # to MAIL, RCPT and DATA where all is well
LONGEST_REPLY = 500  # characters kept


def longest_conversation() -> int:
    """Seconds that a mail may take once it is promised: MAIL, RCPT, DATA, the message, and the wait for its answer."""
    return 4 * min(COMMAND_TIMEOUT, settings.EMAIL_TIMEOUT) + int(settings.EMAIL_TIMEOUT)


class Refused(Exception):
    """The server will never take this message."""


class Deferred(Exception):
    """The server did not take it, but may later."""


class Lost(Exception):
    """All was sent and no answer came: perhaps it was delivered."""


class Unreachable(Exception):
    """There is no server to talk to, or it does not let us in."""


class Transport(Protocol):
    def open(self) -> None:
        """Be ready to deliver. Unreachable."""

    def deliver(self, message: Message) -> str:
        """What the server said when it accepted. Refused, Deferred, Lost, Unreachable."""

    def close(self) -> None: ...


@contextmanager
def open_transport() -> Iterator[Transport]:
    """The transport of the settings; its connection is made when first needed, and closed here."""
    backend = get_connection()
    transport: Transport = SmtpTransport(backend) if isinstance(backend, SmtpBackend) else BackendTransport(backend)
    try:
        yield transport
    finally:
        transport.close()


class SmtpTransport:
    """One kept connection. Speaks the conversation itself: only so is it known how far it came when it breaks."""

    def __init__(self, backend: SmtpBackend) -> None:
        self.backend = backend
        backend.timeout = min(COMMAND_TIMEOUT, settings.EMAIL_TIMEOUT)
        self.count = 0  # messages of this connection

    def open(self) -> None:
        if self.backend.connection and self.count >= settings.MAIL_CONNECTION_MESSAGES:
            self.close()
        if self.backend.connection:
            return
        self.count = 0
        try:
            self.backend.open()
            assert self.backend.connection is not None
            self.backend.connection.ehlo_or_helo_if_needed()
        except OSError as error:  # smtplib's own are OSErrors too: a refused sign-in, a farewell instead of a greeting
            self.drop()
            raise Unreachable(describe(error)) from error

    def deliver(self, message: Message) -> str:
        self.open()
        assert self.backend.connection is not None
        data = message.as_bytes()
        self.count += 1
        try:
            self._begin(self.backend.connection, message)
            # If this fails, the final dot has not left: sendall() fails only with something still to be sent.
            self.backend.connection.send(_dot_stuffed(data) + b".\r\n")
        except OSError as error:
            self.drop()
            raise Deferred(describe(error)) from error
        return self._answer(self.backend.connection)

    def _begin(self, smtp: smtplib.SMTP, message: Message) -> None:
        if smtp.has_extn("pipelining"):
            self._begin_at_once(smtp, message)
            return
        self._check(*smtp.mail(message.return_path), smtp)
        self._check(*smtp.rcpt(message.to), smtp)
        self._check(*smtp.docmd("DATA"), smtp, expected=354)

    def _begin_at_once(self, smtp: smtplib.SMTP, message: Message) -> None:
        """All three commands, then all three answers (RFC 2920): half the round trips of a mail."""
        sender, recipient = smtplib.quoteaddr(message.return_path), smtplib.quoteaddr(message.to)
        smtp.send(f"MAIL FROM:{sender}\r\nRCPT TO:{recipient}\r\nDATA\r\n")
        said = three_answers(smtp)
        wrong = (each for each, expected in zip(said, BEGUN, strict=False) if not is_as_expected(each[0], expected))
        refusal, is_recipient_taken = next(wrong, None), len(said) > 1 and is_as_expected(said[1][0], 250)
        if refusal is None:
            return
        if said[-1][0] == CLOSING or (said[-1][0] == 354 and is_recipient_taken):
            self.drop()  # it would take the dot for an empty message to them
        elif said[-1][0] == 354:  # it waits for a message to nobody, which only a dot can end
            with suppress(OSError):
                smtp.send(b".\r\n")
                smtp.getreply()
        self._check(*refusal, smtp, expected=0)

    def _answer(self, smtp: smtplib.SMTP) -> str:
        """The one wait that must not be short: giving up on an answer makes the mail arrive twice."""
        assert smtp.sock is not None
        try:
            smtp.sock.settimeout(settings.EMAIL_TIMEOUT)
            code, reply = smtp.getreply()
            smtp.sock.settimeout(self.backend.timeout)
        except OSError as error:
            self.drop()
            raise Lost(describe(error)) from error
        self._check(code, reply, smtp)
        return describe_reply(code, reply)

    def _check(self, code: int, reply: bytes, smtp: smtplib.SMTP, *, expected: int = 250) -> None:
        if is_as_expected(code, expected):
            return
        if code == CLOSING:
            self.drop()  # the server says that it is closing
        else:
            # The server forgets this message and takes the next. Where even that fails, a new connection does.
            try:
                is_reset = smtp.rset()[0] == 250
            except OSError:
                is_reset = False
            if not is_reset:
                self.drop()
        raise (Refused if 500 <= code < 600 else Deferred)(describe_reply(code, reply))

    def drop(self) -> None:
        """Without a farewell, which a dead connection would keep waiting for."""
        connection, self.backend.connection = self.backend.connection, None
        if connection:
            connection.close()

    def close(self) -> None:
        connection, self.backend.connection = self.backend.connection, None
        if connection:
            with suppress(OSError):
                connection.quit()
            connection.close()


class BackendTransport:
    """Any other EMAIL_BACKEND, such as a provider's API through django-anymail, as far as its errors tell."""

    def __init__(self, backend: BaseEmailBackend) -> None:
        self.backend = backend

    def open(self) -> None:
        try:
            self.backend.open()
        except (OSError, AnymailConfigurationError) as error:
            raise Unreachable(describe(error)) from error

    def deliver(self, message: Message) -> str:
        email, backend = as_email(message), type(self.backend).__module__
        if settings.BOUNCE_ADDRESS and takes_return_path(backend):
            email.envelope_sender = message.return_path  # type: ignore[attr-defined]
        if backend == POSTAL:
            del email.metadata  # type: ignore[attr-defined]
        try:
            count = self.backend.send_messages([email])
        except (
            AnymailRecipientsRefused,
            AnymailInvalidAddress,
            AnymailSerializationError,
            AnymailUnsupportedFeature,
        ) as error:
            raise Refused(describe(error)) from error
        except AnymailAPIError as error:
            raise _meaning_of(error) from error
        except OSError as error:
            raise Lost(describe(error)) from error
        if not count:
            raise Refused(f"{type(self.backend).__module__} sent nothing")
        # The provider's own id for it, by which its events will speak of it.
        return str(getattr(getattr(email, "anymail_status", None), "message_id", None) or "accepted")

    def close(self) -> None:
        self.backend.close()


SMTP = "django.core.mail.backends.smtp.EmailBackend"
# Providers that take a whole address for bounces to come back to. Others know its domain alone, or refuse the mail.
TAKE_RETURN_PATH = ("amazon_ses", "postal", "sparkpost")
POSTAL = "anymail.backends.postal"  # gives nothing back with its events, and django-anymail refuses mails that want it


def takes_return_path(backend: str) -> bool:
    """`backend`: the path of an EMAIL_BACKEND or of its module."""
    return backend.startswith(tuple(f"anymail.backends.{name}" for name in TAKE_RETURN_PATH))


def bounces_come_by() -> tuple[str, ...]:
    """How a bounce reaches us: by "mail" to the mail's own return path, by the provider's "webhook"; none: not at all.

    Also where both report the same: each is written into the mail's story once.
    """
    backend = settings.EMAIL_BACKEND
    by_mail = settings.BOUNCE_ADDRESS and (backend == SMTP or takes_return_path(backend))
    by_webhook = backend.startswith("anymail.")
    return (*(["mail"] if by_mail else []), *(["webhook"] if by_webhook else []))


def as_email(message: Message) -> EmailMultiAlternatives:
    email = EmailMultiAlternatives(
        subject=message.texts.subject,
        body=message.texts.text,
        from_email=f'"{message.quoted_sender_name}" <{message.sender}>',
        to=[message.to],
        reply_to=[message.reply_to],
        headers=message.headers,
    )
    # A provider gives it back with each event, so that we know of which mail it speaks, whatever its own ids are.
    email.metadata = {"mail": message.uuid}  # type: ignore[attr-defined]
    email.attach_alternative(message.texts.html, "text/html")
    return email


def _meaning_of(error: AnymailAPIError) -> Exception:
    said = describe(error)
    match error.status_code:
        case 401 | 403:
            return Unreachable(said)  # our key, not this mail
        case 429 | 503:
            return Deferred(said)
        case int(status) if 400 <= status < 500 and status != 408:
            return Refused(said)
    if isinstance(error, requests.ConnectTimeout) or "NewConnectionError" in repr(error.__cause__ or error):
        return Unreachable(said)  # the request was never made
    return Lost(said)


def describe(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return describe_reply(error.smtp_code, error.smtp_error)
    return f"{type(error).__name__}: {error}"[:LONGEST_REPLY]


def describe_reply(code: int, reply: bytes | str) -> str:
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    return f"{code} {' '.join(text.replace(chr(0), '').split())}"[:LONGEST_REPLY]


def three_answers(smtp: smtplib.SMTP) -> list[tuple[int, bytes]]:
    """To MAIL, RCPT and DATA; fewer where the server ends it. OSError: it hung up, and had refused nothing before."""
    said: list[tuple[int, bytes]] = []
    for _command in BEGUN:
        try:
            said.append(smtp.getreply())
        except OSError:
            if all(is_as_expected(code, expected) for (code, _reply), expected in zip(said, BEGUN, strict=False)):
                raise
            break
        if said[-1][0] == CLOSING:
            break
    return said


def is_as_expected(code: int, expected: int) -> bool:
    return code == expected or (expected == 250 and 200 <= code < 300)


def _dot_stuffed(data: bytes) -> bytes:
    return (b"." if data.startswith(b".") else b"") + data.replace(b"\n.", b"\n..")
