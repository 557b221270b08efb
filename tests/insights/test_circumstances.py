"""Facts about purchases beside the satisfaction of those they touched: counted at night, compared with all others."""

import threading
from datetime import UTC, datetime, timedelta
from statistics import mean

import numpy as np
import pytest
from django.db import connection, transaction
from scipy import stats

from affiliates.models import Purchase, Refund
from complaints.models import Complaint
from insights.circumstances import Cell, Effect, Group, read_effects, tells_of_nobody
from insights.models import Circumstance, Measurement
from insights.privacy import programme_effects
from insights.services import fold_changes, measure_brand, measure_due_brands
from insights.services.measuring import _measure_if_free, keep_or_replace
from insights.statistics import Moments, newcombe_interval, welch_test
from surveys.models import Response
from tests.factories import NOW, make_affiliate, make_brand, make_customer, make_product, make_purchase
from tests.insights.conftest import Shop

LATE = {"promised_on": (NOW - timedelta(days=2)).date()}
IN_TIME = {"promised_on": NOW.date()}


def respond(shop: Shop, affiliate, score: int, **fields) -> Response:
    """A customer whose purchase was like this answers."""
    response = shop.respond(affiliate, csat=score)
    Purchase.objects.filter(pk=response.invitation.purchase_id).update(**fields)
    return response


def measured(shop: Shop, audience: str = "staff") -> dict:
    fold_changes(now=NOW)
    measure_brand(shop.brand, now=NOW)
    return Circumstance.objects.filter(brand=shop.brand).cells(audience)


def group(*scores: int) -> Group:
    return Group(len(scores), sum(scores), sum(s * s for s in scores), sum(s >= 4 for s in scores))


def cell(*scores: int, customers: int = 40, known: int = 400) -> Cell:
    return Cell(customers, known, group(*scores))


# --- Comparing -------------------------------------------------------------------------------------------------------
def test_welch_agrees_with_scipy():
    a, b = [1, 2, 2, 1, 3, 5, 1], [5, 4, 5, 5, 3, 4, 5, 5, 2]
    theirs = stats.ttest_ind(a, b, equal_var=False)

    ours = welch_test(*(Moments(len(x), sum(x), sum(v * v for v in x)) for x in (a, b)))

    between = theirs.confidence_interval()
    assert ours == pytest.approx((mean(a) - mean(b), between.low, between.high, theirs.pvalue))


@pytest.mark.parametrize("b", [[], [3], [3, 3]])
def test_nothing_is_compared_with_too_few_or_where_nothing_varies(b):
    assert welch_test(Moments(2, 8, 32), Moments(len(b), sum(b), sum(v * v for v in b))) is None


def test_a_fact_is_compared_with_all_others_of_its_kind():
    having, others = [1, 2] * 15, [5, 4, 5] * 40
    cells = {
        ("days", "over_28"): cell(*having),
        ("days", "to_3"): cell(*others[:60]),
        ("days", "to_7"): cell(*others[60:]),
    }

    found = {effect.code: effect for effect in read_effects(cells)}["over_28"]

    assert (found.having, found.without) == (group(*having), group(*others))
    assert found.difference == pytest.approx(mean(having) - mean(others))
    assert found.share_interval == newcombe_interval(0, 30, 120, 120)
    assert (found.share_difference, found.touched, found.is_demonstrated) == (-1, 0.1, True)


def test_what_it_did_not_happen_to_is_no_fact_and_nineteen_answers_are_too_few():
    cells = {
        ("late", "late"): cell(*[1, 2] * 20),
        ("late", ""): cell(*[5, 4] * 20),
        ("category", "Hogar"): cell(*[1] * 19),
        ("category", "Libros"): cell(*[5, 4] * 20),
    }

    assert [(e.kind, e.code) for e in read_effects(cells)] == [("late", "late")]


def test_order_is_by_points_times_customers_and_what_is_not_shown_comes_last():
    cells = {
        ("late", "late"): cell(*[1, 2] * 20, customers=10),
        ("late", ""): cell(*[5, 4] * 20),
        ("refund", "refund"): cell(*[2, 3] * 20, customers=100),
        ("refund", ""): cell(*[5, 4] * 20),
        ("repeat", "repeat"): cell(*[4, 5] * 20, customers=1000),
        ("repeat", ""): cell(*[5, 4] * 20),
    }

    assert [(e.kind, e.is_demonstrated) for e in read_effects(cells)] == [
        ("refund", True),
        ("late", True),
        ("repeat", False),
    ]


def test_of_many_facts_without_an_effect_hardly_any_is_taken_for_one():
    """A hundred categories of the same customers: some differ by chance at five in a hundred, none is told."""
    random = np.random.default_rng(5)
    cells = {("category", str(i)): cell(*map(int, random.integers(1, 6, 60))) for i in range(100)}

    effects: list[Effect] = list(read_effects(cells))

    assert any(effect.interval[1] < 0 or effect.interval[0] > 0 for effect in effects)
    assert not any(effect.is_demonstrated for effect in effects)


# --- Counting --------------------------------------------------------------------------------------------------------
def test_each_fact_is_counted_where_it_is_known(shop, ana):
    respond(shop, ana, 1, **LATE)
    respond(shop, ana, 5, **IN_TIME)
    respond(shop, ana, 4)  # nobody said when it would come
    make_purchase(make_customer(shop.brand), affiliate=ana, **LATE)  # and nobody answered

    cells = measured(shop)

    assert cells["late", "late"] == Cell(2, 3, group(1), is_common=False)
    assert cells["late", ""] == Cell(1, 3, group(5), is_common=False)
    assert cells["days", "to_3"].group == group(1, 5, 4)


def test_lateness_is_by_the_day_of_the_brand(shop, ana):
    """Half past midnight in Madrid is the day after; in UTC it would still be in time."""
    just_late = datetime(2026, 3, 5, 23, 30, tzinfo=UTC)
    respond(shop, ana, 1, delivered_at=just_late, promised_on=just_late.date())

    assert ("late", "late") in measured(shop)


@pytest.mark.parametrize(
    ("days", "code"), [(0, "to_3"), (3, "to_3"), (4, "to_7"), (14, "to_14"), (28, "to_28"), (29, "over_28")]
)
def test_days_to_delivery_are_whole_days(shop, ana, days, code):
    at = NOW - timedelta(days=40)
    respond(shop, ana, 5, purchased_at=at, delivered_at=at + timedelta(days=days, hours=23))

    assert [key[1] for key in measured(shop) if key[0] == "days"] == [code]


def complain(purchase: Purchase, kind: str, at: datetime) -> None:
    Complaint.objects.create(
        brand=purchase.brand,
        number=f"{purchase.pk}",
        kind=kind,
        purchase=purchase,
        customer=purchase.customer,
        subject="Roto",
        opened_at=at,
        token_hash=str(purchase.pk).encode(),
    )


def test_a_refund_and_a_complaint_count_if_they_came_before_the_answer(shop, ana):
    for at in (NOW - timedelta(hours=1), NOW + timedelta(hours=1)):
        purchase = respond(shop, ana, 2).invitation.purchase
        Refund.objects.create(purchase=purchase, external_id="D", amount=5, refunded_at=at)
        complain(purchase, Complaint.Kind.CLAIM, at)

    cells = measured(shop)

    assert (cells["refund", "refund"].group, cells["refund", ""].group) == (group(2), group(2))
    assert (cells["complaint", "complaint"].group, cells["complaint", ""].group) == (group(2), group(2))


def test_the_case_that_a_bad_answer_opens_is_no_complaint(shop, ana):
    complain(respond(shop, ana, 1).invitation.purchase, Complaint.Kind.FOLLOW_UP, NOW - timedelta(days=1))

    assert ("complaint", "complaint") not in measured(shop)


def test_category_and_further_purchases(shop, ana):
    boots = make_product(shop.brand)
    first = respond(shop, ana, 3, product=boots).invitation.purchase
    Purchase.objects.filter(pk=respond(shop, ana, 5).invitation.purchase_id).update(
        customer=first.customer, purchased_at=first.purchased_at + timedelta(days=1)
    )

    cells = measured(shop)

    assert cells["category", "Calzado"] == Cell(1, 1, group(3), is_common=False)
    assert cells["repeat", "repeat"] == Cell(1, 1, group(5), is_common=False)
    assert cells["repeat", ""] == Cell(1, 1, group(3), is_common=False)


def test_suspects_and_test_purchases_count_nowhere(shop, ana):
    shop.judge(respond(shop, ana, 1, **LATE), suspect=True)
    respond(shop, ana, 1, source=Purchase.TEST, **LATE)
    respond(shop, ana, 5, **IN_TIME)

    cells = measured(shop)

    assert (cells["late", ""].group, cells["late", "late"].group.answers) == (group(5), 0)
    assert cells["late", "late"].customers == 1  # whose answer is suspect was touched all the same


# --- When ------------------------------------------------------------------------------------------------------------
def test_a_brand_is_measured_at_once_and_then_every_night_of_its_own(shop):
    evening, midnight, night = (
        datetime(2026, 3, 10, 20, 0, tzinfo=UTC),
        datetime(2026, 3, 11, 1, 0, tzinfo=UTC),  # two in Madrid
        datetime(2026, 3, 11, 2, 5, tzinfo=UTC),
    )

    assert [measure_due_brands(now=now) for now in (evening, evening, midnight, night, night)] == [1, 0, 0, 1, 0]
    assert Measurement.objects.get().measured_at == night


@pytest.mark.django_db(transaction=True)
def test_a_brand_that_another_worker_measures_is_left_alone_and_not_measured_again():
    shop = Shop(make_brand())
    Measurement.objects.create(brand=shop.brand)
    is_locked, may_end = threading.Event(), threading.Event()

    def measure_slowly() -> None:
        with transaction.atomic():
            measurement = Measurement.objects.select_for_update().get(brand=shop.brand)
            is_locked.set()
            may_end.wait(30)
            measurement.measured_at = NOW
            measurement.save()
        connection.close()

    worker = threading.Thread(target=measure_slowly)
    worker.start()
    is_locked.wait(30)
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '2s'")
    assert measure_due_brands(now=NOW) == 0
    may_end.set()
    worker.join()
    connection.close()  # and with it the timeout

    assert not _measure_if_free(shop.brand, now=NOW + timedelta(minutes=10))


# --- What affiliates see ---------------------------------------------------------------------------------------------
def fill(shop: Shop) -> list:
    """Seven affiliates with eighteen answers each, one half of them late."""
    others = [make_affiliate(shop.brand, f"Otra {number}") for number in range(7)]
    for other in others:
        for score in (1, 2, 1) * 3:
            respond(shop, other, score, **LATE)
        for score in (5, 4, 5) * 3:
            respond(shop, other, score, **IN_TIME)
    return others


def test_affiliates_see_what_no_single_affiliate_stands_out_in(shop, ana):
    fill(shop)
    for _number in range(60):  # a kind of purchase that only Ana's customers make
        respond(shop, ana, 3, delivered_at=NOW + timedelta(days=60))
    measured(shop)

    staff, affiliates = programme_effects(shop.brand, view="staff"), programme_effects(shop.brand)

    assert ("days", "over_28") in {(e.kind, e.code) for e in staff}
    assert [(e.kind, e.code) for e in affiliates] == [("late", "late")]


def test_whoever_looks_after_every_answer_learns_of_no_single_one(shop, ana):
    """Night after night with one answer more: nothing moves before the fifth, and then by all five at once."""
    fill(shop)
    measured(shop)
    seen = []
    for _number in range(5):
        respond(shop, ana, 1, **LATE)
        measured(shop)
        seen.append(programme_effects(shop.brand))

    assert seen[0]
    assert seen[1:4] == seen[:1] * 3
    assert seen[4] != seen[3]
    assert seen[4][0].having.answers == seen[3][0].having.answers + 5


def test_what_affiliates_see_stays_until_k_answers_have_come_or_gone():
    few, more, most = cell(1, 1, 1, 1), cell(*[2] * 10), cell(*[3] * 15)

    assert keep_or_replace(None, few, k=5) is None
    assert keep_or_replace(None, more, k=5) == more
    assert keep_or_replace(more, cell(*[5] * 14), k=5) == more
    assert keep_or_replace(more, most, k=5) == most
    assert keep_or_replace(most, more, k=5) == more


@pytest.mark.parametrize(
    ("answers", "tells"),
    [
        ([12] * 7, True),
        ([12] * 5, False),  # for each of them only four others
        ([10] * 5, False),
        ([9] * 6, False),  # less than fifty without one
        ([30, 9, 9, 9, 9, 9, 9], True),
        ([30, 6, 6, 6, 6, 6, 6], False),
        ([60, 25, 8, 8, 8, 8], False),  # who has 25 would see mostly the one with 60
        ([], False),
    ],
)
def test_a_figure_tells_of_nobody_whoever_is_left_out(answers, tells):
    assert tells_of_nobody(answers) is tells
