"""Who is asked when, and why not: every reason, in their order, and what ends it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Brand
from affiliates.models import Customer, Product, Purchase
from mailing.models import OutgoingMail, Suppression
from mailing.services import suppress
from surveys.models import Hold, Invitation, Reason
from surveys.selectors import SurveyState, survey_states
from surveys.services import (
    hold_purchase,
    lift_hold,
    pause_asking,
    plan_invitations,
    resume_asking,
    send_due_invitations,
)
from surveys.services.holding import wake_held
from tests.factories import NOW, make_brand, make_customer, make_product, make_purchase

pytestmark = pytest.mark.django_db


def plan(*purchases: Purchase, now: datetime = NOW) -> None:
    """As intake does: with rows read afresh."""
    rows = Purchase.objects.filter(pk__in=[purchase.pk for purchase in purchases])
    plan_invitations(Brand.objects.get(pk=purchases[0].brand_id), list(rows), now=now)


def state(purchase: Purchase, now: datetime = NOW) -> SurveyState:
    return survey_states([purchase], now=now)[purchase.pk]


def never(reason: str) -> SurveyState:
    return SurveyState("cancelled", None, reason)


def change(row: Any, **fields: Any) -> None:
    type(row).objects.filter(pk=row.pk).update(**fields)


# --- When --------------------------------------------------------------------------------------------------------
def test_a_delivered_purchase_is_planned_for_now_where_the_brand_asks_at_once() -> None:
    purchase = make_purchase(make_customer(make_brand()))

    plan(purchase)

    assert state(purchase) == SurveyState("planned", NOW)


@pytest.mark.parametrize(
    ("kind", "delay"), [("goods", timedelta(days=3)), ("digital", timedelta(days=2)), ("service", timedelta(days=1))]
)
def test_the_delay_is_that_of_the_kind(kind: str, delay: timedelta) -> None:
    brand = make_brand(delay_goods=timedelta(days=3), delay_digital=timedelta(days=2), delay_service=timedelta(days=1))
    received = {"delivered_at": NOW} if kind == "goods" else {"activated_at": NOW, "delivered_at": None}
    purchase = make_purchase(make_customer(brand), product=make_product(brand, kind=kind), **received)

    plan(purchase)

    assert state(purchase) == SurveyState("planned", NOW + delay)


def test_a_service_counts_from_its_activation_not_from_the_sale() -> None:
    brand = make_brand(delay_service=timedelta(days=1))
    product = make_product(brand, kind=Product.Kind.SERVICE)
    purchase = make_purchase(
        make_customer(brand), product=product, delivered_at=NOW, activated_at=NOW + timedelta(hours=5)
    )

    plan(purchase)

    assert state(purchase).scheduled_for == NOW + timedelta(days=1, hours=5)


def test_the_window_is_on_the_customers_clock() -> None:
    brand = make_brand(window_start=time(10), window_end=time(20))
    here = make_purchase(make_customer(brand))
    in_bogota = make_purchase(make_customer(brand, timezone="America/Bogota"))
    nowhere = make_purchase(make_customer(brand, timezone="Mars/Olympus"))

    plan(here, in_bogota, nowhere)

    # At noon UTC it is one in Madrid and seven in the morning in Bogotá.
    assert state(here).scheduled_for == NOW
    assert state(in_bogota).scheduled_for == datetime(2026, 3, 10, 15, 0, tzinfo=UTC)
    assert state(nowhere).scheduled_for == NOW


def test_spreading_never_comes_early_and_keeps_its_moment_when_planned_again() -> None:
    brand = make_brand(is_spread=True, delay_goods=timedelta(days=1))
    purchases = [make_purchase(make_customer(brand), external_id=f"S-{n}", delivered_at=NOW) for n in range(20)]

    plan(*purchases)
    first = survey_states(purchases, now=NOW)
    plan(*purchases, now=NOW + timedelta(hours=2))

    assert survey_states(purchases, now=NOW) == first
    moments = {state.scheduled_for for state in first.values() if state.scheduled_for}
    assert len(moments) == 20
    assert NOW + timedelta(days=1) <= min(moments) < max(moments) < NOW + timedelta(days=1, hours=1)


# --- Why not -----------------------------------------------------------------------------------------------------
def test_a_purchase_not_received_waits_and_is_planned_when_it_is() -> None:
    purchase = make_purchase(make_customer(make_brand()), delivered_at=None)

    plan(purchase)
    assert state(purchase) == SurveyState("waiting", None, Reason.NO_DELIVERY)

    change(purchase, delivered_at=NOW + timedelta(days=5))
    plan(purchase, now=NOW + timedelta(days=5))
    assert state(purchase) == SurveyState("planned", NOW + timedelta(days=5))


@pytest.mark.parametrize("reason", [Purchase.State.CANCELLED, Purchase.State.REFUNDED])
def test_a_purchase_undone_is_never_asked_about(reason: str) -> None:
    purchase = make_purchase(make_customer(make_brand()))
    plan(purchase)

    change(purchase, state=reason)
    plan(purchase)

    assert state(purchase) == never(reason)


def test_a_customer_without_an_address_is_never_asked() -> None:
    brand = make_brand()
    purchase = make_purchase(Customer.objects.create(brand=brand, external_id="c-1"))

    plan(purchase)

    assert state(purchase) == never(Reason.NO_EMAIL)


@pytest.mark.parametrize(
    ("told", "brands_default", "is_asked"),
    [(True, False, True), (False, True, False), (None, True, True), (None, False, False)],
)
def test_only_who_was_told_is_asked(told: bool | None, brands_default: bool, is_asked: bool) -> None:
    brand = make_brand(survey_notice_default=brands_default)
    purchase = make_purchase(make_customer(brand, survey_notice=told))

    plan(purchase)

    assert state(purchase) == (SurveyState("planned", NOW) if is_asked else never(Reason.NO_NOTICE))


def test_a_sample_is_stable_and_grows_with_its_share() -> None:
    brand = make_brand(sampling_percent=30)
    purchases = [make_purchase(make_customer(brand), external_id=f"S-{n}") for n in range(200)]

    def planned() -> set[int]:
        plan(*purchases)
        states = survey_states(purchases, now=NOW)
        assert {state.reason for state in states.values() if state.state == "cancelled"} <= {Reason.SAMPLED_OUT}
        return {pk for pk, state in states.items() if state.state == "planned"}

    third = planned()
    assert 40 <= len(third) <= 80
    assert planned() == third
    Brand.objects.update(sampling_percent=60)
    assert planned() > third
    Brand.objects.update(sampling_percent=0)
    assert planned() == set()


@pytest.mark.parametrize(
    ("suppression", "reason"),
    [
        (Suppression.Reason.OPTED_OUT, Reason.OPTED_OUT),
        (Suppression.Reason.BOUNCED, Reason.BOUNCED),
        (Suppression.Reason.COMPLAINED, Reason.SUPPRESSED),
        (Suppression.Reason.MANUAL, Reason.SUPPRESSED),
    ],
)
@pytest.mark.parametrize("scope", ["surveys", Suppression.EVERYTHING])
def test_a_suppressed_address_is_never_asked(scope: str, suppression: str, reason: str) -> None:
    customer = make_customer(make_brand())
    purchase = make_purchase(customer)
    suppress(customer.brand, str(customer.email).upper(), scope=scope, reason=suppression, now=NOW)

    plan(purchase)

    assert state(purchase) == never(reason)


def test_an_objection_to_one_purchase_leaves_the_others() -> None:
    customer = make_customer(make_brand())
    refused, other = make_purchase(customer), make_purchase(customer)
    scope = f"purchase:{refused.pk}"
    suppress(customer.brand, str(customer.email), scope=scope, reason=Suppression.Reason.OPTED_OUT, now=NOW)

    plan(refused, other)

    assert state(refused) == never(Reason.OPTED_OUT)
    assert state(other) == SurveyState("planned", NOW)


def test_another_brands_suppression_does_not_count() -> None:
    purchase = make_purchase(make_customer(make_brand(), email="carla@correo.example"))
    suppress(make_brand("brasa"), "carla@correo.example", scope="surveys", reason=Suppression.Reason.MANUAL, now=NOW)

    plan(purchase)

    assert state(purchase) == SurveyState("planned", NOW)


def test_history_does_not_mail() -> None:
    brand = make_brand(max_age_days=45)
    old = make_purchase(make_customer(brand), delivered_at=NOW - timedelta(days=45, seconds=1))
    recent = make_purchase(make_customer(brand), delivered_at=NOW - timedelta(days=45))

    plan(old, recent)

    assert state(old) == never(Reason.TOO_OLD)
    assert state(recent) == SurveyState("planned", NOW)


def test_the_reason_told_is_the_most_final_one() -> None:
    brand = make_brand(max_age_days=45, survey_notice_default=False)
    purchase = make_purchase(make_customer(brand), delivered_at=NOW - timedelta(days=90), state="refunded")
    Hold.objects.create(purchase=purchase, cause="complaint:1")
    reasons = []

    for cure in [
        lambda: change(purchase, state="open"),
        lambda: change(brand, survey_notice_default=True),
        lambda: change(purchase, delivered_at=NOW),
        lambda: change(Hold.objects.get(), lifted_at=NOW),
        lambda: None,
    ]:
        plan(purchase)
        reasons.append(state(purchase).reason)
        cure()

    assert reasons == [Reason.REFUNDED, Reason.NO_NOTICE, Reason.TOO_OLD, Reason.OPEN_COMPLAINT, ""]


# --- Held, until the cause is over ---------------------------------------------------------------------------------
def test_an_open_complaint_holds_until_the_last_cause_is_lifted() -> None:
    purchase = make_purchase(make_customer(make_brand()))
    plan(purchase)

    hold_purchase(purchase, cause="complaint:1", now=NOW)
    hold_purchase(purchase, cause="complaint:1", now=NOW)
    hold_purchase(purchase, cause="complaint:2", now=NOW)
    assert state(purchase) == SurveyState("held", None, Reason.OPEN_COMPLAINT)

    later = NOW + timedelta(days=2)
    assert lift_hold(purchase, cause="complaint:1", now=later)
    assert state(purchase) == SurveyState("held", None, Reason.OPEN_COMPLAINT)
    assert lift_hold(purchase, cause="complaint:2", now=later)
    assert state(purchase) == SurveyState("planned", later)
    assert not lift_hold(purchase, cause="complaint:2", now=later)


def test_a_hold_before_planning_counts() -> None:
    purchase = make_purchase(make_customer(make_brand()))

    hold_purchase(purchase, cause="complaint:1", now=NOW)
    assert survey_states([purchase], now=NOW) == {}

    plan(purchase)
    assert state(purchase) == SurveyState("held", None, Reason.OPEN_COMPLAINT)


def test_a_customer_is_asked_once_in_the_time_of_rest() -> None:
    customer = make_customer(make_brand(fatigue_days=30))
    first = make_purchase(customer, delivered_at=NOW - timedelta(hours=2))
    second = make_purchase(customer, delivered_at=NOW - timedelta(hours=1))
    of_another = make_purchase(make_customer(customer.brand, "Dario"))

    plan(second, first, of_another)

    assert state(first) == SurveyState("planned", NOW)
    assert state(second) == SurveyState("held", NOW + timedelta(days=30), Reason.FATIGUE)
    assert state(of_another) == SurveyState("planned", NOW)


def test_what_is_planned_counts_before_it_is_sent_and_keeps_its_date() -> None:
    customer = make_customer(make_brand(fatigue_days=30, delay_goods=timedelta(days=3)))
    first = make_purchase(customer, delivered_at=NOW)
    plan(first)
    second = make_purchase(customer, delivered_at=NOW - timedelta(days=1))

    plan(second)
    plan(first, second)

    assert state(first) == SurveyState("planned", NOW + timedelta(days=3))
    assert state(second) == SurveyState("held", NOW + timedelta(days=33), Reason.FATIGUE)


def test_rest_ends_early_when_the_other_purchase_is_not_asked_about_after_all() -> None:
    customer = make_customer(make_brand(fatigue_days=30))
    first, second = make_purchase(customer), make_purchase(customer)
    plan(first, second)

    change(first, state="refunded")
    plan(first)
    assert send_due_invitations(now=NOW) == 1

    assert state(first) == never(Reason.REFUNDED)
    assert state(second) == SurveyState("queued", NOW)


def test_who_was_asked_by_another_tool_rests_too() -> None:
    customer = make_customer(make_brand(fatigue_days=30))
    earlier, now_bought = make_purchase(customer), make_purchase(customer)
    plan(earlier)
    Invitation.objects.update(state="queued", scheduled_for=None, sent_elsewhere_at=NOW - timedelta(days=10))

    plan(now_bought)

    assert state(now_bought) == SurveyState("held", NOW + timedelta(days=20), Reason.FATIGUE)


def test_a_mail_that_failed_asked_nobody() -> None:
    customer = make_customer(make_brand(fatigue_days=30))
    first, second = make_purchase(customer), make_purchase(customer)
    plan(first)
    send_due_invitations(now=NOW)
    OutgoingMail.objects.update(state="failed")

    plan(second)

    assert state(second) == SurveyState("planned", NOW)


def test_a_pause_holds_all_and_resuming_loses_and_repeats_nobody() -> None:
    brand = make_brand()
    planned, queued, handed_over, new = (make_purchase(make_customer(brand)) for _i in range(4))
    plan(handed_over)
    send_due_invitations(now=NOW)
    OutgoingMail.objects.update(state="sent", sent_at=NOW)
    plan(queued)
    send_due_invitations(now=NOW)
    plan(planned)

    assert pause_asking(brand, now=NOW)
    assert not pause_asking(brand, now=NOW)
    plan(new)

    paused = SurveyState("held", None, Reason.PAUSED)
    assert [state(purchase) for purchase in (planned, queued, new)] == [paused] * 3
    assert state(handed_over) == SurveyState("sent", NOW)
    later = NOW + timedelta(days=1)
    assert send_due_invitations(now=later) == 0

    assert resume_asking(brand, now=later)
    assert not resume_asking(brand, now=later)
    assert send_due_invitations(now=later) == 3
    assert send_due_invitations(now=later) == 0
    assert [state(purchase) for purchase in (planned, queued, new)] == [SurveyState("queued", later)] * 3
    addresses = OutgoingMail.objects.exclude(state="cancelled").values_list("to_address", flat=True)
    assert sorted(addresses) == sorted(Customer.objects.values_list("email", flat=True))


def test_resuming_one_brand_leaves_another_paused() -> None:
    lumbre, brasa = make_brand(), make_brand("brasa")
    ours, theirs = make_purchase(make_customer(lumbre)), make_purchase(make_customer(brasa))
    plan(ours)
    plan(theirs)
    pause_asking(lumbre, now=NOW)
    pause_asking(brasa, now=NOW)

    resume_asking(lumbre, now=NOW)

    assert send_due_invitations(now=NOW) == 1
    assert state(theirs) == SurveyState("held", None, Reason.PAUSED)


def test_a_hold_left_behind_by_a_crash_is_found() -> None:
    purchase = make_purchase(make_customer(make_brand()))
    plan(purchase)
    hold_purchase(purchase, cause="complaint:1", now=NOW)
    Hold.objects.update(lifted_at=NOW)

    assert wake_held(now=NOW) == 1

    assert send_due_invitations(now=NOW) == 1
    assert wake_held(now=NOW) == 0


# --- A mail on its way -----------------------------------------------------------------------------------------------
def test_a_refund_between_queue_and_hand_over_takes_the_mail_back() -> None:
    purchase = make_purchase(make_customer(make_brand()))
    plan(purchase)
    send_due_invitations(now=NOW)

    change(purchase, state="refunded")
    plan(purchase)

    assert state(purchase) == never(Reason.REFUNDED)
    assert OutgoingMail.objects.get().state == "cancelled"


def test_a_complaint_between_queue_and_hand_over_sends_another_mail_when_it_is_closed() -> None:
    purchase = make_purchase(make_customer(make_brand()))
    plan(purchase)
    send_due_invitations(now=NOW)

    hold_purchase(purchase, cause="complaint:1", now=NOW)
    assert state(purchase) == SurveyState("held", None, Reason.OPEN_COMPLAINT)
    later = NOW + timedelta(days=3)
    lift_hold(purchase, cause="complaint:1", now=later)
    assert send_due_invitations(now=later) == 1

    assert state(purchase) == SurveyState("queued", later)
    assert list(OutgoingMail.objects.order_by("pk").values_list("state", flat=True)) == ["cancelled", "queued"]
    assert Invitation.objects.get().mails.get().mail.state == "queued"


@pytest.mark.parametrize("handed_over", ["handing_over", "sent", "uncertain"])
def test_what_is_handed_over_stays_asked(handed_over: str) -> None:
    purchase = make_purchase(make_customer(make_brand()))
    plan(purchase)
    send_due_invitations(now=NOW)
    lease = {"lease_owner": "7f1e7a0e-4a54-4a7d-8f6c-2f1d5a1f4d11", "lease_until": NOW + timedelta(minutes=15)}
    fields = lease if handed_over == "handing_over" else {"sent_at": NOW}
    OutgoingMail.objects.update(state=handed_over, **fields)
    before = state(purchase)

    change(purchase, state="refunded")
    plan(purchase)
    hold_purchase(purchase, cause="complaint:1", now=NOW)

    assert state(purchase) == before
    assert Invitation.objects.get().state == Invitation.State.QUEUED
    assert OutgoingMail.objects.get().state == handed_over


# --- Sets ------------------------------------------------------------------------------------------------------------
def test_planning_twice_changes_nothing() -> None:
    brand = make_brand(fatigue_days=30)
    customer = make_customer(brand)
    purchases = [make_purchase(customer), make_purchase(customer), make_purchase(customer, delivered_at=None)]
    plan(*purchases)
    before = list(Invitation.objects.order_by("pk").values())

    plan(*purchases)

    assert list(Invitation.objects.order_by("pk").values()) == before


@pytest.mark.parametrize("again", [False, True])
def test_statements_do_not_grow_with_the_purchases(again: bool) -> None:
    brand = make_brand(fatigue_days=30)
    plan(make_purchase(make_customer(brand)))  # the questionnaire is there

    def statements(count: int) -> int:
        purchases = [make_purchase(make_customer(brand), external_id=f"{count}-{n}") for n in range(count)]
        if again:
            plan(*purchases)
            Purchase.objects.filter(pk__in=[purchase.pk for purchase in purchases]).update(state="refunded")
        with CaptureQueriesContext(connection) as captured:
            plan(*purchases)
        return len(captured)

    assert statements(100) == statements(1)


@pytest.mark.django_db(transaction=True)
def test_many_who_plan_the_same_at_once_plan_it_once() -> None:
    brand = make_brand(fatigue_days=30)
    customers = [make_customer(brand) for _i in range(5)]
    purchases = [make_purchase(customer) for customer in customers for _j in range(4)]

    def work(turn: int) -> None:
        try:
            plan(*(purchases if turn % 2 else reversed(purchases)))
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(12)))

    states = [state.state for state in survey_states(purchases, now=NOW).values()]
    assert (states.count("planned"), states.count("held")) == (5, 15)
