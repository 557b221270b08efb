"""A mail worker that is killed, or waits, at one point of its way: `python -m intake.chaos.doomed POINT [FOLDER]`.

It is the product's own engine; only this process, which exists to die, has its steps wrapped.
"""

import functools
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django

django.setup()

from intake.chaos.points import POINTS, WAITS  # noqa: E402
from mailing.services import sending  # noqa: E402 - needs Django ready


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def wait_for(folder: Path) -> None:
    """Say that the mail is in our hands, and go on when told."""
    (folder / "claimed").touch()
    while not (folder / "go-on").exists():
        time.sleep(0.02)


def wrap(step: str, moment: str, act: Callable[[], None]) -> None:
    work = getattr(sending, step)

    @functools.wraps(work)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        is_idle = step == "record" and not args[0]  # nothing to write down: not the point yet
        if moment == "before" and not is_idle:
            act()
        result = work(*args, **kwargs)
        if moment == "after" and not is_idle:
            act()
        return result

    setattr(sending, step, wrapped)


def main(point: str, folder: str = "") -> None:
    if folder:
        wrap(*WAITS, lambda: wait_for(Path(folder)))
    else:
        wrap(*POINTS[point], die)
    sending.send_due_mail()


if __name__ == "__main__":
    main(*sys.argv[1:])
