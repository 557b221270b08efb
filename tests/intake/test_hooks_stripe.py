"""What Stripe sends becomes purchases."""

import json
from datetime import timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
import time_machine

from affiliates.models import Attribution, Purchase, Refund
from affiliates.services import record_click
from intake.hooks.processing import process_due_events
from intake.models import InboundEvent
from tests.factories import NOW
from tests.intake.hooks import Stripe, make_shop, purchases, stripe_charge, stripe_session

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def today() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def shop() -> Stripe:
    return Stripe(make_shop())


def outcomes() -> list[tuple[str, str, str]]:
    return list(InboundEvent.objects.order_by("id").values_list("kind", "state", "reason"))


def refunds() -> list[tuple[str, Decimal]]:
    return list(Refund.objects.order_by("external_id").values_list("external_id", "amount"))


def test_a_paid_session_becomes_a_purchase_with_all_that_it_says(shop):
    response = shop.send("checkout.session.completed", stripe_session())

    purchase = Purchase.objects.select_related("customer", "product").get()
    assert response.status_code == 200
    assert (purchase.external_id, purchase.source) == ("pi_1", "stripe")
    assert purchase.metadata == {"id": "cs_test_1", "client_reference_id": "P-100"}
    assert purchase.purchased_at == NOW - timedelta(hours=1)
    assert (purchase.amount, purchase.currency) == (Decimal("49.90"), "EUR")
    assert (purchase.customer.email, purchase.customer.external_id) == ("carla@correo.example", "cus_1")
    assert (purchase.customer.name, purchase.customer.language) == ("Carla Ruiz", "es")
    assert purchase.product
    assert (purchase.product.sku, purchase.product.kind) == ("curso", "digital")
    assert outcomes() == [("checkout.session.completed", "done", "")]


@pytest.mark.parametrize(
    ("units", "currency", "amount"),
    [(4990, "eur", "49.90"), (5000, "jpy", "5000"), (12340, "kwd", "12.34"), (0, "usd", "0"), (990, "isk", "9.90")],
)
def test_amounts_come_in_the_smallest_unit_of_their_currency(shop, units, currency, amount):
    shop.send("checkout.session.completed", stripe_session(amount_total=units, currency=currency))

    assert Purchase.objects.get().amount == Decimal(amount)


def test_the_click_comes_in_the_metadata(shop):
    link = shop.brand.affiliates.get().links.get()
    click = record_click(link.pk, kind="visit", visitor="", occurred_at=NOW - timedelta(days=2))

    shop.send("checkout.session.completed", stripe_session(metadata={"pv_click": click}))

    assert Attribution.objects.get().method == "click"


def test_a_bank_transfer_counts_when_it_arrives(shop):
    shop.send("checkout.session.completed", stripe_session(payment_status="unpaid"))
    unpaid = purchases()

    shop.send("checkout.session.async_payment_succeeded", stripe_session())
    shop.send("checkout.session.completed", stripe_session())

    assert unpaid == {}
    assert purchases() == {"pi_1": "open"}
    assert outcomes()[0] == ("checkout.session.completed", "ignored", "not_paid")


def test_a_subscription_has_no_payment_yet_and_is_known_by_its_session(shop):
    shop.send("checkout.session.completed", stripe_session(payment_intent=None, mode="subscription"))

    assert purchases() == {"cs_test_1": "open"}


FIRST = (stripe_charge(1000), {"amount_refunded": 0})
SECOND = (stripe_charge(4990), {"amount_refunded": 1000, "refunded": False})


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_refunds_add_up_in_whatever_order_they_come(shop, order):
    def refund(told: Any) -> None:
        shop.send("charge.refunded", told[0], previous_attributes=told[1])

    steps = [
        lambda: shop.send("checkout.session.completed", stripe_session()),
        lambda: refund(FIRST),
        lambda: refund(SECOND),
    ]
    for index in order:
        steps[index]()
    process_due_events(now=NOW)

    assert refunds() == [("ch_1:1000", Decimal("10.00")), ("ch_1:4990", Decimal("39.90"))]
    assert purchases() == {"pi_1": "refunded"}


def test_older_api_versions_list_their_refunds(shop):
    listed = [
        {"id": "re_2", "amount": 500, "created": 1773140400, "reason": "requested_by_customer", "status": "succeeded"},
        {"id": "re_1", "amount": 1000, "created": 1773140000, "reason": None, "status": "succeeded"},
        {"id": "re_0", "amount": 700, "created": 1773140000, "reason": None, "status": "failed"},
    ]
    shop.send("checkout.session.completed", stripe_session())
    shop.send("charge.refunded", stripe_charge(1000, refunds={"data": listed[1:]}))
    shop.send("charge.refunded", stripe_charge(1500, refunds={"data": listed}))

    assert refunds() == [("re_1", Decimal("10.00")), ("re_2", Decimal("5.00"))]
    assert purchases() == {"pi_1": "open"}


def test_the_same_event_is_worked_once(shop):
    for _time in range(2):
        response = shop.send("checkout.session.completed", stripe_session(), event_id="evt_1")

    assert response.json() == {"received": True, "duplicate": True}
    assert len(outcomes()) == 1


@pytest.mark.parametrize("age", [timedelta(minutes=6), -timedelta(minutes=6), timedelta(days=400)])
def test_an_old_signature_is_no_signature(shop, age):
    assert shop.send("checkout.session.completed", stripe_session(), at=NOW - age).status_code == 401
    assert not InboundEvent.objects.exists()


@pytest.mark.parametrize("age", [timedelta(minutes=5), -timedelta(minutes=5)])
def test_clocks_may_differ_a_little(shop, age):
    assert shop.send("checkout.session.completed", stripe_session(), at=NOW - age).status_code == 200


@pytest.mark.parametrize(
    "header", ["", "t=1,v1=", "t=,v1=x", "t=²,v1=x", "v1=x", ",,,=", "t=99999999999999999999,v1=x", "t=-1,v1=x"]
)
def test_odd_signatures_are_refused(shop, header):
    assert shop.post(json.dumps({"id": "evt_1"}).encode(), **{"Stripe-Signature": header}).status_code == 401


@pytest.mark.parametrize("kind", ["invoice.paid", "refund.created", "payment_intent.succeeded", ""])
def test_other_events_are_kept_and_marked(shop, kind):
    shop.send(kind, {"id": "x"})

    assert outcomes() == [(kind, "ignored", "unknown_topic")]


@pytest.mark.parametrize("field", ["amount_total", "created", "currency"])
@pytest.mark.parametrize("value", [None, "x", -5, True, 1.5, [], 10**30])
def test_what_is_no_purchase_is_refused_in_sight(shop, field, value):
    shop.send("checkout.session.completed", stripe_session(**{field: value}))

    assert purchases() == {}
    assert outcomes() == [("checkout.session.completed", "failed", "invalid")]


@pytest.mark.parametrize("name", ["customer", "customer_details", "metadata", "locale", "client_reference_id"])
@pytest.mark.parametrize("value", [None, "auto", 7, [], {}, {"email": [], "sku": {}, "preferred_locales": [None]}])
def test_odd_parts_of_a_session_cost_no_sale(shop, name, value):
    shop.send("checkout.session.completed", stripe_session(**{name: value}))

    assert purchases() == {"pi_1": "open"}
