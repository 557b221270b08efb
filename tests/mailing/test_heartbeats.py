"""The real thing: a worker and its beat are seen alive, and silent once they are gone."""

import signal
from datetime import timedelta
from pathlib import Path

import pytest
from celery import Celery
from django.db.models import F
from pytest_django.fixtures import Settings

from mailing.alarms import Kind
from mailing.heartbeats import MOST_WAITING, WatchedScheduler
from mailing.models import Heartbeat
from mailing.services.watching import watch
from postventa.processes import Child
from tests.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.integration]


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


def test_beat_asks_no_more_while_nobody_answers_and_goes_on_afterwards(settings: Settings, tmp_path: Path) -> None:
    """Whatever the workers' clocks say: nothing of it is left to be judged by them."""
    queue = f"test-{tmp_path.name}"
    # Not the current one, or the tasks of all later tests of this process would go to its queue.
    app = Celery("test", broker=settings.CELERY_BROKER_URL, set_as_current=False)
    app.conf.task_default_queue = queue
    app.conf.beat_schedule = {"ask": {"task": "tests.ask", "schedule": timedelta(seconds=0)}}
    beat = WatchedScheduler(app, schedule_filename=str(tmp_path / "beat"))
    entry = beat.schedule["ask"]

    for _ in range(MOST_WAITING + 10):
        beat.apply_entry(entry, producer=beat.producer)

    with app.connection_for_read() as broker, broker.SimpleQueue(queue) as questions:
        assert questions.qsize() == MOST_WAITING
        first = questions.get(timeout=60)
        assert first.headers["task"] == "tests.ask"
        assert first.headers["expires"] is None
        first.ack()
        beat.apply_entry(entry, producer=beat.producer)
        assert questions.qsize() == MOST_WAITING
        questions.clear()
    beat.sync()
