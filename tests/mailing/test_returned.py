"""Mail that comes back, as servers write it, and the addresses it comes back to."""

from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from accounts.models import Brand
from mailing.models import MailEvent, OutgoingMail, Suppression
from mailing.return_paths import BOUNCE, UNSUBSCRIBE, bounce_address, mail_about, unsubscribe_address
from mailing.returned import reports_in_mail
from mailing.services import record_mail_event, send_due_mail
from tests.factories import NOW
from tests.mailing.conftest import AnsweringServer
from tests.mailing.factories import make_mail

pytestmark = pytest.mark.django_db

UNKNOWN_USER = "smtp; 550 5.1.1 <carla@correo.example>: no such user"
BOUNDARY = "=_report"


@pytest.fixture(autouse=True)
def addresses(settings: Settings) -> None:
    settings.BOUNCE_ADDRESS, settings.UNSUBSCRIBE_ADDRESS = "bounces@{domain}", "baja@{domain}"


@pytest.fixture
def mail(brand: Brand) -> OutgoingMail:
    return make_mail(brand, to="carla@correo.example")


def dsn(
    to: str, *blocks: str, original: str = "", date: str = "Tue, 10 Mar 2026 10:15:00 +0100", kind: str = "message"
) -> bytes:
    """A delivery report as Postfix writes it; `kind`: how it sends the original back."""
    returned = {"message": "message/rfc822", "headers": "text/rfc822-headers"}[kind]
    lines = [
        "Return-Path: <>",
        f"Date: {date}",
        "From: MAILER-DAEMON@mx.correo.example (Mail Delivery System)",
        "Subject: Undelivered Mail Returned to Sender",
        f"To: {to}",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status; boundary="{BOUNDARY}"',
        "",
        f"--{BOUNDARY}",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        "This is the mail system at host mx.correo.example.",
        "",
        f"--{BOUNDARY}",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; mx.correo.example",
        "X-Postfix-Sender: rfc822; encuestas@lumbre.example",
        "Arrival-Date: Tue, 10 Mar 2026 10:14:58 +0100 (CET)",
        "",
        *[f"{block}\n" for block in blocks],
        f"--{BOUNDARY}",
        f"Content-Type: {returned}",
        "",
        f"Message-ID: {original}" if original else "X-Nothing: known",
        "Subject: =?utf-8?q?=C2=BFQu=C3=A9_tal?=",
        "",
        *(["Hola, Carla."] if kind == "message" else []),
        f"--{BOUNDARY}--",
        "",
    ]
    return "\r\n".join("\r\n".join(lines).splitlines()).encode()


def block(action: str = "failed", status: str = "5.1.1", said: str = UNKNOWN_USER) -> str:
    return "\n".join(
        [
            "Final-Recipient: rfc822; carla@correo.example",
            f"Action: {action}",
            f"Status: {status}",
            f"Diagnostic-Code: {said}",
        ]
    )


def letter(to: str, text: str, **headers: str) -> bytes:
    message = EmailMessage(policy=SMTP)
    for name, value in {"From": "Carla <carla@correo.example>", "To": to, "Subject": "Hola", **headers}.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message.as_bytes()


def told(raw: bytes) -> list[tuple[str, str]]:
    return [(report.kind, report.detail) for report in reports_in_mail(raw, now=NOW)]


# --- The addresses -------------------------------------------------------------------------------------------------
def test_an_address_names_its_mail_and_nobody_else(mail: OutgoingMail) -> None:
    bounces, out = bounce_address(mail), unsubscribe_address(mail)

    assert bounces.startswith("bounces+1-")
    assert bounces.endswith("@lumbre.example")
    assert out.startswith("baja+1-")
    assert len(bounces.partition("@")[0]) <= 64  # RFC 5321
    assert "carla" not in bounces + out
    assert mail_about(bounces, BOUNCE) == mail_about(bounces.upper(), BOUNCE) == mail.uuid
    assert mail_about(out, UNSUBSCRIBE) == mail.uuid
    assert mail_about(bounces, UNSUBSCRIBE) is mail_about(out, BOUNCE) is None


def test_nobody_makes_one_up(mail: OutgoingMail, brand: Brand) -> None:
    local, _at, domain = bounce_address(mail).partition("@")
    other = bounce_address(make_mail(brand)).partition("@")[0]
    forged = [
        local[:-1] + ("a" if local[-1] != "a" else "b"),
        local[:-13] + other[-13:],
        local.replace("+1-", "+2-"),
        local.replace("+1-", "+999-"),
        local[:-1],
        "bounces+1-",
        "bounces",
        "bounces+1-" + "a" * 39,
    ]

    assert [mail_about(f"{each}@{domain}", BOUNCE) for each in forged] == [None] * len(forged)


def test_an_address_holds_after_a_change_of_keys(mail: OutgoingMail, settings: Settings) -> None:
    address = bounce_address(mail)
    settings.LINK_KEYS = {**settings.LINK_KEYS, 2: "a newer key"}

    assert mail_about(address, BOUNCE) == mail.uuid
    assert bounce_address(mail) == address


@pytest.mark.integration
def test_a_mail_leaves_with_its_own_return_path(server: AnsweringServer, mail: OutgoingMail) -> None:
    send_due_mail()

    [(sender, _recipient, content)] = server.delivered
    assert sender == bounce_address(mail)
    assert b"From: Lumbre <encuestas@lumbre.example>" in content
    assert f", <mailto:{unsubscribe_address(mail)}>".encode() in content
    assert b"bounces+" not in content


@pytest.mark.integration
def test_without_the_settings_it_leaves_as_from_its_sender(
    server: AnsweringServer, mail: OutgoingMail, settings: Settings
) -> None:
    settings.BOUNCE_ADDRESS = settings.UNSUBSCRIBE_ADDRESS = ""

    send_due_mail()

    [(sender, _recipient, content)] = server.delivered
    assert sender == "encuestas@lumbre.example"
    assert b"mailto:" not in content


# --- What comes back -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (block(), ("bounced", UNKNOWN_USER)),
        (block("failed", "5.2.2", "smtp; 552 Mailbox full"), ("bounced", "5.2.2 smtp; 552 Mailbox full")),
        (
            block("delayed", "4.4.1", "X-Postfix; timed out"),
            ("deferred", "4.4.1 X-Postfix; timed out"),
        ),
        (block("Delivered", "2.0.0", ""), ("delivered", "2.0.0")),
        (block("relayed", "2.1.5", ""), ("delivered", "2.1.5")),
    ],
)
@pytest.mark.parametrize("kind", ["message", "headers"])
def test_a_report_is_read_by_its_address_or_by_what_it_sends_back(
    mail: OutgoingMail, raw: str, expected: tuple[str, str], kind: str
) -> None:
    by_address = dsn(bounce_address(mail), raw, kind=kind)
    by_message_id = dsn("encuestas@lumbre.example", raw, original=mail.message_id, kind=kind)

    for each in (by_address, by_message_id):
        assert told(each) == [expected]
        [report] = reports_in_mail(each, now=NOW)
        assert report.occurred_at.isoformat() == "2026-03-10T10:15:00+01:00"
        event = record_mail_event(report, now=NOW)
        assert event is not None
        assert event.mail == mail
        assert record_mail_event(report, now=NOW) is None


def test_an_address_that_does_not_exist_is_written_to_no_more(mail: OutgoingMail) -> None:
    for report in reports_in_mail(dsn(bounce_address(mail), block()), now=NOW):
        record_mail_event(report, now=NOW)

    assert list(Suppression.objects.values_list("scope", "reason")) == [("all", "bounced")]


def test_an_old_servers_bounce_in_plain_words_counts_as_one(mail: OutgoingMail) -> None:
    text = "Hi. This is the qmail-send program.\n<carla@correo.example>:\n550 5.1.1 user unknown\n"

    raw = letter(bounce_address(mail), text, From="MAILER-DAEMON@correo.example", Return_Path="<>")

    assert told(raw) == [("bounced", "550 5.1.1 user unknown")]


def test_a_report_in_spanish_words_and_odd_bytes_is_read(mail: OutgoingMail) -> None:
    raw = letter(bounce_address(mail), "BUZON", From="postmaster@correo.example")
    raw = raw.replace(b"BUZON", "buzón\xa0lleno".encode("latin-1"))

    [(kind, detail)] = told(raw)

    assert kind == "bounced"
    assert detail.startswith("buz")


@pytest.mark.parametrize(("kind", "expected"), [("abuse", [("complained", "")]), ("not-spam", [])])
def test_a_complaint_of_a_feedback_loop(mail: OutgoingMail, kind: str, expected: list[Any]) -> None:
    raw = "\r\n".join(
        [
            "From: <feedback@isp.example>",
            "To: <fbl@lumbre.example>",
            "MIME-Version: 1.0",
            f'Content-Type: multipart/report; report-type=feedback-report; boundary="{BOUNDARY}"',
            "",
            f"--{BOUNDARY}",
            "Content-Type: text/plain",
            "",
            "This is an email abuse report.",
            f"--{BOUNDARY}",
            "Content-Type: message/feedback-report",
            "",
            f"Feedback-Type: {kind}",
            "User-Agent: SomeGenerator/1.0",
            "Version: 1",
            "",
            f"--{BOUNDARY}",
            "Content-Type: message/rfc822",
            "",
            f"Message-ID: {mail.message_id}",
            "",
            "Hola.",
            f"--{BOUNDARY}--",
            "",
        ]
    ).encode()

    assert told(raw) == expected


def test_a_mail_to_the_way_out_stops_surveys(mail: OutgoingMail) -> None:
    raw = letter("encuestas@lumbre.example", "unsubscribe", Delivered_To=unsubscribe_address(mail))

    for report in reports_in_mail(raw, now=NOW):
        record_mail_event(report, now=NOW)

    assert list(mail.events.values_list("kind", "source")) == [("unsubscribed", "smtp")]
    assert list(Suppression.objects.values_list("scope", "reason")) == [("surveys", "opted_out")]


def test_what_else_arrives_there_changes_nothing(mail: OutgoingMail) -> None:
    bounces = bounce_address(mail)
    others = [
        letter(bounces, "Estoy de vacaciones.", Auto_Submitted="auto-replied", From="MAILER-DAEMON@correo.example"),
        letter(bounces, "Me ha gustado mucho, gracias."),
        letter("encuestas@lumbre.example", "550 5.1.1 user unknown", From="MAILER-DAEMON@correo.example"),
        dsn("bounces@lumbre.example", block()),
        dsn("bounces@lumbre.example", block(), original="<somebody-else@correo.example>"),
        dsn(bounces, block("frobnicated")),
        b"",
        b"\xff\xfe\x00",
        b"Content-Type: multipart/report; boundary=x\r\n\r\n--x\r\nContent-Type: message/delivery-status\r\n\r\n",
    ]

    for raw in others:
        for report in reports_in_mail(raw, now=NOW):
            record_mail_event(report, now=NOW)

    assert not mail.events.exists()
    assert not Suppression.objects.exists()


@given(data=st.data())
@hypothesis.settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_report_is_no_trouble(mail: OutgoingMail, data: st.DataObject) -> None:
    whole = dsn(bounce_address(mail), block(), block("delayed"), original=mail.message_id)
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))
    raw = whole[:start] + data.draw(st.binary(max_size=40)) + whole[end:]

    for report in reports_in_mail(raw, now=NOW):
        assert report.kind in MailEvent.Kind.values
        assert report.occurred_at <= NOW


@pytest.mark.parametrize("date", ["", "gestern", "Fri, 99 Foo 2026 99:99:99", "Tue, 10 Mar 2099 10:00:00 +0000"])
def test_a_time_that_cannot_be_is_now(mail: OutgoingMail, date: str) -> None:
    [report] = reports_in_mail(dsn(bounce_address(mail), block(), date=date), now=NOW)

    assert report.occurred_at == NOW
