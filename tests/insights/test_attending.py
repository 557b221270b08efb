"""Who needs looking after: whoever waits for an answer, whose warranty is about to end, who has fallen silent."""

from datetime import date, timedelta

import pytest

from affiliates.models import Affiliate, Customer, Product, Purchase
from complaints.models import Complaint, WarrantyRule
from complaints.services.opening import Problem, open_complaint
from insights.attention import brand_attention, told_attention
from insights.models import Attention
from insights.services.attending import count_attention
from tests.factories import NOW, make_brand, make_customer, make_purchase
from tests.insights.conftest import Shop

# In Spain three years from delivery: this one ends in ten days.
THREE_YEARS_AGO = NOW.replace(year=NOW.year - 3) + timedelta(days=10)


@pytest.fixture
def moka(shop: Shop) -> Product:
    return Product.objects.create(brand=shop.brand, sku="moka", name="Cafetera", category="Cocina")


def deliver(shop: Shop, product: Product, affiliate: Affiliate | None = None, **fields: object) -> Purchase:
    """Delivered on the day of which the warranty is about to end, unless another is named."""
    given = {"purchased_at": THREE_YEARS_AGO, "delivered_at": THREE_YEARS_AGO, "product": product, **fields}
    return make_purchase(make_customer(shop.brand), affiliate=affiliate, **given)


def buy(shop: Shop, *days_ago: int, affiliate: Affiliate | None = None) -> Customer:
    customer = make_customer(shop.brand)
    for days in days_ago:
        make_purchase(customer, affiliate=affiliate, purchased_at=NOW - timedelta(days=days))
    return customer


def found(shop: Shop, cause: str) -> list[tuple[Purchase, date]]:
    """Of this cause, for staff: as many as are counted, by name."""
    count_attention(shop.brand, now=NOW)
    [care] = [each for each in brand_attention(shop.brand, with_names=True) if each.cause == cause] or [None]
    if care is None:
        return []
    assert care.count == len(care.nearest)
    return list(care.nearest)


def test_a_complaint_waits_until_it_is_answered(shop, ana):
    waiting, answered, told_by_us = (deliver(shop, None, ana) for _i in range(3))
    open_complaint(shop.brand, Problem("complaint", "Roto"), purchase=waiting, now=NOW)
    case, _is_new = open_complaint(shop.brand, Problem("claim", "Tarde"), purchase=answered, now=NOW)
    Complaint.objects.filter(pk=case.pk).update(waits_since=None)
    open_complaint(shop.brand, Problem("follow_up", "Mala nota"), purchase=told_by_us, now=NOW)

    assert [purchase for purchase, _day in found(shop, "unanswered")] == [waiting]


def test_a_warranty_about_to_end_is_told_with_its_last_day(shop, moka):
    soon = deliver(shop, moka)
    deliver(shop, moka, delivered_at=THREE_YEARS_AGO + timedelta(days=30))
    deliver(shop, moka, delivered_at=THREE_YEARS_AGO - timedelta(days=11))
    deliver(shop, moka, state="refunded")
    deliver(shop, moka, delivered_at=None)
    blocked = deliver(shop, moka)
    Customer.objects.filter(pk=blocked.customer_id).update(blocked_at=NOW)

    assert found(shop, "warranty") == [(soon, (NOW + timedelta(days=10)).date())]


@pytest.mark.parametrize(
    ("basis", "months", "category", "ends_soon"),
    [("brand", 60, "", False), ("brand", 60, "Otra", True), ("brand", 12, "", True), ("law", 24, "Cocina", False)],
)
def test_what_the_brand_promises_on_top_or_knows_of_the_law_counts(shop, moka, basis, months, category, ends_soon):
    deliver(shop, moka)
    WarrantyRule.objects.create(brand=shop.brand, basis=basis, source="Condiciones", months=months, category=category)

    assert bool(found(shop, "warranty")) is ends_soon


def test_silent_is_who_has_stayed_away_for_twice_as_long_as_usual(shop):
    monthly = buy(shop, 220, 190, 160)
    buy(shop, 300, 200, 95)  # not yet twice as long
    buy(shop, 150, 120, 89)  # not for long enough
    buy(shop, 400, 100)  # seldom, as always
    buy(shop, 200)  # never came back
    buy(shop, 200, 200)  # nor did who ordered twice on one day
    buy(shop, 800, 760)  # gone

    assert [purchase.customer for purchase, _day in found(shop, "silence")] == [monthly]


def test_the_nearest_come_first(shop, moka):
    later, sooner = (deliver(shop, moka, delivered_at=THREE_YEARS_AGO + timedelta(days=days)) for days in (5, 1))
    long_ago, lately = buy(shop, 330, 300), buy(shop, 130, 100)

    assert [purchase for purchase, _day in found(shop, "warranty")] == [sooner, later]
    assert [purchase.customer for purchase, _day in found(shop, "silence")] == [lately, long_ago]


def test_whoever_is_blocked_since_is_named_no_more(shop):
    customer = buy(shop, 130, 100)
    count_attention(shop.brand, now=NOW)
    Customer.objects.filter(pk=customer.pk).update(blocked_at=NOW)

    [care] = brand_attention(shop.brand, with_names=True)

    assert (care.count, list(care.nearest)) == (1, [])


def test_affiliates_are_told_by_steps_of_k(shop, ana):
    told = []
    for more in (4, 1, 4, 1):
        for _i in range(more):
            buy(shop, 130, 100, affiliate=ana)
        count_attention(shop.brand, now=NOW)
        told.append(told_attention(ana)["silence"])
    staff = Attention.objects.get(affiliate=ana, audience="staff", cause="silence")
    Purchase.objects.all().update(purchased_at=NOW)
    count_attention(shop.brand, now=NOW)

    assert told == [0, 5, 5, 10]
    assert staff.count == 10
    assert told_attention(ana) == {"unanswered": 0, "warranty": 0, "silence": 0}


def test_affiliates_are_told_no_number_below_k_when_it_falls(shop, ana):
    customers = [buy(shop, 130, 100, affiliate=ana) for _i in range(7)]
    count_attention(shop.brand, now=NOW)
    assert told_attention(ana)["silence"] == 7

    Purchase.objects.filter(customer__in=customers[2:]).update(purchased_at=NOW)
    count_attention(shop.brand, now=NOW)

    assert told_attention(ana)["silence"] == 0
    assert Attention.objects.get(affiliate=ana, audience="staff", cause="silence").count == 2


def test_no_number_tells_an_affiliate_what_was_given_back_or_erased(shop, ana, moka):
    """Of five sales it knows that their warranties end: four would tell that one was."""
    refunded, blocked, *_others = [deliver(shop, moka, ana) for _i in range(5)]
    Purchase.objects.filter(pk=refunded.pk).update(state="refunded")
    Customer.objects.filter(pk=blocked.customer_id).update(blocked_at=NOW)

    count_attention(shop.brand, now=NOW)

    assert told_attention(ana)["warranty"] == 5
    assert Attention.objects.get(affiliate=ana, audience="staff", cause="warranty").count == 3


def test_a_complaint_of_a_trial_counts_nowhere(shop, ana):
    tried = deliver(shop, None, ana, source="test")
    open_complaint(shop.brand, Problem("complaint", "Prueba"), purchase=tried, now=NOW)
    open_complaint(shop.brand, Problem("complaint", "Sin pedido"), now=NOW)

    count_attention(shop.brand, now=NOW)

    assert [care.count for care in brand_attention(shop.brand, with_names=False)] == [1]


def test_brands_are_counted_apart(shop, moka):
    deliver(shop, moka)
    buy(shop, 130, 100)
    count_attention(shop.brand, now=NOW)
    other = make_brand("otra")
    assert brand_attention(other, with_names=True) is None  # nobody has looked

    count_attention(other, now=NOW)

    assert brand_attention(other, with_names=True) == []
    assert len(brand_attention(shop.brand, with_names=True)) == 2
