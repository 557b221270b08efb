"""What Celery's tasks do to be seen at work: how often each ran, how long it took, and how it ended."""

import socket
import time
from threading import Lock
from typing import Any

import structlog
from celery import Task
from celery.signals import worker_process_shutdown

from mailing.services.watching import Runs, note_runs

# Seconds for which a process keeps to itself what went quickly and as it should: else routine would write more than
# it does.
KEPT_FOR = 10.0
LONG = 1.0  # seconds: a run of which one wants to know at once

log = structlog.get_logger(__name__)


class Diary:
    """What a process has not written down yet. The threads of a pool share it.

    Nothing of it is lost while the database is away, nor by a worker that ends: only by one that is killed, of which
    nobody learns what went well in its last seconds.
    """

    def __init__(self) -> None:
        self.lock = Lock()
        self.kept: dict[str, Runs] = {}
        self.written_at = -KEPT_FOR

    def note(self, name: str, seconds: float, *, result: str = "", problem: str = "") -> None:
        with self.lock:
            self.kept.setdefault(name, Runs()).add(seconds, result, problem)
            is_time = time.monotonic() - self.written_at >= KEPT_FOR
        if is_time or problem or seconds >= LONG:
            self.write()

    def write(self) -> None:
        with self.lock:
            due, self.kept, self.written_at = self.kept, {}, time.monotonic()
        if not due:
            return
        try:
            note_runs(due, host=socket.gethostname())
        except Exception as error:  # the database is away, or what not: the tasks were run all the same
            log.warning("runs_not_noted", tasks=sorted(due), error=type(error).__name__)
            self.keep(due)

    def keep(self, earlier: dict[str, Runs]) -> None:
        """For the next time; meanwhile other threads may have gone on."""
        with self.lock:
            for name, runs in self.kept.items():
                if name in earlier:
                    runs.follow(earlier[name])
            self.kept = earlier | self.kept


DIARY = Diary()


@worker_process_shutdown.connect
def write_the_last(**_kwargs: Any) -> None:
    DIARY.write()


def words_of(result: Any) -> str:
    return "" if result is None or result is True else str(result)[:60]


def name_of(error: BaseException) -> str:
    """Of several that failed in turn (accounts/in_turn.py) the first one's: that they are several says nothing."""
    return name_of(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else type(error).__name__


class WatchedTask(Task):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """As Celery's workers run it. Who calls it as a function is no worker, and nothing is noted."""
        if self.request.called_directly:
            return super().__call__(*args, **kwargs)
        began = time.perf_counter()
        try:
            result = self.run(*args, **kwargs)
        except Exception as error:
            DIARY.note(self.name, time.perf_counter() - began, problem=name_of(error))
            raise
        DIARY.note(self.name, time.perf_counter() - began, result=words_of(result))
        return result
