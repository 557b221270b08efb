"""Deadlines that come near or have passed are told once each: to the owner, and once late to the administrators."""

from datetime import timedelta

import pytest

from accounts.models import Membership
from complaints.models import Alarm, Complaint
from complaints.services import reply, take_complaint
from complaints.services.alarms import MOST_TOLD, raise_alarms
from mailing.models import OutgoingMail
from tests import factories
from tests.complaints.factories import make_complaint
from tests.factories import NOW

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def pedro(brand):
    return factories.make_staff(brand, "Pedro", Membership.Role.AGENT)


@pytest.fixture
def case(purchase, sofia) -> Complaint:
    return make_complaint(purchase, kind="inquiry", wants_contact=True)


def told() -> dict[str, tuple[int, int]]:
    """Who was written to: how many cases, how many of them late."""
    mails = OutgoingMail.objects.filter(template="complaints/alarms")
    return {mail.to_address: (mail.context["count"], mail.context["late"]) for mail in mails}


def raised() -> list[tuple[str, str]]:
    return list(Alarm.objects.values_list("clock", "level"))


def test_the_owner_is_warned_and_administrators_hear_of_it_once_it_is_late(case, sofia, pedro):
    take_complaint(case, by=pedro, now=NOW)

    assert raise_alarms(now=NOW + 19 * HOUR) == 0
    assert raise_alarms(now=NOW + 20 * HOUR) == 1
    assert told() == {pedro.email: (1, 0)}
    assert raise_alarms(now=NOW + 21 * HOUR) == 0
    OutgoingMail.objects.all().delete()

    assert raise_alarms(now=NOW + 24 * HOUR) == 1
    assert raise_alarms(now=NOW + 25 * HOUR) == 0
    assert told() == {pedro.email: (1, 1), sofia.email: (1, 1)}
    assert raised() == [("answer", "warning"), ("answer", "escalation")]
    assert [event.kind for event in case.events.all()][-2:] == ["warned", "escalated"]


def test_what_nobody_owns_is_told_to_the_administrators(case, sofia, pedro):
    raise_alarms(now=NOW + 23 * HOUR)

    assert told() == {sofia.email: (1, 0)}


def test_what_was_answered_in_time_raises_nothing_and_the_next_wait_does(case, sofia):
    reply(case, text="Va otro.", by=sofia, now=NOW + HOUR)
    assert raise_alarms(now=NOW + 30 * HOUR) == 0

    Complaint.objects.update(waits_since=NOW + 30 * HOUR, service_due_at=NOW + 54 * HOUR)
    assert raise_alarms(now=NOW + 60 * HOUR) == 1


def test_each_clock_is_told_of_by_itself(brand, purchase, sofia):
    brand.solution_hours = 72
    brand.save()
    case = make_complaint(purchase)

    raise_alarms(now=NOW + 70 * HOUR)
    raise_alarms(now=case.legal_due_at - timedelta(days=2))

    assert raised() == [
        ("answer", "escalation"),
        ("solution", "warning"),
        ("solution", "escalation"),
        ("law", "warning"),
    ]


def test_a_brand_may_do_without_warnings(brand, case):
    brand.warning_hours = 0
    brand.save()

    assert raise_alarms(now=NOW + 23 * HOUR) == 0
    assert raise_alarms(now=NOW + 24 * HOUR) == 1


def test_many_at_once_are_one_mail_that_names_some(brand, purchase, sofia):
    for _each in range(MOST_TOLD + 2):
        make_complaint(factories.make_purchase(purchase.customer), kind="inquiry")
    OutgoingMail.objects.all().delete()

    raise_alarms(now=NOW + 25 * HOUR)

    [mail] = OutgoingMail.objects.all()
    assert (len(mail.context["cases"]), mail.context["count"], mail.context["more"]) == (MOST_TOLD, MOST_TOLD + 2, 2)
    case = Complaint.objects.order_by("pk").first()
    assert mail.context["cases"][0]["number"] == case.number
    assert "Carla" not in str(mail.context)


def test_other_brands_are_not_told(case, sofia):
    olga = factories.make_staff(factories.make_brand("otra"), "Olga")

    raise_alarms(now=NOW + 25 * HOUR)

    assert olga.email not in told()
