"""What the database knows of the tasks that workers run."""

from typing import Any

import pytest
from celery import Task

import mailing.runs
from mailing.models import TaskRun
from mailing.runs import Diary, WatchedTask
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


def one(seconds: float, *, result: str = "", problem: str = "") -> Runs:
    runs = Runs()
    runs.add(seconds, result, problem)
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


def test_a_failure_is_noted_without_its_words(diary: Diary, task: Task) -> None:
    task.apply([1])
    task.apply([-1])

    row = TaskRun.objects.get()
    assert (row.runs, row.failures, row.problem, row.is_failing) == (2, 1, "ValueError", True)


def test_a_task_that_ends_well_again_fails_no_more(diary: Diary) -> None:
    note_runs({"a": one(1, problem="OSError")}, host="uno")
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
    note_runs({"a": one(1.5), "b": one(1)}, host="uno")
    note_runs({"b": one(1, result="3"), "a": one(2.5)}, host="dos")

    rows = {row.name: (row.runs, row.seconds, row.last_seconds, row.host) for row in TaskRun.objects.all()}
    assert rows == {"a": (2, 4.0, 2.5, "dos"), "b": (2, 2.0, 1.0, "dos")}


def test_a_task_called_as_a_function_is_no_run(diary: Diary) -> None:
    send_due_mail()

    assert not TaskRun.objects.exists()


def test_a_diary_that_cannot_be_written_stops_no_task(
    diary: Diary, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise OSError

    monkeypatch.setattr(mailing.runs, "note_runs", fail)

    assert task.apply([7]).get() == 7
