from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AccessLog, Brand
from affiliates.models import Purchase
from affiliates.services import CustomerInput, PurchaseInput
from complaints.services.opening import Problem, open_complaint
from intake.services import create_brand, take_purchases, take_refund
from tests.factories import NOW, make_affiliate, make_brand, make_staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def brand() -> Brand:
    brand = create_brand("lumbre", name="Lumbre", survey_notice_default=True, requires_second_factor=False)
    make_affiliate(brand)
    make_affiliate(brand, "Bruno", status="suspended")
    return brand


@pytest.fixture
def sofia(brand: Brand) -> Client:
    client = Client()
    client.force_login(make_staff(brand))
    return client


def take(brand: Brand, external_id: str, **fields: object) -> Purchase:
    given = PurchaseInput(
        external_id,
        purchased_at=NOW - timedelta(days=1),
        amount=Decimal("1049.90"),
        currency="EUR",
        customer=CustomerInput(email=f"{external_id}@correo.example", name="Carla Ruiz"),
        **fields,
    )
    [taken] = take_purchases(brand, [given], now=NOW, source="api")
    assert taken.recorded.purchase
    return taken.recorded.purchase


def test_the_list_shows_who_is_credited_and_where_the_survey_stands(brand, sofia):
    take(brand, "P1", affiliate="ana", delivered_at=NOW)
    take(brand, "P2", affiliate="bruno")
    take(brand, "P3", delivered_at=NOW, state="refunded")

    text = sofia.get(reverse("admin:affiliates_purchase_changelist"), headers={"Accept-Language": "en"}).text

    assert "Ana" in text
    assert "Nobody" in text
    assert ">Waiting for delivery<" in text
    assert "Not asked · Refunded" in text


def test_a_purchase_says_in_a_sentence_why_its_customer_is_not_asked(brand, sofia):
    Brand.objects.update(delay_goods=timedelta(days=3), is_spread=False, window_start="00:00", window_end="23:59")
    brand.refresh_from_db()
    planned = take(brand, "P1", delivered_at=NOW)
    refunded = take(brand, "P2", delivered_at=NOW, state="refunded")
    history = take(brand, "P3", delivered_at=NOW - timedelta(days=400))

    def said(purchase: Purchase) -> str:
        url = reverse("admin:affiliates_purchase_change", args=[purchase.pk])
        return sofia.get(url, headers={"Accept-Language": "en"}).text

    assert "Will be asked on March 13, 2026, 12:00." in said(planned)
    assert "Will be asked on May 24, 2026, 12:00." in said(planned)
    assert said(refunded).count("Not asked: the money was given back.") == 2
    assert said(history).count("Not asked: it was received too long ago.") == 2


def test_an_open_complaint_that_holds_the_survey_is_one_click_away(brand, sofia):
    purchase = take(brand, "P1", delivered_at=NOW)
    problem = Problem(kind="complaint", subject="Llegó roto", text="El asa.", language="es", wants_contact=True)
    complaint, _created = open_complaint(brand, problem, purchase=purchase, now=NOW)

    page = sofia.get(
        reverse("admin:affiliates_purchase_change", args=[purchase.pk]), headers={"Accept-Language": "en"}
    ).text

    assert "Not asked while a complaint about it is open. Possible when it is closed." in page
    assert reverse("admin:complaints_complaint_change", args=[complaint.pk]) in page


def test_purchases_are_found_by_why_they_were_not_asked(brand, sofia):
    take(brand, "P1", delivered_at=NOW)
    take(brand, "P2", delivered_at=NOW, state="refunded")
    take(brand, "P3")

    def found(reason: str) -> list[str]:
        url = reverse("admin:affiliates_purchase_changelist")
        return [p.external_id for p in sofia.get(url, {"reason": reason}).context["cl"].result_list]

    assert (found("refunded"), found("no_delivery"), found("failed")) == (["P2"], ["P3"], [])
    assert sorted(found("nonsense")) == ["P1", "P2", "P3"]


def test_the_list_asks_as_much_for_three_purchases_as_for_one(brand, sofia, django_assert_num_queries):
    url = reverse("admin:affiliates_purchase_changelist")
    take(brand, "P1", affiliate="ana")
    sofia.get(url)
    with django_assert_num_queries(12, exact=False) as one:
        sofia.get(url)
    take(brand, "P2", affiliate="ana")
    take(brand, "P3", affiliate="bruno")

    with django_assert_num_queries(len(one)):
        response = sofia.get(url)

    assert response.context["cl"].result_count == 3


def test_the_page_says_why_nobody_is_credited(brand, sofia):
    purchase = take(brand, "P1", affiliate="bruno")
    take_refund(purchase, external_id="R1", amount=Decimal("9.90"), reason="Talla", refunded_at=NOW, now=NOW)

    text = sofia.get(
        reverse("admin:affiliates_purchase_change", args=[purchase.pk]), headers={"Accept-Language": "en"}
    ).text

    assert "Named by the shop · bruno · bruno: The affiliate is not active" in text
    assert "Talla" in text
    assert "1,049.90 EUR" in text


def test_purchases_are_found_by_whole_order_number_or_address(brand, sofia):
    take(brand, "P1")
    take(brand, "P12")
    url = reverse("admin:affiliates_purchase_changelist")

    def found(term: str) -> list[str]:
        return [purchase.external_id for purchase in sofia.get(url, {"q": term}).context["cl"].result_list]

    assert found("P1") == ["P1"]
    assert found("p12@CORREO.example") == ["P12"]
    assert found("P") == []


def test_another_brands_staff_see_no_purchase_and_leave_no_trace(brand):
    purchase = take(brand, "P1")
    olga = Client()
    olga.force_login(make_staff(make_brand("faro"), "Olga"))

    response = olga.get(reverse("admin:affiliates_purchase_changelist"))
    change = olga.get(reverse("admin:affiliates_purchase_change", args=[purchase.pk]))

    assert response.context["cl"].result_count == 0
    assert change.status_code == 302
    assert not AccessLog.objects.exists()


def test_who_looks_at_a_purchase_is_written_down(brand, sofia):
    purchase = take(brand, "P1")

    sofia.get(reverse("admin:affiliates_purchase_change", args=[purchase.pk]))

    assert list(AccessLog.objects.values_list("purpose", "object_type", "object_id")) == [
        ("view", "purchase", str(purchase.pk))
    ]
