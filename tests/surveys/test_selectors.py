"""Where a survey stands, in the words of the API."""

from datetime import timedelta
from typing import Any

import pytest

from affiliates.models import Purchase
from mailing.models import MailEvent, OutgoingMail
from surveys.models import Invitation, Response
from surveys.selectors import SurveyState, survey_states
from surveys.services import plan_invitations, send_due_invitations
from tests.factories import NOW, make_brand, make_customer, make_purchase

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=1)


@pytest.fixture
def purchase() -> Purchase:
    """Asked about at NOW: its mail is in the ledger."""
    purchase = make_purchase(make_customer(make_brand(link_days=45)))
    plan_invitations(purchase.brand, [purchase], now=NOW)
    send_due_invitations(now=NOW)
    return purchase


def state(purchase: Purchase, *, now: Any = LATER) -> SurveyState:
    return survey_states([purchase.pk], now=now)[purchase.pk]


@pytest.mark.parametrize(
    ("mail", "expected"),
    [
        ({"state": "queued"}, SurveyState("queued", NOW)),
        ({"state": "sent", "sent_at": NOW}, SurveyState("sent", NOW)),
        ({"state": "uncertain"}, SurveyState("sent", NOW, "uncertain")),
        ({"state": "failed", "reason": "given_up"}, SurveyState("cancelled", NOW, "failed")),
        ({"state": "failed", "reason": "bounced"}, SurveyState("cancelled", NOW, "bounced")),
        ({"state": "failed", "reason": "address"}, SurveyState("cancelled", NOW, "bounced")),
        ({"state": "expired"}, SurveyState("expired", NOW, "failed")),
        ({"state": "cancelled", "reason": "opted_out"}, SurveyState("cancelled", NOW, "opted_out")),
        ({"state": "cancelled", "reason": "bounced"}, SurveyState("cancelled", NOW, "bounced")),
        ({"state": "cancelled", "reason": "complained"}, SurveyState("cancelled", NOW, "suppressed")),
    ],
)
def test_a_state_follows_the_mail(purchase: Purchase, mail: dict[str, Any], expected: SurveyState) -> None:
    OutgoingMail.objects.update(**mail)

    assert state(purchase) == expected


@pytest.mark.parametrize(
    ("event", "reason"),
    [("bounced", "bounced"), ("unsubscribed", "opted_out"), ("complained", "suppressed"), ("delivered", "")],
)
def test_a_state_says_what_was_reported_of_the_mail(purchase: Purchase, event: str, reason: str) -> None:
    OutgoingMail.objects.update(state="sent", sent_at=NOW)
    mail = OutgoingMail.objects.get()
    MailEvent.objects.create(
        brand=purchase.brand, mail=mail, kind=event, source="test", event_id="1", occurred_at=LATER
    )

    assert state(purchase) == SurveyState("sent", NOW, reason)


def test_a_survey_is_over_when_its_link_is(purchase: Purchase) -> None:
    OutgoingMail.objects.update(state="sent", sent_at=NOW)

    assert state(purchase, now=NOW + timedelta(days=44)).state == "sent"
    assert state(purchase, now=NOW + timedelta(days=45)).state == "expired"


def test_an_answer_outweighs_the_mail_and_a_suspect_one_does_not(purchase: Purchase) -> None:
    OutgoingMail.objects.update(state="sent", sent_at=NOW)
    response = Response.objects.create(
        brand=purchase.brand,
        invitation=Invitation.objects.get(),
        answered_at=LATER,
        updated_at=LATER,
        is_suspect=True,
    )
    assert state(purchase) == SurveyState("sent", NOW)

    Response.objects.filter(pk=response.pk).update(is_suspect=False)
    assert state(purchase) == SurveyState("answered", NOW)


def test_what_another_tool_sent_is_sent() -> None:
    purchase = make_purchase(make_customer(make_brand()))
    plan_invitations(purchase.brand, [purchase], now=NOW)
    Invitation.objects.update(state="queued", scheduled_for=None, sent_elsewhere_at=NOW - timedelta(days=90))

    assert state(purchase) == SurveyState("sent", NOW - timedelta(days=90))


def test_states_take_one_statement(purchase: Purchase, django_assert_num_queries: Any) -> None:
    others = [make_purchase(make_customer(purchase.brand)) for _i in range(3)]
    plan_invitations(purchase.brand, others, now=NOW)
    undecided = make_purchase(make_customer(purchase.brand))

    with django_assert_num_queries(1):
        states = survey_states([purchase, *others, undecided], now=LATER)

    assert {pk: state.state for pk, state in states.items()} == {
        purchase.pk: "queued",
        **{other.pk: "planned" for other in others},
    }
