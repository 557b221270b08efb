"""The page on which operators see how the installation does."""

import re
from datetime import timedelta

import pytest
from django.test import Client

from accounts.clock import database_now
from accounts.models import Membership
from dashboards import charts
from intake.models import Hook, Reading
from intake.operations.figures import take_figures
from intake.operations.page import last_day
from intake.operations.troubles import Trouble, timetable, troubles
from mailing.models import Alarm, Heartbeat, TaskRun
from mailing.services.watching import Runs, note_alive, note_runs
from tests.factories import make_brand, make_staff, make_user
from tests.world import make_world

pytestmark = pytest.mark.django_db
PAGE = "/admin/operations/"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(make_user("guardia@lumbre.example", "Guardia", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def healthy(db: None) -> None:
    note_alive("beat", host="uno", pid=1)
    note_alive("worker", host="uno", pid=2)


def run(name: str, *, problem: str = "") -> None:
    runs = Runs()
    runs.add(0.5, "7", problem)
    note_runs({name: runs}, host="uno")


def standing() -> list[Trouble]:
    return troubles(take_figures(), is_migrated=True)


def test_an_empty_installation_has_its_page(operator: Client) -> None:
    response = operator.get(PAGE)

    assert response.status_code == 200
    assert response.context["hosts"] == []
    assert all(job.run is None for job, _took, _usually in response.context["jobs"])
    assert [chart.key for chart in response.context["charts"]] == ["mail-age", "mails", "webhook-age", "answers"]


def test_a_healthy_installation_has_no_trouble(healthy: None, operator: Client) -> None:
    run("mailing.tasks.send_due_mail")

    assert operator.get(PAGE).context["troubles"] == []


def test_each_trouble_says_its_next_step(healthy: None) -> None:
    run("intake.tasks.forget_what_is_old")
    run("mailing.tasks.send_due_mail", problem="OSError")
    TaskRun.objects.filter(name="intake.tasks.forget_what_is_old").update(
        ended_well_at=database_now() - timedelta(days=3)
    )
    missed, failing = (job for job in timetable(take_figures()) if job.run)

    said = standing()

    assert (missed.name, missed.is_missed, missed.is_failing) == ("forget-what-is-old", True, False)
    assert (failing.name, failing.is_missed, failing.is_failing) == ("send-mail", False, True)
    assert len(said) == 2
    assert "OSError" in said[0].label + said[1].label
    assert all(trouble.advice for trouble in said)


def test_what_does_not_run_because_nobody_works_is_one_trouble_not_many(db: None) -> None:
    run("mailing.tasks.send_due_mail")
    TaskRun.objects.update(ended_well_at=database_now() - HOUR)

    assert len(standing()) == 2  # beat is silent, and so are the workers


def test_one_that_is_silent_among_others_is_trouble_and_one_that_ended_is_none(healthy: None, operator: Client) -> None:
    hour_ago = database_now() - HOUR
    Heartbeat.objects.create(kind="worker", host="tres", pid=3, started_at=hour_ago, seen_at=hour_ago)
    Heartbeat.objects.create(
        kind="worker", host="cuatro", pid=4, started_at=hour_ago, seen_at=hour_ago, stopped_at=hour_ago
    )

    [trouble] = operator.get(PAGE).context["troubles"]

    assert "tres" in trouble.label


def test_migrations_that_wait_are_trouble(healthy: None) -> None:
    assert len(troubles(take_figures(), is_migrated=False)) == 1


def test_administrators_see_what_is_theirs_and_nothing_of_the_machines(client: Client) -> None:
    world = make_world()
    note_alive("worker", host="secreto-1", pid=2)
    other = make_brand("tercera", name="Tercera")
    Hook.objects.create(brand=other, source="stripe", sealed_secret=b"x")
    client.force_login(world.staff)

    response = client.get(PAGE)

    assert response.status_code == 200
    assert [door.name for door in response.context["own"].incoming] == [
        str(hook) for hook in Hook.objects.filter(brand=world.brand)
    ]
    assert {"hosts", "jobs", "tables", "charts", "queues", "alarms"} & set(response.context.keys()) == set()
    assert "secreto-1" not in response.text
    assert other.name not in response.text


@pytest.mark.parametrize("role", [Membership.Role.AGENT, Membership.Role.ANALYST, Membership.Role.READ_ONLY])
def test_others_of_the_staff_have_no_such_page(client: Client, role: str) -> None:
    client.force_login(make_staff(make_brand(), role=role))

    assert client.get(PAGE).status_code == 403


def test_what_is_past_stays_to_be_read(healthy: None, operator: Client) -> None:
    now = database_now()
    Alarm.objects.create(kind=Alarm.Kind.QUEUE_LATE, began_at=now - 3 * HOUR, ended_at=now - 2 * HOUR)
    Heartbeat.objects.create(kind="worker", host="tres", pid=3, started_at=now - HOUR, seen_at=now - HOUR)

    response = operator.get(PAGE)

    assert [alarm.kind for alarm in response.context["alarms"]] == ["queue_late"]
    assert {(row.host, row.pid): is_silent for row, is_silent in response.context["hosts"]} == {
        ("uno", 1): False,
        ("uno", 2): False,
        ("tres", 3): True,
    }


# --- The day -------------------------------------------------------------------------------------------------------
def reading(minutes_ago: int, *, sent: int, age: float = 0.0) -> None:
    at = database_now().replace(second=0, microsecond=0) - minutes_ago * MINUTE
    waits = {"mail": [age, 1], "webhooks_in": [3, 1], "webhooks_out": [7, 1]}
    Reading.objects.create(at=at, until=at, waits=waits, totals={"mails_sent": sent})


def test_a_day_is_read_in_parts_and_what_nobody_read_is_no_zero() -> None:
    for minute in range(180, 120, -1):
        reading(minute, sent=100 * (180 - minute), age=minute)

    parts = last_day(now=database_now())

    known = [part for part in parts if part.mail_age is not None]
    assert len(parts) == 144
    assert 6 <= len(known) <= 7
    assert known[0].mail_age == 180
    assert {part.webhook_age for part in known} == {7}
    assert {part.mails for part in known[1:]} == {100}


def test_a_chart_of_hours_breaks_where_nobody_looked() -> None:
    caption = charts.Caption("a", "A", "a")
    moments = [charts.Moment(value) for value in (1, 2, None, 3)]

    svg = charts.over_hours(caption, moments, spoken=str)

    assert svg.count('class="trend"') == 2


@pytest.mark.parametrize(
    ("values", "ticks"), [((0,), ["0 s", "1 s"]), ((0.2,), ["0 s", "1 s"]), ((0, 1.6), ["0 s", "1 s", "2 s"])]
)
def test_no_tick_says_what_another_says(values: tuple[float, ...], ticks: list[str]) -> None:
    moments = [charts.Moment(value) for value in (*values, None)]

    svg = charts.over_hours(charts.Caption("a", "A", "a"), moments, spoken=lambda value: f"{round(value)} s")

    assert re.findall(r">(\d s)<", svg) == ticks


def test_a_limit_is_drawn_where_it_comes_into_sight() -> None:
    caption, limit = charts.Caption("a", "A", "a"), charts.Reference(600, "late")

    quiet, busy = (
        charts.over_hours(caption, [charts.Moment(value)] * 3, spoken=str, limit=limit) for value in (30.0, 900.0)
    )

    assert ("reference-line" in quiet, "reference-line" in busy) == (False, True)
