"""Mail that comes back is fetched over real IMAP, or handed over by a pipe, and taken in as webhooks are."""

import io
import os
import re
import socketserver
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError
from pytest_django.fixtures import Settings

from intake.hooks import mailbox
from intake.hooks.mailbox import MailboxError, read_mailbox, take_in
from intake.hooks.processing import replay_event
from intake.models import InboundEvent
from intake.tasks import read_bounces
from mailing.models import OutgoingMail, Suppression
from mailing.return_paths import bounce_address, unsubscribe_address
from tests.factories import NOW, make_brand
from tests.mailing.factories import make_mail
from tests.mailing.test_returned import block, dsn, letter

pytestmark = pytest.mark.django_db


class ImapServer(socketserver.ThreadingTCPServer):
    """As much of IMAP4rev1 as a client needs that reads what is unread, over a real connection."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), ImapSession)
        self.mails: dict[int, bytes] = {}
        self.seen: set[int] = set()
        self.gone: set[int] = set()  # removed by another client, after it was listed
        self.dies_after: int | None = None  # mails fetched
        Thread(target=self.serve_forever, daemon=True).start()

    def url(self, password: str = "secreto%2F1", folder: str = "INBOX") -> str:
        return f"imap://postventa:{password}@127.0.0.1:{self.server_address[1]}/{folder}"


class ImapSession(socketserver.StreamRequestHandler):
    server: ImapServer

    def handle(self) -> None:
        self.say(b"* OK [CAPABILITY IMAP4rev1] ready")
        while line := self.rfile.readline().decode().strip():
            tag, _blank, command = line.partition(" ")
            answer = self.answer(command)
            if answer is None:
                return
            self.say(f"{tag} {answer}".encode())

    def answer(self, command: str) -> str | None:
        word = command.upper()
        if word == "CAPABILITY":
            self.say(b"* CAPABILITY IMAP4rev1")
        elif word.startswith("LOGIN"):
            return "OK in" if command == 'LOGIN postventa "secreto/1"' else "NO [AUTHENTICATIONFAILED] who are you"
        elif word.startswith("SELECT"):
            if command != 'SELECT "INBOX"':
                return "NO no such folder"
            self.say(f"* {len(self.server.mails)} EXISTS".encode())
        elif word.startswith("UID SEARCH"):
            unread = [str(uid) for uid in self.server.mails if uid not in self.server.seen]
            self.say(f"* SEARCH {' '.join(unread)}".strip().encode())
        elif found := re.match(r"UID FETCH (\d+)", word):
            if self.server.dies_after == 0:
                return None
            if self.server.dies_after is not None:
                self.server.dies_after -= 1
            uid = int(found[1])
            if uid in self.server.gone:
                return "OK nothing"
            raw = self.server.mails[uid]
            self.say(b"* %d FETCH (UID %d BODY[] {%d}\r\n%b)" % (uid, uid, len(raw), raw))
        elif found := re.match(r"UID STORE (\d+) \+FLAGS.SILENT \(\\SEEN\)", word):
            self.server.seen.add(int(found[1]))
        return "OK done"

    def say(self, line: bytes) -> None:
        self.wfile.write(line + b"\r\n")


@pytest.fixture
def imap(settings: Settings) -> Iterator[ImapServer]:
    server = ImapServer()
    settings.BOUNCE_MAILBOX_URL = server.url()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def mail(settings: Settings) -> OutgoingMail:
    settings.BOUNCE_ADDRESS, settings.UNSUBSCRIBE_ADDRESS = "bounces@{domain}", "baja@{domain}"
    return make_mail(make_brand(), to="carla@correo.example")


def stored() -> list[tuple[str, str, str]]:
    return list(InboundEvent.objects.order_by("pk").values_list("kind", "state", "reason"))


def test_what_is_unread_is_taken_in_once_and_marked(imap: ImapServer, mail: OutgoingMail) -> None:
    imap.mails = {
        3: dsn(bounce_address(mail), block()),
        7: letter("quien@lumbre.example", "Hola, ¿hay alguien?"),
        9: letter(unsubscribe_address(mail), "unsubscribe"),
    }

    assert read_bounces() == 3
    assert read_bounces() == 0

    assert imap.seen == {3, 7, 9}
    assert [event.kind for event in mail.events.order_by("pk")] == ["bounced", "unsubscribed"]
    assert sorted(Suppression.objects.values_list("scope", flat=True)) == ["all", "surveys"]
    assert stored() == [("smtp", "done", ""), ("smtp", "ignored", "unknown_topic"), ("smtp", "done", "")]
    assert [event.brand for event in InboundEvent.objects.order_by("pk")] == [mail.brand, None, mail.brand]
    assert bytes(InboundEvent.objects.earliest("pk").body) == imap.mails[3]


def test_a_connection_that_breaks_loses_and_doubles_nothing(imap: ImapServer, mail: OutgoingMail) -> None:
    imap.mails = {
        1: dsn(bounce_address(mail), block("delayed", "4.4.1", "later")),
        2: dsn(bounce_address(mail), block()),
    }
    imap.dies_after = 1

    with pytest.raises(MailboxError):
        read_bounces()
    imap.dies_after = None
    imap.seen = set()  # the mark of the first was lost with the connection
    assert read_bounces() == 2

    assert [event.kind for event in mail.events.order_by("pk")] == ["deferred", "bounced"]


@pytest.mark.parametrize("wrong", [{"password": "falsch"}, {"folder": "Nowhere"}])
def test_who_is_not_let_in_says_so_and_no_password(imap: ImapServer, wrong: dict[str, str]) -> None:
    with pytest.raises(MailboxError) as refused:
        read_mailbox(imap.url(**wrong), now=NOW)

    assert "falsch" not in str(refused.value)


def test_a_mailbox_that_cannot_be_reached_says_so(settings: Settings) -> None:
    settings.BOUNCE_MAILBOX_URL = "imaps://postventa:secreto@127.0.0.1:1/INBOX"

    with pytest.raises(CommandError, match="ConnectionRefusedError"):
        call_command("read_bounces")


def test_without_a_mailbox_nothing_is_read(settings: Settings) -> None:
    settings.BOUNCE_MAILBOX_URL = ""

    assert read_bounces() == 0
    with pytest.raises(CommandError, match="BOUNCE_MAILBOX_URL"):
        call_command("read_bounces")


def test_the_command_says_how_many(imap: ImapServer, mail: OutgoingMail) -> None:
    imap.mails = {1: dsn(bounce_address(mail), block())}
    output = StringIO()

    call_command("read_bounces", stdout=output)

    assert output.getvalue() == "1 read\n"


# --- The pipe ------------------------------------------------------------------------------------------------------
def pipe(monkeypatch: pytest.MonkeyPatch, raw: bytes, *options: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
    call_command("read_bounces", "--stdin", *options)


def test_a_mail_by_the_pipe_is_known_by_whom_it_was_delivered_to(
    mail: OutgoingMail, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = dsn("undisclosed-recipients:;", block())

    pipe(monkeypatch, raw, "--recipient", bounce_address(mail))

    assert [event.kind for event in mail.events.all()] == ["bounced"]
    event = InboundEvent.objects.get()
    replay_event(event, now=NOW)
    event.refresh_from_db()
    assert event.reason == "nothing_new"


def test_a_recipient_adds_no_header_of_its_own(mail: OutgoingMail) -> None:
    take_in(
        letter("x@lumbre.example", "Hola"),
        now=NOW,
        recipient=f"a@b.example\r\nDelivered-To: {unsubscribe_address(mail)}",
    )

    assert bytes(InboundEvent.objects.get().body).startswith(b"X-Original-To: a@b.example Delivered-To: baja+")


def test_while_the_database_is_away_the_mail_server_is_asked_to_come_again(
    mail: OutgoingMail, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*args: Any, **kwargs: Any) -> None:
        raise DatabaseError

    monkeypatch.setattr("intake.management.commands.read_bounces.take_in", away)

    with pytest.raises(CommandError) as told:
        pipe(monkeypatch, b"")

    assert told.value.returncode == os.EX_TEMPFAIL


@pytest.mark.integration
def test_the_pipe_ends_with_75_where_there_is_no_database() -> None:
    environment = {**os.environ, "DATABASE_URL": "postgres://nobody@127.0.0.1:1/nowhere"}

    ended = subprocess.run(
        [sys.executable, "manage.py", "read_bounces", "--stdin"],
        cwd=Path(mailbox.__file__).parents[2],
        env=environment,
        input=b"Subject: x\r\n\r\n",
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == os.EX_TEMPFAIL, ended.stderr.decode()[-500:]
