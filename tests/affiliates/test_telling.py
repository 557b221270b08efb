"""What other systems are told of sales: by ids, once a change, and nothing of tests or history."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Brand
from affiliates.models import Affiliate, Purchase
from affiliates.services import (
    CustomerInput,
    PurchaseInput,
    Recorded,
    change_purchase,
    correct_attribution,
    declare_affiliate,
    record_purchases,
    record_refund,
    withdraw_declaration,
)
from affiliates.services.telling import tell_refunded
from mailing.models import WebhookEvent
from tests.factories import NOW, make_affiliate, make_brand, make_staff
from tests.listening import listen, told

pytestmark = pytest.mark.django_db

Kind = WebhookEvent.Kind
DAY = timedelta(days=1)


@pytest.fixture
def brand() -> Brand:
    brand = make_brand()
    listen(brand, Kind.PURCHASE_ATTRIBUTED, Kind.PURCHASE_REFUNDED, Kind.ATTRIBUTION_CHANGED)
    return brand


@pytest.fixture
def ana(brand: Brand) -> Affiliate:
    return make_affiliate(brand)


def buy(brand: Brand, external_id: str = "P1", *, source: str = "api", **fields: Any) -> Recorded:
    given = PurchaseInput(
        external_id,
        **{
            "purchased_at": NOW - DAY,
            "amount": Decimal("49.9"),
            "currency": "EUR",
            "customer": CustomerInput(email="carla@correo.example", name="Carla Ruiz"),
            **fields,
        },
    )
    [recorded] = record_purchases(brand, [given], now=NOW, source=source)
    return recorded


def bought(brand: Brand, **fields: Any) -> Purchase:
    purchase = buy(brand, **fields).purchase
    assert purchase
    return purchase


def test_a_credited_sale_is_told_once_and_without_its_customer(brand: Brand, ana: Affiliate) -> None:
    buy(brand, affiliate="ana")
    buy(brand, affiliate="ana")  # the same again

    assert told(Kind.PURCHASE_ATTRIBUTED) == [
        {
            "purchase": "P1",
            "purchased_at": "2026-03-09T12:00:00Z",
            "amount": "49.90",
            "currency": "EUR",
            "state": "open",
            "attribution": {
                "affiliate": "ana",
                "method": "declared",
                "confidence": "medium",
                "reason": "declared_by_shop",
                "window_ends_at": None,
                "acquiring_affiliate": "ana",
                "indirect_affiliate": None,
            },
        }
    ]
    assert "arla" not in json.dumps(list(WebhookEvent.objects.values_list("data", flat=True)))


@pytest.mark.parametrize(
    "fields",
    [
        {},  # credited to nobody
        {"affiliate": "ana", "purchased_at": NOW - 46 * DAY},
        {"affiliate": "ana", "source": Purchase.TEST},
        {"affiliate": "ana", "amount": Decimal("-1")},  # refused
    ],
    ids=["nobody", "history", "test", "refused"],
)
def test_what_nobody_has_to_hear(brand: Brand, ana: Affiliate, fields: dict[str, Any]) -> None:
    buy(brand, **fields)

    assert not WebhookEvent.objects.exists()


def test_each_refund_is_told_once_and_not_its_reason(brand: Brand, ana: Affiliate) -> None:
    purchase = bought(brand, affiliate="ana")
    for amount in (Decimal(10), Decimal(10), Decimal("39.90")):
        record_refund(purchase, external_id=f"D{amount}", amount=amount, reason="Carla lo rompió", refunded_at=NOW)

    refunds = told(Kind.PURCHASE_REFUNDED)
    assert [(each["state"], each["refund"]["amount"]) for each in refunds] == [("open", "10.00"), ("refunded", "39.90")]
    assert refunds[0] == {
        "purchase": "P1",
        "purchased_at": "2026-03-09T12:00:00Z",
        "amount": "49.90",
        "currency": "EUR",
        "state": "open",
        "affiliate": "ana",
        "refund": {"external_id": "D10", "amount": "10.00", "refunded_at": "2026-03-10T12:00:00Z"},
    }


@pytest.mark.parametrize("way", ["patch", "repeat"])
def test_a_purchase_that_moves_to_refunded_without_saying_how_much(brand: Brand, way: str) -> None:
    purchase = bought(brand)
    for _time in range(2):
        if way == "patch":
            change_purchase(purchase, {"state": "refunded"})
        else:
            buy(brand, state="refunded")

    assert [(each["refund"], each["affiliate"]) for each in told(Kind.PURCHASE_REFUNDED)] == [(None, None)]


def test_other_changes_of_a_purchase_are_no_refund(brand: Brand) -> None:
    change_purchase(bought(brand), {"delivered_at": NOW})
    change_purchase(bought(brand), {"state": "cancelled"})

    assert not WebhookEvent.objects.exists()


def test_a_correction_says_who_was_credited_before(brand: Brand, ana: Affiliate) -> None:
    purchase = bought(brand, affiliate="ana")
    bruno, staff = make_affiliate(brand, "Bruno"), make_staff(brand)

    correct_attribution(purchase, affiliate=bruno, by=staff, note="Lo dijo Carla", now=NOW)

    [change] = told(Kind.ATTRIBUTION_CHANGED)
    assert (change["before"]["affiliate"], change["attribution"]["affiliate"]) == ("ana", "bruno")
    assert change["attribution"]["method"] == "manual"
    assert "Lo dijo" not in json.dumps(change)


def test_what_a_customer_says_and_what_staff_do_not_believe(brand: Brand, ana: Affiliate) -> None:
    purchase = bought(brand)

    declare_affiliate(purchase, words="Ana", now=NOW)
    withdraw_declaration(purchase, now=NOW)

    changes = told(Kind.ATTRIBUTION_CHANGED)
    credited = [(each["before"]["affiliate"], each["attribution"]["affiliate"]) for each in changes]
    assert credited == [(None, "ana"), ("ana", None)]


def test_a_file_asks_once_who_listens(brand: Brand, ana: Affiliate, django_assert_num_queries: Any) -> None:
    def given(number: int) -> PurchaseInput:
        return PurchaseInput(f"F{number}", purchased_at=NOW - DAY, affiliate="ana")

    with django_assert_num_queries(30, exact=False) as few:
        record_purchases(brand, [given(1)], now=NOW, source="import")
    with django_assert_num_queries(len(few) + 4, exact=False):  # COPY, a table each
        record_purchases(brand, [given(number) for number in range(2, 60)], now=NOW, source="import")

    assert len(told(Kind.PURCHASE_ATTRIBUTED)) == 59


def test_many_refunded_ask_once_who_is_credited(brand: Brand, ana: Affiliate, django_assert_num_queries: Any) -> None:
    purchases = [bought(brand, external_id=f"P{number}", affiliate="ana") for number in range(3)]

    with django_assert_num_queries(4):  # who listens, who is credited, events, deliveries
        tell_refunded(brand, purchases)

    assert [(each["purchase"], each["affiliate"]) for each in told(Kind.PURCHASE_REFUNDED)] == [
        ("P0", "ana"),
        ("P1", "ana"),
        ("P2", "ana"),
    ]
