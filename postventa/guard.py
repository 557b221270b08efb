"""Ends what a demo or a test run started, where the starter itself died without being able to (kill -9).

Runs as a process of its own (`python postventa/guard.py`) that reads the pipe whose other end the starter holds:
`+ <process group> <signal>` to watch, `- <process group>` to forget. When the pipe closes the starter is gone, and
whatever is still watched is asked to end, in the reverse order of its start, and after some seconds made to.
Standard library only, and no import of ours: a process that outlives all others should be small.
"""

import os
import signal
import sys
import time

PATIENCE = 10.0  # seconds between asking and killing


def main() -> None:
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    watched: dict[int, int] = {}
    for line in sys.stdin:
        verb, group, *rest = line.split()
        if verb == "+":
            watched[int(group)] = int(rest[0])
        else:
            watched.pop(int(group), None)
    for group, number in reversed(watched.items()):
        end_group(group, number)


def end_group(group: int, number: int) -> None:
    deadline = time.monotonic() + PATIENCE
    alive = send(group, number)
    while alive and time.monotonic() < deadline:
        time.sleep(0.05)
        alive = send(group, 0)
    if alive:
        send(group, signal.SIGKILL)


def send(group: int, number: int) -> bool:
    """False where nobody is left in the group."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS answers EPERM where only zombies are left
        return False
    return True


if __name__ == "__main__":
    main()
