"""What tells a command given in this checkout that a demo runs here, and with which settings.

The demo holds a lock on `.demo/lock` as long as it lives; the system takes it back however the demo ends, so a file
left behind by a crash deceives nobody. Standard library only: the settings begin here.
"""

import fcntl
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO

FOLDER = ".demo"
# Names what came from a running demo, so that the tests can take it out again.
BORROWED = "POSTVENTA_FROM_DEMO"
TOLD = ("demo.json", "environment.json")  # what a running demo says about itself
PATIENCE_WITH_LOOKERS = 0.5  # seconds: a command that looks whether a demo runs holds the lock for an instant
PATIENCE_WITH_GUARD = 30.0


def load(base_dir: Path) -> None:
    """Lend the running demo's settings to this process, unless it was told by DATABASE_URL what to work on."""
    folder = base_dir / FOLDER
    if "DATABASE_URL" in os.environ or not is_running(folder):
        return
    lent = {name: value for name, value in read(folder).items() if name not in os.environ}
    os.environ.update(lent, **{BORROWED: " ".join(lent)})


def without_demo(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment as it was before `load`."""
    borrowed = {BORROWED, *environment.get(BORROWED, "").split()}
    return {name: value for name, value in environment.items() if name not in borrowed}


def read(folder: Path) -> dict[str, str]:
    try:
        return dict(json.loads((folder / "environment.json").read_text()))
    except FileNotFoundError:  # it has only begun to start
        return {}


def is_running(folder: Path) -> bool:
    try:
        with (folder / "lock").open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        pass
    return False


def hold_lock(folder: Path) -> IO[str] | None:
    """The lock of a running demo, to be kept open; None where another one runs.

    Where the owner was killed its guard holds the lock until it has ended what was left behind: that is waited for.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / "lock").open("a+")
    patience = PATIENCE_WITH_LOOKERS
    if not is_alive(owner_of(file)):
        forget(folder)
        patience = PATIENCE_WITH_GUARD
    started = time.monotonic()
    while time.monotonic() - started < patience:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.05)
        else:
            file.truncate(0)
            print(os.getpid(), file=file, flush=True)
            return file
    file.close()
    return None


def forget(folder: Path) -> None:
    """What a demo tells the world about itself must not outlive it."""
    for name in TOLD:
        (folder / name).unlink(missing_ok=True)


def owner_of(lock: IO[str]) -> int:
    lock.seek(0)
    return int(lock.read().strip() or 0)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid > 0
