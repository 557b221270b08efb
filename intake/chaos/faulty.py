"""A worker or beat that something is wrong with: `python -m intake.chaos.faulty [what] -- CELERY'S ARGUMENTS`.

It is the product's own engine in Celery's own programs; only this process has its steps wrapped, or its clock moved.
"""

import argparse
import functools
import os
import random
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import django
import time_machine

django.setup()

from intake.chaos.points import POINTS, WAITS  # noqa: E402
from mailing.services import claiming, sending  # noqa: E402 - needs Django ready
from postventa.celery import app  # noqa: E402

Act = Callable[[], None]
MODULES = {"claiming": claiming, "sending": sending}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def perhaps(chance: float) -> Act:
    return lambda: die() if random.random() < chance else None  # noqa: S311 - no secret


def wait_for(folder: Path) -> None:
    """Say that the mail is in our hands, and go on when told."""
    (folder / "claimed").touch()
    while not (folder / "go-on").exists():
        time.sleep(0.02)


def raise_family(folder: Path, celery: list[str]) -> None:
    """One worker after the other, each killed at the point that `folder`/next names; how it ended is said in a file.

    They begin as copies of this process, which has loaded the product once for all.
    """
    app.loader.import_default_modules()
    told = folder / "next"
    while True:
        while not told.exists() or not (point := told.read_text()):
            time.sleep(0.02)
        told.unlink()
        if (child := os.fork()) == 0:
            wrap(*POINTS[point], die)
            app.start(celery)
            os._exit(0)
        _pid, status = os.waitpid(child, 0)
        said = folder / f"{point}.tmp"
        said.write_text(str(os.waitstatus_to_exitcode(status)))
        said.rename(folder / point)


def wrap(module: str, step: str, moment: str, act: Act) -> None:
    steps = MODULES[module]
    work = getattr(steps, step)

    @functools.wraps(work)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        is_idle = step in ("hand_over", "record") and not args[0]  # nothing to do: not the point yet
        if moment == "before" and not is_idle:
            act()
        result = work(*args, **kwargs)
        is_idle = is_idle or (step == "claim_batch" and not result[1])
        if moment == "after" and not is_idle:
            act()
        return result

    setattr(steps, step, wrapped)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--family", type=Path, help="folder by which it is told where the next worker shall be killed")
    parser.add_argument("--chance", type=float, default=0.0, help="of being killed at each of the points it passes")
    parser.add_argument("--waits", type=Path, help="folder by which it says that it waits, and is told to go on")
    parser.add_argument("--clock", type=int, default=0, help="seconds by which it is wrong")
    parser.add_argument("celery", nargs="+")
    told = parser.parse_args()
    if told.family:
        raise_family(told.family, told.celery)
    if told.chance:
        for point in POINTS.values():
            wrap(*point, perhaps(told.chance))
    if told.waits:
        wrap(*WAITS, lambda: wait_for(told.waits))
    if told.clock:
        time_machine.travel(datetime.now(UTC) + timedelta(seconds=told.clock), tick=True).start()
    app.start(told.celery)


if __name__ == "__main__":
    main()
