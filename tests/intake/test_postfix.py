"""Plain SMTP through a real Postfix, set up as docs/operating.md says: what arrives, and what comes back.

Opt-in, for it needs root and Postfix on the machine: WITH_POSTFIX=1.
"""

import os
import shutil
import smtplib
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.message import Message
from email.utils import getaddresses
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.management import call_command
from django.test import Client
from pytest_django.fixtures import Settings

from intake.models import InboundEvent
from mailing.bounces import enhanced_code
from mailing.models import OutgoingMail, Suppression
from mailing.return_paths import bounce_address, unsubscribe_address
from mailing.services import queue_mails, send_due_mail
from tests.factories import make_brand
from tests.mailing.conftest import AnsweringServer, our_templates, server
from tests.mailing.factories import make_request

__all__ = ["our_templates", "server"]  # fixtures of the mailing tests

CAN_RUN = bool(os.environ.get("WITH_POSTFIX") and shutil.which("postfix") and os.geteuid() == 0)
pytestmark = [
    pytest.mark.integration,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not CAN_RUN, reason="WITH_POSTFIX=1 runs it as root where Postfix is installed"),
]

MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
myhostname = mx.lumbre.example
mydestination =
local_recipient_maps =
alias_maps =
disable_dns_lookups = yes
recipient_delimiter = +
transport_maps = regexp:{folder}/transport
"""
TRANSPORT = r"""
/^(bounces|baja)\+.*@news\.lumbre\.example$/ bounces:
/@correo\.example$/ smtp:[127.0.0.1]:{theirs}
"""
# The lines of a new Postfix, none of them in a root of its own; and last the one of docs/operating.md, but for who runs
# the command: here Python may be out of the reach of everybody but root, whom a pipe refuses to run anything.
MASTER = """
127.0.0.1:{ours} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
bounces unix - n n - - pipe flags=Rq user=nobody argv={folder}/keep ${{original_recipient}}
"""
KEEP = """#!/bin/sh
exec cat > "{folder}/came/$(date +%s%N) $1"
"""


class Postfix:
    """`port`: where it takes mail. What its pipe is given is kept, to be handed to `manage.py read_bounces`."""

    def __init__(self, folder: Path, *, theirs: int) -> None:
        self.folder, self.port = folder, free_port()
        folder.chmod(0o711)
        for name, owner in {"etc": "root", "queue": "root", "data": "postfix", "came": "nobody"}.items():
            (folder / name).mkdir()
            shutil.chown(folder / name, owner)
        told = {"folder": folder, "ours": self.port, "theirs": theirs}
        for name, text in {"etc/main.cf": MAIN, "etc/master.cf": MASTER, "transport": TRANSPORT, "keep": KEEP}.items():
            (folder / name).write_text(text.format(**told))
        (folder / "keep").chmod(0o755)
        self.run("check")
        self.process = subprocess.Popen(["postfix", "-c", folder / "etc", "start-fg"], stderr=subprocess.DEVNULL)

    def run(self, command: str) -> None:
        subprocess.run(["postfix", "-c", self.folder / "etc", command], check=True, capture_output=True)

    @property
    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""

    def came(self, count: int) -> list[tuple[str, bytes]]:
        """To whom, and what."""
        wait_until(lambda: len(list((self.folder / "came").iterdir())) >= count, self)
        files = sorted((self.folder / "came").iterdir())
        return [(path.name.partition(" ")[2], path.read_bytes()) for path in files]

    def close(self) -> None:
        self.run("stop")
        self.process.wait(30)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_until(condition: Callable[[], object], postfix: Postfix) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, postfix.log
        time.sleep(0.1)


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


@pytest.fixture
def postfix(server: AnsweringServer, settings: Settings) -> Iterator[Postfix]:
    """Our mail goes to it, and it hands on to `server`, which speaks for the recipients."""
    settings.BOUNCE_ADDRESS, settings.UNSUBSCRIBE_ADDRESS = "bounces@{domain}", "baja@{domain}"
    with tempfile.TemporaryDirectory(prefix="postfix-", dir="/tmp") as folder:
        made = Postfix(Path(folder), theirs=server.port)
        try:
            wait_until(lambda: listens(made.port), made)
            settings.EMAIL_PORT = made.port
            yield made
        finally:
            made.close()


def read(recipient: str, raw: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the pipe's command line has it."""
    arrived = Path(tempfile.mkstemp()[1])
    arrived.write_bytes(raw)
    with arrived.open() as stdin:
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=stdin.buffer))
        call_command("read_bounces", "--stdin", "--recipient", recipient)
    arrived.unlink()


def test_what_a_real_server_hands_on_and_sends_back(
    postfix: Postfix, server: AnsweringServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    brand = make_brand(survey_sender="encuestas@news.lumbre.example")
    names = ("good", "unknown", "reject")
    good, unknown, reject = queue_mails([make_request(brand, to=f"{name}-1@correo.example") for name in names])

    assert send_due_mail() == 3  # Postfix takes them all, and learns later that two cannot be delivered

    came = postfix.came(2)
    assert {recipient for recipient, _raw in came} == {bounce_address(unknown), bounce_address(reject)}
    [(sender, recipient, content)] = server.delivered
    assert (sender, recipient) == (bounce_address(good), "good-1@correo.example")
    assert_can_be_left_with_one_click(message_from_bytes(content), good)

    for to, raw in came:
        read(to, raw, monkeypatch)
    assert events_of(unknown) == [("bounced", "5.1.1")]
    assert events_of(reject) == [("bounced", "5.6.0")]
    assert hashes(Suppression.Reason.BOUNCED) == 1  # who does not exist; content is not the recipient's fault
    assert set(InboundEvent.objects.values_list("state", flat=True)) == {"done"}


def assert_can_be_left_with_one_click(message: Message, mail: OutgoingMail) -> None:
    """By RFC 8058, from the header fields as they arrived."""
    assert message.get_all("List-Unsubscribe-Post") == ["List-Unsubscribe=One-Click"]
    [field] = message.get_all("List-Unsubscribe", [])
    link, address = (each.strip(" <>\r\n") for each in field.split(","))
    assert address == f"mailto:{unsubscribe_address(mail)}"
    path = "/" + link.split("/", 3)[3]

    answer = Client().post(path, "List-Unsubscribe=One-Click", content_type="application/x-www-form-urlencoded")

    assert answer.status_code == 200
    assert events_of(mail) == [("unsubscribed", "surveys")]
    assert hashes(Suppression.Reason.OPTED_OUT) == 1


def test_a_mail_to_the_address_in_the_header_opts_out(
    postfix: Postfix, server: AnsweringServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    [mail] = queue_mails([make_request(make_brand(), to="good-1@correo.example")])
    send_due_mail()
    wait_until(lambda: server.delivered, postfix)
    arrived = message_from_bytes(server.delivered[0][2])
    mailto = arrived["List-Unsubscribe"].replace("\r\n", "").split("mailto:")[1].rstrip(" >")
    ours = getaddresses([mailto])[0][1].replace("@lumbre.example", "@news.lumbre.example")

    with smtplib.SMTP("127.0.0.1", postfix.port) as theirs:
        theirs.sendmail("good-1@correo.example", [ours], f"To: {ours}\r\nSubject: baja\r\n\r\n")
    [(recipient, raw)] = postfix.came(1)
    read(recipient, raw, monkeypatch)

    assert recipient == ours
    assert [kind for kind, _code in events_of(mail)] == ["unsubscribed"]


def events_of(mail: OutgoingMail) -> list[tuple[str, str]]:
    """Kind, and what is told by code, or else in words."""
    return [(event.kind, enhanced_code(event.detail) or event.detail) for event in mail.events.all()]


def hashes(reason: str) -> int:
    return Suppression.objects.filter(reason=reason).count()
