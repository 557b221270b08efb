"""Who bought, who came back and what became of it: counted for staff as it stands, for affiliates in steps of k."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from affiliates.models import Attribution, Purchase, Refund
from complaints.services.opening import Problem, open_complaint
from insights.cohorts import CohortRow
from insights.findings import Figure
from insights.loyalty import Part, brand_loyalty, contributions_of, own_loyalty, programme_repeat, read_worth
from insights.models import Cohort, Contribution
from insights.models.contribution import Audience
from insights.services import fold_changes, measure_due_brands
from insights.services.contributing import count_contributions
from insights.statistics import wilson_interval
from tests.factories import NOW, make_affiliate, make_brand, make_customer, make_purchase
from tests.insights.conftest import Shop

LONG_AGO = NOW - timedelta(days=200)


def buy(shop: Shop, affiliate, *days_ago: int, state: str = "open") -> list[Purchase]:
    """One customer buys so many days ago, each time credited to the affiliate."""
    customer = make_customer(shop.brand)
    return [
        make_purchase(customer, affiliate=affiliate, purchased_at=NOW - timedelta(days=days), state=state)
        for days in days_ago
    ]


def count(shop: Shop, now: datetime = NOW) -> None:
    count_contributions(shop.brand, now=now)


def cells(affiliate, audience: str = Audience.STAFF) -> dict:
    rows = Cohort.objects.filter(affiliate=affiliate, audience=audience)
    return {(row.month.isoformat()[:7], row.later): row.customers for row in rows}


# --- For staff -------------------------------------------------------------------------------------------------------
def test_who_had_no_time_to_come_back_is_in_no_rate(shop, ana):
    buy(shop, ana, 200, 150)  # came back in 50 days
    buy(shop, ana, 200, 100)  # in 100: too late
    buy(shop, ana, 91)
    buy(shop, ana, 89, 10)  # came back, but has not had its ninety days
    count(shop)

    found = own_loyalty(ana, view="staff")

    assert found.repeat == Figure(1 / 3, *wilson_interval(1, 3), 3)
    assert (found.customers, found.newcomers, found.active, found.purchases) == (4, 4, 4, 7)
    assert found.days_to_second == pytest.approx(79)  # the middle of 50, 79 and 100


def test_several_orders_of_one_day_are_no_coming_back(shop, ana):
    customer = make_customer(shop.brand)
    for hour in (1, 2, 3):
        make_purchase(customer, affiliate=ana, purchased_at=LONG_AGO + timedelta(hours=hour))
    make_purchase(customer, affiliate=ana, purchased_at=LONG_AGO + timedelta(days=40, hours=1))
    buy(shop, ana, 200, 200)
    count(shop)

    found = own_loyalty(ana, view="staff")

    assert (found.repeat.value, found.days_to_second) == (0.5, 40)


def test_what_was_given_back_or_cancelled_counts_in_neither(shop, ana):
    buy(shop, ana, 200)
    buy(shop, ana, 200)
    buy(shop, ana, 200, state="refunded")
    customer = make_customer(shop.brand)
    make_purchase(customer, affiliate=ana, purchased_at=LONG_AGO)
    make_purchase(customer, affiliate=ana, purchased_at=LONG_AGO + timedelta(days=20), state="refunded")
    buy(shop, ana, 200, state="cancelled")
    count(shop)

    found = own_loyalty(ana, view="staff")

    assert (found.customers, found.repeat.value, found.repeat.n) == (3, 0, 3)
    assert (found.purchases, found.refunded) == (5, Part(0.4, 0.4, 2))


def test_a_part_given_back_and_a_complaint_are_counted_by_purchase(shop, ana):
    first, second, third = (buy(shop, ana, 30)[0] for _i in range(3))
    for number in range(2):
        Refund.objects.create(purchase=first, external_id=str(number), amount=1, refunded_at=NOW)
    open_complaint(shop.brand, Problem("complaint", "Roto"), purchase=second, now=NOW)
    open_complaint(shop.brand, Problem("follow_up", "Mala nota"), purchase=third, now=NOW)
    count(shop)

    found = own_loyalty(ana, view="staff")

    assert found.refunded.count == 1
    assert found.complained.count == 1


def test_the_brand_counts_a_customer_once_whoever_is_credited(shop, ana, bruno):
    customer = make_customer(shop.brand)
    make_purchase(customer, affiliate=ana, purchased_at=LONG_AGO)
    make_purchase(customer, affiliate=bruno, purchased_at=LONG_AGO + timedelta(days=30))
    make_purchase(make_customer(shop.brand), purchased_at=LONG_AGO)  # nobody is credited
    count(shop)

    brand = brand_loyalty(shop.brand)

    assert (brand.customers, brand.purchases, brand.repeat.value, brand.days_to_second) == (2, 3, 0.5, 30)
    assert {a.code: own_loyalty(a, view="staff").newcomers for a in (ana, bruno)} == {"ana": 1, "bruno": 0}
    assert own_loyalty(bruno, view="staff").repeat.value == 0


def test_recommendations_are_told_apart(shop, ana):
    (direct,), (indirect,) = buy(shop, ana, 5), buy(shop, None, 5)
    Attribution.objects.filter(purchase=direct).update(method="referral", reason="customer_referral")
    Attribution.objects.filter(purchase=indirect).update(method="referral", indirect_affiliate=ana)
    count(shop)

    found = own_loyalty(ana, view="staff")

    assert (found.recommended, found.indirect, found.purchases) == (1, 1, 1)
    assert (brand_loyalty(shop.brand).recommended, brand_loyalty(shop.brand).indirect) == (2, 1)


def test_who_only_has_recommended_customers_is_counted(shop, ana):
    (indirect,) = buy(shop, None, 5)
    Attribution.objects.filter(purchase=indirect).update(indirect_affiliate=ana)
    count(shop)

    assert (own_loyalty(ana, view="staff").indirect, own_loyalty(ana, view="staff").repeat) == (1, None)


def test_test_purchases_count_nowhere(shop, ana):
    Purchase.objects.filter(pk__in=[p.pk for p in buy(shop, ana, 5)]).update(source=Purchase.TEST)
    count(shop)

    assert brand_loyalty(shop.brand).customers == 0
    assert own_loyalty(ana, view="staff") is None


def test_cohorts_are_months_of_the_brands_calendar(shop, ana):
    # In Madrid it is February already.
    customer = make_customer(shop.brand)
    make_purchase(customer, affiliate=ana, purchased_at=datetime(2026, 1, 31, 23, 30, tzinfo=UTC))
    for _twice_in_a_month in range(2):
        make_purchase(customer, affiliate=ana, purchased_at=datetime(2026, 3, 2, tzinfo=UTC))
    make_purchase(make_customer(shop.brand), affiliate=ana, purchased_at=datetime(2024, 3, 2, tzinfo=UTC))
    count(shop)

    assert cells(ana) == {("2026-02", 0): 1, ("2026-02", 1): 1, ("2024-03", 0): 1}
    assert own_loyalty(ana, view="staff").cohorts[-1] == CohortRow(datetime(2026, 2, 1).date(), 1, (1,))  # noqa: DTZ001


def test_counting_again_changes_nothing_and_other_brands_stay(shop, ana):
    other = Shop(make_brand("otra"))
    buy(other, make_affiliate(other.brand, "Otra"), 5)
    count(other)
    buy(shop, ana, 200, 150)
    count(shop)
    before = list(Contribution.objects.order_by("brand", "affiliate").values_list("brand", "affiliate", "customers"))

    count(shop)

    after = list(Contribution.objects.order_by("brand", "affiliate").values_list("brand", "affiliate", "customers"))
    assert after == before
    assert len(cells(ana)) == 2


def test_affiliates_side_by_side_with_what_has_been_published_of_them(shop, ana, bruno, django_assert_num_queries):
    for _i in range(3):
        buy(shop, bruno, 200)
    buy(shop, ana, 200, 150)
    for score in (5, 5, 5, 5, 1):
        shop.respond(ana, csat=score)
    fold_changes(now=NOW)
    count(shop)

    with django_assert_num_queries(2):
        found = read_worth(contributions_of(shop.brand))

    assert [(each.affiliate.code, each.loyalty.customers) for each in found] == [("ana", 6), ("bruno", 3)]
    assert [each.satisfied and each.satisfied.value for each in found] == [0.8, None]
    assert [row.affiliate.code for row in contributions_of(shop.brand, search="BRU")] == ["bruno"]
    by_repeat = contributions_of(shop.brand, order="repeat")
    assert [row.affiliate.code for row in by_repeat] == ["ana", "bruno"]
    assert [row.affiliate.code for row in contributions_of(shop.brand, order="no such")] == ["ana", "bruno"]


# --- For affiliates --------------------------------------------------------------------------------------------------
def test_fewer_than_k_customers_are_one_state(shop, ana):
    for number in range(4):
        buy(shop, ana, 200, 150)
        count(shop, NOW + timedelta(days=number))
        assert own_loyalty(ana) is None


@pytest.mark.parametrize("left", [0, 2])
def test_where_fewer_than_k_customers_are_left_there_is_nothing_to_show(shop, ana, bruno, left):
    bought = [purchase for _i in range(7) for purchase in buy(shop, ana, 200)]
    count(shop)
    assert own_loyalty(ana).customers == 7

    Attribution.objects.filter(purchase__in=bought[left:]).update(affiliate=bruno)
    count(shop, NOW + timedelta(days=1))

    assert own_loyalty(ana) is None


def test_what_is_shown_waits_until_k_customers_are_new(shop, ana):
    for _i in range(6):
        buy(shop, ana, 200)
    count(shop)
    first = own_loyalty(ana)

    for day in range(1, 5):
        buy(shop, ana, 10)
        count(shop, NOW + timedelta(days=day))
        assert own_loyalty(ana) == first
    buy(shop, ana, 10)
    count(shop, NOW + timedelta(days=6))

    found = own_loyalty(ana)
    assert (first.customers, found.customers) == (6, 11)
    assert (first.counted_on, found.counted_on) == (NOW.date(), NOW.date() + timedelta(days=6))
    assert found.newcomers is None


def test_a_single_purchase_given_back_is_never_told(shop, ana):
    purchases = [buy(shop, ana, 200)[0] for _i in range(30)]
    count(shop)
    assert own_loyalty(ana).refunded == Part(0, 4 / 30)

    looks = []
    for number, purchase in enumerate(purchases[:10]):
        Purchase.objects.filter(pk=purchase.pk).update(state="refunded")
        count(shop, NOW + timedelta(days=number))
        looks.append(own_loyalty(ana).refunded)

    # It was somewhere between, whenever one looked.
    assert looks == [Part(0, 4 / 30)] * 4 + [Part(1 / 30, 9 / 30)] * 5 + [Part(6 / 30, 14 / 30)]
    assert own_loyalty(ana).customers == 30
    assert own_loyalty(ana, view="staff").customers == 20


def test_with_few_purchases_no_part_of_them_is_told(shop, ana):
    for _i in range(19):
        buy(shop, ana, 200)
    count(shop)

    assert (own_loyalty(ana).refunded, own_loyalty(ana).complained) == (None, None)


def test_the_days_to_the_second_purchase_are_whole_weeks_of_ten_customers(shop, ana):
    for _i in range(9):
        buy(shop, ana, 200, 183)
    count(shop)
    assert own_loyalty(ana).days_to_second is None

    for _i in range(5):
        buy(shop, ana, 200, 183)
    count(shop)

    assert own_loyalty(ana).days_to_second == 14  # of 17


def test_the_month_that_runs_has_no_cohort(shop, ana):
    for _i in range(10):
        buy(shop, ana, 40, 1)  # January, and this month
        buy(shop, ana, 40)
        buy(shop, ana, 5)
    count(shop)
    assert cells(ana, Audience.AFFILIATE) == {("2026-01", 0): 20}

    count(shop, NOW + timedelta(days=31))

    assert cells(ana, Audience.AFFILIATE) == {("2026-01", 0): 20, ("2026-01", 2): 10, ("2026-03", 0): 10}


def test_a_cohort_that_was_told_stays_as_it_was_told(shop, ana):
    bought = [buy(shop, ana, 70, 40) for _i in range(8)]
    for _i in range(8):
        buy(shop, ana, 70)
    count(shop)
    told = {("2025-12", 0): 16, ("2026-01", 0): 0, ("2025-12", 1): 8}
    assert cells(ana, Audience.AFFILIATE) == {cell: n for cell, n in told.items() if n}

    # Four of them turn out to be somebody else's.
    for _first, second in bought[:4]:
        second.attributions.update(affiliate=None, method="none")
    count(shop)

    assert cells(ana, Audience.AFFILIATE)[("2025-12", 1)] == 8
    assert cells(ana)[("2025-12", 1)] == 4


def test_the_programme_is_told_where_nobody_stands_out(shop, ana):
    others = [make_affiliate(shop.brand, f"Otra {number}") for number in range(5)]
    for other in others:
        for _i in range(8):
            buy(shop, other, 200)
        for _i in range(2):
            buy(shop, other, 200, 150)
    buy(shop, ana, 200, 150)
    count(shop)

    assert programme_repeat(ana) == 0.2
    assert programme_repeat(others[0]) is None  # four others

    for _i in range(100):
        buy(shop, others[0], 200, 190)
    count(shop)

    assert programme_repeat(ana) is None


# --- When ------------------------------------------------------------------------------------------------------------
def test_it_is_counted_once_a_night_with_all_that_is_measured(shop, ana):
    buy(shop, ana, 200, 150)

    measure_due_brands(now=NOW)

    assert own_loyalty(ana, view="staff").customers == 1


# --- The attack ------------------------------------------------------------------------------------------------------
TOLD_BY_STEPS = ("refunded", "complained", "recommended", "indirect")
MOVED_WITH_NEW_ONES = ("customers", "active", "settled", "repeated", "returned", "days_to_second", "purchases")


def live(shop: Shop, ana, bruno, dice: random.Random) -> None:
    """A day in which something happens to one purchase."""
    purchases = list(Purchase.objects.filter(attributions__is_current=True, attributions__affiliate=ana))
    one = dice.choice(purchases) if purchases else None
    does = dice.choice(["buy", "buy", "come back", "refund", "refund", "complain", "credit", "indirect"])
    if does == "buy" or one is None:
        buy(shop, ana, dice.choice((20, 50, 110)))
    elif does == "come back":
        at = NOW - timedelta(days=dice.randint(1, 60))
        make_purchase(one.customer, affiliate=ana, purchased_at=at)
    elif does == "refund":
        Purchase.objects.filter(pk=one.pk).update(state="refunded")
    elif does == "complain":
        if not one.complaints.exists():
            open_complaint(shop.brand, Problem("complaint", "Roto"), purchase=one, now=NOW)
    elif does == "credit":
        one.attributions.update(affiliate=bruno)
    else:
        Attribution.objects.filter(purchase=buy(shop, None, 5)[0]).update(indirect_affiliate=ana)


def test_whoever_looks_after_every_single_event_sees_steps_of_k(shop, ana, bruno):
    dice = random.Random(2)
    before, cells_before, moves = dict.fromkeys((*TOLD_BY_STEPS, *MOVED_WITH_NEW_ONES), 0), {}, 0
    for day in range(50):
        live(shop, ana, bruno, dice)
        count(shop, NOW + timedelta(days=day))

        rows = Contribution.objects.filter(affiliate=ana, audience=Audience.AFFILIATE)
        after = rows.values(*before).first() or before
        for name in TOLD_BY_STEPS:
            assert after[name] == before[name] or abs(after[name] - before[name]) >= 5
        moved = {name for name in MOVED_WITH_NEW_ONES if after[name] != before[name]}
        if moved:
            moves += 1
            assert any(abs(after[base] - before[base]) >= 5 for base in ("customers", "settled", "purchases"))
        cells_after = cells(ana, Audience.AFFILIATE)
        for cell in cells_before.keys() | cells_after.keys():
            was, now = cells_before.get(cell, 0), cells_after.get(cell, 0)
            assert was == now or abs(now - was) >= 5
        before, cells_before = after, cells_after

    assert moves > 1
    assert before["refunded"] >= 5
    assert cells_before
