"""Processes that another one starts, watches and ends: the demo's services and the tests'."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from postventa import guard


class StartError(Exception):
    """What could not be started and why, in words for whoever typed the command."""


class Guard:
    """A small process beside us that ends our children where we are killed before we can (postventa/guard.py)."""

    def __init__(self, *, keep_open: Sequence[int] = ()) -> None:
        """`keep_open`: files it shall hold as long as it lives, such as a lock."""
        self._process = subprocess.Popen(
            [sys.executable, "-S", guard.__file__],
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=True,
            pass_fds=keep_open,
        )

    def watch(self, group: int, stop_signal: int) -> None:
        self._tell(f"+ {group} {int(stop_signal)}\n")

    def forget(self, group: int) -> None:
        self._tell(f"- {group}\n")

    def remove_file(self, path: Path) -> None:
        """Once we are gone, however we go."""
        self._tell(f"x {path}\n")

    def close(self) -> None:
        self._process.communicate()

    def _tell(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(line)
        self._process.stdin.flush()


@dataclass
class Child:
    """One process group of ours: how to start it, when it is ready, how to end it."""

    name: str
    command: Sequence[str | Path]
    log: Path
    guard: Guard
    is_ready: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    # Further arguments of subprocess.Popen: user, group, pass_fds …
    options: Mapping[str, Any] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    patience: float = 10.0  # seconds between asking it to end and killing it
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [str(part) for part in self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.environment},
                start_new_session=True,
                **self.options,
            )
        self.guard.watch(self.process.pid, self.stop_signal)

    def wait_until_ready(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self.is_ready():
            if self.has_ended():
                raise StartError(f"{self.name} se ha cerrado al empezar.\n{self.last_words()}")
            if time.monotonic() > deadline:
                raise StartError(f"{self.name} no ha respondido en {seconds:.0f} s.\n{self.last_words()}")
            time.sleep(0.02)

    def has_ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def ask_to_stop(self) -> None:
        if self.process:
            guard.send(self.process.pid, self.stop_signal)

    def stop(self) -> None:
        """End the whole group, grandchildren too; quiet where it has already ended."""
        if self.process is None:
            return
        if not self.has_ended():
            self.ask_to_stop()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(self.patience)
        guard.send(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.guard.forget(self.process.pid)
        self.process = None

    def kill(self) -> None:
        """Without a word of warning, the whole group."""
        assert self.process
        guard.send(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.guard.forget(self.process.pid)

    def last_words(self, lines: int = 12) -> str:
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(f"  {line}" for line in text.splitlines()[-lines:])
