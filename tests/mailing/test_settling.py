"""Uncertain mail, settled by staff."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.utils import translation

from accounts.models import Brand, Membership, User
from mailing.models import MailEvent, OutgoingMail
from mailing.services import MailReport, Settlement, record_mail_event, send_due_mail, settle_mail
from tests.factories import NOW, make_brand, make_staff
from tests.mailing.conftest import AnsweringServer
from tests.mailing.factories import make_mail
from tests.waiting import wait_for_blocked

State = OutgoingMail.State
pytestmark = pytest.mark.django_db


def uncertain(brand: Brand, **fields: Any) -> OutgoingMail:
    mail = make_mail(brand, **fields)
    OutgoingMail.objects.filter(pk=mail.pk).update(
        state=State.UNCERTAIN, reason="lost", handed_over_at=NOW - timedelta(hours=1), attempts=1
    )
    return mail


def events(mail: OutgoingMail) -> list[tuple[str, str, str]]:
    return list(mail.events.order_by("pk").values_list("kind", "source", "detail"))


def test_what_arrived_was_sent_when_it_was_handed_over(brand: Brand) -> None:
    mail = uncertain(brand)

    settled = settle_mail(mail, Settlement.ARRIVED, by=make_staff(brand), now=NOW)

    assert (settled.state, settled.reason, settled.sent_at) == (State.SENT, "", NOW - timedelta(hours=1))
    assert events(mail) == [("arrived", "staff", "Sofía")]


def test_what_did_not_arrive_failed(brand: Brand) -> None:
    mail = uncertain(brand)

    settled = settle_mail(mail, Settlement.NOT_ARRIVED, by=make_staff(brand), now=NOW)

    assert (settled.state, settled.reason, settled.sent_at) == (State.FAILED, "not_arrived", None)
    assert events(mail) == [("not_arrived", "staff", "Sofía")]


def test_what_did_not_arrive_is_sent_again_under_its_message_id(server: AnsweringServer, brand: Brand) -> None:
    mail, sofia = uncertain(brand, to="carla@correo.example"), make_staff(brand)

    settle_mail(mail, Settlement.SEND_AGAIN, by=sofia, now=datetime.now(UTC))
    send_due_mail()

    [(_sender, recipient, content)] = server.delivered
    assert recipient == "carla@correo.example"
    assert f"Message-ID: {mail.message_id}".encode() in content
    assert [kind for kind, _source, _detail in events(mail)] == ["not_arrived", "retried"]

    # And may become uncertain and be settled once more.
    OutgoingMail.objects.update(state=State.UNCERTAIN)
    settle_mail(mail, Settlement.NOT_ARRIVED, by=sofia, now=NOW)
    assert [kind for kind, _source, _detail in events(mail)] == ["not_arrived", "retried", "not_arrived"]


@pytest.mark.parametrize("outcome", Settlement)
@pytest.mark.parametrize("state", [State.QUEUED, State.SENT, State.FAILED, State.CANCELLED])
def test_only_what_is_uncertain_is_settled(brand: Brand, outcome: Settlement, state: str) -> None:
    mail = make_mail(brand)
    OutgoingMail.objects.filter(pk=mail.pk).update(state=state, sent_at=NOW)

    with pytest.raises(ValidationError):
        settle_mail(mail, outcome, by=make_staff(brand), now=NOW)

    mail.refresh_from_db()
    assert (mail.state, events(mail)) == (state, [])


def test_too_late_to_be_sent_again_changes_nothing(brand: Brand) -> None:
    mail = uncertain(brand, expires_at=NOW)

    with pytest.raises(ValidationError):
        settle_mail(mail, Settlement.SEND_AGAIN, by=make_staff(brand), now=NOW)

    mail.refresh_from_db()
    assert (mail.state, events(mail)) == (State.UNCERTAIN, [])


@pytest.mark.integration
@pytest.mark.django_db(transaction=True)
def test_of_two_who_settle_at_once_one_decides_and_the_other_is_told(transactional_db: None) -> None:
    brand = make_brand()
    mail, people = uncertain(brand), [make_staff(brand), make_staff(brand, "Luis")]

    def settle(choice: tuple[User, Settlement]) -> str:
        by, outcome = choice
        try:
            with translation.override("en"):
                settle_mail(mail, outcome, by=by, now=datetime.now(UTC))
        except ValidationError as refusal:
            with translation.override("en"):
                return str(refusal.messages[0])
        finally:
            connection.close()
        return str(by)

    choices = zip(people, (Settlement.ARRIVED, Settlement.SEND_AGAIN), strict=True)
    with closing(psycopg2.connect(**connection.get_connection_params())) as other, ThreadPoolExecutor(2) as both:
        other.cursor().execute("SELECT FROM mailing_outgoingmail FOR UPDATE")  # so that both are at the door
        told = both.map(settle, choices)
        try:
            wait_for_blocked(2)
        finally:
            other.rollback()  # or both wait for ever
        first, second = sorted(told, key=len)

    mail.refresh_from_db()
    if first == "Sofía":
        assert (mail.state, second) == (State.SENT, "Sofía has settled it already (Found to have arrived).")
        assert events(mail) == [("arrived", "staff", "Sofía")]
    else:
        assert (mail.state, second) == (State.QUEUED, "Luis has settled it already (Found not to have arrived).")
        assert [(kind, who) for kind, _source, who in events(mail)] == [("not_arrived", "Luis"), ("retried", "Luis")]


@pytest.mark.parametrize("role", [Membership.Role.ANALYST, Membership.Role.READ_ONLY, None])
def test_who_may_not_write_settles_nothing(brand: Brand, role: str | None) -> None:
    mail = uncertain(brand)
    somebody = make_staff(brand, "Rita", role) if role else make_staff(make_brand("otra"), "Olga")

    with pytest.raises(PermissionDenied):
        settle_mail(mail, Settlement.ARRIVED, by=somebody, now=NOW)

    mail.refresh_from_db()
    assert (mail.state, events(mail)) == (State.UNCERTAIN, [])


def test_a_provider_may_know_better_than_staff(brand: Brand) -> None:
    mail = uncertain(brand)
    settle_mail(mail, Settlement.NOT_ARRIVED, by=make_staff(brand), now=NOW)

    delivered = MailReport(
        source="postmark", event_id="1", mail=mail.message_id, kind=MailEvent.Kind.DELIVERED, occurred_at=NOW
    )
    record_mail_event(delivered, now=NOW)

    mail.refresh_from_db()
    assert (mail.state, mail.reason, mail.sent_at) == (State.SENT, "", NOW - timedelta(hours=1))
