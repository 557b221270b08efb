"""Ends what a demo or a test run started, where the starter itself died without being able to (kill -9).

Runs as a process of its own (`python postventa/guard.py`) that reads the pipe whose other end the starter holds:
`+ <process group> <signal>` to watch, `- <process group>` to forget, `x <path>` for a file that must not outlive the
starter. When the pipe closes the starter is gone: the files go, and whatever is still watched is asked to end, in the
reverse order of its start, and after some seconds made to.
Standard library only, and no import of ours: a process that outlives all others should be small.
"""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

PATIENCE = 10.0  # seconds between asking and killing


def main() -> None:
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    watched: dict[int, int] = {}
    files: list[str] = []
    for line in sys.stdin:
        verb, what = line.rstrip("\n").split(" ", 1)
        if verb == "+":
            group, number = what.split()
            watched[int(group)] = int(number)
        elif verb == "-":
            watched.pop(int(what), None)
        else:
            files.append(what)
    for path in files:
        with suppress(FileNotFoundError):
            os.unlink(path)
    for asked, signal_number in reversed(watched.items()):
        end_group(asked, signal_number)


def end_group(group: int, number: int) -> None:
    deadline = time.monotonic() + PATIENCE
    send(group, number)
    while is_alive(group) and time.monotonic() < deadline:
        time.sleep(0.05)
    send(group, signal.SIGKILL)


def send(group: int, number: int) -> bool:
    """False where nobody is left in the group."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS answers EPERM where only zombies are left
        return False
    return True


def is_alive(group: int) -> bool:
    """Whether anybody in the group still runs. A container without an init keeps zombies, which do not count."""
    if not os.path.exists("/proc/self/stat"):
        return send(group, 0)
    return any(state not in "ZX" and member_of == group for state, member_of in states())


def states() -> Iterator[tuple[str, int]]:
    """State and group of every process."""
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            try:
                with open(f"/proc/{entry.name}/stat", encoding="utf-8", errors="replace") as file:
                    state, _parent, group = file.read().rpartition(")")[2].split()[:3]
            except (FileNotFoundError, ProcessLookupError):  # gone meanwhile
                continue
            yield state, int(group)


if __name__ == "__main__":
    main()
