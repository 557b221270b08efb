import json
import smtplib
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from django.core.mail import EmailMultiAlternatives
from playwright.sync_api import Page, expect
from pytest_django.fixtures import Settings

from complaints.inbound.parsing import read_letter
from intake.hooks.letters import is_signed
from mailing.signing import new_secret
from postventa.mailbox import Mailbox, PageServer
from tests.conftest import ReceivingMailbox

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
LONG_SUBJECT = "¿Cómo fue tu compra de «Zapatillas de montaña Cumbre 3»? Cuéntanoslo en un minuto, por favor"


def send(mailbox: ReceivingMailbox, raw: bytes) -> None:
    with smtplib.SMTP("127.0.0.1", mailbox.port) as client:
        client.sendmail("opinion@zapatos.example", ["carla@correo.example"], raw)


def test_a_django_mail_arrives_decoded_and_unfolded(mailbox: ReceivingMailbox) -> None:
    mail = EmailMultiAlternatives(
        LONG_SUBJECT,
        "Hola, Carla:\n\n¿qué tal?",
        "Zapatos Sol <opinion@zapatos.example>",
        ["Carla Núñez <carla@correo.example>"],
        headers={"List-Unsubscribe": f"<https://opinion.example.com/u/{'x' * 90}/>"},
    )
    mail.attach_alternative("<p>Hola, <b>Carla</b></p>", "text/html")

    mail.send()

    (received,) = mailbox.mails()
    assert received.subject == LONG_SUBJECT
    assert received.to == "Carla Núñez <carla@correo.example>"
    assert received.text == "Hola, Carla:\n\n¿qué tal?"
    assert received.html == "<p>Hola, <b>Carla</b></p>"
    assert received.header("list-unsubscribe") == f"<https://opinion.example.com/u/{'x' * 90}/>"
    assert [name for name, value in received.headers].count("Subject") == 1


def test_mails_come_newest_first(mailbox: ReceivingMailbox) -> None:
    for number in range(3):
        send(mailbox, f"Subject: {number}\r\n\r\nx".encode())

    assert [mail.subject for mail in mailbox.mails()] == ["2", "1", "0"]


@pytest.mark.parametrize(
    ("raw", "subject", "text"),
    [
        (b"Subject: =?iso-8859-1?q?Qu=E9_tal?=\r\n\r\nhola", "Qué tal", "hola"),
        (b"Subject: one\r\n\ttwo\r\n three\r\n\r\nhola", "one\ttwo three", "hola"),
        ("Subject: Sin codificar: ñ\r\n\r\nhola".encode(), "Sin codificar: ñ", "hola"),
        (b"Subject: \xf1\r\n\r\nhola", "\N{REPLACEMENT CHARACTER}", "hola"),
        (b"Content-Type: text/plain; charset=x-unknown\r\n\r\nhola", "", "hola"),
        (b"Content-Type: text/plain; charset=utf-8\r\n\r\n\xff!", "", "\N{REPLACEMENT CHARACTER}!"),
        (b"To: @@<<,\r\nFrom: <\r\nSubject: broken\r\n\r\nhola", "broken", "hola"),
        (b"no header at all", "", ""),
    ],
)
def test_odd_mails_are_shown_all_the_same(tmp_path: Path, raw: bytes, subject: str, text: str) -> None:
    mailbox = Mailbox(tmp_path)

    mailbox.add(raw, now=NOW)

    (mail,) = mailbox.mails()
    assert mail.subject == subject
    assert mail.text.strip() == text or subject == "" == text
    json.dumps(mail.headers).encode()


def test_only_names_of_mails_are_read(tmp_path: Path) -> None:
    (tmp_path / "secret.eml").write_bytes(b"Subject: secret\r\n\r\n")
    mailbox = Mailbox(tmp_path / "mailbox")

    for name in ("../secret", "20260301T093000000000-00000000", "", "a/b"):
        with pytest.raises(KeyError):
            mailbox.read(name)


# --- The page ------------------------------------------------------------------------------------------------------
@pytest.fixture
def server(tmp_path: Path) -> Iterator[PageServer]:
    pages = PageServer(Mailbox(tmp_path), socket.create_server(("127.0.0.1", 0)))
    thread = Thread(target=pages.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield pages
    pages.shutdown()
    thread.join()
    pages.server_close()


def get(server: PageServer, path: str, **headers: str) -> tuple[HTTPResponse, str]:
    connection = HTTPConnection("127.0.0.1", server.socket.getsockname()[1], timeout=10)
    connection.request("GET", path, headers={"Connection": "close", **headers})
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response, body


def mail_with_script() -> bytes:
    message = EmailMessage()
    message["Subject"] = "<script>alert(1)</script>"
    message["To"] = "carla@correo.example"
    message["Date"] = NOW
    message.set_content("see http://localhost:8000/s/abc/ & <b>this</b>")
    message.add_alternative('<p><a href="http://localhost:8000/s/abc/?q=5">5</a></p>', subtype="html")
    return message.as_bytes()


def test_the_list_as_json_is_what_the_contract_says(server: PageServer, tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path)
    first = mailbox.add(b"To: ana@correo.example\r\nSubject: Uno\r\nX-A: 1\r\n\r\nhola", now=NOW)
    second = mailbox.add(b"To: bruno@correo.example\r\n\r\n", now=NOW.replace(hour=10))

    response, body = get(server, "/api/messages")

    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    assert json.loads(body) == [
        {"id": second, "to": "bruno@correo.example", "subject": "", "text": "", "html": "",
         "headers": [["To", "bruno@correo.example"]]},
        {"id": first, "to": "ana@correo.example", "subject": "Uno", "text": "hola", "html": "",
         "headers": [["To", "ana@correo.example"], ["Subject", "Uno"], ["X-A", "1"]]},
    ]  # fmt: skip
    assert [mail["id"] for mail in json.loads(get(server, "/api/messages?to=ANA@")[1])] == [first]
    assert [mail["id"] for mail in json.loads(get(server, "/api/messages?limit=1")[1])] == [second]


def test_pages_escape_what_a_mail_says(server: PageServer, tmp_path: Path) -> None:
    name = Mailbox(tmp_path).add(mail_with_script(), now=NOW)

    listing = get(server, "/")[1]
    page = get(server, f"/messages/{name}/")[1]

    for body in (listing, page):
        assert "<script>alert" not in body
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in body
    assert "&lt;b&gt;this&lt;/b&gt;" in page


def test_the_mails_own_html_runs_nothing(server: PageServer, tmp_path: Path) -> None:
    name = Mailbox(tmp_path).add(mail_with_script(), now=NOW)

    response, body = get(server, f"/messages/{name}/html")

    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none';")
    assert "sandbox allow-popups allow-popups-to-escape-sandbox" in policy
    assert "allow-scripts" not in policy
    assert '<base target="_blank">' in body


@pytest.mark.parametrize("path", ["/messages/20260301T093000000000-00000000/", "/static/settings.py", "/x", "/../x"])
def test_what_is_not_there_is_not_found(server: PageServer, path: str) -> None:
    assert get(server, path)[0].status == 404


def test_the_page_speaks_the_readers_language(server: PageServer) -> None:
    assert '<html lang="es">' in get(server, "/")[1]
    assert '<html lang="en">' in get(server, "/", **{"Accept-Language": "en-GB,en;q=0.9"})[1]


@pytest.mark.parametrize(
    "path", ["/static/tokens.css", "/static/base.css", "/static/mailbox.css", "/static/mailbox.js"]
)
def test_its_own_files_are_served(server: PageServer, path: str) -> None:
    assert get(server, path)[0].status == 200


@pytest.fixture
def product(settings: Settings) -> Iterator[list[tuple[bool, bytes]]]:
    """What comes to the door of the product: whether it is signed, and the mail."""
    settings.INBOUND_MAIL_SECRET = new_secret()
    taken: list[tuple[bool, bytes]] = []

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            taken.append((is_signed(dict(self.headers.items()), body, now=datetime.now(UTC)), body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    door = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    settings.BASE_URL = f"http://127.0.0.1:{door.server_port}"
    Thread(target=door.serve_forever, daemon=True).start()
    yield taken
    door.shutdown()
    door.server_close()


def post_reply(server: PageServer, name: str, *, origin: str = "", site: str = "") -> HTTPResponse:
    host = f"127.0.0.1:{server.server_address[1]}"
    connection = HTTPConnection(host, timeout=10)
    headers = {"Host": host, "Origin": origin or f"http://{host}", "Connection": "close"}
    headers |= {"Sec-Fetch-Site": site} if site else {}
    connection.request("POST", f"/messages/{name}/reply", "text=La+39%0AGracias", headers)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response


def test_whoever_plays_the_customer_answers_a_mail(
    server: PageServer, tmp_path: Path, product: list[tuple[bool, bytes]]
) -> None:
    raw = (
        b"From: Lumbre <atencion@lumbre.example>\r\nTo: carla@correo.example\r\nReply-To: c+1-x@lumbre.example\r\n"
        b"Subject: =?utf-8?q?=C2=BFQu=C3=A9_talla=3F?=\r\nMessage-ID: <a@lumbre.example>\r\n\r\nElige talla"
    )
    name = Mailbox(tmp_path).add(raw, now=NOW)

    response = post_reply(server, name, origin="null", site="same-origin")  # as a browser that tells no referrer

    assert (response.status, response.headers["Location"]) == (303, f"/messages/{name}/?replied=yes")
    [(is_genuine, body)] = product
    letter = read_letter(body)
    assert is_genuine
    assert (letter.sender, list(letter.recipients)) == ("carla@correo.example", ["c+1-x@lumbre.example"])
    assert (letter.subject, letter.text, list(letter.answers)) == (
        "Re: ¿Qué talla?",
        "La 39\nGracias",
        ["<a@lumbre.example>"],
    )
    assert letter.quoted.endswith("> Elige talla")


def test_no_other_page_answers_in_somebodys_name(
    server: PageServer, tmp_path: Path, product: list[tuple[bool, bytes]], settings: Settings
) -> None:
    name = Mailbox(tmp_path).add(mail_with_script(), now=NOW)

    assert post_reply(server, name, origin="https://evil.example").status == 400
    assert post_reply(server, name, origin="null", site="cross-site").status == 400
    assert post_reply(server, "20260301T093000000000-nada").status == 404
    settings.INBOUND_MAIL_SECRET = ""
    assert post_reply(server, name).status == 400
    assert product == []


def test_a_person_follows_a_link_of_a_mail_that_comes_in(
    server: PageServer, tmp_path: Path, page: Page, assert_accessible: Callable[[Page], None]
) -> None:
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(f"http://127.0.0.1:{server.socket.getsockname()[1]}/")
    target = f"http://127.0.0.1:{server.socket.getsockname()[1]}/healthz"
    assert_accessible(page)

    mail = EmailMessage()
    mail["Subject"] = "¿Cómo fue tu compra?"
    mail["To"] = "carla@correo.example"
    mail.set_content("hola")
    mail.add_alternative(f'<p><a href="{target}">Muy buena</a></p>', subtype="html")
    Mailbox(tmp_path).add(mail.as_bytes(), now=datetime.now(UTC))
    page.get_by_text("¿Cómo fue tu compra?").click()
    assert_accessible(page)
    with page.expect_popup() as opened:
        page.frame_locator("iframe").get_by_role("link", name="Muy buena").click()

    expect(opened.value).to_have_url(target)
    assert errors == []
