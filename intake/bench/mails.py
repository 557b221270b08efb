"""Survey mails out, against SMTP bare and against django-post-office."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from django.test import override_settings

from accounts.clock import database_now
from accounts.models import Brand
from intake.bench import sink
from intake.bench.bare_mail import send_bare
from intake.bench.measuring import Contest, Reading, Skipped, megabytes
from intake.bench.peers import PeerMissing, own_database, python_of
from intake.bench.world import make_brand, purchase_input
from intake.services import take_purchases
from mailing.services import send_due_mail
from surveys.services import send_due_invitations

PEER = "django-post-office"
PROCESSES = os.cpu_count() or 1
ANSWERS_AFTER = 0.02  # seconds, of a relay that is not next door
AT_ONCE = 1_000  # mails queued at a time where many are sent
SURVEYS = "survey mails: ledger, rendering, SMTP"


class Program:
    """Does what it is told, a line at a time, and answers with a number."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def tell(self, line: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def answer(self) -> int:
        assert self.process.stdout
        return int(self.process.stdout.readline())

    def ask(self, line: str) -> int:
        self.tell(line)
        return self.answer()


@contextmanager
def running(*command: str | Path, environment: Mapping[str, str] | None = None) -> Iterator[Program]:
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})}
    ) as process:
        try:
            yield Program(process)
        finally:
            process.terminate()


def mails(size: int) -> Iterator[Contest | Skipped]:
    brand, letters = make_brand(), max(PROCESSES, size // 10)

    def prepare() -> None:
        queue_mails(brand, letters)

    with running_sink() as port, override_settings(**smtp(port)):
        yield Contest(
            f"{SURVEYS}; one process",
            "smtplib, ready-made bytes, one connection",
            0.12,
            0.30,
            lambda: expect(letters, send_due_mail(seconds=600)),
            lambda: send_bare(port, letters),
            prepare=prepare,
        )
        with workers(port, count=PROCESSES) as ours:
            yield Contest(
                f"{SURVEYS}; {PROCESSES} processes",
                f"smtplib, ready-made bytes, {PROCESSES} processes",
                0.12,
                0.30,
                lambda: expect(letters, ask_all(ours, "send")),
                lambda: ask_all(ours, f"bare {port} {letters // PROCESSES}"),
                prepare=prepare,
            )
            yield from against_peer(brand, letters, port, ours)
    with running_sink(ANSWERS_AFTER) as port, override_settings(**smtp(port)):
        few = max(1, letters // 25)  # one connection takes its time
        yield Contest(
            "survey mails to a relay that answers after 20 ms; one process",
            "smtplib, ready-made bytes, one connection",
            12,
            25,
            lambda: expect(letters, send_due_mail(seconds=600)),
            lambda: send_bare(port, few),
            prepare=prepare,
        )


def against_peer(brand: Brand, letters: int, port: int, ours: Sequence[Program]) -> Iterator[Contest | Skipped]:
    what = f"{SURVEYS}; {PROCESSES} processes"
    try:
        python = python_of(PEER)
    except PeerMissing as missing:
        yield Skipped(f"{what}, against {PEER}", str(missing))
        return
    program = Path(__file__).with_name("peer_mail.py")
    with running(python, program, environment={**own_database(), "PEER_PORT": str(port)}) as theirs:

        def prepare() -> None:
            queue_mails(brand, letters)
            expect(letters, theirs.ask(f"queue {letters}"))

        yield Contest(
            what,
            f"{PEER}, {PROCESSES} processes, rendered before",
            1.2,
            3,
            lambda: expect(letters, ask_all(ours, "send")),
            lambda: expect(letters, theirs.ask(f"send {PROCESSES}")),
            prepare=prepare,
        )


def memory_of_worker(size: int) -> Iterator[Reading]:
    """When it has sent ten times as many mails; 100,000 in all unless another size is asked for."""
    brand, many = make_brand(), 10 * size
    with running_sink() as port, workers(port, count=1) as (worker,):

        def peak_after(letters: int) -> float:
            for begun in range(0, letters, AT_ONCE):
                part = min(AT_ONCE, letters - begun)
                queue_mails(brand, part)
                expect(part, worker.ask("send"))
            return megabytes(worker.ask("memory"))

        few, peak = peak_after(many // 10), peak_after(many - many // 10)
    yield Reading(f"memory of a worker after {many:,} mails, against {many // 10:,}", peak / few, "×", 1.3, 1.1)
    yield Reading(f"memory of a worker after {many:,} mails", peak, "MB", 300, 200)


def ask_all(programs: Sequence[Program], line: str) -> int:
    """All at once."""
    for program in programs:
        program.tell(line)
    return sum(program.answer() for program in programs)


def expect(letters: int, sent: int) -> int:
    if sent != letters:
        raise RuntimeError(f"{sent} of {letters} mails were sent.")
    return sent


def queue_mails(brand: Brand, letters: int) -> None:
    """So many more survey mails are due."""
    now = database_now()
    take_purchases(brand, [purchase_input() for _letter in range(letters)], now=now, source="bench")
    send_due_invitations(now=now)


@contextmanager
def running_sink(answers_after: float = 0.0) -> Iterator[int]:
    with running(sys.executable, sink.__file__, str(answers_after)) as program:
        yield program.answer()


@contextmanager
def workers(port: int, *, count: int) -> Iterator[list[Program]]:
    told = {"EMAIL_URL": f"smtp://127.0.0.1:{port}", "MAIL_RATE": "0", "MAIL_RATE_PER_DOMAIN": "0"}
    told["DJANGO_SETTINGS_MODULE"] = "postventa.settings"
    command = (sys.executable, "-m", "intake.bench.mail_worker")
    with ExitStack() as stack:
        yield [stack.enter_context(running(*command, environment=told)) for _worker in range(count)]


def smtp(port: int) -> dict[str, Any]:
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": port,
        "EMAIL_HOST_USER": "",
        "EMAIL_USE_TLS": False,
        "EMAIL_USE_SSL": False,
        "MAIL_RATE": 0,
        "MAIL_RATE_PER_DOMAIN": 0,
    }
