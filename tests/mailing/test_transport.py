"""What servers say, one by one or all at once, and what errors of providers behind Django's interface mean."""

import json
import socket
from collections.abc import Iterator, Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any, ClassVar

import pytest
from anymail.backends.base import BasePayload
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from pytest_django.fixtures import Settings

from accounts.models import Brand
from mailing.rendering import Message, render
from mailing.return_paths import BOUNCE, mail_about
from mailing.services import queue_mail
from mailing.transport import (
    TAKE_RETURN_PATH,
    BackendTransport,
    Deferred,
    Lost,
    Refused,
    Unreachable,
    as_email,
    bounces_come_by,
    open_transport,
)
from tests.factories import NOW
from tests.mailing.conftest import AnsweringServer
from tests.mailing.factories import make_request

pytestmark = pytest.mark.django_db


@pytest.mark.integration
@pytest.mark.parametrize("pipelines", [False, True])
@pytest.mark.parametrize(
    ("word", "meaning", "said"),
    [
        ("refuse", Refused, "550 5.7.1 Not from you"),
        ("later", Deferred, "451 4.7.1 Greylisted, come back"),
        ("closing", Deferred, "421 4.3.2 Going down"),
        ("reject", Refused, "554 5.6.0 Not this content"),
        ("busy", Deferred, "452 4.2.2 Mailbox full"),
        ("bye", Deferred, "421 4.3.2 Going down"),
        ("cut", Lost, "SMTPServerDisconnected: Connection unexpectedly closed"),
    ],
)
def test_a_server_is_understood_and_gets_the_next_mail_all_the_same(
    server: AnsweringServer, message: Message, *, pipelines: bool, word: str, meaning: type[Exception], said: str
) -> None:
    server.pipelines = pipelines

    with open_transport() as transport:
        with pytest.raises(meaning) as caught:
            transport.deliver(replace(message, to=f"{word}-1@correo.example"))
        reply = transport.deliver(replace(message, to="good@correo.example"))

    assert str(caught.value) == said
    assert reply.startswith("250 OK queued")
    assert server.recipients[-1] == "good@correo.example"
    assert server.delivered[-1][2].endswith(f"\r\n--{message.boundary}--\r\n".encode())


class HastyServer(StreamRequestHandler):
    """Says nothing before it has heard all three commands, refuses the recipient and still asks for the message."""

    heard: ClassVar[list[bytes]] = []

    def handle(self) -> None:
        self.say("220 hasty")
        self.hear()
        self.say("250-hasty", "250 PIPELINING")
        while self.hear().startswith(b"MAIL"):
            self.hear(), self.hear()
            self.say("250 ok", "550 5.1.1 nobody", "354 go on")
            while self.hear() != b".\r\n":
                pass
            self.say("554 no valid recipients")
            self.hear()  # RSET
            self.say("250 ok")

    def say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())

    def hear(self) -> bytes:
        line = self.rfile.readline()
        self.heard.append(line)
        return line


@pytest.mark.integration
def test_no_word_of_a_message_goes_to_nobody(message: Message, settings: Settings) -> None:
    HastyServer.heard.clear()
    with ThreadingTCPServer(("127.0.0.1", 0), HastyServer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address[:2]
        settings.EMAIL_TIMEOUT = 60
        with open_transport() as transport:
            for _ in range(2):
                with pytest.raises(Refused, match=r"550 5\.1\.1 nobody"):
                    transport.deliver(message)
        server.shutdown()

    conversation = [
        f"MAIL FROM:<{message.return_path}>\r\n".encode(),
        f"RCPT TO:<{message.to}>\r\n".encode(),
        b"DATA\r\n",
        b".\r\n",
        b"rset\r\n",
    ]
    assert HastyServer.heard[1:11] == conversation * 2


class AbruptServer(StreamRequestHandler):
    """Hears all three commands, says what it is told to, and hangs up; keeps what comes all the same."""

    said: ClassVar[list[str]] = []
    heard: ClassVar[list[bytes]] = []

    def handle(self) -> None:
        self.wfile.write(b"220 abrupt\r\n")
        self.rfile.readline()
        self.wfile.write(b"250-abrupt\r\n250 PIPELINING\r\n")
        for _command in range(3):
            self.rfile.readline()
        self.wfile.write("".join(f"{line}\r\n" for line in self.said).encode())
        self.connection.shutdown(socket.SHUT_WR)
        self.heard.extend(self.rfile)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("said", "meaning", "told"),
    [
        (["250 ok", "550 5.1.1 nobody"], Refused, "550 5.1.1 nobody"),
        (["250 ok", "550 5.1.1 nobody", "421 4.7.0 Too many errors"], Refused, "550 5.1.1 nobody"),
        (["550 5.7.1 Not you"], Refused, "550 5.7.1 Not you"),
        (["250 ok", "451 4.7.1 Later"], Deferred, "451 4.7.1 Later"),
        (["250 ok", "250 ok"], Deferred, "SMTPServerDisconnected: Connection unexpectedly closed"),
        ([], Deferred, "SMTPServerDisconnected: Connection unexpectedly closed"),
        (["550 5.7.1 Not you", "250 ok", "354 go on"], Refused, "550 5.7.1 Not you"),
        (["250 ok", "550 5.1.1 nobody", "354 go on"], Refused, "550 5.1.1 nobody"),
    ],
)
def test_what_was_refused_stays_refused_when_the_server_hangs_up(
    message: Message, settings: Settings, *, said: list[str], meaning: type[Exception], told: str
) -> None:
    AbruptServer.said[:], AbruptServer.heard[:] = said, []
    with ThreadingTCPServer(("127.0.0.1", 0), AbruptServer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address[:2]
        settings.EMAIL_TIMEOUT = 60
        with open_transport() as transport, pytest.raises(meaning) as caught:
            transport.deliver(message)
        server.shutdown()

    assert str(caught.value) == told
    is_recipient_taken = said[1:2] == ["250 ok"]
    assert not (is_recipient_taken and b".\r\n" in AbruptServer.heard)  # an empty message to them


class Provider(BaseHTTPRequestHandler):
    """A provider's API (Brevo's): answers with the status that the recipient's address begins with, or hangs up."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        word = body["to"][0]["email"].split("-")[0]
        if word == "hangup":
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(int(word))
        self.end_headers()
        self.wfile.write(b'{"messageId": "<7@provider.example>"}')

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def provider(settings: Settings) -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    Thread(target=server.serve_forever, daemon=True).start()
    settings.EMAIL_BACKEND = "anymail.backends.brevo.EmailBackend"
    settings.ANYMAIL = {
        "BREVO_API_KEY": "key",
        "BREVO_API_URL": f"http://127.0.0.1:{server.server_port}/",
        "REQUESTS_TIMEOUT": 60,
    }
    yield server
    server.shutdown()
    server.server_close()


class Silent(BaseEmailBackend):
    def send_messages(self, email_messages: Sequence[Any]) -> int:
        return 0


@pytest.fixture
def message(brand: Brand) -> Message:
    return render(queue_mail(make_request(brand)), now=NOW)


def deliver_to(message: Message, to: str) -> str:
    with open_transport() as transport:
        transport.open()
        return transport.deliver(replace(message, to=to))


def test_what_a_provider_accepts_is_known_by_its_own_id(provider: ThreadingHTTPServer, message: Message) -> None:
    assert deliver_to(message, "201-carla@correo.example") == "<7@provider.example>"


@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        ("400", Refused),
        ("422", Refused),
        ("429", Deferred),
        ("503", Deferred),
        ("401", Unreachable),
        ("403", Unreachable),
        ("408", Lost),
        ("500", Lost),
        ("504", Lost),
        ("hangup", Lost),
    ],
)
def test_an_error_of_a_provider_is_what_it_means(
    provider: ThreadingHTTPServer, message: Message, word: str, meaning: type[Exception]
) -> None:
    with pytest.raises(meaning):
        deliver_to(message, f"{word}-carla@correo.example")


def test_a_provider_that_nobody_reaches_is_no_mails_fault(message: Message, settings: Settings) -> None:
    settings.EMAIL_BACKEND = "anymail.backends.brevo.EmailBackend"
    settings.ANYMAIL = {"BREVO_API_KEY": "key", "BREVO_API_URL": "http://127.0.0.1:1/"}

    with pytest.raises(Unreachable):
        deliver_to(message, "201-carla@correo.example")


def test_a_provider_that_sends_nothing_has_refused(message: Message) -> None:
    with pytest.raises(Refused):
        BackendTransport(Silent()).deliver(message)


class Postal(BaseHTTPRequestHandler):
    """A provider that takes a return path, and keeps what it was sent."""

    taken: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        self.taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()
        told = {"message_id": "m7", "messages": {self.taken[-1]["to"][0]: {"id": 7, "token": "t"}}}
        self.wfile.write(json.dumps({"status": "success", "data": told}).encode())

    def log_message(self, *args: object) -> None:
        pass


@pytest.mark.parametrize("bounces", ["bounces@{domain}", ""])
def test_a_provider_that_takes_a_return_path_is_told_the_mails_own(
    brand: Brand, settings: Settings, bounces: str
) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Postal)
    Thread(target=server.serve_forever, daemon=True).start()
    settings.EMAIL_BACKEND = "anymail.backends.postal.EmailBackend"
    settings.ANYMAIL = {"POSTAL_API_KEY": "key", "POSTAL_API_URL": f"http://127.0.0.1:{server.server_port}/"}
    settings.BOUNCE_ADDRESS = bounces
    mail = queue_mail(make_request(brand))

    deliver_to(render(mail, now=NOW), "carla@correo.example")

    server.shutdown()
    server.server_close()
    sender = Postal.taken.pop().get("sender", "")
    assert mail_about(sender, BOUNCE) == (mail.uuid if bounces else None)
    assert bounces_come_by() == (("mail", "webhook") if bounces else ("webhook",))


@pytest.mark.parametrize(
    ("backend", "bounces", "by"),
    [
        ("django.core.mail.backends.smtp.EmailBackend", "bounces@{domain}", ("mail",)),
        ("django.core.mail.backends.smtp.EmailBackend", "", ()),
        ("anymail.backends.brevo.EmailBackend", "bounces@{domain}", ("webhook",)),
        ("anymail.backends.mailgun.EmailBackend", "bounces@{domain}", ("webhook",)),
        ("anymail.backends.sparkpost.EmailBackend", "bounces@{domain}", ("mail", "webhook")),
    ],
)
def test_how_bounces_come_back_is_known(settings: Settings, backend: str, bounces: str, by: tuple[str, ...]) -> None:
    settings.EMAIL_BACKEND, settings.BOUNCE_ADDRESS = backend, bounces

    assert bounces_come_by() == by


@pytest.mark.usefixtures("provider")
def test_a_provider_that_takes_no_return_path_gets_none(message: Message, settings: Settings) -> None:
    settings.BOUNCE_ADDRESS = "bounces@{domain}"

    assert deliver_to(message, "201-carla@correo.example")  # django-anymail would refuse to send it at all


@pytest.mark.parametrize("name", TAKE_RETURN_PATH)
def test_django_anymail_still_hands_return_paths_on(name: str) -> None:
    if name == "amazon_ses":
        pytest.importorskip("boto3")  # of its own extra
    payloads = [each for each in vars(import_module(f"anymail.backends.{name}")).values() if is_payload(each)]

    assert any(each.set_envelope_sender is not BasePayload.set_envelope_sender for each in payloads)


def is_payload(each: Any) -> bool:
    return isinstance(each, type) and issubclass(each, BasePayload)


def test_the_message_for_a_provider_says_the_same(message: Message, mailoutbox: list[EmailMultiAlternatives]) -> None:
    with open_transport() as transport:
        transport.open()
        assert transport.deliver(message) == "accepted"

    (email,) = mailoutbox
    assert email.message()["Message-ID"] == message.headers["Message-ID"]
    assert email.message()["Date"] == message.headers["Date"]
    assert email.message()["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert email.from_email == '"Lumbre" <encuestas@lumbre.example>'
    assert (email.to, email.reply_to) == ([message.to], ["atencion@lumbre.example"])
    assert email.body == message.texts.text
    assert [part.content for part in email.alternatives] == [message.texts.html]


@pytest.mark.parametrize("name", ['Botas "El Roble", S.L.', "Cía \\ Hijos", "Ñandú, S.A."])
def test_any_name_can_be_a_sender(brand: Brand, name: str) -> None:
    brand.sender_name = name
    brand.save()

    email = as_email(render(queue_mail(make_request(brand)), now=NOW))

    assert email.message()["From"].endswith("<encuestas@lumbre.example>")
