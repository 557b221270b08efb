import asyncio
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from pytest_django.fixtures import Settings

from accounts.models import Brand
from tests.factories import make_brand


class FreePortController(Controller):
    def _create_server(self) -> Any:
        listener = socket.create_server(("127.0.0.1", 0), backlog=50)
        self.port = listener.getsockname()[1]
        return self.loop.create_server(self._factory_invoker, sock=listener)


class Until:
    """In the place of seconds or of a deadline: time is over when the test says so, however slow the machine is."""

    def __init__(self, is_over: Callable[[], bool]) -> None:
        self.is_over = is_over

    def __radd__(self, _now: float) -> Any:
        return self

    def __le__(self, _now: float) -> bool:
        return self.is_over()

    def __gt__(self, _now: float) -> bool:
        return not self.is_over()


class AnsweringServer:
    """A real SMTP server that does with each recipient what the local part of the address says.

    refuse-550, unknown-550, later-451, closing-421: said to RCPT. reject-554, busy-452, bye-421: said after DATA.
    cut: the connection is cut after DATA, without a word. slow: a second before the answer. Anybody else: delivered.
    `delivered` has every message taken, of `cut` too: the server kept it before it fell.
    """

    RCPT = {
        "refuse": "550 5.7.1 Not from you",
        "unknown": "550 5.1.1 No such user",
        "later": "451 4.7.1 Greylisted, come back",
        "closing": "421 4.3.2 Going down",
    }
    DATA = {
        "reject": "554 5.6.0 Not this content",
        "busy": "452 4.2.2 Mailbox full",
        "bye": "421 4.3.2 Going down",
    }

    def __init__(self) -> None:
        self.delivered: list[tuple[str, str, bytes]] = []  # sender, recipient, content
        self.connections = 0
        self.open_connections: list[SMTP] = []
        self.most_connections = 1000
        self.pipelines = False  # allows commands to come before their turn, as most real ones do
        self.seconds = 1.0
        self.hesitating = self.most_hesitating = 0  # over slow answers, at the same time
        self.before_reply: Callable[[], None] = lambda: None  # to RCPT
        self.after_delivery: Callable[[], None] = lambda: None
        self.controller = FreePortController(self, hostname="127.0.0.1")

    @property
    def port(self) -> int:
        return int(self.controller.port)

    @property
    def recipients(self) -> list[str]:
        return [recipient for _sender, recipient, _content in self.delivered]

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += 1
        self.open_connections.append(server)
        self.open_connections = [each for each in self.open_connections if each.transport]
        if len(self.open_connections) > self.most_connections and server.transport:
            server.transport.abort()
        session.host_name = hostname
        return [responses[0], *(["250-PIPELINING"] if self.pipelines else []), *responses[1:]]

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        await asyncio.to_thread(self.before_reply)
        reply = self.RCPT.get(address.split("-")[0])
        if reply:
            return self._say(server, reply)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        address = envelope.rcpt_tos[0]
        word = address.split("-")[0]
        if word in self.DATA:
            return self._say(server, self.DATA[word])
        assert isinstance(envelope.content, bytes)
        self.delivered.append((envelope.mail_from or "", address, envelope.content))
        self.after_delivery()
        if word == "slow":
            self.hesitating += 1
            self.most_hesitating = max(self.most_hesitating, self.hesitating)
            await asyncio.sleep(self.seconds)
            self.hesitating -= 1
        if word == "cut" and server.transport:
            server.transport.abort()
        return f"250 OK queued as {len(self.delivered)}"

    @staticmethod
    def _say(server: SMTP, reply: str) -> str:
        if reply.startswith("421") and server.transport:
            asyncio.get_running_loop().call_later(0.01, server.transport.close)
        return reply


@pytest.fixture
def server(settings: Settings) -> Iterator[AnsweringServer]:
    """Django's mail goes to it."""
    answering = AnsweringServer()
    answering.controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST = "127.0.0.1"
    settings.EMAIL_PORT = answering.port
    settings.EMAIL_TIMEOUT = 60
    # One after the other and as fast as can be, but where a test is about that.
    settings.MAIL_CONNECTIONS = 1
    settings.MAIL_RATE = settings.MAIL_RATE_PER_DOMAIN = 0
    settings.MAIL_DOMAIN_PAUSE_SECONDS = settings.MAIL_POLICY_PAUSE_SECONDS = 0
    yield answering
    answering.controller.stop()


@pytest.fixture(autouse=True)
def our_templates(settings: Settings) -> None:
    """Mails of these tests ("tests/hello") have templates of their own."""
    engine = settings.TEMPLATES[0]
    settings.TEMPLATES = [{**engine, "DIRS": [*engine["DIRS"], Path(__file__).parent / "templates"]}]


@pytest.fixture
def brand(db: None) -> Brand:
    return make_brand()
