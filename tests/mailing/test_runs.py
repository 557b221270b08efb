"""What the database knows of the tasks that workers run."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from celery import Task
from celery.signals import worker_process_shutdown
from django.db import OperationalError, connection
from django.db.models import F

import mailing.runs
from accounts.in_turn import sum_in_turn
from mailing.models import TaskRun
from mailing.runs import Diary, WatchedTask, name_of
from mailing.services.watching import Runs, note_runs
from mailing.tasks import send_due_mail
from postventa.celery import app

pytestmark = pytest.mark.django_db


@pytest.fixture
def diary(monkeypatch: pytest.MonkeyPatch) -> Diary:
    """One of a process that has just begun."""
    monkeypatch.setattr(mailing.runs, "DIARY", Diary())
    return mailing.runs.DIARY


@pytest.fixture
def task() -> Any:
    @app.task(name="tests.counting")
    def counting(number: int) -> int:
        if number < 0:
            raise ValueError("carla@correo.example has no number")
        return number

    yield counting
    app.tasks.pop("tests.counting")


def one(seconds: float, *, result: str = "", problem: str = "", ago: float = 0) -> Runs:
    """A run that ended so many seconds ago. When it did is known as exactly as a statement is quick."""
    runs = Runs()
    runs.add(seconds, result, problem)
    if problem:
        runs.failed_at = time.monotonic() - ago
    else:
        runs.ended_well_at = time.monotonic() - ago
    return runs


def test_the_tasks_of_the_timetable_are_watched() -> None:
    app.loader.import_default_modules()
    timetable = {entry["task"] for entry in app.conf.beat_schedule.values()}

    assert timetable
    assert {name for name in timetable if not isinstance(app.tasks[name], WatchedTask)} == set()


def test_a_run_is_noted_with_what_it_gave_back(diary: Diary, task: Task) -> None:
    task.apply([7])

    row = TaskRun.objects.get()
    assert (row.name, row.runs, row.failures, row.result, row.problem) == ("tests.counting", 1, 0, "7", "")
    assert row.ended_well_at
    assert abs((row.ended_well_at - row.began_at).total_seconds() - row.last_seconds) < 0.01
    assert not row.is_failing


def test_what_failed_in_turn_goes_by_the_first_error() -> None:
    with pytest.raises(ExceptionGroup) as raised:
        sum_in_turn([0, 1, 2], lambda number: 6 // number if number < 2 else [][number])

    assert name_of(raised.value) == "ZeroDivisionError"


def test_a_failure_is_noted_without_its_words(diary: Diary, task: Task) -> None:
    task.apply([1])
    TaskRun.objects.update(ended_well_at=F("ended_well_at") - timedelta(minutes=1))
    task.apply([-1])

    row = TaskRun.objects.get()
    assert (row.runs, row.failures, row.problem, row.is_failing) == (2, 1, "ValueError", True)


def test_a_task_that_ends_well_again_fails_no_more(diary: Diary) -> None:
    note_runs({"a": one(1, problem="OSError", ago=60)}, host="uno")
    note_runs({"a": one(1)}, host="uno")

    row = TaskRun.objects.get()
    assert (row.is_failing, row.problem, row.runs, row.failures) == (False, "OSError", 2, 1)


def test_routine_is_written_down_together(diary: Diary, task: Task) -> None:
    """The first at once, and what comes within ten seconds with whatever comes after."""
    for number in (1, 2, 3):
        task.apply([number])
    before = TaskRun.objects.get().runs
    diary.written_at -= mailing.runs.KEPT_FOR
    task.apply([4])

    row = TaskRun.objects.get()
    assert (before, row.runs, row.result) == (1, 4, "4")


def test_processes_add_to_each_other(diary: Diary) -> None:
    note_runs({"a": one(1.5, ago=60), "b": one(1, ago=60)}, host="uno")
    note_runs({"b": one(1, result="3"), "a": one(2.5)}, host="dos")

    rows = {row.name: (row.runs, row.seconds, row.last_seconds, row.host) for row in TaskRun.objects.all()}
    assert rows == {"a": (2, 4.0, 2.5, "dos"), "b": (2, 2.0, 1.0, "dos")}


def test_a_task_called_as_a_function_is_no_run(diary: Diary) -> None:
    send_due_mail()

    assert not TaskRun.objects.exists()


@contextmanager
def no_database() -> Iterator[None]:
    """Whatever is asked of it fails."""

    def away(*_args: object) -> None:
        raise OperationalError("the server went away")

    with connection.execute_wrapper(away):
        yield


def test_what_ran_while_the_database_was_away_is_written_down_later(diary: Diary, task: Task) -> None:
    with no_database():
        assert task.apply([7]).get() == 7
        task.apply([-1])
    diary.written_at -= mailing.runs.KEPT_FOR
    task.apply([8])

    row = TaskRun.objects.get()
    assert (row.runs, row.failures, row.result, row.problem) == (3, 1, "8", "ValueError")
    assert row.ended_well_at
    assert row.failed_at
    assert row.failed_at < row.ended_well_at


def test_an_older_run_that_is_written_later_does_not_stand_for_the_last(diary: Diary) -> None:
    """It was kept by a process that could not reach the database."""
    older = one(9, result="old", problem="OSError", ago=60)
    note_runs({"a": one(1, result="new", problem="ValueError")}, host="uno")
    note_runs({"a": older}, host="dos")

    row = TaskRun.objects.get()
    assert (row.runs, row.last_seconds, row.host, row.result, row.problem) == (2, 1, "uno", "new", "ValueError")


def test_a_worker_that_ends_writes_down_what_it_has_kept(diary: Diary, task: Task) -> None:
    task.apply([1])
    task.apply([2])
    worker_process_shutdown.send(sender=None, pid=1, exitcode=0)

    assert TaskRun.objects.get().runs == 2
