"""A mail worker that is told when: a line in, a number out. `python -m intake.bench.mail_worker`."""

import logging
import resource
import sys
from collections.abc import Callable

import django

django.setup()

from intake.bench.bare_mail import send_bare  # noqa: E402
from mailing.services import send_due_mail  # noqa: E402 - needs Django ready

COMMANDS: dict[str, Callable[..., int]] = {
    "send": lambda: send_due_mail(seconds=600),
    "bare": send_bare,
    "memory": lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,  # the most it ever had
}

if __name__ == "__main__":
    logging.disable(logging.WARNING)
    for line in sys.stdin:
        command, *numbers = line.split()
        print(COMMANDS[command](*map(int, numbers)), flush=True)  # noqa: T201  told to who asked
