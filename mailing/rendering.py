"""From a row of the ledger to a message: texts, headers, bytes."""

import re
from binascii import b2a_qp
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime, formataddr
from functools import lru_cache
from typing import Any

import css_inline
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.template import Context
from django.template.loader import get_template
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.colour import ink_on, readable_on
from accounts.models import Brand
from mailing.models import OutgoingMail

SHEET_LIGHT, SHEET_DARK = "#fdfcf9", "#191e24"  # what mail.css puts behind the text
LONGEST_ASCII_LINE = 900  # characters of a header left in one line; RFC 5322 allows 998

_inliner = css_inline.CSSInliner(load_remote_stylesheets=False, keep_at_rules=True, minify_css=True)


class UnsendableAddress(Exception):
    """No server could take this address."""


@dataclass(frozen=True)
class Texts:
    subject: str
    text: str
    html: str


@dataclass(frozen=True)
class Message:
    """What goes out, with plain Unicode in every field; `headers` are those a mail library does not make itself."""

    sender: str
    sender_name: str
    to: str
    reply_to: str
    headers: dict[str, str]
    texts: Texts
    boundary: str

    @property
    def quoted_sender_name(self) -> str:
        return self.sender_name.replace("\\", "\\\\").replace('"', '\\"')

    def as_bytes(self) -> bytes:
        """RFC 5322 in ASCII with CRLF. By hand: the library's classes take seven times the time of sending it."""
        headers = [
            ("From", _mailbox(self.sender_name, self.sender)),
            ("To", self.to),
            ("Reply-To", self.reply_to),
            ("Subject", _encoded(self.texts.subject)),
            *((name, _encoded(value)) for name, value in self.headers.items()),
            ("MIME-Version", "1.0"),
            ("Content-Type", f'multipart/alternative; boundary="{self.boundary}"'),
        ]
        lines = [f"{name}: {value}".encode("ascii") for name, value in headers]
        for subtype, body in (("plain", self.texts.text), ("html", self.texts.html)):
            lines += [
                b"",
                f"--{self.boundary}".encode(),
                f"Content-Type: text/{subtype}; charset=utf-8".encode(),
                b"Content-Transfer-Encoding: quoted-printable",
                b"",
                b2a_qp(body.encode(), istext=True).replace(b"\n", b"\r\n"),
            ]
        return b"\r\n".join([*lines, f"--{self.boundary}--".encode(), b""])


def render(mail: OutgoingMail, *, now: datetime) -> Message:
    """The message of this row; the same at every retry.

    UnsendableAddress, and whatever its template raises.
    """
    context = base_context(mail)
    return Message(
        sender=_ascii_address(mail.sender),
        sender_name=_one_line(context["sender_name"]),
        to=_ascii_address(mail.to_address),
        reply_to=_ascii_address(mail.brand.reply_to or mail.brand.service_sender or mail.sender),
        headers=_headers(mail, context, date=mail.handed_over_at or now),
        texts=render_texts(mail, context),
        # No quoted-printable text can hold "=_", so no text can end its part.
        boundary=f"=_{mail.uuid.hex}",
    )


def base_context(mail: OutgoingMail) -> dict[str, Any]:
    """What the templates of every mail may use beside the row's own context."""
    brand = mail.brand
    return {
        **colours(brand.color),
        "brand": brand,
        "sender_name": name_of(brand),
        "language": mail.language,
        "base_url": settings.BASE_URL,
        "token": mail.token,
        "unsubscribe_url": f"{settings.BASE_URL}/u/{mail.token}/" if mail.is_survey_mail else "",
    }


def name_of(brand: Brand) -> str:
    """Who writes, as the recipient and whoever looks over their shoulder sees it."""
    return (brand.is_discreet and brand.discreet_name) or brand.sender_name or brand.name


@lru_cache(maxsize=256)
def colours(color: str) -> dict[str, str]:
    accent, accent_dark = readable_on(SHEET_LIGHT, color), readable_on(SHEET_DARK, color)
    return {
        "accent": accent,
        "accent_ink": ink_on(accent),
        "accent_dark": accent_dark,
        "accent_dark_ink": ink_on(accent_dark),
    }


def render_texts(mail: OutgoingMail, base: dict[str, Any]) -> Texts:
    app, _slash, name = mail.template.partition("/")
    folder = f"{app}/emails/{name}"
    with translation.override(mail.language):
        context = {**mail.context, **base}
        subject = _one_line(_render(f"{folder}/subject.txt", context, autoescape=False))
        context["subject"] = subject
        text = _render(f"{folder}/body.txt", context, autoescape=False)
        html = _render(f"{folder}/body.html", context, autoescape=True)
    return Texts(subject, _tidy(text), _inliner.inline(_without_control(html)))


def _render(template: str, context: dict[str, Any], *, autoescape: bool) -> str:
    # The engine's own render() escapes in text files too.
    rendered: str = get_template(template).template.render(Context(context, autoescape=autoescape))  # type: ignore[attr-defined]
    return rendered


def _headers(mail: OutgoingMail, context: dict[str, Any], *, date: datetime) -> dict[str, str]:
    headers = {
        "Date": format_datetime(date),
        "Message-ID": mail.message_id,
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
    }
    if not mail.is_survey_mail:
        return headers
    with translation.override(mail.language):
        list_name = _("Surveys of %(brand)s") % {"brand": context["sender_name"]}
    domain = _ascii_address(mail.sender).rpartition("@")[2]
    return headers | {
        "List-Id": _mailbox(_one_line(list_name), f"encuestas.{domain}"),
        "List-Unsubscribe": f"<{context['unsubscribe_url']}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Help": f"<{settings.BASE_URL}/help/>",
    }


def _ascii_address(address: str) -> str:
    local, _at, domain = address.strip().rpartition("@")
    try:
        ascii_address = f"{local.encode('ascii').decode()}@{domain.encode('idna').decode()}"
        validate_email(ascii_address)
    except (UnicodeError, ValidationError) as error:
        raise UnsendableAddress(str(error)) from error
    return ascii_address


@lru_cache(maxsize=1024)
def _mailbox(name: str, address: str) -> str:
    """`"Name" <address>`, the name encoded where it has to be."""
    if name.isascii():
        return formataddr((name, address)) if name else f"<{address}>"
    return f"{_encoded(name)} <{address}>"


@lru_cache(maxsize=1024)
def _encoded(value: str) -> str:
    if value.isascii() and len(value) <= LONGEST_ASCII_LINE:
        return value
    return Header(value, "utf-8", maxlinelen=76).encode(linesep="\r\n")


_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_BREAKS = re.compile(r"\r\n?|[\u0085\u2028\u2029]")


def _one_line(value: str) -> str:
    """Nothing in a header may begin a second one."""
    return " ".join(_CONTROL.sub(" ", value).split())


def _without_control(text: str) -> str:
    return _CONTROL.sub("", _BREAKS.sub("\n", text))


def _tidy(text: str) -> str:
    """Without the empty lines that template tags leave behind."""
    lines = [line.rstrip() if line != "-- " else line for line in _without_control(text).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"
