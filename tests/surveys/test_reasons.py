"""Why somebody is not asked: every reason of the contract has a way that leads to it, a sentence, and, where its cause
can end, an end that comes by itself."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone, translation

from accounts.models import Brand
from affiliates.models import Purchase
from mailing.models import MailEvent, OutgoingMail, Suppression
from mailing.services import suppress
from surveys.explaining import SENTENCES, explain
from surveys.models import Invitation, Reason, Wave
from surveys.selectors import Standing, SurveyState, state_of, survey_states, with_ledger, with_reason
from surveys.services import (
    hold_purchase,
    lift_hold,
    pause_asking,
    plan_invitations,
    resume_asking,
    send_due_invitations,
)
from surveys.standard import publish_standard_survey
from tests.factories import NOW, make_brand, make_customer, make_purchase

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
LATER = NOW + 10 * DAY
Act = Callable[[Purchase], Any]


def change(row: Any, **fields: Any) -> None:
    type(row).objects.filter(pk=row.pk).update(**fields)


def plan(purchase: Purchase, now: Any = NOW) -> None:
    fresh = Purchase.objects.select_related("brand").get(pk=purchase.pk)
    plan_invitations(fresh.brand, [fresh], now=now)


def state(purchase: Purchase, now: Any = NOW) -> SurveyState:
    return survey_states([purchase], now=now)[purchase.pk]


def suppressed(purchase: Purchase, reason: str, **until: Any) -> None:
    suppress(purchase.brand, str(purchase.customer.email), scope="all", reason=reason, now=NOW, **until)


def the_ledger_says(purchase: Purchase, **fields: Any) -> None:
    plan(purchase)
    send_due_invitations(now=NOW)
    OutgoingMail.objects.update(**fields)


def bought_another_before(purchase: Purchase) -> None:
    change(purchase.brand, fatigue_days=10)
    plan(make_purchase(purchase.customer, delivered_at=NOW - DAY))
    send_due_invitations(now=NOW)


@dataclass(frozen=True)
class Way:
    """How it comes to a reason, and what ends it, if anything does: after that the customer is asked by itself."""

    leads: Act
    state: str
    ends: Act | None = None
    says_when: bool = False


WAYS = {
    Reason.NO_DELIVERY: Way(
        lambda p: change(p, delivered_at=None),
        "waiting",
        lambda p: (change(p, delivered_at=LATER), plan(p, LATER)),
    ),
    Reason.FATIGUE: Way(bought_another_before, "held", lambda p: None, says_when=True),
    Reason.OPEN_COMPLAINT: Way(
        lambda p: hold_purchase(p, cause="complaint:1", now=NOW),
        "held",
        lambda p: lift_hold(p, cause="complaint:1", now=LATER),
    ),
    Reason.PAUSED: Way(lambda p: pause_asking(p.brand, now=NOW), "held", lambda p: resume_asking(p.brand, now=LATER)),
    Reason.SUPPRESSED: Way(lambda p: suppressed(p, Suppression.Reason.MANUAL), "cancelled"),
    Reason.OPTED_OUT: Way(lambda p: suppressed(p, Suppression.Reason.OPTED_OUT), "cancelled"),
    Reason.BOUNCED: Way(lambda p: suppressed(p, Suppression.Reason.BOUNCED), "cancelled"),
    Reason.NO_NOTICE: Way(lambda p: change(p.customer, survey_notice=False), "cancelled"),
    Reason.NO_EMAIL: Way(lambda p: change(p.customer, email=None), "cancelled"),
    Reason.TOO_OLD: Way(lambda p: change(p, delivered_at=NOW - 46 * DAY), "cancelled"),
    Reason.SAMPLED_OUT: Way(lambda p: change(p.brand, sampling_percent=0), "cancelled"),
    Reason.REFUNDED: Way(lambda p: change(p, state="refunded"), "cancelled"),
    Reason.CANCELLED: Way(lambda p: change(p, state="cancelled"), "cancelled"),
    Reason.FAILED: Way(lambda p: the_ledger_says(p, state="failed", reason="given_up"), "cancelled", says_when=True),
    Reason.UNCERTAIN: Way(lambda p: the_ledger_says(p, state="uncertain", reason="lost"), "sent", says_when=True),
}


@pytest.fixture
def purchase() -> Purchase:
    return make_purchase(make_customer(make_brand()))


def test_every_reason_of_the_contract_has_a_way_here() -> None:
    assert set(WAYS) == set(Reason)


@pytest.mark.parametrize("reason", WAYS)
def test_a_way_leads_to_its_reason_and_is_found_by_it(purchase: Purchase, reason: Reason) -> None:
    WAYS[reason].leads(purchase)
    plan(purchase)

    found = state(purchase)
    assert (found.state, found.reason) == (WAYS[reason].state, reason)
    assert (found.scheduled_for is not None) == WAYS[reason].says_when
    about_it = Invitation.objects.filter(purchase=purchase)
    assert [other for other in Reason if about_it.filter(with_reason(other)).exists()] == [reason]
    assert "{" not in explain(found)


@pytest.mark.parametrize("reason", [reason for reason, way in WAYS.items() if way.ends])
def test_what_ends_asks_by_itself_and_once(purchase: Purchase, reason: Reason) -> None:
    WAYS[reason].leads(purchase)
    plan(purchase)
    assert send_due_invitations(now=NOW) == 0

    ends = WAYS[reason].ends
    assert ends is not None
    ends(purchase)

    assert send_due_invitations(now=LATER) == 1
    assert send_due_invitations(now=LATER + DAY) == 0
    assert state(purchase, LATER).state == "queued"


def test_an_address_that_rests_is_asked_when_it_has_rested(purchase: Purchase) -> None:
    now = timezone.now()
    change(purchase, delivered_at=now)
    suppressed(purchase, Suppression.Reason.BOUNCED, expires_at=now + 5 * DAY)
    plan(purchase, now)
    assert state(purchase, now) == SurveyState("held", now + 5 * DAY, Reason.BOUNCED)

    Suppression.objects.update(expires_at=now - timedelta(seconds=1))  # the database's clock stands still in a test

    assert send_due_invitations(now=now + 5 * DAY) == 1


# --- Found by what the ledger says -----------------------------------------------------------------------------------
MAILS = [
    *(("failed", reason) for reason in ("refused", "bounced", "address", "given_up", "template")),
    *(("cancelled", reason) for reason in ("opted_out", "bounced", "complained", "manual", "rests", "paused")),
    ("expired", "too_late"),
    ("uncertain", "lost"),
    ("sent", ""),
    ("queued", ""),
]


@pytest.mark.parametrize(("mail_state", "mail_reason"), MAILS)
def test_whoever_is_looked_for_by_reason_is_who_has_it(purchase: Purchase, mail_state: str, mail_reason: str) -> None:
    the_ledger_says(purchase, state=mail_state, reason=mail_reason, sent_at=NOW)

    told = state_of(with_ledger(Invitation.objects.all()).get(), now=NOW)
    found = [reason for reason in Reason if Invitation.objects.filter(with_reason(reason)).exists()]
    assert found == ([told.reason] if told.reason else [])


@pytest.mark.parametrize("event", MailEvent.Kind.values)
def test_whoever_is_looked_for_by_what_was_reported_is_who_it_was_reported_of(purchase: Purchase, event: str) -> None:
    the_ledger_says(purchase, state="sent", sent_at=NOW)
    mail = OutgoingMail.objects.get()
    MailEvent.objects.create(brand=purchase.brand, mail=mail, kind=event, source="t", event_id="1", occurred_at=NOW)

    told = state_of(with_ledger(Invitation.objects.all()).get(), now=NOW)
    found = [reason for reason in Reason if Invitation.objects.filter(with_reason(reason)).exists()]
    assert found == ([told.reason] if told.reason else [])


# --- In words --------------------------------------------------------------------------------------------------------
def test_the_sentence_says_when_on_the_readers_clock(purchase: Purchase) -> None:
    bought_another_before(purchase)
    plan(purchase)

    with translation.override("en"), timezone.override("America/Bogota"):
        sentence = explain(state(purchase))

    assert sentence == (
        "Not asked yet: the customer is asked about another purchase. Possible from March 20, 2026, 07:00."
    )


@pytest.mark.parametrize("language", ["es", "en"])
def test_every_state_has_a_sentence_of_its_own(language: str) -> None:
    with translation.override(language):
        said = {key: explain(SurveyState(key[0], NOW, key[1])) for key in SENTENCES}
        nothing = explain(None)

    assert len(set(said.values()) | {nothing}) == len(SENTENCES) + 1
    assert not any("{" in sentence for sentence in said.values())
    assert {state for state, _reason in SENTENCES} == set(Standing)


def test_both_waves_are_found_apart() -> None:
    brand: Brand = make_brand()
    publish_standard_survey(brand, Wave.FOLLOW_UP)
    purchase = make_purchase(make_customer(brand))
    plan(purchase)
    send_due_invitations(now=NOW)
    change(purchase, state="refunded")
    OutgoingMail.objects.update(state="sent", sent_at=NOW)
    plan(purchase)

    refunded = Invitation.objects.filter(with_reason(Reason.REFUNDED))
    assert [invitation.wave for invitation in refunded] == [Wave.FOLLOW_UP]
