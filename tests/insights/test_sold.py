"""Sales by month: the night's counts and what came since say what counting all purchases would, whatever the night."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.db.models import Max
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from affiliates.models import Attribution, Purchase
from insights.models import Measurement, SalesCount
from insights.privacy import affiliate_insights, parse_period
from insights.sales import credited_sales, link_traffic, new_and_returning
from insights.services import measure_brand
from insights.sold import brought_by, count_sold
from tests.factories import NOW, make_customer, make_link, make_purchase

HERE = ZoneInfo("Europe/Madrid")
PERIODS = ["all", "2026", "2025", "2026-Q1", "2025-Q4", "2026-01", "2025-12"]


def sell(affiliate, customer, at: datetime, *, link=None, **fields) -> Purchase:
    purchase = make_purchase(customer, affiliate=affiliate, purchased_at=at, **fields)
    purchase.attributions.update(link=link)
    return purchase


def long_ago() -> None:
    """All purchases so far came in before the minutes in which others may be on their way."""
    Purchase.objects.update(created_at=NOW - timedelta(days=1))


def brought(affiliate, period: str) -> tuple[int, int]:
    months = parse_period(period)
    return brought_by(affiliate, months.span, first=months.first, after=months.after)


def brought_by_hand(affiliate, period: str) -> tuple[int, int]:
    months, sold = parse_period(period), []
    for row in Attribution.objects.sales_of(affiliate).select_related("purchase"):
        day = row.purchase.purchased_at.astimezone(HERE).date()
        if months.first is None or months.first <= day < months.after:
            sold.append(row.purchase.customer_id)
    return len(sold), len(set(sold))


def halves_by_hand(affiliate) -> dict:
    seen, months = set(), defaultdict(lambda: [0, 0])
    rows = Attribution.objects.sales_of(affiliate).select_related("purchase")
    for row in rows.order_by("purchase__purchased_at", "purchase"):
        month = row.purchase.purchased_at.astimezone(HERE).date().replace(day=1)
        months[month][row.purchase.customer_id in seen] += 1
        seen.add(row.purchase.customer_id)
    return {month: tuple(halves) for month, halves in months.items()}


# Days around new year, so that months, quarters and years change; negative numbers stand for a night.
HISTORY = st.lists(st.tuples(st.integers(0, 3), st.integers(-60, 200)) | st.just("night"), min_size=1, max_size=14)


@pytest.mark.django_db
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=HISTORY)
def test_whenever_the_night_comes_the_sums_are_those_of_all_purchases(shop, ana, history):
    Attribution.objects.all().delete()
    Purchase.objects.all().delete()
    SalesCount.objects.all().delete()
    Measurement.objects.all().delete()
    customers = [make_customer(shop.brand, f"Cliente {number}") for number in range(4)]
    newest = datetime(2025, 10, 20, 23, 30, tzinfo=UTC)
    for event in history:
        if event == "night":
            long_ago()
            until = count_sold(shop.brand, now=NOW)
            Measurement.objects.update_or_create(brand=shop.brand, defaults={"sales_until": until})
        else:  # as they come in, each later than the last or on the same day
            who, hours = event
            newest += timedelta(hours=max(0, hours) * 4)
            sell(ana, customers[who], newest)

    assert {period: brought(ana, period) for period in PERIODS} == {
        period: brought_by_hand(ana, period) for period in PERIODS
    }
    assert {each.month: (each.new, each.returning) for each in new_and_returning(ana)} == halves_by_hand(ana)


@pytest.mark.django_db
def test_what_may_still_be_on_its_way_is_left_to_the_page(shop, ana):
    carla = make_customer(shop.brand)
    sell(ana, carla, NOW - timedelta(days=40))
    long_ago()
    young = sell(ana, carla, NOW - timedelta(days=2))
    Purchase.objects.filter(pk=young.pk).update(created_at=NOW - timedelta(minutes=9))

    measure_brand(shop.brand, now=NOW)

    assert Measurement.objects.get().sales_until == Purchase.objects.exclude(pk=young.pk).aggregate(m=Max("pk"))["m"]
    assert brought(ana, "all") == (2, 1)
    measure_brand(shop.brand, now=NOW + timedelta(minutes=2))
    assert brought(ana, "all") == (2, 1)
    assert Measurement.objects.get().sales_until == young.pk


@pytest.mark.django_db
def test_a_night_that_ends_while_a_page_reads_counts_nothing_twice(shop, ana):
    sell(ana, make_customer(shop.brand), NOW - timedelta(days=1))
    long_ago()
    nights = [partial(measure_brand, shop.brand, now=NOW)]

    def meanwhile(execute, statement, values, many, context):
        if nights and "FROM counts" in statement:
            nights.pop()()
        return execute(statement, values, many, context)

    with connection.execute_wrapper(meanwhile):
        assert brought(ana, "all") == (1, 1)
    assert nights == []


@pytest.mark.django_db
def test_a_correction_shows_the_next_day(shop, ana, bruno):
    purchase = sell(ana, make_customer(shop.brand), NOW - timedelta(days=3))
    long_ago()
    measure_brand(shop.brand, now=NOW)
    purchase.attributions.update(affiliate=bruno)

    assert brought(ana, "all") == (1, 1)
    measure_brand(shop.brand, now=NOW)
    assert (brought(ana, "all"), brought(bruno, "all")) == ((0, 0), (1, 1))


@pytest.mark.django_db
def test_by_link_and_by_reason(shop, ana):
    link = make_link(ana)
    for number in range(3):
        sell(ana, make_customer(shop.brand), NOW - timedelta(days=number), link=link if number else None)
    long_ago()
    measure_brand(shop.brand, now=NOW)
    sell(ana, make_customer(shop.brand), NOW, link=link)

    assert link_traffic(ana).purchases == {link.pk: 3}
    assert sum(each.purchases for each in credited_sales(ana)) == 4
    insights = affiliate_insights(ana, now=NOW)
    assert (insights.purchases, insights.customers) == (4, 4)


@pytest.mark.django_db
def test_a_test_purchase_is_no_sale(shop, ana):
    sell(ana, make_customer(shop.brand), NOW, source=Purchase.TEST)

    assert brought(ana, "all") == (0, 0)
