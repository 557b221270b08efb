"""How the installation does: its figures, its readings, and what of it is trouble."""

from datetime import timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts.clock import database_now
from affiliates.models import PurchaseChange
from intake.models import InboundEvent, Reading, Source
from intake.operations.figures import Queue, take_figures
from intake.operations.readings import TOTALS, take_reading
from mailing.models import Delivery, DeliveryAttempt, MailEvent, OutgoingMail
from mailing.services.watching import note_alive, note_stopped
from surveys.models import Response
from tests.factories import make_brand, make_customer, make_purchase
from tests.mailing.factories import make_mail
from tests.world import World, make_world

pytestmark = pytest.mark.django_db
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def world(db: None) -> World:
    return make_world()


def test_an_empty_installation_has_nothing_to_wait_for(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(8):  # three more where there is a brand
        figures = take_figures()

    assert set(figures.queues) == {
        *("mail", "invitations", "webhooks_out", "webhooks_in", "incoming_mail", "counting", "erasures")
    }
    assert set(figures.queues.values()) == {Queue(0, 0)}
    assert figures.alive == {"beat": 0, "worker": 0}
    assert figures.late_cases == 0
    assert figures.connections.open >= 1
    assert figures.database_bytes > 1_000_000


def test_each_queue_is_as_old_as_what_has_waited_longest() -> None:
    brand, now = make_brand(), database_now()
    for minutes in (5, 3, -60):
        make_mail(brand, not_before=now - minutes * MINUTE)
    PurchaseChange.objects.create(purchase=make_purchase(make_customer(brand)))
    PurchaseChange.objects.update(created_at=now - 2 * MINUTE)
    InboundEvent.objects.create(source=Source.MAIL, event_id="1", body=b"", try_at=now - HOUR)

    queues = take_figures().queues

    assert {name: (round(queue.age / 60), queue.size) for name, queue in queues.items() if queue.size} == {
        "mail": (5, 2),
        "counting": (2, 1),
        "webhooks_in": (60, 1),
    }


def test_who_has_stopped_or_is_silent_is_not_alive() -> None:
    for pid in (1, 2, 3):
        note_alive("worker", host="uno", pid=pid)
    note_stopped("worker", host="uno", pid=1)
    note_alive("beat", host="uno", pid=9)

    assert take_figures().alive == {"beat": 1, "worker": 2}


def read(*, after: timedelta) -> Reading:
    """A reading of so much later."""
    assert take_reading(now=database_now() + after)
    return Reading.objects.latest("at")


def test_readings_add_up_what_happened_in_between(world: World) -> None:
    first = read(after=MINUTE)
    OutgoingMail.objects.filter(pk=world.mail.pk).update(
        state="sent", sent_at=database_now(), updated_at=database_now() + 2 * MINUTE, scopes=["surveys"]
    )
    MailEvent.objects.create(
        brand=world.brand,
        mail=world.mail,
        kind="bounced",
        source="x",
        event_id="new",
        occurred_at=database_now() - HOUR,
    )
    delivery = Delivery.objects.first()
    DeliveryAttempt.objects.create(delivery=delivery, milliseconds=250, status=200)
    DeliveryAttempt.objects.create(delivery=delivery, milliseconds=750, problem="timeout")
    second = read(after=3 * MINUTE)
    third = read(after=4 * MINUTE)

    assert first.totals == dict.fromkeys(TOTALS, 0)
    assert {name: count for name, count in second.totals.items() if count} == {
        "mails_sent": 1,
        "surveys_sent": 1,
        "mails_bounced": 1,
        "webhooks_delivered": 1,
        "webhook_tries_failed": 1,
        "webhook_milliseconds": 1000,
    }
    assert third.totals == second.totals


def test_what_is_too_young_to_be_settled_is_counted_with_the_next(world: World) -> None:
    read(after=timedelta())
    response = Response.objects.latest("pk")
    Response.objects.filter(pk=response.pk).update(answered_at=database_now() + 2 * MINUTE)

    too_early = read(after=2 * MINUTE + timedelta(seconds=5))
    in_time = read(after=3 * MINUTE + timedelta(seconds=5))

    assert (too_early.totals["answers"], in_time.totals["answers"]) == (0, 1)


def test_a_minute_has_one_reading() -> None:
    now = database_now().replace(second=1)

    assert [take_reading(now=now), take_reading(now=now + timedelta(seconds=50))] == [True, False]


def test_old_readings_go() -> None:
    now = database_now()
    Reading.objects.create(at=now - timedelta(days=9), until=now - timedelta(days=9))

    take_reading(now=now)

    assert Reading.objects.count() == 1
