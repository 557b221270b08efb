"""Several connections at once: as many as a slow server is worth, and no more than it allows."""

import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from queue import SimpleQueue
from types import SimpleNamespace

import pytest
from pytest_django.fixtures import Settings

from accounts.models import Brand
from mailing.lanes import AHEAD_SECONDS, MOST_AHEAD, STALLED, Lanes
from mailing.models import OutgoingMail
from mailing.services import queue_mails, send_due_mail
from mailing.transport import Transport
from tests.mailing.conftest import AnsweringServer, Until
from tests.mailing.factories import make_request

State = OutgoingMail.State
QUICK = 0.0005  # seconds
pytestmark = [pytest.mark.django_db, pytest.mark.integration]


def test_a_slow_server_gets_several_mails_at_once_and_each_once(
    server: AnsweringServer, brand: Brand, settings: Settings
) -> None:
    settings.MAIL_CONNECTIONS = 8
    server.seconds = 0.3
    mails = queue_mails([make_request(brand, to=f"slow-{number}@correo.example") for number in range(40)])

    assert send_due_mail(seconds=60) == 40

    assert server.most_hesitating > 2
    assert sorted(server.recipients) == sorted(mail.to_address for mail in mails)
    assert 2 < server.connections <= 8
    assert set(OutgoingMail.objects.values_list("state", "attempts")) == {(State.SENT, 1)}


def test_a_server_that_allows_two_connections_is_served_by_two(
    server: AnsweringServer, brand: Brand, settings: Settings
) -> None:
    settings.MAIL_CONNECTIONS = 8
    server.seconds = 0.2
    server.most_connections = 2
    queue_mails([make_request(brand, to=f"slow-{number}@correo.example") for number in range(8)])

    assert send_due_mail(seconds=60) == 8

    assert set(OutgoingMail.objects.values_list("state", "attempts")) == {(State.SENT, 1)}


def test_what_was_begun_is_seen_to_its_end_when_time_is_over(
    server: AnsweringServer, brand: Brand, settings: Settings
) -> None:
    settings.MAIL_CONNECTIONS = 4
    server.seconds = 0.5
    queue_mails([make_request(brand, to=f"slow-{number}@correo.example") for number in range(12)])

    sent = send_due_mail(seconds=Until(lambda: len(server.delivered) > 1))  # type: ignore[arg-type]

    assert sent == len(server.delivered) == OutgoingMail.objects.filter(state=State.SENT).count() > 1
    assert set(OutgoingMail.objects.exclude(state=State.SENT).values_list("state", "attempts")) == {(State.QUEUED, 0)}


class Line:
    """Lanes whose jobs are done when the test says so, each as slowly as it says, by a clock that nobody else moves."""

    def __init__(self) -> None:
        self.may_end = SimpleQueue[float]()
        self.clock = 0.0
        self.lanes = Lanes[int, int](self.work, most=1)

    def work(self, job: int, _transport: Transport) -> int:
        self.clock += self.may_end.get()
        return job

    def do(self, jobs: Iterable[int], *, seconds: float) -> list[int]:
        """Start these, all of which must find room, and wait for their ends."""
        for job in jobs:
            self.lanes.start(job)
            self.may_end.put(seconds)
        done: list[int] = []
        while self.lanes.in_hand:
            done += self.lanes.wait(for_room=False)
        return done


@pytest.fixture
def line(server: AnsweringServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    line = Line()
    monkeypatch.setattr("mailing.lanes.time", SimpleNamespace(monotonic=lambda: line.clock, sleep=time.sleep))
    while not line.lanes.open:
        line.lanes.wait(for_room=True)
    with closing(line.lanes):
        yield line
        line.lanes.take_back()


def test_as_many_are_started_ahead_as_have_gone_quickly_in_a_row(line: Line) -> None:
    rooms = [line.lanes.room]
    for _ in range(4):
        line.do(range(rooms[-1]), seconds=QUICK)
        rooms.append(line.lanes.room)
    while line.lanes.room < MOST_AHEAD:
        line.do(range(line.lanes.room), seconds=QUICK)

    assert rooms == [1, 1, 2, 4, 8]
    assert line.lanes.room == MOST_AHEAD


def test_one_slow_answer_and_nothing_is_started_ahead_any_more(line: Line) -> None:
    for _ in range(6):
        line.do(range(line.lanes.room), seconds=QUICK)

    line.do([1], seconds=AHEAD_SECONDS)

    assert line.lanes.room == 1


def test_behind_a_server_that_says_nothing_more_the_line_can_be_taken_back(line: Line) -> None:
    line.do([0], seconds=QUICK)
    line.do([1], seconds=QUICK)
    for job in range(2, 2 + line.lanes.room):
        line.lanes.start(job)
    began = time.monotonic()

    assert line.lanes.wait(for_room=False) == []

    assert time.monotonic() - began >= STALLED
    assert line.lanes.is_stalled
    assert line.lanes.take_back() == [3]
    assert line.lanes.in_hand == 1
    line.may_end.put(QUICK)
    assert line.lanes.rest() == [2]
    assert line.lanes.room == 1


def test_a_fault_in_a_job_is_raised_where_its_result_is_waited_for(server: AnsweringServer) -> None:
    def stumble(_job: str, _transport: Transport) -> None:
        raise ZeroDivisionError

    with closing(Lanes(stumble, most=1)) as lanes, pytest.raises(ZeroDivisionError):  # noqa: PT012
        while True:
            lanes.wait(for_room=True)
            if lanes.room:
                lanes.start("stumble")
