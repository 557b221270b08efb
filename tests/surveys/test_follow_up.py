"""The second question, two months after a purchase: by the same rule, with a delay and a rest of its own."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Brand
from affiliates.models import Customer, Purchase
from intake.services import create_brand
from mailing.models import OutgoingMail, Suppression
from mailing.rendering import render
from mailing.services import suppress
from surveys.models import Invitation, InvitationMail, Reason, Survey, Wave
from surveys.selectors import SurveyState, survey_states
from surveys.services import (
    hold_purchase,
    lift_hold,
    pause_asking,
    plan_invitations,
    resume_asking,
    send_due_invitations,
    send_due_reminders,
)
from surveys.services.following_up import catch_up_batch, plan_missing_follow_ups
from surveys.services.holding import wake_held
from surveys.standard import publish_standard_survey
from surveys.tasks import plan_due_work
from tests.factories import NOW, make_brand, make_customer, make_product, make_purchase

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
LATER = 75 * DAY


def asking_brand(slug: str = "lumbre", **fields: Any) -> Brand:
    brand = make_brand(slug, **{"follow_up_rest_days": 0, "reminder_after": None, **fields})
    publish_standard_survey(brand)
    publish_standard_survey(brand, Wave.FOLLOW_UP)
    return brand


def plan(*purchases: Purchase, now: datetime = NOW) -> None:
    rows = Purchase.objects.filter(pk__in=[purchase.pk for purchase in purchases])
    plan_invitations(Brand.objects.get(pk=purchases[0].brand_id), list(rows), now=now)


def received(brand: Brand, at: datetime = NOW, **fields: Any) -> Purchase:
    purchase = make_purchase(make_customer(brand), delivered_at=at, **fields)
    plan(purchase, now=at)
    return purchase


def follow_up(purchase: Purchase, now: datetime = NOW) -> SurveyState:
    return survey_states([purchase], now=now, wave=Wave.FOLLOW_UP)[purchase.pk]


def change(row: Any, **fields: Any) -> None:
    type(row).objects.filter(pk=row.pk).update(**fields)


def mail_of(purchase: Purchase, kind: str = InvitationMail.Kind.FIRST) -> OutgoingMail:
    row = InvitationMail.objects.get(invitation__purchase=purchase, invitation__wave=Wave.FOLLOW_UP, kind=kind)
    return row.mail


# --- When --------------------------------------------------------------------------------------------------------
def test_both_waves_are_planned_at_once_each_by_its_delay() -> None:
    brand = asking_brand(delay_goods=3 * DAY, follow_up_after=60 * DAY)

    purchase = received(brand)

    assert survey_states([purchase], now=NOW) == {purchase.pk: SurveyState("planned", NOW + 3 * DAY)}
    assert follow_up(purchase) == SurveyState("planned", NOW + 60 * DAY)


def test_a_new_brand_asks_again_after_75_days() -> None:
    brand = create_brand("brasa", name="Brasa", survey_notice_default=True)

    assert brand.follow_up_after == LATER
    published = Survey.objects.filter(brand=brand, status=Survey.Status.PUBLISHED).order_by("pk")
    assert list(published.values_list("wave", flat=True)) == [Wave.FIRST, Wave.FOLLOW_UP, Wave.CLOSING]


def test_a_follow_up_keeps_to_the_window_on_the_customers_clock_and_is_spread() -> None:
    brand = asking_brand(window_start=time(10), window_end=time(20), is_spread=True, follow_up_after=LATER)
    night = datetime(2026, 1, 14, 23, 0, tzinfo=UTC)  # midnight in Madrid; 75 days later the clocks have changed

    purchases = [received(brand, night, external_id=f"S-{n}") for n in range(20)]

    moments = {follow_up(purchase).scheduled_for for purchase in purchases}
    opening = datetime(2026, 3, 31, 8, 0, tzinfo=UTC)
    assert len(moments) == 20
    assert all(opening <= at < opening + timedelta(hours=1) for at in moments if at)


@pytest.mark.parametrize("switched_off", [{"follow_up_after": None}, {}])
def test_only_a_brand_that_has_a_follow_up_asks_again(switched_off: dict[str, Any]) -> None:
    brand = asking_brand(**switched_off)
    if not switched_off:
        Survey.objects.filter(wave=Wave.FOLLOW_UP).update(status=Survey.Status.DRAFT)

    received(brand)

    assert list(Invitation.objects.values_list("wave", flat=True)) == [Wave.FIRST]


def test_a_test_of_the_way_is_asked_about_once() -> None:
    received(asking_brand(), source=Purchase.TEST)

    assert list(Invitation.objects.values_list("wave", flat=True)) == [Wave.FIRST]


# --- Asked -------------------------------------------------------------------------------------------------------
def test_who_is_due_is_asked_again_once_and_reminded_once() -> None:
    brand = asking_brand(name="Lumbre", reminder_after=4 * DAY)
    purchase = received(brand, product=make_product(brand, name="Botas"))
    assert send_due_invitations(now=NOW) == 1
    OutgoingMail.objects.update(state="sent", sent_at=NOW)

    assert send_due_invitations(now=NOW + LATER - timedelta(seconds=1)) == 0
    assert send_due_invitations(now=NOW + LATER) == 1
    assert send_due_invitations(now=NOW + LATER) == 0

    first = mail_of(purchase)
    assert (first.template, first.guarantee) == ("surveys/follow_up", OutgoingMail.Guarantee.AT_MOST_ONCE)
    assert follow_up(purchase, NOW + LATER) == SurveyState("queued", NOW + LATER)
    change(first, state="sent", sent_at=NOW + LATER)
    for later in (3 * DAY, 4 * DAY, 5 * DAY, 90 * DAY):
        send_due_reminders(now=NOW + LATER + later)
    reminders = InvitationMail.objects.filter(invitation__wave=Wave.FOLLOW_UP, kind=InvitationMail.Kind.REMINDER)
    assert [row.mail.template for row in reminders] == ["surveys/reminder"]


def test_the_mail_asks_its_own_question_and_links_to_every_point() -> None:
    brand = asking_brand(name="Lumbre")
    purchase = received(brand, product=make_product(brand, name="Botas"))
    send_due_invitations(now=NOW)
    send_due_invitations(now=NOW + LATER)

    mail = mail_of(purchase)
    texts = render(mail, now=NOW).texts

    assert "Botas" in texts.text
    assert "¿lo comprarías otra vez en Lumbre?" in texts.text
    assert "{" not in texts.text + texts.subject
    assert [f"/s/{mail.token}/?q={n}" in texts.text and f"/s/{mail.token}/?q={n}" in texts.html for n in range(6)] == [
        False,
        *[True] * 5,
    ]
    assert texts.subject != render(OutgoingMail.objects.order_by("pk")[0], now=NOW).texts.subject


def test_a_follow_up_asks_with_what_is_published_then() -> None:
    brand = asking_brand()
    purchase = received(brand)
    planned_with = Invitation.objects.get(wave=Wave.FOLLOW_UP).survey
    Survey.objects.filter(wave=Wave.FOLLOW_UP).update(status=Survey.Status.RETIRED)
    newer = publish_standard_survey(brand, Wave.FOLLOW_UP)

    send_due_invitations(now=NOW)
    send_due_invitations(now=NOW + LATER)

    assert newer != planned_with
    assert Invitation.objects.get(purchase=purchase, wave=Wave.FOLLOW_UP).survey == newer


# --- Why not -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("happens", "expected"),
    [
        (lambda p: change(p, state="refunded"), SurveyState("cancelled", None, Reason.REFUNDED)),
        (lambda p: change(p, state="cancelled"), SurveyState("cancelled", None, Reason.CANCELLED)),
        (lambda p: change(p.customer, survey_notice=False), SurveyState("cancelled", None, Reason.NO_NOTICE)),
        (lambda p: change(p.customer, email=None), SurveyState("cancelled", None, Reason.NO_EMAIL)),
        (lambda p: change(p.brand, sampling_percent=0), SurveyState("cancelled", None, Reason.SAMPLED_OUT)),
        (
            lambda p: suppress(p.brand, p.customer.email, scope="surveys", reason="opted_out", now=NOW),
            SurveyState("cancelled", None, Reason.OPTED_OUT),
        ),
        (lambda p: hold_purchase(p, cause="complaint:1", now=NOW), SurveyState("held", None, Reason.OPEN_COMPLAINT)),
        (lambda p: change(p.brand, asking_paused_at=NOW), SurveyState("held", None, Reason.PAUSED)),
        (lambda p: change(p.brand, follow_up_after=None), SurveyState("held", None, Reason.PAUSED)),
        (
            lambda p: Survey.objects.filter(wave=Wave.FOLLOW_UP).update(status=Survey.Status.RETIRED),
            SurveyState("held", None, Reason.PAUSED),
        ),
    ],
)
def test_what_happened_since_is_seen_when_it_is_due(happens: Any, expected: SurveyState) -> None:
    purchase = received(asking_brand())
    send_due_invitations(now=NOW)
    happens(purchase)

    assert send_due_invitations(now=NOW + LATER) == 0

    assert follow_up(purchase) == expected


def test_a_refund_ends_both_waves_at_once() -> None:
    purchase = received(asking_brand(delay_goods=DAY))

    change(purchase, state="refunded")
    plan(purchase)

    refunded = SurveyState("cancelled", None, Reason.REFUNDED)
    assert survey_states([purchase], now=NOW)[purchase.pk] == follow_up(purchase) == refunded


def test_a_purchase_not_received_waits_with_both() -> None:
    brand = asking_brand()
    purchase = make_purchase(make_customer(brand), delivered_at=None)
    plan(purchase)
    assert follow_up(purchase) == SurveyState("waiting", None, Reason.NO_DELIVERY)

    change(purchase, delivered_at=NOW + DAY)
    plan(purchase, now=NOW + DAY)

    assert follow_up(purchase) == SurveyState("planned", NOW + DAY + LATER)


def test_history_is_not_asked_two_months_later_either() -> None:
    brand = asking_brand(max_age_days=45)
    old, recent = (make_purchase(make_customer(brand), delivered_at=NOW - days * DAY) for days in (46, 44))

    plan(old, recent)
    plan(old, recent, now=NOW + 20 * DAY)  # asked what we know of it, again: it is no news now

    assert follow_up(old) == SurveyState("cancelled", None, Reason.TOO_OLD)
    assert follow_up(recent) == SurveyState("planned", NOW - 44 * DAY + LATER)


def test_who_cannot_be_asked_for_too_long_is_not_asked_at_all() -> None:
    brand = asking_brand(max_age_days=45)
    purchase = received(brand)
    send_due_invitations(now=NOW)
    pause_asking(brand, now=NOW + LATER)

    assert send_due_invitations(now=NOW + LATER) == 0
    resume_asking(brand, now=NOW + LATER + 46 * DAY)
    assert send_due_invitations(now=NOW + LATER + 46 * DAY) == 0

    assert follow_up(purchase) == SurveyState("cancelled", None, Reason.TOO_OLD)


# --- Held, until the cause is over -------------------------------------------------------------------------------
def test_a_complaint_holds_it_and_its_end_gives_the_date_back() -> None:
    purchase = received(asking_brand())
    hold_purchase(purchase, cause="complaint:1", now=NOW + DAY)
    assert follow_up(purchase) == SurveyState("held", None, Reason.OPEN_COMPLAINT)

    lift_hold(purchase, cause="complaint:1", now=NOW + 2 * DAY)

    assert follow_up(purchase) == SurveyState("planned", NOW + LATER)


def test_a_pause_that_is_over_in_time_changes_nothing_of_it() -> None:
    brand = asking_brand()
    purchase = received(brand)

    pause_asking(brand, now=NOW)
    assert follow_up(purchase) == SurveyState("planned", NOW + LATER)
    assert survey_states([purchase], now=NOW)[purchase.pk] == SurveyState("held", None, Reason.PAUSED)
    resume_asking(brand, now=NOW + DAY)
    send_due_invitations(now=NOW + DAY)

    assert send_due_invitations(now=NOW + LATER) == 1


def test_a_pause_that_lasts_holds_it_and_resuming_asks_once() -> None:
    brand = asking_brand()
    purchase = received(brand)
    send_due_invitations(now=NOW)
    pause_asking(brand, now=NOW + DAY)
    send_due_invitations(now=NOW + LATER)
    assert follow_up(purchase) == SurveyState("held", None, Reason.PAUSED)

    assert wake_held(now=NOW + LATER) == 0
    resume_asking(brand, now=NOW + LATER + DAY)

    assert send_due_invitations(now=NOW + LATER + DAY) == 1
    assert send_due_invitations(now=NOW + LATER + 2 * DAY) == 0


@pytest.mark.parametrize("how", ["no delay", "no survey"])
def test_a_follow_up_switched_off_waits_until_it_is_on_again(how: str) -> None:
    brand = asking_brand()
    purchase = received(brand)
    send_due_invitations(now=NOW)
    if how == "no delay":
        change(brand, follow_up_after=None)
    else:
        Survey.objects.filter(wave=Wave.FOLLOW_UP).update(status=Survey.Status.RETIRED)
    assert send_due_invitations(now=NOW + LATER) == 0
    assert wake_held(now=NOW + LATER) == 0

    change(brand, follow_up_after=LATER)
    publish_standard_survey(brand, Wave.FOLLOW_UP)

    assert wake_held(now=NOW + LATER + DAY) == 1
    assert send_due_invitations(now=NOW + LATER + DAY) == 1
    assert follow_up(purchase, NOW + LATER + DAY).state == "queued"


def test_more_than_a_batch_is_woken_page_by_page(settings: Any) -> None:
    settings.PURCHASE_BATCH_SIZE = 2
    brand = asking_brand(delay_goods=DAY)
    for _n in range(5):
        received(brand)
    pause_asking(brand, now=NOW)

    resume_asking(brand, now=NOW)
    assert Invitation.objects.filter(scheduled_for=NOW).count() == 2
    assert wake_held(now=NOW) == 3
    assert wake_held(now=NOW) == 0


# --- A rest of its own -------------------------------------------------------------------------------------------
def test_a_follow_up_keeps_its_distance_from_every_other_question() -> None:
    brand = asking_brand(follow_up_rest_days=30)
    customer = make_customer(brand)
    first = make_purchase(customer, delivered_at=NOW)
    plan(first)
    send_due_invitations(now=NOW)
    second = make_purchase(customer, delivered_at=NOW + 70 * DAY)
    plan(second, now=NOW + 70 * DAY)
    assert send_due_invitations(now=NOW + 70 * DAY) == 1  # a first wave minds first waves alone

    assert send_due_invitations(now=NOW + LATER) == 0

    assert follow_up(first) == SurveyState("held", NOW + 100 * DAY, Reason.FATIGUE)
    assert send_due_invitations(now=NOW + 100 * DAY) == 1


def test_two_purchases_of_one_day_are_followed_up_apart() -> None:
    brand = asking_brand(follow_up_rest_days=30)
    customer = make_customer(brand)
    first, second = (make_purchase(customer, delivered_at=NOW) for _n in range(2))

    plan(first, second)

    assert follow_up(first) == SurveyState("planned", NOW + LATER)
    assert follow_up(second) == SurveyState("held", NOW + LATER + 30 * DAY, Reason.FATIGUE)
    change(first, state="refunded")
    plan(first)
    send_due_invitations(now=NOW)
    assert follow_up(second) == SurveyState("planned", NOW + LATER)


def test_a_follow_up_does_not_tire_for_a_first_wave() -> None:
    brand = asking_brand(fatigue_days=30, follow_up_rest_days=30)
    customer = make_customer(brand)
    plan(make_purchase(customer, delivered_at=NOW))
    send_due_invitations(now=NOW)
    send_due_invitations(now=NOW + LATER)
    bought_again = make_purchase(customer, delivered_at=NOW + LATER)

    plan(bought_again, now=NOW + LATER)

    assert survey_states([bought_again], now=NOW)[bought_again.pk] == SurveyState("planned", NOW + LATER)


# --- A brand begins to ask again ----------------------------------------------------------------------------------
def test_who_bought_shortly_before_a_brand_began_to_ask_again_is_asked_too(settings: Any) -> None:
    settings.PURCHASE_BATCH_SIZE = 2
    brand, other = make_brand(), asking_brand("brasa")
    recent = [received(brand, NOW - n * DAY, purchased_at=NOW - n * DAY) for n in range(5)]
    old = make_purchase(make_customer(brand), delivered_at=NOW - 50 * DAY, purchased_at=NOW - 50 * DAY)
    trial = received(brand, source=Purchase.TEST)
    plan(old)
    received(other)
    assert plan_missing_follow_ups(now=NOW) == 0

    published = publish_standard_survey(brand, Wave.FOLLOW_UP)
    change(published, published_at=NOW)

    assert plan_missing_follow_ups(now=NOW) == 6
    assert plan_missing_follow_ups(now=NOW) == 0
    assert [follow_up(purchase).scheduled_for for purchase in recent] == [NOW - n * DAY + LATER for n in range(5)]
    assert follow_up(old) == SurveyState("cancelled", None, Reason.TOO_OLD)
    assert survey_states([trial], now=NOW, wave=Wave.FOLLOW_UP) == {}


def test_whoever_bought_before_is_looked_for_until_all_are_found_and_then_no_more(settings: Any) -> None:
    settings.PURCHASE_BATCH_SIZE = 2
    brand, soon = make_brand(), NOW + timedelta(minutes=10)
    for _number in range(3):
        received(brand)
    published = publish_standard_survey(brand, Wave.FOLLOW_UP)
    change(published, published_at=NOW)
    late = received(brand)

    assert catch_up_batch(published.pk, now=NOW) == 2  # and here the worker ends
    assert plan_missing_follow_ups(now=NOW) == 1
    Invitation.objects.filter(purchase=late, wave=Wave.FOLLOW_UP).delete()  # as by who began before the publication
    assert plan_missing_follow_ups(now=NOW + timedelta(minutes=1)) == 1

    assert plan_missing_follow_ups(now=soon) == 0
    published.refresh_from_db()
    assert published.catching_up_after is None
    Invitation.objects.filter(purchase=late, wave=Wave.FOLLOW_UP).delete()
    with CaptureQueriesContext(connection) as captured:
        assert plan_missing_follow_ups(now=soon) == 0
    assert len(captured) == 1


def test_it_is_found_out_however_long_nobody_worked() -> None:
    brand = make_brand()
    received(brand)
    published = publish_standard_survey(brand, Wave.FOLLOW_UP)
    change(published, published_at=NOW - 3 * DAY)

    assert plan_missing_follow_ups(now=NOW) == 1


def test_the_minutes_work_looks_for_whoever_bought_before() -> None:
    brand, now = make_brand(), timezone.now()
    purchase = received(brand, now, purchased_at=now)

    publish_standard_survey(brand, Wave.FOLLOW_UP)

    assert plan_due_work() == 1
    assert follow_up(purchase).state == "planned"


def test_nobody_is_looked_for_until_the_brand_wants_it() -> None:
    brand = make_brand(follow_up_after=None)
    received(brand)
    publish_standard_survey(brand, Wave.FOLLOW_UP)
    assert plan_missing_follow_ups(now=NOW) == 0

    change(brand, follow_up_after=LATER)
    assert plan_missing_follow_ups(now=NOW) == 1


# --- Sets --------------------------------------------------------------------------------------------------------
def test_two_waves_take_no_more_statements_than_one_and_none_more_for_many() -> None:
    brand = asking_brand(fatigue_days=30, follow_up_rest_days=30)

    def statements(count: int, wanted: str = "both") -> int:
        purchases = [make_purchase(make_customer(brand), external_id=f"{wanted}-{count}-{n}") for n in range(count)]
        with CaptureQueriesContext(connection) as captured:
            plan(*purchases)
        return len(captured)

    alone = statements(1)
    assert statements(100) == alone
    Brand.objects.update(follow_up_after=None)
    assert statements(1, "first") == alone


def test_who_must_not_be_written_to_is_seen_for_both(django_assert_num_queries: Any) -> None:
    brand = asking_brand()
    purchase = make_purchase(make_customer(brand))
    reason = Suppression.Reason.BOUNCED
    suppress(brand, str(purchase.customer.email), scope=Suppression.EVERYTHING, reason=reason, now=NOW)

    plan(purchase)

    assert follow_up(purchase) == SurveyState("cancelled", None, Reason.BOUNCED)
    assert Customer.objects.count() == 1
