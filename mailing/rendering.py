"""From a row of the ledger to a message: texts, headers, bytes."""

import json
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
from accounts.sealing import unseal
from mailing.compiled import Texts, render_texts
from mailing.models import OutgoingMail
from mailing.return_paths import bounce_address, reply_address, unsubscribe_address

SHEET_LIGHT, SHEET_DARK = "#fdfcf9", "#191e24"  # what mail.css puts behind the text
LONGEST_ASCII_LINE = 900  # characters of a header left in one line; RFC 5322 allows 998

_inliner = css_inline.CSSInliner(load_remote_stylesheets=False, keep_at_rules=True, minify_css=True)


class UnsendableAddress(Exception):
    """No server could take this address."""


@dataclass(frozen=True)
class Message:
    """What goes out, with plain Unicode in every field; `headers` are those a mail library does not make itself."""

    sender: str
    sender_name: str
    return_path: str
    to: str
    reply_to: str
    headers: dict[str, str]
    texts: Texts
    uuid: str

    @property
    def boundary(self) -> str:
        """No quoted-printable text can hold "=_", so no text can end its part."""
        return f"=_{self.uuid}"

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
    name = name_of(mail.brand)
    return Message(
        sender=_ascii_address(mail.sender),
        sender_name=_one_line(name),
        return_path=_ascii_address(bounce_address(mail)),
        to=_ascii_address(mail.to_address),
        reply_to=_ascii_address(reply_address(mail)),
        headers=_headers(mail, name, date=mail.handed_over_at or now),
        texts=texts_of(mail),
        uuid=mail.uuid.hex,
    )


def texts_of(mail: OutgoingMail) -> Texts:
    """The words of this mail. Its templates also get what differs by mail, token and unsubscribe_url, and `shared`."""
    app, _slash, name = mail.template.partition("/")
    told = _cleaned({**mail.context, **_unsealed(mail)})
    own = {**told, "token": mail.token, "unsubscribe_url": unsubscribe_url(mail)}

    def render_one(template: str, context: dict[str, Any]) -> str:
        is_html = template.endswith(".html")
        with translation.override(mail.brand.voice(mail.language)):
            # The engine's own render() escapes in text files too.
            compiled = get_template(f"{app}/emails/{name}/{template}").template  # type: ignore[attr-defined]
            rendered = compiled.render(Context({**context, **shared(mail)}, autoescape=is_html))
        return _inliner.inline(_without_control(rendered)) if is_html else rendered

    key = (mail.template, mail.language, settings.BASE_URL, *_values(mail.brand))
    texts = render_texts(key, own, render=render_one)
    return Texts(_one_line(texts.subject), _tidy(texts.text), texts.html)


def _unsealed(mail: OutgoingMail) -> dict[str, Any]:
    return json.loads(unseal(bytes(mail.sealed_context))) if mail.sealed_context else {}


def shared(mail: OutgoingMail) -> dict[str, Any]:
    """What the templates of all mails of a brand in a language share."""
    return {
        **colours(mail.brand.color),
        "brand": mail.brand,
        "sender_name": name_of(mail.brand),
        "language": mail.language,
        "base_url": settings.BASE_URL,
    }


def _values(brand: Brand) -> list[str]:
    """All of it, since any template may show any of it."""
    return [str(value) for name, value in vars(brand).items() if not name.startswith("_")]


def unsubscribe_url(mail: OutgoingMail) -> str:
    return f"{settings.BASE_URL}/u/{mail.token}/" if mail.stream else ""


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


def _headers(mail: OutgoingMail, sender_name: str, *, date: datetime) -> dict[str, str]:
    headers = {
        "Date": format_datetime(date),
        "Message-ID": mail.message_id,
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "Feedback-ID": _feedback_id(mail),
    }
    if not mail.stream:
        return headers
    domain = _ascii_address(mail.sender).rpartition("@")[2]
    return headers | {
        "List-Id": _list_id(sender_name, domain, mail.language, mail.stream),
        "List-Unsubscribe": _ways_out(mail),
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Help": f"<{settings.BASE_URL}/help/>",
    }


@lru_cache(maxsize=1024)
def _list_id(sender_name: str, domain: str, language: str, stream: str) -> str:
    is_digest = stream == OutgoingMail.DIGEST
    with translation.override(language):
        list_name = _("What customers of %(brand)s say") if is_digest else _("Surveys of %(brand)s")
    named = _one_line(list_name % {"brand": sender_name})
    return _mailbox(named, f"{'resumen' if is_digest else 'encuestas'}.{domain}")


def _feedback_id(mail: OutgoingMail) -> str:
    """By which Google tells whom complaints are about: what it is, whose, which stream, and last who sends."""
    return f"{mail.template.rpartition('/')[2]}:{mail.brand_id}:{mail.stream or 'service'}:postventa"


def _ways_out(mail: OutgoingMail) -> str:
    """The link, which RFC 8058 wants, and for old programs an address."""
    address = unsubscribe_address(mail)
    return f"<{unsubscribe_url(mail)}>" + (f", <mailto:{_ascii_address(address)}>" if address else "")


@lru_cache(maxsize=1024)  # senders come again and again
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
    if text.isprintable():  # as most are: none of both
        return text
    return _CONTROL.sub("", _BREAKS.sub("\n", text))


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return _without_control(value)
    if isinstance(value, dict):
        return {name: _cleaned(item) for name, item in value.items()}
    return [_cleaned(item) for item in value] if isinstance(value, list) else value


def _tidy(text: str) -> str:
    """Without the empty lines that template tags leave behind."""
    lines = [line.rstrip() if line != "-- " else line for line in _without_control(text).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"
