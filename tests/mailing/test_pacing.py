"""How fast mail goes: in all, to one domain, and to a domain that asked to be left alone."""

import time
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from threading import Event
from uuid import uuid4

import pytest
from django.db.models import F
from pytest_django.fixtures import Settings

from accounts.models import Brand
from mailing.lanes import Lanes
from mailing.models import MailDomain, OutgoingMail, Suppression
from mailing.services import queue_mails, send_due_mail
from mailing.services.claiming import claim_due
from mailing.services.pacing import BURST_SECONDS, pause_domain
from mailing.services.sending import Outcome, Ready, attempt, hand_over, prepared, send_all
from mailing.transport import Transport
from tests.mailing.conftest import AnsweringServer
from tests.mailing.factories import make_mail, make_request

State = OutgoingMail.State
pytestmark = [pytest.mark.django_db, pytest.mark.integration]


def domains(server: AnsweringServer) -> Counter[str]:
    return Counter(recipient.partition("@")[2] for recipient in server.recipients)


def let_pass(seconds: float) -> None:
    """As if the ledger had been written so much earlier."""
    earlier = timedelta(seconds=seconds)
    OutgoingMail.objects.filter(state=State.QUEUED).update(not_before=F("not_before") - earlier)
    OutgoingMail.objects.filter(slot_at__isnull=False).update(slot_at=F("slot_at") - earlier)
    MailDomain.objects.update(free_at=F("free_at") - earlier, paused_until=F("paused_until") - earlier)


def test_a_domain_gets_its_rate_and_holds_up_nobody(server: AnsweringServer, brand: Brand, settings: Settings) -> None:
    settings.MAIL_RATE_PER_DOMAIN = 2
    settings.MAIL_BATCH_SIZE = 10
    queue_mails([make_request(brand, to=f"c{number}@grande.example") for number in range(40)])
    make_mail(brand, to="olga@otra.example")

    started = time.monotonic()

    send_due_mail()

    at_once = domains(server)["grande.example"]
    assert 2 * BURST_SECONDS <= at_once <= 2 * (BURST_SECONDS + time.monotonic() - started) + 1
    assert domains(server)["otra.example"] == 1
    waiting = OutgoingMail.objects.filter(state=State.QUEUED).order_by("not_before")
    assert {(mail.reason, mail.attempts) for mail in waiting} == {("paced", 0)}
    gaps = [later.not_before - mail.not_before for mail, later in pairwise(waiting)]
    assert set(gaps) == {timedelta(seconds=0.5)}


def test_a_mail_keeps_the_time_it_was_given(server: AnsweringServer, brand: Brand, settings: Settings) -> None:
    settings.MAIL_RATE_PER_DOMAIN = 1
    queue_mails([make_request(brand, to=f"c{number}@grande.example") for number in range(20)])
    started = time.monotonic()
    send_due_mail()
    begun = len(server.delivered)
    reserved = MailDomain.objects.get(name="grande.example").free_at

    let_pass(5)
    send_due_mail()

    assert begun + 5 <= len(server.delivered) <= begun + 5 + (time.monotonic() - started) + 1
    # Who had a time took no second one.
    assert MailDomain.objects.get(name="grande.example").free_at == reserved - timedelta(seconds=5)


def test_a_backlog_that_waited_for_workers_is_paced_anew(
    server: AnsweringServer, brand: Brand, settings: Settings
) -> None:
    settings.MAIL_RATE_PER_DOMAIN = 1
    queue_mails([make_request(brand, to=f"c{number}@grande.example") for number in range(30)])
    started = time.monotonic()
    send_due_mail()
    begun = len(server.delivered)

    let_pass(3600)
    send_due_mail()

    assert len(server.delivered) <= begun + BURST_SECONDS + (time.monotonic() - started) + 1


def test_all_mail_together_keeps_to_its_rate(server: AnsweringServer, brand: Brand, settings: Settings) -> None:
    settings.MAIL_RATE = 2
    queue_mails([make_request(brand, to=f"carla@d{number}.example") for number in range(40)])
    started = time.monotonic()

    send_due_mail()

    at_once = len(server.delivered)
    assert 2 * BURST_SECONDS <= at_once <= 2 * (BURST_SECONDS + time.monotonic() - started) + 1
    # What has to wait was not even claimed.
    assert set(OutgoingMail.objects.exclude(state=State.SENT).values_list("state", "reason", "slot_at")) == {
        (State.QUEUED, "", None)
    }
    let_pass(3)
    send_due_mail()
    assert at_once + 6 <= len(server.delivered) <= at_once + 2 * (3 + time.monotonic() - started) + 1


@pytest.mark.parametrize("name", ["later", "closing", "bye"])
def test_a_domain_that_asks_for_less_rests_at_once_and_for_all(
    server: AnsweringServer, brand: Brand, settings: Settings, name: str
) -> None:
    settings.MAIL_DOMAIN_PAUSE_SECONDS = 600
    for to in (f"{name}-1@grande.example", "carla@grande.example", "olga@otra.example"):
        make_mail(brand, to=to)

    assert send_due_mail() == 1
    assert send_due_mail() == 0

    assert server.recipients == ["olga@otra.example"]
    carla = OutgoingMail.objects.get(to_address="carla@grande.example")
    domain = MailDomain.objects.get(name="grande.example")
    assert (carla.state, carla.reason, carla.attempts, carla.not_before) == (
        State.QUEUED,
        "paced",
        0,
        domain.paused_until,
    )
    assert domain.said.startswith(("421", "451 4.7.1"))

    let_pass(601)
    OutgoingMail.objects.filter(to_address__startswith=name).update(to_address="bruno@grande.example")
    assert send_due_mail() == 2


def test_a_refusal_for_policy_rests_the_domain_and_suppresses_nobody(
    server: AnsweringServer, brand: Brand, settings: Settings
) -> None:
    settings.MAIL_POLICY_PAUSE_SECONDS = 3600
    refused = make_mail(brand, to="refuse-1@grande.example")
    make_mail(brand, to="carla@grande.example")

    assert send_due_mail() == 0

    refused.refresh_from_db()
    assert (refused.state, refused.reason) == (State.FAILED, "refused")
    assert not Suppression.objects.exists()
    assert server.recipients == []
    rests = MailDomain.objects.get(name="grande.example").paused_until
    assert rests
    assert timedelta(minutes=59) < rests - datetime.now(UTC) <= timedelta(hours=1)


def test_what_another_worker_claimed_before_the_pause_is_not_handed_over(brand: Brand) -> None:
    make_mail(brand, to="carla@grande.example")
    owner = uuid4()
    ready = list(prepared(claim_due(owner=owner, limit=10), owner=owner))

    pause_domain("grande.example", pause=timedelta(minutes=10), said="421 Later")

    assert hand_over(ready, owner=owner) == []


def test_what_was_promised_ahead_is_taken_back_when_a_domain_asks_for_less(
    server: AnsweringServer, brand: Brand, settings: Settings
) -> None:
    settings.MAIL_DOMAIN_PAUSE_SECONDS = 600
    quick = [make_mail(brand, to=f"carla-{number}@correo.example") for number in range(8)]
    asks = make_mail(brand, to="later-1@grande.example")
    behind = [make_mail(brand, to=f"carla-{number}@grande.example") for number in range(5)]
    owner = uuid4()
    ready = list(prepared(claim_due(owner=owner, limit=100), owner=owner))

    is_known = Event()

    def hesitate(ready: Ready, transport: Transport) -> Outcome:
        if ready[0] in behind:
            is_known.wait(60)
        return attempt(ready, transport)

    with closing(Lanes(hesitate, most=1)) as lanes:
        lanes.usual, lanes.quick_in_a_row = 0.001, 50  # so that all of it is promised at once
        for outcome in send_all(iter(ready), owner=owner, lanes=lanes, deadline=time.monotonic() + 60):
            if outcome.mail == asks:
                is_known.set()

    # One may have been begun before we could know.
    begun = [mail.to_address for mail in [*quick, behind[0]]]
    assert server.recipients in (begun[:-1], begun)
    left = OutgoingMail.objects.filter(pk__in=[mail.pk for mail in behind[1:]])
    assert set(left.values_list("state", "attempts", "lease_owner")) == {(State.QUEUED, 0, None)}
    asks.refresh_from_db()
    assert (asks.state, asks.reason, asks.attempts) == (State.QUEUED, "deferred", 1)


def test_a_full_mailbox_pauses_nobody_else(server: AnsweringServer, brand: Brand, settings: Settings) -> None:
    settings.MAIL_DOMAIN_PAUSE_SECONDS = settings.MAIL_POLICY_PAUSE_SECONDS = 600
    for to in ("busy-1@grande.example", "unknown-1@grande.example", "carla@grande.example"):
        make_mail(brand, to=to)

    assert send_due_mail() == 1
