"""A mailbox for everybody: an SMTP server that keeps what it gets, and a page that shows it. For the demo and tests.

Each mail is a file of raw bytes, so what is shown is what was sent. Nothing leaves this machine.
"""

import asyncio
import email
import json
import re
import secrets
import socket
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default as modern
from functools import lru_cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiosmtpd.smtp import SMTP, Envelope, Session
from django.contrib.staticfiles import finders
from django.template.loader import render_to_string
from django.utils import translation

from postventa import replying

SHOWN = 200  # mails on the page; the rest is in the JSON
STATIC = {
    "tokens.css": ("css/tokens.css", "text/css"),
    "base.css": ("css/base.css", "text/css"),
    "mailbox.css": ("css/mailbox.css", "text/css"),
    "mailbox.js": ("js/mailbox.js", "text/javascript"),
    "mark.svg": ("img/mark.svg", "image/svg+xml"),
}
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; frame-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# A mail may look as it likes and open links in a tab of their own; it runs nothing and reads nothing.
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data: http: https:; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)


@dataclass(frozen=True)
class Mail:
    """A mail as a person reads it: decoded and unfolded."""

    id: str
    to: str
    subject: str
    headers: list[tuple[str, str]]
    text: str
    html: str

    def header(self, name: str) -> str:
        return next((value for found, value in self.headers if found.lower() == name.lower()), "")

    @property
    def sender(self) -> str:
        return self.header("From")

    @property
    def received_at(self) -> datetime:
        return datetime.strptime(self.id.split("-")[0], "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)


class Mailbox:
    """A folder of mails. Its names sort by arrival."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, raw: bytes, *, now: datetime) -> str:
        name = f"{now:%Y%m%dT%H%M%S%f}-{secrets.token_hex(4)}"
        scratch = self.folder / f"{name}.new"
        scratch.write_bytes(raw)
        scratch.rename(self.folder / f"{name}.eml")  # a reader sees all of it or nothing
        return name

    def names(self) -> list[str]:
        """Newest first."""
        return sorted((path.stem for path in self.folder.glob("*.eml")), reverse=True)

    def read(self, name: str) -> Mail:
        """The mail; KeyError where there is none of that name."""
        if not re.fullmatch(r"\w+-\w+", name):
            raise KeyError(name)
        return read_mail(self.folder / f"{name}.eml")

    def mails(self) -> list[Mail]:
        """All of them, newest first."""
        return [self.read(name) for name in self.names()]


@lru_cache(maxsize=20_000)
def read_mail(path: Path) -> Mail:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise KeyError(path.stem) from None
    message = email.message_from_bytes(raw, _class=EmailMessage, policy=modern)
    headers = [(name, decoded_header(name, value)) for name, value in message.raw_items()]
    first = {name.lower(): value for name, value in reversed(headers)}
    return Mail(
        id=path.stem,
        to=first.get("to", ""),
        subject=first.get("subject", ""),
        headers=headers,
        text=body(message, "plain"),
        html=body(message, "html"),
    )


def decoded_header(name: str, raw: str) -> str:
    value = str(raw).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    try:
        return str(modern.header_fetch_parse(name, value)).strip()
    except Exception:  # the standard library's parser falls over some broken headers, in many ways
        return " ".join(value.split())


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    if part is None:
        return ""
    try:
        content = part.get_content()
    except (LookupError, UnicodeError):  # an unknown character set
        content = bytes(part.get_payload(decode=True) or b"").decode("utf-8", "replace")
    return str(content).replace("\r\n", "\n").encode("utf-8", "replace").decode()


# --- SMTP ----------------------------------------------------------------------------------------------------------
class Receiver:
    """aiosmtpd's handler: answers 250 once the mail is stored."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        self._mailbox.add(envelope.content, now=datetime.now(UTC))
        return "250 OK"


async def serve_smtp(mailbox: Mailbox, listener: socket.socket, *, ended: asyncio.Event) -> None:
    def conversation() -> SMTP:
        return SMTP(Receiver(mailbox), hostname="localhost", enable_SMTPUTF8=True, loop=asyncio.get_running_loop())

    server = await asyncio.get_running_loop().create_server(conversation, sock=listener)
    async with server:
        await ended.wait()


# --- HTTP ----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Page:
    content: bytes
    kind: str = "text/html"
    policy: str = PAGE_POLICY
    status: HTTPStatus = HTTPStatus.OK


def list_page(mailbox: Mailbox, query: dict[str, list[str]]) -> Page:
    names = mailbox.names()
    context = {"mails": [mailbox.read(name) for name in names[:SHOWN]], "total": len(names), "newest": names[:1]}
    return Page(render_to_string("mailbox/list.html", context).encode())


def mail_page(mailbox: Mailbox, query: dict[str, list[str]], name: str) -> Page:
    context = {"mail": mailbox.read(name), "can_reply": replying.can_reply(), "replied": query.get("replied", [""])[0]}
    return Page(render_to_string("mailbox/mail.html", context).encode())


def html_page(mailbox: Mailbox, query: dict[str, list[str]], name: str) -> Page:
    """The mail's own HTML, for the frame; its links open outside of it."""
    html = '<!doctype html><meta charset="utf-8"><base target="_blank">' + mailbox.read(name).html
    return Page(html.encode(), policy=MAIL_POLICY)


def raw_page(mailbox: Mailbox, query: dict[str, list[str]], name: str) -> Page:
    mailbox.read(name)
    return Page((mailbox.folder / f"{name}.eml").read_bytes(), kind="text/plain")


def api_page(mailbox: Mailbox, query: dict[str, list[str]]) -> Page:
    """All mails, newest first; `?to=` those to an address, `?limit=` so many."""
    mails = mailbox.mails()
    if wanted := query.get("to"):
        mails = [mail for mail in mails if wanted[0].lower() in mail.to.lower()]
    if limit := query.get("limit"):
        mails = mails[: int(limit[0]) if limit[0].isdecimal() else None]
    return Page(json.dumps([asdict(mail) for mail in mails]).encode(), kind="application/json")


def static_page(mailbox: Mailbox, query: dict[str, list[str]], name: str) -> Page:
    path, kind = STATIC[name]
    return Page(Path(str(finders.find(path))).read_bytes(), kind=kind)


def health_page(mailbox: Mailbox, query: dict[str, list[str]]) -> Page:
    return Page(b"ok\n", kind="text/plain")


ROUTES: list[tuple[str, Callable[..., Page]]] = [
    (r"/", list_page),
    (r"/messages/([\w-]+)/", mail_page),
    (r"/messages/([\w-]+)/html", html_page),
    (r"/messages/([\w-]+)/raw", raw_page),
    (r"/api/messages", api_page),
    (r"/static/([\w.]+)", static_page),
    (r"/healthz", health_page),
]


def page_for(mailbox: Mailbox, target: str, *, accept_language: str) -> Page:
    address = urlsplit(target)
    with translation.override("en" if accept_language.lower().startswith("en") else "es"):
        for pattern, view in ROUTES:
            if found := re.fullmatch(pattern, address.path):
                try:
                    return view(mailbox, parse_qs(address.query), *found.groups())
                except KeyError:
                    break
        return Page(render_to_string("mailbox/missing.html").encode(), status=HTTPStatus.NOT_FOUND)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60  # seconds an idle connection is kept
    mailbox: Mailbox

    def do_GET(self) -> None:
        page = page_for(self.mailbox, self.path, accept_language=self.headers.get("Accept-Language", ""))
        self.send_response(page.status)
        self.send_header("Content-Type", f"{page.kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(page.content)))
        self.send_header("Content-Security-Policy", page.policy)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(page.content)

    do_HEAD = do_GET

    def do_POST(self) -> None:
        """An answer to a mail, in the name of whom it was for; then its page again."""
        length = self.headers.get("Content-Length", "")
        found = re.fullmatch(r"/messages/([\w-]+)/reply", self.path)
        is_good = length.isdecimal() and int(length) <= replying.LONGEST and replying.is_from_here(dict(self.headers))
        if not (found and is_good and replying.can_reply()):
            self.close_connection = True
            self.send_error(HTTPStatus.BAD_REQUEST)
            return
        text = replying.text_in(self.rfile.read(int(length)))
        try:
            mail = self.mailbox.read(found[1])
        except KeyError:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        headers = {name.lower(): value for name, value in reversed(mail.headers)}
        told = "yes" if text and replying.reply(headers, text=text, quoted=mail.text) else "no"
        self.send_response(HTTPStatus.SEE_OTHER)
        self.send_header("Location", f"/messages/{mail.id}/?replied={told}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the page asks every two seconds."""


class PageServer(ThreadingHTTPServer):
    """On a socket that already listens."""

    daemon_threads = True

    def __init__(self, mailbox: Mailbox, listener: socket.socket) -> None:
        handler = type("MailboxHandler", (Handler,), {"mailbox": mailbox})
        super().__init__(listener.getsockname()[:2], handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener


def serve(mailbox: Mailbox, *, smtp: socket.socket, http: list[socket.socket], ended: asyncio.Event) -> Any:
    """The coroutine that serves both until `ended`."""
    for listener in http:
        Thread(target=PageServer(mailbox, listener).serve_forever, daemon=True).start()
    return serve_smtp(mailbox, smtp, ended=ended)
