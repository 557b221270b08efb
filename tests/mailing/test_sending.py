"""The engine against a real server: what is delivered, how often, and what the ledger says of it."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.db.models.functions import Now
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from accounts.models import Brand
from mailing.lanes import Lanes
from mailing.models import MailEvent, OutgoingMail, Suppression
from mailing.selectors import suppressed_addresses
from mailing.services import cancel_mails, queue_mails, recover_expired_leases, send_due_mail, suppress, unsubscribe
from mailing.services.claiming import claim_due
from mailing.services.sending import (
    Outcome,
    Ready,
    attempt,
    hand_over,
    prepared,
    promise,
    record,
    send_all,
)
from mailing.transport import open_transport
from tests.factories import make_brand
from tests.mailing.conftest import AnsweringServer, Until
from tests.mailing.factories import make_answer_request, make_mail, make_request

State = OutgoingMail.State
pytestmark = [pytest.mark.django_db, pytest.mark.integration]


def states() -> dict[str, str]:
    return dict(OutgoingMail.objects.values_list("to_address", "state"))


def make_due() -> None:
    """Whatever waits for its next try waits no longer."""
    OutgoingMail.objects.filter(state=State.QUEUED).update(not_before=Now() - timedelta(seconds=1))


def expire_leases() -> None:
    OutgoingMail.objects.filter(lease_until__isnull=False).update(lease_until=Now() - timedelta(seconds=1))


# --- What is due, once ---------------------------------------------------------------------------------------------
def test_send_due_mail_sends_all_that_is_due_once(server: AnsweringServer, brand: Brand) -> None:
    mails = queue_mails([make_request(brand) for _ in range(30)])

    assert send_due_mail() == 30
    assert send_due_mail() == 0

    assert sorted(server.recipients) == sorted(mail.to_address for mail in mails)
    for mail in OutgoingMail.objects.all():
        assert (mail.state, mail.reason, mail.attempts) == (State.SENT, "", 1)
        assert mail.server_reply.startswith("250 OK queued as")
        assert mail.sent_at
        assert mail.handed_over_at
        assert mail.lease_owner is None
    assert server.connections == 1


def test_a_connection_carries_so_many_messages_and_no_more(
    server: AnsweringServer, brand: Brand, settings: Settings
) -> None:
    settings.MAIL_CONNECTION_MESSAGES = 4
    queue_mails([make_request(brand) for _ in range(10)])

    assert send_due_mail() == 10

    assert server.connections == 3


def test_mail_of_later_is_left_and_mail_too_late_expires(server: AnsweringServer, brand: Brand) -> None:
    now = datetime.now(UTC)
    make_mail(brand, to="later@correo.example", not_before=now + timedelta(hours=1))
    make_mail(brand, to="late@correo.example", expires_at=now - timedelta(minutes=1))
    make_mail(brand, to="now@correo.example", expires_at=now + timedelta(hours=1))

    assert send_due_mail() == 1

    assert states() == {
        "later@correo.example": State.QUEUED,
        "late@correo.example": State.EXPIRED,
        "now@correo.example": State.SENT,
    }
    assert server.recipients == ["now@correo.example"]


def test_statements_do_not_grow_with_the_batch(brand: Brand, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for count in (1, 40):
        owner = uuid4()
        queue_mails([make_request(brand) for _ in range(count)])
        with django_assert_num_queries(15):  # savepoints and their releases among them
            mails = claim_due(owner=owner, limit=100)
        ready = list(prepared(mails, owner=owner))
        with django_assert_num_queries(1):
            assert hand_over(ready, owner=owner) == ready
        with django_assert_num_queries(3):
            record([Outcome(mail, State.SENT) for mail in mails], owner=owner)


# --- What servers answer -------------------------------------------------------------------------------------------
def test_a_refusal_is_for_good_and_says_why(server: AnsweringServer, brand: Brand) -> None:
    for name in ("refuse-1", "reject-1", "good-1"):
        make_mail(brand, to=f"{name}@correo.example")

    assert send_due_mail() == 1

    rows = OutgoingMail.objects.filter(state=State.FAILED).order_by("to_address")
    assert [(mail.reason, mail.server_reply) for mail in rows] == [
        ("refused", "550 5.7.1 Not from you"),
        ("refused", "554 5.6.0 Not this content"),
    ]
    assert set(MailEvent.objects.values_list("kind", "source")) == {("rejected", "server")}
    assert not Suppression.objects.exists()
    assert send_due_mail() == 0
    assert server.recipients == ["good-1@correo.example"]


def test_an_address_that_does_not_exist_is_suppressed_at_once(server: AnsweringServer, brand: Brand) -> None:
    first, second = (make_mail(brand, to="unknown-1@correo.example") for _ in range(2))

    send_due_mail()

    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, first.reason) == (State.FAILED, "bounced")
    assert (second.state, second.reason) == (State.CANCELLED, "bounced")
    assert suppressed_addresses(brand, ["unknown-1@correo.example"], scopes=["surveys"]) == {
        "unknown-1@correo.example": "bounced"
    }


@pytest.mark.parametrize("name", ["later", "busy", "closing", "bye"])
def test_a_temporary_refusal_is_tried_again_and_in_the_end_given_up(
    server: AnsweringServer, brand: Brand, settings: Settings, name: str
) -> None:
    settings.MAIL_MAX_ATTEMPTS = 3
    mail = make_mail(brand, to=f"{name}-1@correo.example")
    other = make_mail(brand, to="good@correo.example")

    assert send_due_mail() == 1
    mail.refresh_from_db()
    assert (mail.state, mail.reason, mail.attempts) == (State.QUEUED, "deferred", 1)
    for _ in range(5):
        make_due()
        send_due_mail()

    mail.refresh_from_db()
    assert (mail.state, mail.reason, mail.attempts) == (State.FAILED, "given_up", 3)
    assert list(mail.events.values_list("kind", flat=True)) == ["deferred"] * 3
    other.refresh_from_db()
    assert other.state == State.SENT
    assert server.recipients == ["good@correo.example"]


def test_a_retry_waits_a_random_while_after_the_try(server: AnsweringServer, brand: Brand) -> None:
    mail = make_mail(brand, to="later-1@correo.example")
    before = datetime.now(UTC)

    send_due_mail()

    mail.refresh_from_db()
    assert before <= mail.not_before <= datetime.now(UTC) + timedelta(minutes=1)


def test_a_survey_cut_off_after_the_message_is_uncertain_and_never_sent_again(
    server: AnsweringServer, brand: Brand
) -> None:
    mail = make_mail(brand, to="cut-1@correo.example")
    make_mail(brand, to="good@correo.example")

    assert send_due_mail() == 1
    make_due()
    assert send_due_mail() == 0
    recover_expired_leases()
    send_due_mail()

    mail.refresh_from_db()
    assert (mail.state, mail.reason) == (State.UNCERTAIN, "lost")
    assert server.recipients == ["cut-1@correo.example", "good@correo.example"]


def test_an_answer_cut_off_after_the_message_goes_out_again_under_the_same_id(
    server: AnsweringServer, brand: Brand, settings: Settings
) -> None:
    settings.MAIL_MAX_ATTEMPTS = 2
    (mail,) = queue_mails([make_answer_request(brand, to="cut-1@correo.example")])

    for _ in range(4):
        send_due_mail()
        make_due()

    assert server.recipients == ["cut-1@correo.example"] * 2
    assert all(f"Message-ID: {mail.message_id}".encode() in content for _s, _r, content in server.delivered)
    mail.refresh_from_db()
    assert (mail.state, mail.reason) == (State.UNCERTAIN, "given_up")


def test_a_server_slower_than_we_wait_gets_a_survey_once(
    server: AnsweringServer, brand: Brand, settings: Settings
) -> None:
    settings.EMAIL_TIMEOUT = 1
    server.seconds = 2
    mail = make_mail(brand, to="slow-1@correo.example")

    for _ in range(2):
        send_due_mail()
        make_due()

    mail.refresh_from_db()
    assert (mail.state, mail.reason) == (State.UNCERTAIN, "lost")
    assert server.recipients == ["slow-1@correo.example"]


def test_behind_a_slow_answer_nothing_is_promised(server: AnsweringServer, brand: Brand) -> None:
    server.seconds = 2
    queue_mails([make_request(brand, to=f"slow-{number}@correo.example") for number in range(3)])
    owner = uuid4()
    ready = claim_and_prepare(owner)

    over_at: list[float] = []
    server.after_delivery = lambda: over_at.append(time.monotonic() + 1)
    deadline: Any = Until(lambda: over_at != [] and time.monotonic() >= over_at[0])

    with closing(Lanes(attempt, most=1)) as lanes:
        outcomes = list(send_all(iter(ready), owner=owner, lanes=lanes, deadline=deadline))

    assert len(outcomes) == len(server.delivered) == 1
    assert sorted(states().values()) == [State.CLAIMED, State.CLAIMED, State.SENT]


def test_a_server_that_is_away_costs_no_mail_a_try(brand: Brand, settings: Settings, server: AnsweringServer) -> None:
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 1  # where nobody listens
    settings.MAIL_MAX_ATTEMPTS = 1
    queue_mails([make_request(brand) for _ in range(5)])

    for _ in range(3):
        assert send_due_mail() == 0
        assert set(OutgoingMail.objects.values_list("state", "reason", "attempts", "lease_owner")) == {
            (State.QUEUED, "unreachable", 0, None)
        }
        assert not OutgoingMail.objects.due(Now()).exists()
        make_due()
    settings.EMAIL_PORT = port

    assert send_due_mail() == 5
    assert len(server.delivered) == 5


def test_a_server_that_goes_away_in_the_middle_costs_nothing(
    server: AnsweringServer, brand: Brand, settings: Settings
) -> None:
    settings.MAIL_CONNECTION_MESSAGES = 2

    def leave() -> None:
        if len(server.delivered) == 2:
            server.controller.server.close()  # the open conversation goes on, no other begins

    server.after_delivery = leave
    queue_mails([make_request(brand) for _ in range(5)])

    assert send_due_mail() == 2

    left = OutgoingMail.objects.exclude(state=State.SENT)
    assert list(left.values_list("state", "reason", "attempts")) == [(State.QUEUED, "unreachable", 0)] * 3


# --- The last look -------------------------------------------------------------------------------------------------
def claim_and_prepare(owner: UUID) -> list[Ready]:
    return list(prepared(claim_due(owner=owner, limit=100), owner=owner))


def go_on(ready: list[Ready], owner: UUID) -> None:
    """What a worker does with mail that it has claimed."""
    with closing(Lanes(attempt, most=1)) as lanes:
        list(send_all(iter(ready), owner=owner, lanes=lanes, deadline=time.monotonic() + 60))


@contextmanager
def claimed(brand: Brand, **fields: object) -> Iterator[OutgoingMail]:
    """A mail that a worker has claimed and rendered; at the end the worker goes on."""
    mail, owner = make_mail(brand, **fields), uuid4()
    ready = claim_and_prepare(owner)
    yield mail
    go_on(ready, owner)
    mail.refresh_from_db()


@pytest.mark.parametrize("scope", ["surveys", "purchase:7", "all"])
def test_unsubscribing_between_claim_and_hand_over_stops_the_mail(
    server: AnsweringServer, brand: Brand, scope: str
) -> None:
    with claimed(brand, to="carla@correo.example", scopes=("surveys", "purchase:7")) as mail:
        unsubscribe(mail, scope=scope, source="page", now=datetime.now(UTC))

    assert (mail.state, mail.reason) == (State.CANCELLED, "opted_out")
    assert server.delivered == []


def test_an_objection_to_something_else_stops_nothing(server: AnsweringServer, brand: Brand) -> None:
    other = make_brand("otra")
    now = datetime.now(UTC)
    with claimed(brand, to="carla@correo.example", scopes=("surveys", "purchase:7")) as mail:
        suppress(brand, "carla@correo.example", scope="purchase:8", reason="opted_out", now=now)
        suppress(brand, "bruno@correo.example", scope="surveys", reason="opted_out", now=now)
        suppress(other, "carla@correo.example", scope="all", reason="opted_out", now=now)

    assert mail.state == State.SENT


def test_who_wants_no_surveys_still_gets_answers(server: AnsweringServer, brand: Brand) -> None:
    suppress(brand, "carla@correo.example", scope="surveys", reason="opted_out", now=datetime.now(UTC))
    queue_mails([make_answer_request(brand, to="carla@correo.example"), make_request(brand, to="carla@correo.example")])

    assert send_due_mail() == 1
    assert server.delivered[0][0] == brand.service_sender


def test_cancelling_between_claim_and_hand_over_stops_the_mail(server: AnsweringServer, brand: Brand) -> None:
    with claimed(brand) as mail:
        assert cancel_mails([mail.pk], reason="refunded") == 1

    assert (mail.state, mail.reason, mail.attempts) == (State.CANCELLED, "refunded", 0)
    assert server.delivered == []


def test_a_promise_whose_answer_was_lost_may_be_asked_for_again_by_its_worker_alone(
    server: AnsweringServer, brand: Brand
) -> None:
    mail, owner = make_mail(brand), uuid4()
    ready = claim_and_prepare(owner)

    assert [promise([mail], owner=owner) for _ in range(2)] == [{mail.pk: 1}] * 2
    assert promise([mail], owner=uuid4()) == {}

    # What has come in between is looked at again, though nothing was begun.
    suppress(brand, mail.to_address, scope="surveys", reason="opted_out", now=datetime.now(UTC))
    assert hand_over(ready, owner=owner) == []
    assert states() == {mail.to_address: State.CANCELLED}


def test_a_mail_whose_time_ends_between_claim_and_hand_over_expires(server: AnsweringServer, brand: Brand) -> None:
    with claimed(brand) as mail:
        OutgoingMail.objects.filter(pk=mail.pk).update(expires_at=Now())

    assert (mail.state, mail.reason) == (State.EXPIRED, "too_late")
    assert server.delivered == []


# --- Workers that stop ---------------------------------------------------------------------------------------------
def test_a_worker_that_dies_after_claiming_leaves_mail_that_is_sent(server: AnsweringServer, brand: Brand) -> None:
    mail = make_mail(brand)
    claim_due(owner=uuid4(), limit=100)

    assert recover_expired_leases() == 0
    assert send_due_mail() == 0
    expire_leases()
    assert recover_expired_leases() == 1
    assert send_due_mail() == 1

    mail.refresh_from_db()
    assert (mail.state, mail.attempts) == (State.SENT, 1)
    assert len(server.delivered) == 1


def test_a_worker_that_dies_after_the_promise_leaves_a_survey_uncertain(server: AnsweringServer, brand: Brand) -> None:
    promised, waiting = queue_mails([make_request(brand), make_request(brand)])
    owner = uuid4()
    ready = claim_and_prepare(owner)
    assert hand_over(ready[:1], owner=owner) == ready[:1]
    expire_leases()

    assert recover_expired_leases() == 2
    assert send_due_mail() == 1

    promised.refresh_from_db()
    assert (promised.state, promised.reason) == (State.UNCERTAIN, "worker_lost")
    assert server.recipients == [waiting.to_address]


def test_a_worker_that_dies_before_it_can_write_down_leaves_an_answer_to_be_sent_again(
    server: AnsweringServer, brand: Brand, settings: Settings
) -> None:
    settings.MAIL_MAX_ATTEMPTS = 3
    (mail,) = queue_mails([make_answer_request(brand)])
    for _ in range(5):
        deliver_and_die(uuid4())
        expire_leases()
        recover_expired_leases()

    # A copy a try at most, all under one id, and an end.
    assert len(server.delivered) == 3
    assert all(f"Message-ID: {mail.message_id}".encode() in content for _s, _r, content in server.delivered)
    mail.refresh_from_db()
    assert (mail.state, mail.reason, mail.attempts) == (State.UNCERTAIN, "worker_lost", 3)


def deliver_and_die(owner: UUID) -> list[Outcome]:
    """Claim and send what is due, and come no further: what nobody wrote down."""
    with open_transport() as transport:
        return [attempt(ready, transport) for ready in hand_over(claim_and_prepare(owner), owner=owner)]


def test_a_worker_away_too_long_hands_nothing_over(server: AnsweringServer, brand: Brand) -> None:
    make_mail(brand)
    late, quick = uuid4(), uuid4()
    ready = claim_and_prepare(late)
    expire_leases()

    assert hand_over(ready, owner=late) == []
    recover_expired_leases()
    taken = claim_and_prepare(quick)
    assert hand_over(ready, owner=late) == []
    assert hand_over(taken, owner=quick) == taken


def test_what_a_slow_worker_knows_in_the_end_replaces_uncertainty(server: AnsweringServer, brand: Brand) -> None:
    mail, owner = make_mail(brand), uuid4()
    outcomes = deliver_and_die(owner)
    expire_leases()
    recover_expired_leases()
    mail.refresh_from_db()
    assert mail.state == State.UNCERTAIN

    record(outcomes, owner=owner)

    mail.refresh_from_db()
    assert (mail.state, mail.reason) == (State.SENT, "")


def test_what_a_slow_worker_says_of_a_mail_taken_over_is_ignored(server: AnsweringServer, brand: Brand) -> None:
    (mail,) = queue_mails([make_answer_request(brand)])
    late, quick = uuid4(), uuid4()
    outcomes = deliver_and_die(late)
    expire_leases()
    recover_expired_leases()
    claim_due(owner=quick, limit=100)

    record(outcomes, owner=late)

    mail.refresh_from_db()
    assert (mail.state, mail.lease_owner) == (State.CLAIMED, quick)


def test_a_run_that_ends_gives_back_what_it_did_not_come_to(server: AnsweringServer, brand: Brand) -> None:
    server.seconds = 0.3
    queue_mails([make_request(brand, to=f"slow-{number}@correo.example") for number in range(10)])

    sent = send_due_mail(seconds=Until(lambda: len(server.delivered) > 1))  # type: ignore[arg-type]

    assert 0 < sent < 10
    free = OutgoingMail.objects.filter(state=State.QUEUED, attempts=0, lease_owner=None)
    assert free.count() == 10 - sent == 10 - len(server.delivered)


# --- Faults of ours ------------------------------------------------------------------------------------------------
def test_a_template_with_a_fault_holds_up_its_own_mail_alone(
    server: AnsweringServer, brand: Brand, settings: Settings
) -> None:
    settings.MAIL_MAX_ATTEMPTS = 2
    mail = make_mail(brand, template="tests/missing")
    make_mail(brand)

    assert send_due_mail() == 1
    mail.refresh_from_db()
    assert (mail.state, mail.reason, mail.attempts) == (State.QUEUED, "template", 1)
    make_due()
    send_due_mail()

    mail.refresh_from_db()
    assert (mail.state, mail.reason, mail.attempts) == (State.FAILED, "given_up", 2)
    assert "tests/emails/missing" in mail.server_reply


@pytest.mark.parametrize("address", ["not an address", "a@b@c", "ñandú@correo.example", "x\r\nBcc: y@correo.example"])
def test_an_address_nobody_could_write_to_fails(server: AnsweringServer, brand: Brand, address: str) -> None:
    mail = make_mail(brand, to=address)

    assert send_due_mail() == 0

    mail.refresh_from_db()
    assert (mail.state, mail.reason) == (State.FAILED, "address")
    assert server.delivered == []


def test_other_backends_are_served_through_django(brand: Brand, mailoutbox: list[object]) -> None:
    make_mail(brand)

    assert send_due_mail() == 1

    assert len(mailoutbox) == 1


def test_due_mail_is_found_by_its_index(brand: Brand) -> None:
    later = datetime.now(UTC) + timedelta(days=30)
    queue_mails([make_request(brand, not_before=later) for _ in range(500)])
    make_mail(brand)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE mailing_outgoingmail")

    plan = OutgoingMail.objects.due(Now()).order_by("not_before", "id")[:100].explain()

    assert "mail_due" in plan
    assert "Filter" not in plan
