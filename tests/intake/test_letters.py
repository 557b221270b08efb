"""The doors by which customers' mail comes in: a real IMAP conversation, signed webhooks, a pipe."""

import base64
import hashlib
import hmac
import io
import json
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import DataError, OperationalError
from django.http import HttpRequest
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from complaints.models import Complaint, IncomingMail
from complaints.services import Problem, open_complaint
from intake.hooks import letters, mailbox
from intake.hooks.mailbox import MailboxError
from intake.tasks import read_customers_mail
from mailing.services import send_due_mail
from mailing.signing import new_secret, signed_headers
from postventa.replying import answer_to
from tests.complaints.test_receiving import letter
from tests.factories import NOW, make_brand, make_customer
from tests.intake.test_mailbox import ImapServer
from tests.mailing.conftest import AnsweringServer, server  # noqa: F401

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore::anymail.exceptions.AnymailInsecureWebhookWarning"),
]
RAW_DOOR = reverse("api:hook-inbound", args=["raw"])


@pytest.fixture(autouse=True)
def carla(settings: Settings) -> Any:
    settings.ANYMAIL = {"WEBHOOK_SECRET": "postventa:un-secreto-largo", "MAILGUN_WEBHOOK_SIGNING_KEY": "key-1"}
    settings.INBOUND_MAIL_SECRET = new_secret()
    return make_customer(make_brand(), "Carla Ruiz", "carla@correo.example")


@pytest.fixture
def imap(settings: Settings) -> Iterator[ImapServer]:
    mailbox = ImapServer()
    settings.INBOUND_MAILBOX_URL = mailbox.url()
    yield mailbox
    mailbox.shutdown()
    mailbox.server_close()


def states() -> list[tuple[str, str]]:
    return list(IncomingMail.objects.order_by("pk").values_list("state", "reason"))


# --- The mailbox ---------------------------------------------------------------------------------------------------
def test_what_is_unread_goes_into_cases_once_and_is_marked(imap: ImapServer) -> None:
    imap.mails = {
        3: letter(Message_ID="<1@x.example>").as_bytes(),
        5: b"\x00\xff no mail at all",
        9: letter(sender="nadie@otra.example", Message_ID="<2@x.example>").as_bytes(),
    }

    assert read_customers_mail() == 3
    assert read_customers_mail() == 0

    assert imap.seen == {3, 5, 9}
    assert states() == [("filed", ""), ("quarantined", "unreadable"), ("quarantined", "unknown_sender")]
    assert Complaint.objects.count() == 1


def test_a_connection_that_breaks_loses_and_doubles_nothing(imap: ImapServer) -> None:
    imap.mails = {number: letter(Message_ID=f"<{number}@x.example>").as_bytes() for number in (1, 2)}
    imap.dies_after = 1

    with pytest.raises(MailboxError):
        read_customers_mail()
    imap.dies_after = None
    imap.seen = set()  # the mark of the first was lost with the connection
    assert read_customers_mail() == 2

    assert len(states()) == 2
    assert Complaint.objects.count() == 1


def test_a_mail_that_cannot_be_stored_stops_no_other(imap: ImapServer, monkeypatch: pytest.MonkeyPatch) -> None:
    imap.mails = {number: letter(Message_ID=f"<{number}@x.example>").as_bytes() for number in (1, 2)}
    rightly = mailbox.take_in_letter

    def refuses_the_first(raw: bytes, *, now: datetime) -> Any:
        if b"<1@x.example>" in raw:
            raise DataError
        return rightly(raw, now=now)

    monkeypatch.setattr(mailbox, "take_in_letter", refuses_the_first)

    assert read_customers_mail() == 1
    assert imap.seen == {2}
    monkeypatch.setattr(mailbox, "take_in_letter", rightly)
    assert read_customers_mail() == 1
    assert imap.seen == {1, 2}


def test_one_that_cannot_be_stored_stops_no_other_of_the_same_message(monkeypatch: pytest.MonkeyPatch) -> None:
    rightly = letters.take_in

    def refuses_the_first(raw: bytes, **options: Any) -> Any:
        if b"<1@x.example>" in raw:
            raise DataError
        return rightly(raw, **options)

    monkeypatch.setattr(letters, "take_in", refuses_the_first)
    both = [(letter(Message_ID=f"<{number}@x.example>").as_bytes(), "") for number in (1, 2)]
    monkeypatch.setattr(letters, "_letters_in", lambda esp, request: both)

    with pytest.raises(DataError):  # which has the provider send both again
        letters.receive_letters("postmark", HttpRequest(), now=NOW)

    assert states() == [("filed", "")]


def test_without_a_database_none_is_taken(imap: ImapServer, monkeypatch: pytest.MonkeyPatch) -> None:
    imap.mails = {1: letter().as_bytes()}

    def away(raw: bytes, *, now: datetime) -> None:
        raise OperationalError

    monkeypatch.setattr(mailbox, "take_in_letter", away)

    with pytest.raises(OperationalError):
        read_customers_mail()
    assert imap.seen == set()


def test_a_mail_that_is_gone_before_it_is_read_is_none(imap: ImapServer) -> None:
    imap.mails, imap.gone = {1: letter().as_bytes(), 2: letter().as_bytes()}, {1}

    assert read_customers_mail() == 1
    assert len(states()) == 1


def test_the_command_says_how_many_or_what_is_missing(imap: ImapServer, settings: Settings) -> None:
    imap.mails = {1: letter().as_bytes()}
    output = io.StringIO()

    call_command("receive_mail", stdout=output)

    assert output.getvalue() == "1 read\n"
    settings.INBOUND_MAILBOX_URL = ""
    assert read_customers_mail() == 0
    with pytest.raises(CommandError, match="INBOUND_MAILBOX_URL"):
        call_command("receive_mail")


def test_a_mail_by_the_pipe_is_known_by_whom_it_was_delivered_to(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = letter("undisclosed-recipients:;").as_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))

    call_command("receive_mail", "--stdin", "--recipient", "atencion@lumbre.example")

    assert states() == [("filed", "")]


# --- Raw and signed ------------------------------------------------------------------------------------------------
def post_raw(raw: bytes, settings: Settings, *, secret: str = "", at: int = 0, **extra: str) -> Any:
    told = {"event_id": "msg_1", "timestamp": int(NOW.timestamp()) + at, "body": raw}
    headers = signed_headers([secret or settings.INBOUND_MAIL_SECRET], **told) | extra
    with time_machine.travel(NOW, tick=False):
        return Client().post(RAW_DOOR, raw, content_type="message/rfc822", headers=headers)


def test_a_signed_mail_comes_in_once(settings: Settings) -> None:
    raw = letter().as_bytes()

    answers = [post_raw(raw, settings) for _ in range(2)]

    assert [answer.json() for answer in answers] == [
        {"received": True, "duplicate": False},
        {"received": True, "duplicate": True},
    ]
    assert states() == [("filed", "")]


def test_what_is_not_signed_is_not_taken(settings: Settings) -> None:
    raw = letter().as_bytes()
    unsigned = Client().post(RAW_DOOR, raw, content_type="message/rfc822")
    refused = [
        unsigned,
        post_raw(raw, settings, secret=new_secret()),
        post_raw(raw, settings, at=-3600),
        post_raw(raw + b"x", settings, **{"webhook-signature": signed_headers_of(raw, settings)}),
    ]
    settings.INBOUND_MAIL_SECRET = ""
    refused += [post_raw(raw, settings, secret=new_secret()), post_raw(raw, settings, secret="whsec_")]

    assert {answer.status_code for answer in refused} == {401}
    assert states() == []


def signed_headers_of(raw: bytes, settings: Settings) -> str:
    told = {"event_id": "msg_1", "timestamp": int(NOW.timestamp()), "body": raw}
    return signed_headers([settings.INBOUND_MAIL_SECRET], **told)["webhook-signature"]


def test_two_secrets_hold_while_one_is_changed(settings: Settings) -> None:
    old, new = settings.INBOUND_MAIL_SECRET, new_secret()
    settings.INBOUND_MAIL_SECRET = f"{new} {old}"

    assert post_raw(letter().as_bytes(), settings, secret=old).status_code == 200


def test_a_mail_larger_than_forms_may_be_is_taken_and_one_too_large_is_not(settings: Settings) -> None:
    settings.INBOUND_MAX_BYTES, settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 3000, 100

    assert post_raw(letter(text="x " * 900).as_bytes(), settings).status_code == 200
    assert post_raw(letter(text="x " * 9000).as_bytes(), settings).status_code == 413
    assert states() == [("filed", "")]


# --- Providers -----------------------------------------------------------------------------------------------------
BASIC = {"Authorization": "Basic " + base64.b64encode(b"postventa:un-secreto-largo").decode()}


def postmark(raw: str, **headers: str) -> Any:
    url = reverse("api:hook-inbound", args=["postmark"])
    body = {"RawEmail": raw, "OriginalRecipient": "atencion@lumbre.example", "MessageID": "m-1"}
    return Client().post(url, json.dumps(body), content_type="application/json", headers=headers)


def test_postmarks_webhook_brings_mail_where_it_knows_the_secret() -> None:
    raw = letter("undisclosed-recipients:;").as_string()

    assert postmark(raw).status_code == 401
    assert postmark(raw, **BASIC).json() == {"received": True, "duplicate": False}
    assert postmark(raw, **BASIC).json() == {"received": True, "duplicate": True}
    assert states() == [("filed", "")]


def test_mailguns_signed_form_brings_mail() -> None:
    form = {"body-mime": letter().as_string(), "recipient": "atencion@lumbre.example", "sender": "carla@correo.example"}
    form |= mailgun_signature()
    url = reverse("api:hook-inbound", args=["mailgun"])

    wrong = Client().post(url, form | {"signature": "0" * 64}, headers=BASIC)
    right = Client().post(url, form, headers=BASIC)

    assert (wrong.status_code, right.status_code) == (401, 200)
    assert states() == [("filed", "")]


def mailgun_signature() -> dict[str, str]:
    stamp, token = str(int(time.time())), "t" * 50
    digest = hmac.new(b"key-1", f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
    return {"timestamp": stamp, "token": token, "signature": digest}


def test_what_a_provider_sends_and_nobody_can_read_is_kept() -> None:
    url = reverse("api:hook-inbound", args=["postmark"])

    answer = Client().post(url, '{"RawEmail": 5}', content_type="application/json", headers=BASIC)

    assert answer.status_code == 200
    assert states() == [("quarantined", "unreadable")]
    assert bytes(IncomingMail.objects.get().content.data) == b'{"RawEmail": 5}'


def test_a_provider_that_we_do_not_know_is_not_there() -> None:
    url = reverse("api:hook-inbound", args=["nadie"])

    assert Client().post(url, b"x", content_type="text/plain").status_code == 404
    assert Client().head(reverse("api:hook-inbound", args=["postmark"])).status_code == 200


# --- The whole way -------------------------------------------------------------------------------------------------
def test_a_mail_goes_out_by_smtp_and_its_answer_comes_back_by_imap(
    server: AnsweringServer,  # noqa: F811
    imap: ImapServer,
    carla: Any,
    settings: Settings,
) -> None:
    settings.REPLY_ADDRESS = "c@{domain}"
    problem = Problem(kind="complaint", subject="Botas", text="Llegó roto", wants_contact=True)
    case, _is_new = open_complaint(carla.brand, problem, customer=carla, now=datetime.now(UTC))
    send_due_mail()
    [(_sender, _recipient, sent)] = server.delivered

    # As her program does: to whom it says, about what it says.
    headers = {name.lower(): value for name, value in message_from_bytes(sent, policy=default).items()}
    answer = answer_to(headers, text="La 39", quoted="Elige talla", now=datetime.now(UTC))
    imap.mails = {1: answer.as_bytes()}
    read_customers_mail()

    assert states() == [("filed", "")]
    event = case.events.get(kind="customer_wrote")
    assert event.text == "La 39"
    assert event.data["quoted"].endswith("> Elige talla")
