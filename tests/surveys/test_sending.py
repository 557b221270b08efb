"""From due to the mail ledger: judged again, once each, however many workers; the reminder; what the mail says."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta
from threading import Barrier
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from accounts.models import Brand
from affiliates.models import Customer, Purchase
from mailing.models import OutgoingMail, Suppression
from mailing.rendering import render
from mailing.services import suppress
from mailing.services.sending import send_due_mail
from surveys.models import Hold, Invitation, InvitationMail, Reason, Response
from surveys.selectors import SurveyState, survey_states
from surveys.services import (
    hold_purchase,
    pause_asking,
    plan_invitations,
    resume_asking,
    send_due_invitations,
    send_due_reminders,
)
from surveys.services.holding import plan_put_aside, wake_rested
from surveys.standard import publish_standard_survey
from surveys.tasks import plan_due_work
from surveys.tasks import send_due_invitations as send_due_invitations_task
from tests.factories import NOW, make_affiliate, make_brand, make_customer, make_product, make_purchase

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
MADRID = ZoneInfo("Europe/Madrid")


def plan(*purchases: Purchase, now: datetime = NOW) -> None:
    rows = Purchase.objects.filter(pk__in=[purchase.pk for purchase in purchases])
    plan_invitations(Brand.objects.get(pk=purchases[0].brand_id), list(rows), now=now)


def state(purchase: Purchase, now: datetime = NOW) -> SurveyState:
    return survey_states([purchase], now=now)[purchase.pk]


def asked(brand: Brand, now: datetime = NOW, **fields: Any) -> Purchase:
    """A purchase whose first mail went out at `now`."""
    purchase = make_purchase(make_customer(brand), **fields)
    plan(purchase, now=now)
    send_due_invitations(now=now)
    mails_of(purchase).update(state="sent", sent_at=now)
    return purchase


def mails_of(purchase: Purchase) -> Any:
    mails = InvitationMail.objects.filter(invitation__purchase=purchase).values("mail")
    return OutgoingMail.objects.filter(pk__in=mails)


def change(row: Any, **fields: Any) -> None:
    type(row).objects.filter(pk=row.pk).update(**fields)


# --- The first mail --------------------------------------------------------------------------------------------------
def test_who_is_due_is_queued_once() -> None:
    brand = make_brand(delay_goods=DAY, max_age_days=45)
    customer = make_customer(brand, email="carla@correo.example", language="en")
    due, later = make_purchase(customer, delivered_at=NOW - DAY), make_purchase(make_customer(brand), delivered_at=NOW)
    plan(due, later)

    assert send_due_invitations(now=NOW) == 1
    assert send_due_invitations(now=NOW) == 0

    mail = OutgoingMail.objects.get()
    invitation = Invitation.objects.get(purchase=due)
    assert (mail.to_address, mail.template, mail.language) == ("carla@correo.example", "surveys/invitation", "en")
    assert mail.scopes == ["surveys", f"purchase:{due.pk}"]
    assert mail.guarantee == OutgoingMail.Guarantee.AT_MOST_ONCE
    assert (mail.not_before, mail.expires_at) == (NOW, NOW + timedelta(hours=72))
    assert invitation.mails.get().mail == mail
    assert state(due) == SurveyState("queued", NOW)
    assert state(later) == SurveyState("planned", NOW + DAY)


@pytest.mark.parametrize(
    ("happens", "expected"),
    [
        (lambda p: change(p, state="refunded"), SurveyState("cancelled", None, Reason.REFUNDED)),
        (lambda p: change(p.customer, survey_notice=False), SurveyState("cancelled", None, Reason.NO_NOTICE)),
        (
            lambda p: suppress(p.brand, p.customer.email, scope="surveys", reason="opted_out", now=NOW),
            SurveyState("cancelled", None, Reason.OPTED_OUT),
        ),
        (
            lambda p: Hold.objects.create(purchase=p, cause="complaint:1"),
            SurveyState("held", None, Reason.OPEN_COMPLAINT),
        ),
        (lambda p: change(p.brand, asking_paused_at=NOW), SurveyState("held", None, Reason.PAUSED)),
        (lambda p: change(p.brand, max_age_days=0), SurveyState("cancelled", None, Reason.TOO_OLD)),
    ],
)
def test_what_happened_since_planning_is_seen_when_it_is_due(happens: Any, expected: SurveyState) -> None:
    purchase = make_purchase(make_customer(make_brand()))
    plan(purchase)
    happens(purchase)

    assert send_due_invitations(now=NOW) == 0

    assert state(purchase) == expected
    assert not OutgoingMail.objects.exists()


def test_what_was_missed_is_caught_up_but_only_inside_the_window() -> None:
    brand = make_brand(window_start=time(10), window_end=time(20), max_age_days=45)
    purchase = make_purchase(make_customer(brand))
    plan(purchase)
    night = datetime(2026, 3, 14, 23, 0, tzinfo=UTC)

    assert send_due_invitations(now=night) == 0
    assert state(purchase) == SurveyState("planned", datetime(2026, 3, 15, 9, 0, tzinfo=UTC))

    assert send_due_invitations(now=night + timedelta(hours=10)) == 1


def test_rest_counts_from_when_somebody_was_really_asked() -> None:
    customer = make_customer(make_brand(fatigue_days=30, max_age_days=90))
    first = make_purchase(customer, delivered_at=NOW - timedelta(hours=2))
    second = make_purchase(customer, delivered_at=NOW - timedelta(hours=1))
    plan(first, second)

    assert send_due_invitations(now=NOW + 5 * DAY) == 1  # nobody was at work for five days
    assert send_due_invitations(now=NOW + 30 * DAY) == 0

    assert state(second) == SurveyState("held", NOW + 35 * DAY, Reason.FATIGUE)
    assert send_due_invitations(now=NOW + 35 * DAY) == 1


def test_who_rested_until_the_purchase_is_too_old_is_told_so() -> None:
    customer = make_customer(make_brand(fatigue_days=60, max_age_days=45))
    first, second = make_purchase(customer), make_purchase(customer)
    plan(first, second)

    send_due_invitations(now=NOW)
    send_due_invitations(now=NOW + 60 * DAY)

    assert state(second) == SurveyState("cancelled", None, Reason.TOO_OLD)
    assert OutgoingMail.objects.count() == 1


def test_two_brands_in_one_batch_keep_their_own_rules() -> None:
    lumbre, brasa = make_brand(), make_brand("brasa", asking_paused_at=NOW)
    Brand.objects.filter(pk=brasa.pk).update(asking_paused_at=None)
    ours, theirs = make_purchase(make_customer(lumbre)), make_purchase(make_customer(brasa))
    plan(ours)
    plan(theirs)
    Brand.objects.filter(pk=brasa.pk).update(asking_paused_at=NOW)

    assert send_due_invitations(now=NOW) == 1

    assert state(ours) == SurveyState("queued", NOW)
    assert state(theirs) == SurveyState("held", None, Reason.PAUSED)


def test_many_go_out_in_batches(settings: Settings) -> None:
    settings.PURCHASE_BATCH_SIZE = 3
    brand = make_brand()
    purchases = [make_purchase(make_customer(brand)) for _i in range(10)]
    plan(*purchases)

    assert send_due_invitations(now=NOW) == 10

    assert OutgoingMail.objects.count() == 10


def test_statements_do_not_grow_with_the_batch() -> None:
    brand = make_brand(fatigue_days=30)

    def statements(count: int) -> int:
        plan(*(make_purchase(make_customer(brand)) for _i in range(count)))
        with CaptureQueriesContext(connection) as captured:
            assert send_due_invitations(now=NOW) == count
        return len(captured)

    assert statements(1) == statements(60)


@pytest.mark.django_db(transaction=True)
def test_workers_at_the_same_time_send_each_once(settings: Settings) -> None:
    settings.PURCHASE_BATCH_SIZE = 7
    brand = make_brand()
    purchases = [make_purchase(make_customer(brand)) for _i in range(120)]
    plan(*purchases)

    sent = in_threads(4, lambda: send_due_invitations(now=NOW))

    assert sum(sent) + send_due_invitations(now=NOW) == 120
    addresses = sorted(OutgoingMail.objects.values_list("to_address", flat=True))
    assert addresses == sorted(Customer.objects.values_list("email", flat=True))


@pytest.mark.django_db(transaction=True)
def test_workers_at_the_same_time_ask_one_customer_once(settings: Settings) -> None:
    settings.PURCHASE_BATCH_SIZE = 1
    brand = make_brand(fatigue_days=30)
    customer = make_customer(brand)
    purchases = [make_purchase(customer) for _i in range(4)]
    plan(*purchases)
    # As if each had been planned by somebody who could not see the others.
    Invitation.objects.update(state="planned", reason="", scheduled_for=NOW)

    sent = in_threads(4, lambda: send_due_invitations(now=NOW))

    assert sum(sent) + send_due_invitations(now=NOW) == 1
    states = sorted(state(purchase).state for purchase in purchases)
    assert states == ["held", "held", "held", "queued"]


@pytest.mark.django_db(transaction=True)
def test_who_is_in_other_hands_is_left_for_the_next_run() -> None:
    brand = make_brand()
    busy, free = make_purchase(make_customer(brand)), make_purchase(make_customer(brand))
    plan(busy, free)

    with transaction.atomic():
        Customer.objects.select_for_update().get(pk=busy.customer_id)
        assert in_threads(1, lambda: send_due_invitations(now=NOW)) == [1]

    assert state(busy) == SurveyState("planned", NOW)
    assert send_due_invitations(now=NOW) == 1


# --- What passes ------------------------------------------------------------------------------------------------------
def rests(purchase: Purchase, *, until: datetime) -> None:
    """As after soft bounces: for a while."""
    address = str(purchase.customer.email)
    suppress(purchase.brand, address, scope="all", reason="bounced", now=NOW, expires_at=until)


def test_an_address_that_rests_is_asked_when_it_has_rested() -> None:
    now = datetime.now(UTC)
    brand = make_brand(window_start=time(10), window_end=time(20), max_age_days=90)
    known, new = (make_purchase(make_customer(brand), delivered_at=now - DAY) for _i in range(2))
    plan(known, now=now)
    until = (now + 30 * DAY).replace(hour=2)
    rests(known, until=until)
    rests(new, until=until)

    plan(known, new, now=now)

    opening = datetime.combine(until.astimezone(MADRID).date(), time(10), MADRID)
    assert state(known, now) == state(new, now) == SurveyState("held", opening, Reason.BOUNCED)
    assert send_due_invitations(now=opening - timedelta(seconds=1)) == 0
    Suppression.objects.update(expires_at=now - timedelta(seconds=1))  # the database's clock stands still in a test
    assert send_due_invitations(now=opening) == 2


def test_an_address_that_turns_out_to_work_is_asked_at_once() -> None:
    now = datetime.now(UTC)
    brand = make_brand(max_age_days=90)
    works, rests_on = (make_purchase(make_customer(brand), delivered_at=now - DAY) for _i in range(2))
    rests(works, until=now + 30 * DAY)
    rests(rests_on, until=now + 30 * DAY)
    plan(works, rests_on, now=now)

    lifted = Suppression.objects.filter(address_hash=works.customer.email_hash)
    assert lifted.delete()[0] == 1  # as a report of a delivery does
    assert wake_rested(now=now) == 1
    assert wake_rested(now=now) == 0

    assert send_due_invitations(now=now) == 1
    assert state(works, now) == SurveyState("queued", now)
    assert state(rests_on, now) == SurveyState("held", now + 30 * DAY, Reason.BOUNCED)


def test_a_rest_that_is_over_before_the_time_to_ask_delays_nobody() -> None:
    now = datetime.now(UTC)
    purchase = make_purchase(make_customer(make_brand(delay_goods=3 * DAY)), delivered_at=now)
    rests(purchase, until=now + 2 * DAY)

    plan(purchase, now=now)

    assert state(purchase, now) == SurveyState("planned", now + 3 * DAY)


def test_a_reminder_waits_for_an_address_that_rests() -> None:
    now = datetime.now(UTC)
    purchase = asked(make_brand(reminder_after=4 * DAY, link_days=90), now=now - 4 * DAY, delivered_at=now - 5 * DAY)
    rests(purchase, until=now + 10 * DAY)

    assert send_due_reminders(now=now) == 0

    assert Invitation.objects.get().remind_at == now + 10 * DAY
    Suppression.objects.update(expires_at=now - timedelta(seconds=1))
    assert send_due_reminders(now=now + 10 * DAY) == 1


@pytest.mark.django_db(transaction=True)
def test_a_rest_that_begins_after_queueing_holds_and_asks_once_when_it_is_over(mailbox: Any) -> None:
    now = datetime.now(UTC) - timedelta(seconds=1)
    purchase = make_purchase(make_customer(make_brand()), delivered_at=now)
    plan(purchase, now=now)
    send_due_invitations(now=now)
    until = now + 30 * DAY
    rests(purchase, until=until)

    send_due_mail()
    assert state(purchase, now) == SurveyState("held", None, Reason.BOUNCED)
    assert plan_put_aside(now=now) == 1
    assert plan_put_aside(now=now) == 0
    assert send_due_invitations(now=now) == 0
    assert state(purchase, now) == SurveyState("held", until, Reason.BOUNCED)

    Suppression.objects.update(expires_at=now)
    assert send_due_invitations(now=until) == 1
    OutgoingMail.objects.filter(state="queued").update(not_before=now, expires_at=None)
    send_due_mail()
    send_due_mail()
    assert [mail.to for mail in mailbox.mails()] == [str(purchase.customer.email)]
    assert state(purchase, until) == SurveyState("sent", until)


@pytest.mark.django_db(transaction=True)
def test_a_pause_that_the_queueing_did_not_see_stops_its_mails_too(mailbox: Any) -> None:
    now = datetime.now(UTC) - timedelta(seconds=1)
    brand, other = make_brand(reminder_after=DAY, max_age_days=90), make_brand("brasa")
    reminded = asked(brand, now=now - DAY, delivered_at=now - 2 * DAY)
    send_due_reminders(now=now)
    queued, theirs = (make_purchase(make_customer(b), delivered_at=now) for b in (brand, other))
    plan(queued, now=now)
    plan(theirs, now=now)
    send_due_invitations(now=now)
    change(brand, asking_paused_at=now)  # between judging and queueing

    send_due_mail()
    assert [mail.to for mail in mailbox.mails()] == [theirs.customer.email]
    assert state(queued, now) == SurveyState("held", None, Reason.PAUSED)
    assert plan_put_aside(now=now) == 2
    assert send_due_invitations(now=now) + send_due_reminders(now=now) == 0
    assert state(queued, now) == SurveyState("held", None, Reason.PAUSED)

    resume_asking(brand, now=now)
    later = now + timedelta(hours=1)
    assert send_due_invitations(now=later) + send_due_reminders(now=later) == 2
    OutgoingMail.objects.update(not_before=now)
    send_due_mail()
    assert sorted(mail.to for mail in mailbox.mails()) == sorted(Customer.objects.values_list("email", flat=True))
    assert state(reminded, later).state == "sent"


def test_who_waited_through_a_pause_is_asked_spread_over_the_hour_after_it() -> None:
    brand = make_brand(is_spread=True)
    purchases = [make_purchase(make_customer(brand), delivered_at=NOW - 2 * timedelta(hours=1)) for _i in range(30)]
    plan(*purchases)
    later = NOW + timedelta(hours=2)
    assert send_due_invitations(now=later) == 30
    pause_asking(brand, now=later)

    resume_asking(brand, now=later)
    assert send_due_invitations(now=later) <= 1

    times = {state(purchase).scheduled_for for purchase in purchases}
    assert len(times) == 30
    assert all(later <= time <= later + timedelta(hours=1) for time in times if time)
    assert send_due_invitations(now=later + timedelta(hours=1)) >= 29
    assert OutgoingMail.objects.filter(state="queued").count() == 30


def test_a_pause_takes_a_queued_reminder_back_and_resuming_reminds_once() -> None:
    brand = make_brand(reminder_after=4 * DAY)
    purchase = asked(brand)
    send_due_reminders(now=NOW + 4 * DAY)

    pause_asking(brand, now=NOW + 4 * DAY)
    assert send_due_reminders(now=NOW + 5 * DAY) == 0
    resume_asking(brand, now=NOW + 6 * DAY)
    assert send_due_reminders(now=NOW + 6 * DAY) == 1
    assert send_due_reminders(now=NOW + 9 * DAY) == 0

    assert list(mails_of(purchase).order_by("pk").values_list("template", "state")) == [
        ("surveys/invitation", "sent"),
        ("surveys/reminder", "queued"),
    ]
    assert OutgoingMail.objects.filter(state="cancelled").count() == 1


# --- The reminder ----------------------------------------------------------------------------------------------------
def test_who_did_not_answer_is_reminded_once() -> None:
    purchase = asked(make_brand(reminder_after=4 * DAY))

    assert send_due_reminders(now=NOW + 4 * DAY - timedelta(minutes=1)) == 0
    assert send_due_reminders(now=NOW + 4 * DAY) == 1
    assert send_due_reminders(now=NOW + 4 * DAY) == 0
    assert send_due_reminders(now=NOW + 9 * DAY) == 0

    mails = list(mails_of(purchase).order_by("pk"))
    assert [mail.template for mail in mails] == ["surveys/invitation", "surveys/reminder"]
    assert mails[0].token != mails[1].token
    assert state(purchase, now=NOW + 4 * DAY) == SurveyState("sent", NOW)


def test_a_brand_may_do_without_reminders() -> None:
    asked(make_brand(reminder_after=None))

    assert send_due_reminders(now=NOW + 40 * DAY) == 0


@pytest.mark.parametrize(
    "happens",
    [
        lambda p: change(p, state="refunded"),
        lambda p: suppress(p.brand, p.customer.email, scope="surveys", reason=Suppression.Reason.OPTED_OUT, now=NOW),
        lambda p: suppress(p.brand, p.customer.email, scope=f"purchase:{p.pk}", reason="opted_out", now=NOW),
        lambda p: hold_purchase(p, cause="complaint:1", now=NOW),
        lambda p: answer(p),
        lambda p: mails_of(p).update(state="failed"),
        lambda p: mails_of(p).update(state="expired"),
        lambda p: change(p.brand, link_days=4),
        lambda p: change(p.brand, reminder_after=None),
    ],
)
def test_nobody_is_reminded_for_whom_it_is_over(happens: Any) -> None:
    purchase = asked(make_brand(reminder_after=4 * DAY))
    happens(purchase)

    assert send_due_reminders(now=NOW + 4 * DAY) == 0

    assert [mail.template for mail in mails_of(purchase)] == ["surveys/invitation"]
    assert Invitation.objects.get().remind_at is None


def test_a_suspect_answer_does_not_spare_the_reminder() -> None:
    purchase = asked(make_brand(reminder_after=4 * DAY))
    answer(purchase, is_suspect=True)

    assert send_due_reminders(now=NOW + 4 * DAY) == 1


def test_a_reminder_counts_from_the_first_mail_and_waits_for_it() -> None:
    purchase = asked(make_brand(reminder_after=4 * DAY))
    mails_of(purchase).update(state="queued", sent_at=None)

    assert send_due_reminders(now=NOW + 4 * DAY) == 0
    late = NOW + 2 * DAY
    mails_of(purchase).update(state="sent", sent_at=late)
    assert send_due_reminders(now=NOW + 4 * DAY + timedelta(hours=1)) == 0
    assert send_due_reminders(now=late + 4 * DAY) == 1


def test_a_reminder_keeps_to_the_window_and_waits_while_paused() -> None:
    brand = make_brand(window_start=time(10), window_end=time(20), reminder_after=4 * DAY)
    purchase = asked(brand)
    change(brand, asking_paused_at=NOW)
    assert send_due_reminders(now=NOW + 4 * DAY) == 0
    change(brand, asking_paused_at=None)

    night = datetime(2026, 3, 14, 22, 0, tzinfo=UTC)
    assert send_due_reminders(now=night) == 0
    assert send_due_reminders(now=night + timedelta(hours=11)) == 1
    assert mails_of(purchase).count() == 2


def test_a_complaint_takes_a_queued_reminder_back() -> None:
    purchase = asked(make_brand(reminder_after=4 * DAY))
    send_due_reminders(now=NOW + 4 * DAY)

    hold_purchase(purchase, cause="complaint:1", now=NOW + 4 * DAY)

    assert list(mails_of(purchase).order_by("pk").values_list("state", flat=True)) == ["sent", "cancelled"]
    assert state(purchase, now=NOW + 4 * DAY) == SurveyState("sent", NOW)


@pytest.mark.django_db(transaction=True)
def test_workers_at_the_same_time_remind_each_once(settings: Settings) -> None:
    settings.PURCHASE_BATCH_SIZE = 5
    brand = make_brand(reminder_after=4 * DAY)
    purchases = [make_purchase(make_customer(brand)) for _i in range(40)]
    plan(*purchases)
    send_due_invitations(now=NOW)
    OutgoingMail.objects.update(state="sent", sent_at=NOW)

    sent = in_threads(4, lambda: send_due_reminders(now=NOW + 4 * DAY))

    assert sum(sent) + send_due_reminders(now=NOW + 4 * DAY) == 40
    assert OutgoingMail.objects.filter(template="surveys/reminder").count() == 40


def test_the_tasks_go_by_the_databases_clock() -> None:
    now = datetime.now(UTC)
    purchase = make_purchase(make_customer(make_brand(reminder_after=DAY)), delivered_at=now - 3 * DAY)
    plan(purchase, now=now - 2 * DAY)

    assert send_due_invitations_task() == 1
    assert send_due_invitations_task() == 0

    mails_of(purchase).update(state="sent", sent_at=now - DAY)
    Invitation.objects.update(remind_at=now - timedelta(seconds=1))
    assert plan_due_work() == 1
    assert plan_due_work() == 0


# --- All the way -----------------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_an_invitation_reaches_the_mailbox_and_not_of_who_objected_meanwhile(mailbox: Any) -> None:
    now = datetime.now(UTC) - timedelta(seconds=1)
    brand = make_brand()
    asked_one, objector, refunded = (make_purchase(make_customer(brand), delivered_at=now) for _i in range(3))
    plan(asked_one, objector, refunded, now=now)
    assert send_due_invitations(now=now) == 3
    suppress(brand, str(objector.customer.email), scope="surveys", reason=Suppression.Reason.OPTED_OUT, now=now)
    change(refunded, state="refunded")
    plan(refunded, now=now)

    send_due_mail()

    assert [mail.to for mail in mailbox.mails()] == [str(asked_one.customer.email)]
    assert [state(purchase, now=now).state for purchase in (asked_one, objector, refunded)] == [
        "sent",
        "cancelled",
        "cancelled",
    ]
    assert [state(purchase, now=now).reason for purchase in (asked_one, objector, refunded)] == [
        "",
        "opted_out",
        "refunded",
    ]


# --- What the mail says ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("language", ["es", "en"])
@pytest.mark.parametrize("kind", ["goods", "digital", "service"])
def test_a_mail_carries_one_question_and_five_links_in_text_and_html(kind: str, language: str) -> None:
    brand = make_brand()
    product = make_product(brand, name="Botas <Lince> & Cía", kind=kind)
    purchase = make_purchase(
        make_customer(brand, "Carla Ruiz", language=language), product=product, delivered_at=NOW - 3 * DAY
    )
    plan(purchase)
    send_due_invitations(now=NOW)

    mail = OutgoingMail.objects.get()
    texts = render(mail, now=NOW).texts

    question = {"es": "En general, ¿cómo valoras tu compra?", "en": "Overall, how would you rate your purchase?"}
    words = {"es": ["Muy mala", "Muy buena", "7 de marzo de 2026"], "en": ["Very poor", "Very good", "March 7, 2026"]}
    for text in (texts.text, texts.html):
        assert [text.count(f"/s/{mail.token}/?q={n}") for n in range(1, 6)] == [1] * 5
        assert question[language] in text
        assert [word for word in words[language] if word not in text] == []
        assert "Carla" in text
        assert "Ruiz" not in text
    assert "Botas <Lince> & Cía" in texts.text
    assert "Botas &lt;Lince&gt; &amp; Cía" in texts.html
    assert "{" not in texts.text
    assert len(texts.html.encode()) < 25_000


def test_nobody_received_what_is_not_goods() -> None:
    brand = make_brand()

    def text(kind: str, age: timedelta) -> str:
        product = make_product(brand, sku=f"{kind}-{age.days}", name="Lince", kind=kind)
        purchase = make_purchase(make_customer(brand, language="en"), product=product, delivered_at=NOW - age)
        plan(purchase)
        send_due_invitations(now=NOW)
        return render(mails_of(purchase).get(), now=NOW).texts.text

    assert "you received Lince a few days ago." in text("goods", 3 * DAY)
    assert "you started using Lince a few days ago." in text("service", 3 * DAY)
    assert "you now have Lince." in text("digital", timedelta(hours=1))


def test_a_discreet_brand_tells_nothing() -> None:
    brand = make_brand(name="Velas Picantes", is_discreet=True, discreet_name="VP Envíos", sender_name="Velas Picantes")
    product = make_product(brand, name="Aceite de masaje", category="Íntimo")
    purchase = asked(brand, product=product)
    send_due_reminders(now=NOW + 4 * DAY)

    for mail in mails_of(purchase):
        message = render(mail, now=NOW)
        said = (
            str(mail.context)
            + message.sender_name
            + "".join([*message.headers.values(), *vars(message.texts).values()])
        )
        assert [word for word in ("Velas", "Picantes", "Aceite", "masaje", "Íntimo") if word in said] == []
    assert render(mails_of(purchase).order_by("pk")[0], now=NOW).texts.subject != ""


def test_a_brand_may_word_its_mail_itself_and_the_reminder_stays_the_last() -> None:
    brand = make_brand(name="Lumbre")
    survey = publish_standard_survey(brand)
    survey.mail_texts = {"es": {"subject": "{name}, ¿qué tal con {brand}?", "body": "Primera línea.\n<b>{product}</b>"}}
    survey.save(update_fields=["mail_texts"])

    purchase = asked(brand, product=make_product(brand, name="Botas"))
    mail = mails_of(purchase).get()
    texts = render(mail, now=NOW).texts

    assert texts.subject == "Carla, ¿qué tal con Lumbre?"
    assert "Primera línea.\n<b>Botas</b>" in texts.text
    assert "&lt;b&gt;Botas&lt;/b&gt;" in texts.html


def test_a_mail_never_names_the_affiliate_nor_the_order() -> None:
    brand = make_brand()
    purchase = asked(brand, affiliate=make_affiliate(brand, "Ana Belmonte"), external_id="PEDIDO-77")

    texts = render(mails_of(purchase).get(), now=NOW).texts

    assert [word for word in ("Belmonte", "PEDIDO-77") for text in vars(texts).values() if word in text] == []


def answer(purchase: Purchase, *, is_suspect: bool = False) -> Response:
    invitation = Invitation.objects.get(purchase=purchase)
    return Response.objects.create(
        brand=purchase.brand, invitation=invitation, answered_at=NOW, updated_at=NOW, is_suspect=is_suspect
    )


def in_threads(count: int, work: Any) -> list[Any]:
    """The same work in so many connections at once."""
    together = Barrier(count)

    def run(_turn: int) -> Any:
        try:
            together.wait(60)
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


# --- What fails -------------------------------------------------------------------------------------------------------
def test_a_brand_that_cannot_be_asked_for_keeps_no_other_waiting() -> None:
    broken, other = (make_purchase(make_customer(make_brand(slug))) for slug in ("alfa", "zeta"))
    plan(broken)
    plan(other)
    Brand.objects.filter(pk=broken.brand_id).update(timezone="Atlantis/Poseidonis")
    for _again in range(2):
        with pytest.raises(ExceptionGroup):
            send_due_invitations(now=NOW)

    assert [mail.brand for mail in OutgoingMail.objects.all()] == [other.brand]

    Brand.objects.filter(pk=broken.brand_id).update(timezone="Europe/Madrid")
    assert send_due_invitations(now=NOW) == 1
