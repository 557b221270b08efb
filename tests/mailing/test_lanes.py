"""Several connections at once: as many as a slow server is worth, and no more than it allows."""

import time
from contextlib import closing

import pytest
from pytest_django.fixtures import Settings

from accounts.models import Brand
from mailing.lanes import Lanes
from mailing.models import OutgoingMail
from mailing.services import queue_mails, send_due_mail
from mailing.transport import Transport
from tests.mailing.conftest import AnsweringServer
from tests.mailing.factories import make_request

State = OutgoingMail.State
pytestmark = [pytest.mark.django_db, pytest.mark.integration]


def test_a_slow_server_gets_several_mails_at_once_and_each_once(
    server: AnsweringServer, brand: Brand, settings: Settings
) -> None:
    settings.MAIL_CONNECTIONS = 8
    server.seconds = 0.3
    mails = queue_mails([make_request(brand, to=f"slow-{number}@correo.example") for number in range(40)])
    began = time.monotonic()

    assert send_due_mail(seconds=60) == 40

    assert time.monotonic() - began < 40 * 0.3 / 2  # one after the other would have taken twelve seconds
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
    server.seconds = 1
    queue_mails([make_request(brand, to=f"slow-{number}@correo.example") for number in range(12)])

    sent = send_due_mail(seconds=0.9)

    assert sent == len(server.delivered) == OutgoingMail.objects.filter(state=State.SENT).count() > 1
    assert set(OutgoingMail.objects.exclude(state=State.SENT).values_list("state", "attempts")) == {(State.QUEUED, 0)}


def test_a_fault_in_a_job_is_raised_where_its_result_is_waited_for(server: AnsweringServer) -> None:
    def stumble(transport: Transport) -> None:
        raise ZeroDivisionError

    with closing(Lanes[None](most=1)) as lanes:
        while not lanes.free:
            lanes.wait(for_lane=True)
        lanes.start(stumble)

        with pytest.raises(ZeroDivisionError):
            lanes.wait(for_lane=False)
