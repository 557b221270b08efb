"""The real thing: a worker and its beat are seen alive, and silent once they are gone."""

import signal
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models import F

from mailing.alarms import Kind
from mailing.models import Heartbeat
from mailing.services.watching import watch
from postventa.processes import Child

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.integration]


def wait_until(condition: Callable[[], bool], *, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come in time"
        time.sleep(0.1)


def alive() -> set[str]:
    return set(Heartbeat.objects.filter(stopped_at__isnull=True).values_list("kind", flat=True))


def test_a_worker_and_its_beat_are_seen_alive(live_worker: Child) -> None:
    wait_until(lambda: alive() == {"beat", "worker"})

    assert watch() == {}


def test_a_worker_that_is_asked_to_stop_says_so(live_worker: Child) -> None:
    wait_until(lambda: "worker" in alive())

    live_worker.ask_to_stop()

    wait_until(lambda: "worker" not in alive())


def test_a_worker_that_is_killed_is_missed(live_worker: Child) -> None:
    wait_until(lambda: alive() == {"beat", "worker"})
    assert live_worker.process

    live_worker.process.send_signal(signal.SIGKILL)
    live_worker.stop()
    Heartbeat.objects.update(seen_at=F("seen_at") - timedelta(minutes=3))

    assert set(watch()) == {Kind.BEAT_SILENT, Kind.WORKERS_SILENT}
