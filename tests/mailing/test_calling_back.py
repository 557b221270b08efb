"""A cancellation that comes while a server has the mail: it is not lost, whatever becomes of the mail there."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg2
import pytest
from django.db import connection
from django.db.models.functions import Now

from accounts.models import Brand
from mailing.lanes import Lanes
from mailing.models import MailEvent, OutgoingMail
from mailing.services import (
    MailReport,
    cancel_mails,
    queue_mail,
    queue_mails,
    record_mail_event,
    recover_expired_leases,
    send_due_mail,
)
from mailing.services.claiming import claim_due
from mailing.services.sending import (
    Outcome,
    Ready,
    attempt,
    hand_over,
    prepared,
    promise,
    record,
    taken_back,
    unreached,
    write_down,
)
from mailing.transport import Unreachable, open_transport
from tests.factories import NOW, make_brand
from tests.mailing.conftest import AnsweringServer
from tests.mailing.factories import make_answer_request, make_mail, make_request
from tests.waiting import wait_until

State = OutgoingMail.State
pytestmark = [pytest.mark.django_db, pytest.mark.integration]


def make_due() -> None:
    OutgoingMail.objects.filter(state=State.QUEUED).update(not_before=Now() - timedelta(seconds=1))


def expire_leases() -> None:
    OutgoingMail.objects.filter(lease_until__isnull=False).update(lease_until=Now() - timedelta(seconds=1))


def told_of(mail: OutgoingMail) -> tuple[str, str]:
    mail.refresh_from_db()
    return mail.state, mail.reason


def promised(owner: UUID) -> list[Ready]:
    ready = list(prepared(claim_due(owner=owner, limit=100), owner=owner))
    return hand_over(ready, owner=owner)


def deliver(ready: list[Ready]) -> list[Outcome]:
    with open_transport() as transport:
        return [attempt(each, transport) for each in ready]


# --- What the server has meanwhile decides -------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("word", "state", "reason"),
    [
        ("later", State.CANCELLED, "refunded"),
        ("busy", State.CANCELLED, "refunded"),
        ("bye", State.CANCELLED, "refunded"),
        ("refuse", State.FAILED, "refused"),
        ("cut", State.UNCERTAIN, "lost"),
        ("good", State.SENT, ""),
    ],
)
def test_what_the_server_does_not_take_is_not_tried_again(
    server: AnsweringServer, brand: Brand, word: str, state: str, reason: str
) -> None:
    mail, owner = make_mail(brand, to=f"{word}-1@correo.example"), uuid4()
    ready = promised(owner)
    cancel_mails([mail.pk], reason="refunded")

    write_down(deliver(ready), owner=owner)

    assert told_of(mail) == (state, reason)
    assert (mail.attempts, mail.lease_owner, mail.cancel_wanted) == (1, None, "refunded")
    make_due()
    recover_expired_leases()
    assert send_due_mail() == 0
    assert server.recipients == [mail.to_address for _copy in range(word in ("good", "cut"))]


def test_a_deferral_of_a_mail_that_was_called_back_is_still_told(server: AnsweringServer, brand: Brand) -> None:
    mail, owner = make_mail(brand, to="later-1@correo.example"), uuid4()
    ready = promised(owner)
    cancel_mails([mail.pk], reason="refunded")

    write_down(deliver(ready), owner=owner)

    assert list(mail.events.values_list("kind", "detail")) == [("deferred", "451 4.7.1 Greylisted, come back")]
    assert told_of(mail) == (State.CANCELLED, "refunded")
    assert mail.server_reply == "451 4.7.1 Greylisted, come back"
    assert mail.handed_over_at is not None


def test_an_answer_cut_off_after_the_message_does_not_go_out_again(server: AnsweringServer, brand: Brand) -> None:
    mail, owner = queue_mail(make_answer_request(brand, to="cut-1@correo.example")), uuid4()
    ready = promised(owner)
    cancel_mails([mail.pk], reason="taken_back")
    write_down(deliver(ready), owner=owner)

    assert told_of(mail) == (State.CANCELLED, "taken_back")

    # It had arrived, as a report says later.
    delivered = MailReport(
        source="ses", event_id="1", mail=mail.message_id, kind=MailEvent.Kind.DELIVERED, occurred_at=NOW
    )
    record_mail_event(delivered, now=NOW)
    assert told_of(mail) == (State.SENT, "")


# --- What nobody spoke of to the server ----------------------------------------------------------------------------
def test_what_is_taken_back_from_the_line_is_cancelled(brand: Brand) -> None:
    mail, owner = make_mail(brand), uuid4()
    with closing(Lanes[Ready, Outcome](attempt, most=1)) as lanes:
        for each in promised(owner):
            lanes.start(each)
        cancel_mails([mail.pk], reason="refunded")

        write_down(taken_back(lanes), owner=owner)

    assert told_of(mail) == (State.CANCELLED, "refunded")
    assert (mail.attempts, mail.handed_over_at) == (0, None)


def test_what_no_server_could_be_reached_for_is_cancelled(brand: Brand) -> None:
    mail, owner = make_mail(brand), uuid4()
    [(ours, _message)] = promised(owner)
    cancel_mails([mail.pk], reason="refunded")

    write_down([unreached(ours, Unreachable("gone"))], owner=owner)

    assert told_of(mail) == (State.CANCELLED, "refunded")
    assert mail.handed_over_at is None


def test_a_promise_that_its_worker_never_heard_of_is_not_renewed(brand: Brand) -> None:
    mail, owner = make_mail(brand), uuid4()
    ready = list(prepared(claim_due(owner=owner, limit=100), owner=owner))
    assert promise([mail], owner=owner) == {mail.pk: 1}  # and the connection broke
    cancel_mails([mail.pk], reason="refunded")

    assert hand_over(ready, owner=owner) == []

    assert told_of(mail) == (State.CANCELLED, "refunded")
    assert (mail.attempts, mail.handed_over_at, mail.lease_owner) == (0, None, None)


def test_what_was_handed_over_before_stays_so_when_the_next_try_comes_to_nothing(
    server: AnsweringServer, brand: Brand
) -> None:
    mail, owner = make_mail(brand, to="later-1@correo.example"), uuid4()
    write_down(deliver(promised(owner)), owner=owner)
    mail.refresh_from_db()
    first, again = mail.handed_over_at, uuid4()
    make_due()

    [(ours, _message)] = promised(again)
    write_down([unreached(ours, Unreachable("gone"))], owner=again)

    assert told_of(mail) == (State.QUEUED, "unreachable")
    assert (mail.attempts, mail.handed_over_at) == (1, first)


# --- Dead and slow workers -----------------------------------------------------------------------------------------
def test_what_a_dead_worker_leaves_is_not_sent_again(server: AnsweringServer, brand: Brand) -> None:
    survey, answer = queue_mails([make_request(brand), make_answer_request(brand)])
    promised(uuid4())
    cancel_mails([survey.pk, answer.pk], reason="refunded")
    expire_leases()

    assert recover_expired_leases() == 2

    assert told_of(survey) == (State.UNCERTAIN, "worker_lost")
    assert told_of(answer) == (State.CANCELLED, "refunded")
    assert send_due_mail() == 0


@pytest.mark.parametrize("request_for", [make_request, make_answer_request])
def test_what_a_slow_worker_knows_in_the_end_counts(server: AnsweringServer, brand: Brand, request_for: Any) -> None:
    mail, owner = queue_mail(request_for(brand)), uuid4()
    outcomes = deliver(promised(owner))
    cancel_mails([mail.pk], reason="refunded")
    expire_leases()
    recover_expired_leases()

    record(outcomes, owner=owner)

    assert told_of(mail) == (State.SENT, "")


def test_what_was_called_back_is_not_put_aside_for_a_cause_that_will_pass() -> None:
    """Its promise was kept, and the connection broke before we knew: at the second the brand is paused too."""
    brand, owner = make_brand(), uuid4()
    mail = make_mail(brand)
    ready = promised(owner)
    cancel_mails([mail.pk], reason="manual")
    Brand.objects.update(asking_paused_at=NOW)

    assert hand_over(ready, owner=owner) == []

    assert told_of(mail) == (State.CANCELLED, "manual")


# --- Two at once, each with commits of its own ---------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_a_second_worker_does_not_send_what_was_called_back_from_the_first(server: AnsweringServer) -> None:
    mail = make_mail(make_brand(), to="later-1@correo.example")
    asked_for = []

    def call_back() -> None:
        with closing(psycopg2.connect(**connection.get_connection_params())) as other, other.cursor() as cursor:
            cursor.execute("SELECT state FROM mailing_outgoingmail")
            asked_for.append(cursor.fetchone())
        with ThreadPoolExecutor(1) as elsewhere:
            elsewhere.submit(cancelled_elsewhere, [mail.pk]).result()

    server.before_reply = call_back

    assert send_due_mail() == 0
    make_due()
    assert send_due_mail() == 0

    assert asked_for == [("handing_over",)]  # once
    assert told_of(mail) == (State.CANCELLED, "refunded")


def cancelled_elsewhere(mails: list[int]) -> int:
    try:
        return cancel_mails(mails, reason="refunded")
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_a_cancellation_not_committed_yet_is_waited_for_holding_nothing() -> None:
    """Who calls one back may want another of the same group next: neither may hold what the other waits for."""
    mails, owner = queue_mails([make_request(brand) for brand in [make_brand()] for _ in range(3)]), uuid4()
    outcomes = [Outcome(mail, State.QUEUED, "deferred") for mail, _message in promised(owner)]

    def write() -> None:
        try:
            write_down(outcomes, owner=owner)
        finally:
            connection.close()

    def states() -> list[str]:
        return list(OutgoingMail.objects.order_by("pk").values_list("state", flat=True))

    with closing(psycopg2.connect(**connection.get_connection_params())) as other, ThreadPoolExecutor(1) as worker:
        cursor, wish = other.cursor(), "UPDATE mailing_outgoingmail SET cancel_wanted = 'refunded' WHERE id = %s"
        cursor.execute(wish, [mails[2].pk])
        writing = worker.submit(write)
        wait_until(lambda: states() == [State.QUEUED, State.QUEUED, State.HANDING_OVER])
        # The two others are written down, and so free for whoever holds the third.
        cursor.execute("SET lock_timeout = '30s'")
        cursor.execute(wish, [mails[0].pk])
        assert not writing.done()
        other.commit()
        writing.result(timeout=60)

    assert states() == [State.QUEUED, State.QUEUED, State.CANCELLED]
