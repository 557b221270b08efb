"""What other systems are told: written with what it tells, brought at least once, with the signature of the docs."""

import json
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from datetime import timedelta
from math import inf
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.models import Brand
from mailing.models import Delivery, DeliveryAttempt, Endpoint, WebhookEvent
from mailing.posting import Reply
from mailing.services.webhooks import (
    TooManyTests,
    announce,
    audiences_of,
    change_endpoint,
    deliver_webhooks,
    delivering,
    end_endpoint,
    forget_old_webhooks,
    forget_previous_secret,
    new_endpoint,
    pause_endpoint,
    renew_secret,
    replay,
    replay_since,
    resume_endpoint,
    send_test,
)
from mailing.services.webhooks.delivering import (
    SCHEDULE,
    Outcome,
    Queue,
    Run,
    claim_due,
    delay_after,
    rest_after,
    write_down,
)
from mailing.services.webhooks.keeping import TESTS_A_MINUTE
from tests.factories import make_brand
from tests.mailing.consumer import Forged, verify
from tests.mailing.receiver import Receiver

pytestmark = pytest.mark.unit

Kind, State, Problem = WebhookEvent.Kind, Delivery.State, DeliveryAttempt.Problem
OPENED = Kind.COMPLAINT_OPENED
NEWS = {"number": "2026-000001"}


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    settings.WEBHOOK_ALLOW_PRIVATE = True
    server = Receiver()
    yield server
    server.close()


def make_endpoint(brand: Brand, url: str = "https://example.com/", **fields: Any) -> tuple[Endpoint, str]:
    return new_endpoint(brand, url=url, **{"events": [OPENED], **fields})


def let_time_pass() -> None:
    """All that waits is due, and no endpoint rests."""
    Delivery.objects.update(not_before=timezone.now() - timedelta(seconds=1))
    Endpoint.objects.update(rests_until=None)


# --- Written down --------------------------------------------------------------------------------------------------
def test_an_event_is_told_to_every_endpoint_that_listens_and_to_no_other(brand: Brand) -> None:
    first, _secret = make_endpoint(brand)
    second, _secret = make_endpoint(brand)
    make_endpoint(brand, events=[Kind.PURCHASE_REFUNDED])
    make_endpoint(brand, audience="affiliate:1")
    make_endpoint(make_brand("otra"))
    end_endpoint(make_endpoint(brand)[0])

    assert announce(brand, OPENED, [NEWS]) == 1

    assert sorted(Delivery.objects.values_list("endpoint", flat=True)) == [first.pk, second.pk]
    assert [event.data for event in WebhookEvent.objects.all()] == [NEWS]


def test_where_nobody_listens_nothing_is_looked_up_or_written(brand: Brand, django_assert_num_queries: Any) -> None:
    def news() -> Iterator[dict[str, str]]:
        pytest.fail("read for nobody")
        yield {}

    with django_assert_num_queries(1):
        assert announce(brand, OPENED, news()) == 0

    assert not WebhookEvent.objects.exists()


def test_many_events_take_as_many_statements_as_one(brand: Brand, django_assert_num_queries: Any) -> None:
    make_endpoint(brand)
    with django_assert_num_queries(3):
        announce(brand, OPENED, [NEWS])

    with django_assert_num_queries(3):
        announce(brand, OPENED, [NEWS] * 50)


def test_what_is_taken_back_was_never_told(brand: Brand) -> None:
    make_endpoint(brand)

    with transaction.atomic():
        announce(brand, OPENED, [NEWS])
        transaction.set_rollback(True)

    assert not WebhookEvent.objects.exists()


def test_who_listens(brand: Brand) -> None:
    make_endpoint(brand)
    make_endpoint(brand, audience="affiliate:7", events=["feedback.block_published"], offered=[Kind.BLOCK_PUBLISHED])

    assert audiences_of(brand, OPENED) == {""}
    assert audiences_of(brand, Kind.BLOCK_PUBLISHED) == {"affiliate:7"}


# --- Brought -------------------------------------------------------------------------------------------------------
def test_it_arrives_signed_as_the_docs_say(brand: Brand, receiver: Receiver) -> None:
    endpoint, secret = make_endpoint(brand, f"{receiver.url}/200")
    announce(brand, OPENED, [{"number": "2026-000001", "reason": "ñ€"}])

    assert deliver_webhooks() == 1

    [event], [came] = WebhookEvent.objects.all(), receiver.received
    assert verify(came.body, came.headers, secret) == {
        "id": event.public_id,
        "type": "complaint.opened",
        "timestamp": event.occurred_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "brand": "lumbre",
        "data": {"number": "2026-000001", "reason": "ñ€"},
    }
    assert came.headers["webhook-id"] == event.public_id
    assert came.headers["content-type"] == "application/json"
    [delivery], [attempt] = Delivery.objects.all(), DeliveryAttempt.objects.all()
    assert (delivery.state, delivery.tries, delivery.lease_owner) == (State.DELIVERED, 1, None)
    assert (attempt.status, attempt.problem, attempt.reply) == (200, "", "hola")
    endpoint.refresh_from_db()
    assert endpoint.delivered_at is not None
    assert deliver_webhooks() == 0


@pytest.mark.parametrize("part", ["body", "webhook-id", "webhook-timestamp", "webhook-signature", "secret", "old"])
def test_a_consumer_that_follows_the_docs_refuses_what_is_forged(brand: Brand, receiver: Receiver, part: str) -> None:
    _endpoint, secret = make_endpoint(brand, f"{receiver.url}/200")
    announce(brand, OPENED, [NEWS])
    deliver_webhooks()
    [came] = receiver.received
    body, headers, later = came.body, dict(came.headers), 0
    if part == "body":
        body = body.replace(b"000001", b"000002")
    elif part == "secret":
        secret = make_endpoint(brand)[1]
    elif part == "old":
        later = 301
    else:
        headers[part] += "2"

    with pytest.raises(Forged):
        verify(body, headers, secret, now=timezone.now().timestamp() + later)


def test_while_the_secret_changes_both_hold(brand: Brand, receiver: Receiver) -> None:
    endpoint, first = make_endpoint(brand, f"{receiver.url}/200")
    second = renew_secret(endpoint, now=timezone.now())
    announce(brand, OPENED, [NEWS])
    deliver_webhooks()
    forget_previous_secret(endpoint)
    announce(brand, OPENED, [NEWS])
    deliver_webhooks()

    both, newest = receiver.received
    assert verify(both.body, both.headers, first) == verify(both.body, both.headers, second)
    assert verify(newest.body, newest.headers, second)
    with pytest.raises(Forged):
        verify(newest.body, newest.headers, first)


def test_the_secret_before_holds_for_a_day(brand: Brand) -> None:
    endpoint, _secret = make_endpoint(brand)
    now = timezone.now()
    renew_secret(endpoint, now=now)
    endpoint.refresh_from_db()

    assert len(endpoint.sealed_secrets(now + timedelta(hours=23))) == 2
    assert endpoint.sealed_secrets(now + timedelta(hours=24)) == [bytes(endpoint.sealed_secret)]


def test_a_secret_whose_key_is_gone_is_said_and_nothing_sent(
    brand: Brand, receiver: Receiver, settings: Settings
) -> None:
    make_endpoint(brand, f"{receiver.url}/200")
    announce(brand, OPENED, [NEWS])
    settings.LINK_KEYS = {9: "another"}

    assert deliver_webhooks() == 0

    assert [attempt.problem for attempt in DeliveryAttempt.objects.all()] == [Problem.SECRET]
    assert receiver.received == []


@pytest.mark.parametrize("path", ["500", "404", "redirect", "close", "slow"])
def test_what_fails_is_tried_again_with_the_same_id_and_the_same_bytes(
    brand: Brand, receiver: Receiver, settings: Settings, path: str
) -> None:
    settings.WEBHOOK_TIMEOUT = 0.5 if path == "slow" else 10
    endpoint, _secret = make_endpoint(brand, f"{receiver.url}/{path}")
    announce(brand, OPENED, [NEWS])
    begun = timezone.now()
    deliver_webhooks()
    [delivery] = Delivery.objects.all()
    assert (delivery.state, delivery.tries) == (State.PENDING, 1)
    assert begun + timedelta(seconds=5) <= delivery.not_before <= timezone.now() + timedelta(seconds=6)
    settings.WEBHOOK_TIMEOUT = 10
    Endpoint.objects.update(url=f"{receiver.url}/200")
    let_time_pass()

    assert deliver_webhooks() == 1

    failed, taken = receiver.received
    assert failed.headers["webhook-id"] == taken.headers["webhook-id"]
    assert failed.body == taken.body
    assert DeliveryAttempt.objects.count() == 2
    endpoint.refresh_from_db()
    assert (endpoint.failing_since, endpoint.failures, endpoint.rests_until) == (None, 0, None)


def test_tries_go_on_for_three_days_and_then_end(brand: Brand, receiver: Receiver) -> None:
    make_endpoint(brand, f"{receiver.url}/500")
    announce(brand, OPENED, [NEWS])

    for _time in range(12):
        let_time_pass()
        deliver_webhooks()

    [delivery] = Delivery.objects.all()
    assert (delivery.state, delivery.tries) == (State.FAILED, 10)
    assert len(receiver.received) == 10
    assert timedelta(days=3) <= sum(SCHEDULE, timedelta()) < timedelta(days=3.5)


def test_a_wait_is_the_planned_one_with_jitter_or_what_the_other_side_asks_for() -> None:
    refused, busy = Reply(Problem.STATUS, 500), Reply(Problem.STATUS, 503, retry_after=7200)

    assert delay_after(1, refused, draw=lambda: 0) == timedelta(seconds=5)
    assert delay_after(2, refused, draw=lambda: 1) == timedelta(minutes=6)
    assert delay_after(99, refused, draw=lambda: 0) == timedelta(hours=24)
    assert delay_after(1, busy, draw=lambda: 0) == timedelta(hours=2)
    assert [rest_after(n, refused).seconds for n in (1, 2, 3, 50)] == [5, 10, 20, 600]
    assert rest_after(1, busy) == timedelta(hours=2)


def test_an_endpoint_that_does_not_answer_is_asked_once_and_costs_the_others_nothing(
    brand: Brand, receiver: Receiver, settings: Settings
) -> None:
    settings.WEBHOOK_TIMEOUT = 1
    make_endpoint(brand, f"{receiver.url}/slow")
    make_endpoint(brand, f"{receiver.url}/200")
    announce(brand, OPENED, [NEWS] * 15)

    assert deliver_webhooks(seconds=3) == 15

    paths = [each.path for each in receiver.received]
    assert paths.count("/200") == 15
    assert paths.count("/slow") <= 4  # those under way when the first one failed
    assert deliver_webhooks() == 0  # it rests
    assert Delivery.objects.pending().filter(lease_owner__isnull=False).count() == 0


def test_who_asks_for_less_is_left_in_peace_so_long(brand: Brand, receiver: Receiver) -> None:
    endpoint, _secret = make_endpoint(brand, f"{receiver.url}/busy")
    announce(brand, OPENED, [NEWS])

    deliver_webhooks()

    endpoint.refresh_from_db()
    [delivery] = Delivery.objects.all()
    assert endpoint.rests_until
    assert min(endpoint.rests_until, delivery.not_before) > timezone.now() + timedelta(minutes=119)


def test_one_event_that_the_other_side_cannot_read_stops_no_other(brand: Brand, receiver: Receiver) -> None:
    answers = iter([500, *[200] * 5])

    def answer() -> None:
        receiver.status = next(answers)

    receiver.on_request = answer
    make_endpoint(brand, f"{receiver.url}/")
    announce(brand, OPENED, [NEWS] * 6)

    assert deliver_webhooks() == 5
    assert Delivery.objects.pending().count() == 1


# --- Workers that die ------------------------------------------------------------------------------------------------
def test_what_a_dead_worker_held_is_brought_again_with_the_same_id(brand: Brand, receiver: Receiver) -> None:
    make_endpoint(brand, f"{receiver.url}/200")
    announce(brand, OPENED, [NEWS])
    lost = uuid4()
    assert len(claim_due(owner=lost)) == 1
    assert deliver_webhooks() == 0  # its lease holds
    Delivery.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    assert deliver_webhooks() == 1

    [delivery] = Delivery.objects.all()
    assert delivery.tries == 2  # that of which nobody knows the end is one


def test_what_kills_every_worker_is_given_up_and_the_next_is_brought(brand: Brand, receiver: Receiver) -> None:
    make_endpoint(brand, f"{receiver.url}/200")
    announce(brand, OPENED, [NEWS])
    Delivery.objects.update(tries=len(SCHEDULE))
    assert len(claim_due(owner=uuid4())) == 1
    Delivery.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    announce(brand, OPENED, [NEWS])

    assert deliver_webhooks() == 1

    assert list(Delivery.objects.order_by("pk").values_list("state", flat=True)) == [State.FAILED, State.DELIVERED]


def test_workers_that_die_one_after_the_other_use_up_no_days(brand: Brand, receiver: Receiver) -> None:
    make_endpoint(brand, f"{receiver.url}/200")
    announce(brand, OPENED, [NEWS] * 2)
    for _worker in range(len(SCHEDULE) + 1):
        claim_due(owner=uuid4())
        Delivery.objects.filter(lease_until__isnull=False).update(lease_until=timezone.now() - timedelta(seconds=1))

    assert {(each.state, each.tries) for each in Delivery.objects.all()} == {(State.PENDING, 2)}
    assert Delivery.objects.filter(not_before__gt=timezone.now() + timedelta(minutes=3)).count() == 2
    Delivery.objects.update(not_before=timezone.now())
    assert deliver_webhooks() == 2


def test_a_worker_that_was_away_too_long_writes_nothing_any_more(brand: Brand, receiver: Receiver) -> None:
    make_endpoint(brand, f"{receiver.url}/200")
    announce(brand, OPENED, [NEWS])
    late = uuid4()
    [held] = claim_due(owner=late)
    Delivery.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    deliver_webhooks()

    assert write_down([Outcome(held, Reply(Problem.STATUS, 500))], owner=late) == []

    [delivery] = Delivery.objects.all()
    assert delivery.state == State.DELIVERED
    assert DeliveryAttempt.objects.count() == 1


def test_one_endpoint_is_worked_by_one_worker_at_a_time(brand: Brand, receiver: Receiver) -> None:
    make_endpoint(brand, f"{receiver.url}/200")
    announce(brand, OPENED, [NEWS] * 30)

    assert len(claim_due(owner=uuid4())) == 20
    assert claim_due(owner=uuid4()) == []


def test_two_looks_at_once_take_nothing_twice(brand: Brand, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second began its look before the first had leased anything: to it the endpoint seemed free."""
    make_endpoint(brand)
    announce(brand, OPENED, [NEWS])
    first = uuid4()
    assert len(claim_due(owner=first)) == 1
    monkeypatch.setattr(delivering, "_FREE", "SELECT id FROM mailing_endpoint LIMIT %(endpoints)s")

    assert claim_due(owner=uuid4()) == []

    assert Delivery.objects.get().lease_owner == first


def test_who_writes_down_locks_the_endpoint_first_as_whoever_resumes_or_ends_it_does(brand: Brand) -> None:
    """Else the two wait for each other."""
    make_endpoint(brand)
    announce(brand, OPENED, [NEWS])
    owner = uuid4()
    [delivery] = claim_due(owner=owner)

    with CaptureQueriesContext(connection) as asked:
        write_down([Outcome(delivery, Reply(Problem.STATUS, 500))], owner=owner)

    locks = [query["sql"] for query in asked if " FOR " in query["sql"]]
    assert [Endpoint._meta.db_table in locks[0], Delivery._meta.db_table in locks[1]] == [True, True]


def test_a_slow_endpoint_does_not_take_what_another_needs(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    settings.WEBHOOK_CONNECTIONS = 4
    monkeypatch.setattr(delivering, "prepared", lambda delivery, endpoint: endpoint.url)
    slow, quick = (
        Queue(Endpoint(url=url), deque(Delivery(endpoint_id=pk) for _each in range(9)))
        for pk, url in enumerate(["slow", "quick"], start=1)
    )
    slow.under_way = 3
    run = Run(deadline=inf, queues={1: slow, 2: quick}, futures={Future(): Delivery() for _each in range(3)})
    begun: list[str] = []

    class Pool:
        def submit(self, url: str) -> "Future[Reply]":
            begun.append(url)
            return Future()

    run.start(Pool())  # type: ignore[arg-type]

    assert begun == ["quick"]


def test_a_few_requests_at_once_to_one_endpoint(brand: Brand, receiver: Receiver) -> None:
    make_endpoint(brand, f"{receiver.url}/200")
    announce(brand, OPENED, [NEWS] * 30)

    assert deliver_webhooks() == 30

    assert len(set(receiver.ids)) == 30
    assert receiver.most_at_once <= 4


# --- Paused, resumed, ended ------------------------------------------------------------------------------------------
def test_after_days_in_which_nothing_arrived_it_is_paused_and_collects(brand: Brand, receiver: Receiver) -> None:
    endpoint, _secret = make_endpoint(brand, f"{receiver.url}/500")
    announce(brand, OPENED, [NEWS])
    deliver_webhooks()
    Endpoint.objects.update(failing_since=timezone.now() - timedelta(days=3))
    let_time_pass()
    deliver_webhooks()
    endpoint.refresh_from_db()
    assert (endpoint.state, endpoint.pause_reason) == (Endpoint.State.PAUSED, Endpoint.PauseReason.FAILING)
    assert endpoint.paused_at is not None
    announce(brand, OPENED, [NEWS])
    let_time_pass()
    assert deliver_webhooks() == 0
    assert len(receiver.received) == 2
    Endpoint.objects.update(url=f"{receiver.url}/200")

    assert resume_endpoint(endpoint)

    assert deliver_webhooks() == 2
    assert not resume_endpoint(endpoint)


def test_one_that_is_gone_is_paused_at_once(brand: Brand, receiver: Receiver) -> None:
    endpoint, _secret = make_endpoint(brand, f"{receiver.url}/410")
    announce(brand, OPENED, [NEWS])

    deliver_webhooks()

    endpoint.refresh_from_db()
    assert (endpoint.state, endpoint.pause_reason) == (Endpoint.State.PAUSED, Endpoint.PauseReason.GONE)


def test_one_that_is_ended_forgets_its_secret_and_drops_what_waited(brand: Brand) -> None:
    endpoint, _secret = make_endpoint(brand)
    announce(brand, OPENED, [NEWS])

    end_endpoint(endpoint)

    endpoint.refresh_from_db()
    assert (endpoint.state, bytes(endpoint.sealed_secret)) == (Endpoint.State.ENDED, b"")
    assert not Delivery.objects.exists()
    for refused in (end_endpoint, send_test):
        with pytest.raises(ValidationError):
            refused(endpoint)
    assert not pause_endpoint(endpoint, now=timezone.now())


def test_a_test_goes_to_this_endpoint_alone(brand: Brand, receiver: Receiver) -> None:
    endpoint, secret = make_endpoint(brand, f"{receiver.url}/200")
    make_endpoint(brand, f"{receiver.url}/500")

    send_test(endpoint)

    assert deliver_webhooks() == 1
    [came] = receiver.received
    told = verify(came.body, came.headers, secret)
    assert (told["type"], told["data"]) == ("webhook.test", {"endpoint": str(endpoint.uuid)})


def test_a_test_of_a_paused_one_is_refused(brand: Brand) -> None:
    endpoint, _secret = make_endpoint(brand)
    pause_endpoint(endpoint, now=timezone.now())

    with pytest.raises(ValidationError) as refused:
        send_test(endpoint)
    assert refused.value.code == "paused"


def test_there_is_a_most_of_tests_a_minute(brand: Brand) -> None:
    endpoint, _secret = make_endpoint(brand)
    other, _secret = make_endpoint(brand)
    for _time in range(TESTS_A_MINUTE):
        send_test(endpoint)

    with pytest.raises(TooManyTests):
        send_test(endpoint)

    assert Delivery.objects.count() == TESTS_A_MINUTE
    send_test(other)
    WebhookEvent.objects.update(occurred_at=timezone.now() - timedelta(minutes=2))
    send_test(endpoint)


# --- Again -----------------------------------------------------------------------------------------------------------
def test_one_is_brought_again_with_its_id(brand: Brand, receiver: Receiver) -> None:
    make_endpoint(brand, f"{receiver.url}/200")
    announce(brand, OPENED, [NEWS])
    deliver_webhooks()

    assert replay(Delivery.objects.all()) == 1

    assert deliver_webhooks() == 1
    assert len(receiver.ids) == 2
    assert len(set(receiver.ids)) == 1


def test_all_since_a_moment_are_brought_again(brand: Brand, receiver: Receiver) -> None:
    endpoint, _secret = make_endpoint(brand, f"{receiver.url}/200")
    make_endpoint(brand, f"{receiver.url}/404")
    announce(brand, OPENED, [NEWS] * 3)
    deliver_webhooks()
    WebhookEvent.objects.filter(pk__in=WebhookEvent.objects.values("pk")[:1]).update(
        occurred_at=timezone.now() - timedelta(hours=2)
    )

    assert replay_since(endpoint, timezone.now() - timedelta(hours=1), only_failed=True) == 0
    assert replay_since(endpoint, timezone.now() - timedelta(hours=1)) == 2
    assert deliver_webhooks() == 2


# --- Set up ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "http://example.com/"},
        {"url": "https://10.0.0.1/"},
        {"events": []},
        {"events": ["purchase.stolen"]},
        {"events": [Kind.BLOCK_PUBLISHED]},  # for affiliates
        {"events": [Kind.TEST]},
        {"description": "x" * 101},
    ],
    ids=str,
)
def test_what_is_no_endpoint_is_refused(brand: Brand, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        new_endpoint(brand, **{"url": "https://example.com/", "events": [OPENED], **wrong})

    assert not Endpoint.objects.exists()


def test_there_is_a_most_of_endpoints(brand: Brand) -> None:
    for _number in range(20):
        make_endpoint(brand)

    with pytest.raises(ValidationError) as refused:
        make_endpoint(brand)

    assert refused.value.code == "too_many"
    make_endpoint(brand, audience="affiliate:1")


def test_secrets_are_long_sealed_and_never_the_same(brand: Brand) -> None:
    endpoint, secret = make_endpoint(brand)
    _other, another = make_endpoint(brand)

    assert secret.startswith("whsec_")
    assert len(secret) == 6 + 44
    assert secret != another
    assert secret.encode() not in bytes(endpoint.sealed_secret)


def test_a_new_address_gets_what_waited(brand: Brand, receiver: Receiver, settings: Settings) -> None:
    settings.WEBHOOK_TIMEOUT = 0.5
    endpoint, _secret = make_endpoint(brand, f"{receiver.url}/slow")
    announce(brand, OPENED, [NEWS])
    deliver_webhooks()

    changed = change_endpoint(endpoint, url=f"{receiver.url}/200", events=[OPENED], description="ERP")

    assert (changed.description, changed.rests_until, changed.failures) == ("ERP", None, 0)
    Delivery.objects.update(not_before=timezone.now())
    settings.WEBHOOK_TIMEOUT = 10
    assert deliver_webhooks() == 1


def test_what_is_old_is_forgotten(brand: Brand, receiver: Receiver) -> None:
    kept, _secret = make_endpoint(brand, f"{receiver.url}/200")
    ended, _secret = make_endpoint(brand)
    announce(brand, OPENED, [NEWS] * 2)
    deliver_webhooks()
    end_endpoint(ended)
    in_a_month = timezone.now() + timedelta(days=30, minutes=1)
    WebhookEvent.objects.filter(pk=WebhookEvent.objects.latest("pk").pk).update(occurred_at=in_a_month)

    assert forget_old_webhooks(now=in_a_month) == 1

    assert (WebhookEvent.objects.count(), Delivery.objects.count()) == (1, 1)
    assert list(Endpoint.objects.all()) == [kept]
    assert json.loads(receiver.received[0].body)["data"] == NEWS
