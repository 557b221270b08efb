"""Survey mails out, against SMTP bare."""

import smtplib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.test import override_settings

from accounts.clock import database_now
from accounts.models import Brand
from intake.bench import sink
from intake.bench.measuring import Contest
from intake.bench.world import make_brand, purchase_input
from intake.services import take_purchases
from mailing.services import send_due_mail
from surveys.services import send_due_invitations


def mails(size: int) -> Iterator[Contest]:
    brand, letters = make_brand(), max(1, size // 10)
    with running_sink() as port, override_settings(**smtp(port)):

        def theirs() -> int:
            with smtplib.SMTP("127.0.0.1", port) as server:
                for number in range(letters):
                    server.sendmail("a@bench.example", f"b{number}@bench.example", LETTER)
            return letters

        def ours() -> int:
            sent = send_due_mail(seconds=600)
            if sent != letters:
                raise RuntimeError(f"{sent} of {letters} mails were sent.")
            return sent

        yield Contest(
            "survey mails: ledger, rendering, SMTP",
            "smtplib, ready-made bytes",
            0.12,
            0.30,
            ours,
            theirs,
            prepare=lambda: queue_mails(brand, letters),
        )


LETTER = b"From: a@bench.example\r\nTo: b@bench.example\r\nSubject: Bench\r\n\r\n" + b"A line of a letter.\r\n" * 400


def queue_mails(brand: Brand, letters: int) -> None:
    """So many more survey mails are due."""
    now = database_now()
    take_purchases(brand, [purchase_input() for _letter in range(letters)], now=now, source="bench")
    send_due_invitations(now=now)


@contextmanager
def running_sink() -> Iterator[int]:
    with subprocess.Popen([sys.executable, sink.__file__], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def smtp(port: int) -> dict[str, Any]:
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": port,
        "EMAIL_HOST_USER": "",
        "EMAIL_USE_TLS": False,
        "EMAIL_USE_SSL": False,
    }
