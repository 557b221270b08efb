"""What providers report: each once, in any order, and to the right mail."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.models import Brand
from mailing.models import MailDomain, MailEvent, OutgoingMail, Suppression
from mailing.selectors import suppressed_addresses
from mailing.services import MailReport, queue_mail, record_mail_event, send_due_mail, suppress
from tests.factories import NOW, make_brand
from tests.mailing.conftest import AnsweringServer
from tests.mailing.factories import make_answer_request, make_mail

State, Kind = OutgoingMail.State, MailEvent.Kind
pytestmark = pytest.mark.django_db
_ids = itertools.count(1)

FULL = "452 4.2.2 Mailbox full"


def report(mail: OutgoingMail, kind: str, detail: str = "", **fields: Any) -> MailReport:
    defaults: dict[str, Any] = {"source": "postmark", "event_id": f"e{next(_ids)}", "occurred_at": NOW}
    return MailReport(**{**defaults, "mail": mail.uuid.hex, "kind": kind, "detail": detail, **fields})


def objections(brand: Brand) -> list[tuple[str, str]]:
    return list(Suppression.objects.filter(brand=brand).values_list("scope", "reason"))


def test_an_event_is_written_into_the_timeline_once(brand: Brand) -> None:
    mail = make_mail(brand)
    delivered = report(mail, Kind.DELIVERED, "250  ok\n\0queued")

    assert record_mail_event(delivered, now=NOW)
    assert record_mail_event(delivered, now=NOW) is None

    assert list(mail.events.values_list("kind", "source", "detail", "occurred_at")) == [
        ("delivered", "postmark", "250 ok queued", NOW)
    ]


def test_the_mail_is_known_by_uuid_and_by_message_id_and_no_other(brand: Brand) -> None:
    mail = make_mail(brand)
    known = [str(mail.uuid), mail.uuid.hex, mail.message_id, mail.message_id.strip("<>")]

    for name in [*known, "<stranger@correo.example>", "", "7f2c"]:
        record_mail_event(replace(report(mail, Kind.DELIVERED), mail=name), now=NOW)

    assert MailEvent.objects.filter(mail=mail).count() == MailEvent.objects.count() == len(known)


def test_who_unsubscribes_from_a_test_by_mail_only_tried_it_but_spam_is_spam(brand: Brand) -> None:
    mail = make_mail(brand, scopes=("surveys", "sample"))

    record_mail_event(report(mail, Kind.UNSUBSCRIBED), now=NOW)
    assert objections(brand) == []

    record_mail_event(report(mail, Kind.COMPLAINED), now=NOW)
    assert objections(brand) == [("unasked", "complained")]


@pytest.mark.parametrize("odd", ["\0", "a\0b@correo.example", "\ud800", "ñ" * 1000, "<>", "\n<x>"])
def test_a_stranger_may_name_any_mail(brand: Brand, odd: str) -> None:
    mail = make_mail(brand)

    assert record_mail_event(replace(report(mail, Kind.BOUNCED), mail=odd), now=NOW) is None

    event = record_mail_event(report(mail, Kind.BOUNCED, f"550 {odd}"), now=NOW)
    assert event is not None
    assert len(event.detail) <= 200


def test_what_a_server_said_is_kept_without_the_mailbox(brand: Brand) -> None:
    """It outlives the mail, whose address goes with time or with its customer."""
    mail = make_mail(brand, to="carla@correo.example")
    said = "550 5.7.1 <carla@correo.example>: refused, see bob@correo.example"

    event = record_mail_event(report(mail, Kind.BOUNCED, said), now=NOW)

    assert event is not None
    assert event.detail == "550 5.7.1 <…@correo.example>: refused, see …@correo.example"
    assert MailDomain.objects.get(name="correo.example").said == event.detail


@pytest.mark.parametrize(
    ("kind", "detail", "reject_reason", "expected"),
    [
        (Kind.BOUNCED, "550 5.1.1 No such user", "", [("all", "bounced")]),
        (Kind.BOUNCED, "550 5.2.1 Disabled", "bounced", [("all", "bounced")]),
        (Kind.REJECTED, "", "invalid", [("all", "bounced")]),
        (Kind.BOUNCED, FULL, "", []),
        (Kind.BOUNCED, "550 5.7.1 Blocked for policy", "", []),
        (Kind.BOUNCED, "", "bounced", []),
        (Kind.DEFERRED, "550 5.1.1 said too early", "", []),
        (Kind.COMPLAINED, "", "", [("unasked", "complained")]),
        (Kind.REJECTED, "", "spam", [("unasked", "complained")]),
        (Kind.UNSUBSCRIBED, "", "", [("surveys", "opted_out")]),
        (Kind.REJECTED, "", "unsubscribed", [("surveys", "opted_out")]),
        (Kind.DELIVERED, "", "", []),
    ],
)
def test_what_follows_from_a_report(
    brand: Brand, kind: str, detail: str, reject_reason: str, expected: list[tuple[str, str]]
) -> None:
    other = make_brand("otra")

    record_mail_event(report(make_mail(brand), kind, detail, reject_reason=reject_reason), now=NOW)

    assert objections(brand) == expected
    assert objections(other) == []


def test_who_marked_a_survey_as_spam_gets_no_more_of_them_but_their_answers(
    server: AnsweringServer, brand: Brand
) -> None:
    mail = make_mail(brand, to="carla@correo.example")
    answer = queue_mail(make_answer_request(brand, to="carla@correo.example"))

    record_mail_event(report(mail, Kind.COMPLAINED), now=NOW)

    assert send_due_mail() == 1
    mail.refresh_from_db()
    answer.refresh_from_db()
    assert (mail.state, mail.reason) == (State.CANCELLED, "complained")
    assert answer.state == State.SENT


@pytest.mark.parametrize("order", list(itertools.permutations([0, 40, 73])))
def test_three_soft_bounces_over_three_days_let_an_address_rest(
    server: AnsweringServer, brand: Brand, order: tuple[int, ...]
) -> None:
    now = datetime.now(UTC)
    # Of three mails, as an address that is full gets; reported in any order.
    waiting = make_mail(brand, to="full@correo.example")
    for hours in order:
        assert not Suppression.objects.exists()
        mail = make_mail(brand, to="full@correo.example", not_before=now + timedelta(days=99_999))
        at = now + timedelta(hours=hours)
        record_mail_event(report(mail, Kind.BOUNCED, FULL, occurred_at=at), now=now)

    rest = Suppression.objects.get()
    assert (rest.scope, rest.reason, rest.expires_at) == ("all", "bounced", now + timedelta(days=30, hours=73))
    assert suppressed_addresses(brand, ["full@correo.example"], scopes=[]) == {"full@correo.example": "bounced"}
    assert send_due_mail() == 0

    waiting.refresh_from_db()
    assert (waiting.state, waiting.reason, waiting.not_before) == (State.QUEUED, "rests", rest.expires_at)

    # When it has rested it is written to again.
    Suppression.objects.update(expires_at=now - timedelta(days=999))
    OutgoingMail.objects.filter(pk=waiting.pk).update(not_before=now)
    assert suppressed_addresses(brand, ["full@correo.example"], scopes=[]) == {}
    assert send_due_mail() == 1


def test_a_mail_whose_time_is_over_before_its_address_has_rested_is_put_aside(
    server: AnsweringServer, brand: Brand
) -> None:
    until = datetime.now(UTC) + timedelta(days=30)
    mail = make_mail(brand, expires_at=until - timedelta(seconds=1))
    suppress(brand, mail.to_address, scope="all", reason="bounced", now=NOW, expires_at=until)

    assert send_due_mail() == 0

    assert list(OutgoingMail.objects.put_aside()) == [mail]
    assert OutgoingMail.objects.get().reason == "rests"


@pytest.mark.parametrize(
    "hours",
    [
        pytest.param([0, 40, 71], id="too-short"),
        pytest.param([0, 100], id="too-few"),
    ],
)
def test_soft_bounces_that_are_few_or_of_one_evening_stop_nothing(brand: Brand, hours: list[int]) -> None:
    mail = make_mail(brand)

    for hour in hours:
        at = NOW + timedelta(hours=hour)
        record_mail_event(report(mail, Kind.BOUNCED, FULL, occurred_at=at), now=NOW)

    assert objections(brand) == []


def test_a_delivery_between_soft_bounces_ends_the_row_also_when_it_is_told_late(brand: Brand) -> None:
    mail = make_mail(brand)
    for hour in (0, 40, 80):
        at = NOW + timedelta(hours=hour)
        record_mail_event(report(mail, Kind.BOUNCED, FULL, occurred_at=at), now=NOW)
    assert objections(brand) == [("all", "bounced")]

    record_mail_event(report(mail, Kind.DELIVERED, occurred_at=NOW + timedelta(hours=60)), now=NOW)

    assert objections(brand) == []


def test_what_is_for_good_stays_whatever_ends(brand: Brand) -> None:
    mail = make_mail(brand)
    until = NOW + timedelta(days=30)
    for expires_at in (until, None, until):
        suppress(brand, mail.to_address, scope="all", reason="bounced", now=NOW, expires_at=expires_at)

    record_mail_event(report(mail, Kind.DELIVERED), now=NOW)

    assert Suppression.objects.get().expires_at is None


@pytest.mark.parametrize("kind", [Kind.DELIVERED, Kind.BOUNCED, Kind.COMPLAINED])
def test_a_mail_that_was_uncertain_is_not_once_its_provider_speaks_of_it(brand: Brand, kind: str) -> None:
    mail = make_mail(brand)
    OutgoingMail.objects.filter(pk=mail.pk).update(state=State.UNCERTAIN, reason="lost", handed_over_at=NOW)

    record_mail_event(report(mail, kind), now=NOW)

    mail.refresh_from_db()
    assert (mail.state, mail.reason, mail.sent_at) == (State.SENT, "", NOW)


def test_an_answer_that_waits_to_be_repeated_is_not_once_it_was_delivered(
    server: AnsweringServer, brand: Brand
) -> None:
    lost, first_try = (queue_mail(make_answer_request(brand)) for _ in range(2))
    OutgoingMail.objects.filter(pk=lost.pk).update(reason="lost", handed_over_at=NOW)

    for mail in (lost, first_try):
        record_mail_event(report(mail, Kind.DELIVERED), now=NOW)

    assert send_due_mail() == 1
    assert server.recipients == [first_try.to_address]
