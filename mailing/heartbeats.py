"""What Celery's own processes do to be seen alive: a step of every worker, and beat's way of telling time."""

import os
import socket
import time
from threading import Event, Thread
from typing import Any

import structlog
from celery import bootsteps
from celery.beat import PersistentScheduler
from django.db import connections

from mailing.models import Heartbeat
from mailing.services.watching import note_alive, note_stopped, watch

EVERY = 10.0  # seconds
# Beat's questions in the queue after which it asks no more until somebody answers: a few rounds of the timetable.
MOST_WAITING = 30

log = structlog.get_logger(__name__)


def live(kind: str, *, has_just_started: bool = False) -> None:
    """Say that this process is at work, and look after the others. Whatever fails, the process goes on."""
    try:
        note_alive(kind, host=socket.gethostname(), pid=os.getpid(), has_just_started=has_just_started)
        watch()
    except Exception as error:  # the database is away, or what not: then the others notice that we are silent
        log.warning("heartbeat_failed", kind=kind, error=str(error))
    finally:
        connections.close_all()  # none is kept open for one word every ten seconds, nor handed on to a fork


def leave(kind: str) -> None:
    try:
        note_stopped(kind, host=socket.gethostname(), pid=os.getpid())
    except Exception as error:
        log.warning("heartbeat_failed", kind=kind, error=str(error))
    finally:
        connections.close_all()


class WorkerHeartbeat(bootsteps.StartStopStep):
    """In a thread of the worker's main process, so that a long task does not look like death."""

    requires = ("celery.worker.components:Pool",)  # its processes are forked before there is a thread

    def __init__(self, worker: Any, **options: Any) -> None:
        self.is_over = Event()
        self.thread = Thread(target=self.run, name="heartbeat", daemon=True)
        super().__init__(worker, **options)

    def start(self, worker: Any) -> None:
        self.thread.start()

    def stop(self, worker: Any) -> None:
        self.is_over.set()
        self.thread.join(timeout=EVERY)

    def terminate(self, worker: Any) -> None:
        self.stop(worker)

    def run(self) -> None:
        live(Heartbeat.Kind.WORKER, has_just_started=True)
        while not self.is_over.wait(EVERY):
            live(Heartbeat.Kind.WORKER)
        leave(Heartbeat.Kind.WORKER)


class WatchedScheduler(PersistentScheduler):
    """Beat that is seen alive as long as it really hands out work: each round says so, not a thread beside it."""

    alive_at = 0.0  # of the monotonic clock

    def tick(self, *args: Any, **options: Any) -> float:
        pause: float = super().tick(*args, **options)
        if time.monotonic() - self.alive_at >= EVERY:
            live(Heartbeat.Kind.BEAT, has_just_started=not self.alive_at)
            self.alive_at = time.monotonic()
        return min(pause, EVERY)

    def apply_async(self, entry: Any, producer: Any = None, advance: bool = True, **options: Any) -> Any:
        """Nothing piles up while the workers are away.

        By counting, not by `expires`, which a worker judges by its own clock: one that is an hour ahead would throw
        every question away.
        """
        if producer and self.waiting(producer) >= MOST_WAITING:
            log.warning("nobody_answers", task=entry.task)
            return None
        return super().apply_async(entry, producer=producer, advance=advance, **options)

    def waiting(self, producer: Any) -> int:
        return int(producer.channel.queue_declare(queue=self.app.conf.task_default_queue).message_count)

    def close(self) -> None:
        super().close()
        leave(Heartbeat.Kind.BEAT)
