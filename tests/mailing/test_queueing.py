from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from pytest_django import DjangoAssertNumQueries

from accounts.models import Membership
from mailing.models import MailEvent, OutgoingMail
from mailing.services import cancel_mail, cancel_mails, queue_mail, queue_mails, retry_mail
from tests.factories import make_brand, make_staff
from tests.mailing.factories import make_answer_request, make_mail, make_request

State = OutgoingMail.State
pytestmark = pytest.mark.django_db


def test_queue_mails_keeps_the_order_and_gives_the_row_that_stands() -> None:
    brand = make_brand()
    first = queue_mail(make_request(brand, dedupe_key="a", to="a@correo.example"))

    rows = queue_mails(
        [
            make_request(brand, dedupe_key="c"),
            make_request(brand, dedupe_key="a", to="other@correo.example"),
            make_request(brand, dedupe_key="b"),
            make_request(brand, dedupe_key="c"),
        ]
    )

    assert [row.dedupe_key for row in rows] == ["c", "a", "b", "c"]
    assert rows[1] == first
    assert rows[1].to_address == "a@correo.example"
    assert OutgoingMail.objects.count() == 3


def test_queue_mails_takes_two_statements_however_many(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    brand = make_brand()

    with django_assert_num_queries(2):
        queue_mails([make_request(brand) for _ in range(300)])


def test_a_row_is_found_by_its_token_and_keeps_only_the_hash() -> None:
    mail = make_mail(make_brand())

    assert OutgoingMail.objects.with_token(mail.token).get() == mail
    assert not OutgoingMail.objects.with_token(mail.token[:-1]).exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT m::text FROM mailing_outgoingmail m")
        assert mail.token not in cursor.fetchone()[0]


def test_message_id_is_made_once_at_the_domain_of_the_stream() -> None:
    brand = make_brand(survey_sender="encuestas@news.lumbre.example", service_sender="atencion@lumbre.example")

    survey, answer = queue_mails([make_request(brand), make_answer_request(brand)])

    assert survey.message_id == f"<{survey.uuid}@news.lumbre.example>"
    assert answer.message_id == f"<{answer.uuid}@lumbre.example>"


@pytest.mark.django_db(transaction=True)
def test_queue_mails_at_once_from_many_sides_makes_one_row() -> None:
    brand = make_brand()
    requests = [make_request(brand, dedupe_key=f"same:{number}") for number in range(20)]

    def queue(_: int) -> list[int]:
        try:
            return [mail.pk for mail in queue_mails(requests)]
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(queue, range(8)))

    assert OutgoingMail.objects.count() == 20
    assert all(answer == answers[0] for answer in answers)


def test_cancel_mails_stops_what_waits_and_marks_what_might_be_sent_again() -> None:
    brand = make_brand()
    mails = queue_mails([make_request(brand) for _ in range(len(State))])
    lease = {"lease_owner": mails[0].uuid, "lease_until": datetime.now(UTC) + timedelta(hours=1)}
    for mail, state in zip(mails, State, strict=True):
        is_held = state in (State.CLAIMED, State.HANDING_OVER)
        OutgoingMail.objects.filter(pk=mail.pk).update(
            state=state, sent_at=mail.created_at, **(lease if is_held else {})
        )

    cancelled = cancel_mails(OutgoingMail.objects.filter(brand=brand), reason="refunded")

    assert cancelled == 5
    after = OutgoingMail.objects.order_by("pk").values_list("state", "reason", "cancel_wanted")
    assert list(after) == [
        (State.CANCELLED, "refunded", ""),  # queued
        (State.CANCELLED, "refunded", ""),  # claimed
        (State.HANDING_OVER, "", "refunded"),
        (State.SENT, "", ""),
        (State.FAILED, "", "refunded"),
        (State.UNCERTAIN, "", "refunded"),
        (State.CANCELLED, "", ""),
        (State.EXPIRED, "", ""),
    ]
    is_held = OutgoingMail.objects.filter(lease_owner__isnull=False, lease_until__isnull=False)
    assert list(is_held.values_list("state", flat=True)) == [State.HANDING_OVER]


@pytest.mark.parametrize(
    ("first", "then", "stands"),
    [
        ("manual", "taken_back", "manual"),
        ("answered", "taken_back", "answered"),
        ("taken_back", "answered", "answered"),
        ("taken_back", "taken_back", "taken_back"),
    ],
)
def test_a_wish_for_good_stands_whatever_comes_after_it(first: str, then: str, stands: str) -> None:
    mail = make_mail(make_brand())
    OutgoingMail.objects.filter(pk=mail.pk).update(state=State.UNCERTAIN)

    for reason in (first, then):
        assert cancel_mails([mail.pk], reason=reason) == 1

    mail.refresh_from_db()
    assert mail.cancel_wanted == stands


def test_cancel_mails_takes_ids() -> None:
    mail = make_mail(make_brand())

    assert cancel_mails([mail.pk], reason="answered") == 1
    assert cancel_mails([mail.pk], reason="answered") == 0


def test_retry_mail_puts_a_failed_one_back_and_says_who() -> None:
    brand = make_brand()
    sofia = make_staff(brand)
    mail = make_mail(brand)
    now = datetime.now(UTC)

    for _ in range(2):
        OutgoingMail.objects.filter(pk=mail.pk).update(state=State.FAILED, reason="refused", attempts=3)
        again = retry_mail(mail, by=sofia, now=now)
        assert (again.state, again.reason, again.attempts, again.not_before) == (State.QUEUED, "", 0, now)

    assert again.message_id == mail.message_id
    assert list(MailEvent.objects.values_list("kind", "detail")) == [("retried", str(sofia))] * 2


@pytest.mark.parametrize("state", [State.QUEUED, State.CANCELLED, State.EXPIRED])
def test_retry_mail_refuses_what_did_not_fail(state: str) -> None:
    brand = make_brand()
    mail = make_mail(brand)
    OutgoingMail.objects.filter(pk=mail.pk).update(state=state)

    with pytest.raises(ValidationError):
        retry_mail(mail, by=make_staff(brand), now=datetime.now(UTC))

    mail.refresh_from_db()
    assert mail.state == state
    assert not MailEvent.objects.exists()


@pytest.mark.parametrize("state", [State.FAILED, State.UNCERTAIN])
def test_retry_mail_refuses_what_was_taken_back_meanwhile(state: str) -> None:
    brand = make_brand()
    mail, sofia = make_mail(brand), make_staff(brand)
    OutgoingMail.objects.filter(pk=mail.pk).update(state=state)
    cancel_mails([mail.pk], reason="refunded")

    with pytest.raises(ValidationError):
        retry_mail(mail, by=sofia, now=datetime.now(UTC))
    with pytest.raises(ValidationError):
        cancel_mail(mail, by=sofia, now=datetime.now(UTC))

    mail.refresh_from_db()
    assert (mail.state, mail.cancel_wanted) == (state, "refunded")
    assert not MailEvent.objects.exists()


def test_retry_mail_refuses_what_is_too_late() -> None:
    brand = make_brand()
    now = datetime.now(UTC)
    mail = make_mail(brand, expires_at=now)
    OutgoingMail.objects.filter(pk=mail.pk).update(state=State.FAILED)

    with pytest.raises(ValidationError):
        retry_mail(mail, by=make_staff(brand), now=now)


@pytest.mark.parametrize("role", [Membership.Role.READ_ONLY, Membership.Role.ANALYST, None])
def test_who_may_not_write_for_the_brand_neither_sends_again_nor_cancels(role: str | None) -> None:
    brand, other = make_brand(), make_brand("otra")
    reader = make_staff(brand, "Luis", role) if role else make_staff(other, "Olga")
    failed, queued = make_mail(brand), make_mail(brand)
    OutgoingMail.objects.filter(pk=failed.pk).update(state=State.FAILED)

    with pytest.raises(PermissionDenied):
        retry_mail(failed, by=reader, now=datetime.now(UTC))
    with pytest.raises(PermissionDenied):
        cancel_mail(queued, by=reader, now=datetime.now(UTC))

    assert dict(OutgoingMail.objects.values_list("pk", "state")) == {failed.pk: State.FAILED, queued.pk: State.QUEUED}
    assert not MailEvent.objects.exists()


def test_staff_cancel_what_waits_and_are_named() -> None:
    brand = make_brand()
    mail = make_mail(brand)

    cancel_mail(mail, by=make_staff(brand), now=datetime.now(UTC))

    mail.refresh_from_db()
    assert (mail.state, mail.reason) == (State.CANCELLED, "manual")
    assert list(mail.events.values_list("kind", "source", "detail")) == [("cancelled", "staff", "Sofía")]


def test_staff_call_back_what_is_with_a_server_once() -> None:
    brand = make_brand()
    mail, sofia = make_mail(brand), make_staff(brand)
    OutgoingMail.objects.filter(pk=mail.pk).update(
        state=State.HANDING_OVER, lease_owner=mail.uuid, lease_until=datetime.now(UTC) + timedelta(hours=1)
    )

    assert not cancel_mail(mail, by=sofia, now=datetime.now(UTC))
    with pytest.raises(ValidationError):
        cancel_mail(mail, by=sofia, now=datetime.now(UTC))

    mail.refresh_from_db()
    assert (mail.state, mail.reason, mail.cancel_wanted) == (State.HANDING_OVER, "", "manual")
    assert list(mail.events.values_list("kind", "source", "detail")) == [("called_back", "staff", "Sofía")]


@pytest.mark.parametrize("state", [State.SENT, State.FAILED, State.UNCERTAIN, State.CANCELLED])
def test_what_does_not_wait_is_not_cancelled(state: str) -> None:
    brand = make_brand()
    mail = make_mail(brand)
    OutgoingMail.objects.filter(pk=mail.pk).update(state=state, sent_at=datetime.now(UTC))

    with pytest.raises(ValidationError):
        cancel_mail(mail, by=make_staff(brand), now=datetime.now(UTC))

    mail.refresh_from_db()
    assert mail.state == state
    assert not MailEvent.objects.exists()
