"""Promises about to be broken: the orders and cases that can still be saved, and those that were missed."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Brand
from affiliates.models import Affiliate, LinkPromise, Product, TrackingLink
from complaints.models import Complaint
from insights.at_risk import AtRisk, promises_at_risk
from tests.complaints.factories import make_complaint
from tests.factories import NOW, make_affiliate, make_brand, make_customer, make_link, make_product, make_purchase

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TODAY = date(2026, 3, 10)  # of NOW, in Madrid too


@pytest.fixture
def brand() -> Brand:
    """Whose shop reports deliveries."""
    brand = make_brand()
    make_purchase(make_customer(brand), purchased_at=NOW - 20 * DAY, delivered_at=NOW - 17 * DAY)
    return brand


@pytest.fixture
def ana(brand: Brand) -> Affiliate:
    return make_affiliate(brand, "Ana")


def sold(brand: Brand, order: str, ago: timedelta, **fields: Any) -> None:
    """And not delivered yet."""
    make_purchase(make_customer(brand), external_id=order, purchased_at=NOW - ago, **{"delivered_at": None, **fields})


def link_with(ana: Affiliate, text: str, **fields: Any) -> TrackingLink:
    """At which this has been promised since 100 days ago."""
    link = make_link(ana)
    LinkPromise.objects.create(link=link, text=text)
    LinkPromise.objects.filter(link=link).update(**{"made_at": NOW - 100 * DAY, **fields})
    return link


def orders(found: AtRisk) -> list[str]:
    return [each.purchase.external_id for each in found.deliveries]


def test_a_day_that_the_shop_named_runs_out_at_its_end_where_the_brand_is(brand: Brand) -> None:
    sold(brand, "P-today", 2 * DAY, promised_on=TODAY)
    sold(brand, "P-yesterday", 2 * DAY, promised_on=TODAY - DAY)
    sold(brand, "P-last-week", 8 * DAY, promised_on=TODAY - 5 * DAY)
    sold(brand, "P-in-two-days", DAY, promised_on=TODAY + 2 * DAY)
    sold(brand, "P-came", 2 * DAY, promised_on=TODAY, delivered_at=NOW - HOUR)
    sold(brand, "P-cancelled", 2 * DAY, promised_on=TODAY, state="cancelled")
    sold(brand, "P-made-up", 2 * DAY, promised_on=TODAY, source="test")
    sold(brand, "P-forgotten", 29 * DAY, promised_on=TODAY - 20 * DAY)

    found = promises_at_risk(brand, Complaint.objects.all(), now=NOW)

    assert orders(found) == ["P-today", "P-yesterday", "P-last-week"]
    assert (found.late, found.soon) == (2, 1)
    assert found.deliveries[0].due_at.isoformat() == "2026-03-10T22:59:59+00:00"
    assert found.deliveries[0].said == ""


def test_what_was_said_at_the_link_counts_from_the_sale(brand: Brand, ana: Affiliate) -> None:
    quick = link_with(ana, "Entrega en 24 h")
    given_up = link_with(ana, "Entrega en 24 h", withdrawn_at=NOW - 40 * HOUR)
    later = link_with(ana, "Entrega en 24 h", made_at=NOW - HOUR)
    vague = link_with(ana, "Envío gratis desde 30 €")
    course = make_product(brand, "curso", kind=Product.Kind.DIGITAL)
    sold(brand, "P-23", 23 * HOUR, affiliate=ana, link=quick, promised_on=TODAY + 2 * DAY)
    sold(brand, "P-30", 30 * HOUR, affiliate=ana, link=quick)
    sold(brand, "P-before", 45 * HOUR, affiliate=ana, link=given_up)
    sold(brand, "P-after", 39 * HOUR, affiliate=ana, link=given_up)
    sold(brand, "P-not-yet", 30 * HOUR, affiliate=ana, link=later)
    sold(brand, "P-vague", 30 * HOUR, affiliate=ana, link=vague)
    sold(brand, "P-course", 30 * HOUR, affiliate=ana, link=quick, product=course)

    found = promises_at_risk(brand, Complaint.objects.all(), now=NOW)

    assert orders(found) == ["P-23", "P-30", "P-before"]
    assert [(each.said, each.affiliate) for each in found.deliveries] == [("Entrega en 24 h", ana)] * 3
    assert found.deliveries[0].due_at == NOW + HOUR


def test_of_a_shop_that_reports_no_deliveries_nothing_is_held_against_it() -> None:
    brand = make_brand()
    for number in range(3):
        sold(brand, f"P-{number}", 9 * DAY, promised_on=TODAY)

    assert not promises_at_risk(brand, Complaint.objects.all(), now=NOW)


def test_cases_run_out_too(brand: Brand) -> None:
    due = {"soon": NOW + 3 * HOUR, "late": NOW - HOUR, "later": NOW + 30 * HOUR}
    for name, at in due.items():
        case = make_complaint(make_purchase(make_customer(brand)), subject=name)
        Complaint.objects.filter(pk=case.pk).update(solution_due_at=at, service_due_at=None, legal_due_at=None)

    found = promises_at_risk(brand, Complaint.objects.all(), now=NOW)

    assert [case.subject for case in found.cases] == ["soon", "late"]
    assert (found.late_cases, found.soon_cases) == (1, 1)


def test_another_brands_promises_are_its_own(brand: Brand) -> None:
    sold(brand, "P-1", 2 * DAY, promised_on=TODAY)
    make_complaint(make_purchase(make_customer(brand)))

    assert not promises_at_risk(make_brand("otra"), Complaint.objects.all(), now=NOW + 400 * DAY)


def test_as_many_statements_for_many_as_for_one(brand: Brand, ana: Affiliate) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            promises_at_risk(brand, Complaint.objects.all(), now=NOW)
        return len(captured)

    quick = link_with(ana, "Entrega en 24 h")
    sold(brand, "P-0", 23 * HOUR, affiliate=ana, link=quick)
    with_one = statements()
    for number in range(1, 12):
        sold(brand, f"P-{number}", 23 * HOUR, affiliate=ana, link=quick)

    assert statements() == with_one
    assert len(promises_at_risk(brand, Complaint.objects.all(), now=NOW).deliveries) == 8
