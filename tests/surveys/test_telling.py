"""What other systems are told of answers: that there is one, and nothing that it says."""

from datetime import timedelta

import pytest

from affiliates.models import Purchase
from mailing.models import WebhookEvent
from surveys.services.answering import judge_response, submit_response
from tests.factories import NOW, make_affiliate, make_brand, make_customer, make_purchase
from tests.listening import listen, told
from tests.surveys.factories import make_invitation, said

pytestmark = pytest.mark.django_db
RECEIVED = WebhookEvent.Kind.FEEDBACK_RECEIVED
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def invitation():
    brand = make_brand()
    listen(brand, RECEIVED)
    purchase = make_purchase(make_customer(brand), affiliate=make_affiliate(brand), external_id="P1")
    return make_invitation(purchase)


def answer(invitation, at=NOW, suspicions=(), **given):
    return submit_response(invitation, said(**given), language="es", suspicions=suspicions, now=at)


def test_an_answer_is_told_and_told_again_when_it_changes(invitation) -> None:
    answer(invitation, csat=2, improve_text="Llegó roto, soy Carla")
    answer(invitation, csat=2, improve_text="Llegó roto, soy Carla")
    answer(invitation, at=LATER, csat=3)

    first = {
        "invitation": invitation.pk,
        "wave": "first",
        "purchase": "P1",
        "affiliate": "ana",
        "answered_at": "2026-03-10T12:00:00Z",
        "updated_at": "2026-03-10T12:00:00Z",
        "first": True,
        "suspect": False,
    }
    assert told(RECEIVED) == [first, {**first, "updated_at": "2026-03-10T13:00:00Z", "first": False}]


def test_what_looks_suspect_is_told_when_staff_find_it_genuine_and_when_they_do_not(invitation) -> None:
    response = answer(invitation, suspicions=["too_fast"], csat=5)
    assert told(RECEIVED) == []

    judge_response(response, is_genuine=True, now=NOW)
    judge_response(response, is_genuine=False, now=NOW)

    assert [(each["first"], each["suspect"]) for each in told(RECEIVED)] == [(True, False), (False, True)]


def test_a_test_purchase_is_told_to_nobody(invitation) -> None:
    Purchase.objects.update(source=Purchase.TEST)
    invitation.refresh_from_db()

    answer(invitation, csat=5)

    assert told(RECEIVED) == []
