"""What WooCommerce sends becomes purchases."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from affiliates.models import Attribution, Purchase, Refund
from affiliates.services import record_click
from intake.models import InboundEvent
from surveys.models import Invitation
from tests.factories import NOW
from tests.intake.hooks import WooCommerce, make_shop, purchases, woo_order

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def today() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def shop() -> WooCommerce:
    return WooCommerce(make_shop())


def outcomes() -> list[tuple[str, str, str]]:
    return list(InboundEvent.objects.order_by("id").values_list("kind", "state", "reason"))


def test_an_order_becomes_a_purchase_with_all_that_it_says(shop):
    response = shop.send("order.created", woo_order())

    purchase = Purchase.objects.select_related("customer", "product").get()
    assert response.status_code == 200
    assert (purchase.external_id, purchase.source, purchase.metadata) == ("727", "woocommerce", {"order": "727"})
    assert purchase.purchased_at == datetime(2026, 3, 9, 10, 0, tzinfo=UTC)
    assert (purchase.amount, purchase.currency) == (Decimal("59.80"), "EUR")
    assert (purchase.customer.email, purchase.customer.external_id) == ("carla@correo.example", "26")
    assert (purchase.customer.name, purchase.customer.language) == ("Carla Ruiz", "es")
    assert purchase.product
    assert (purchase.product.sku, purchase.product.name) == ("moka-6", "Moka")
    assert outcomes() == [("order.created", "done", "")]


def test_guests_are_known_by_their_address_alone(shop):
    shop.send("order.created", woo_order(customer_id=0))
    shop.send("order.created", woo_order(id=728, customer_id=0, billing={"email": "otra@correo.example"}))

    customers = Purchase.objects.values_list("customer__external_id", "customer__email").order_by("external_id")
    assert list(customers) == [(None, "carla@correo.example"), (None, "otra@correo.example")]


@pytest.mark.parametrize(
    "meta",
    [
        {"key": "pv_click", "value": "{click}"},
        {"key": "_pv_click", "value": "{click}"},
        {"key": "_wc_order_attribution_session_entry", "value": "https://lumbre.example/moka/?pv_click={click}"},
    ],
)
def test_the_click_comes_with_the_order(shop, meta):
    link = shop.brand.affiliates.get().links.get()
    click = record_click(link.pk, kind="visit", visitor="", occurred_at=NOW - timedelta(days=2))

    shop.send("order.created", woo_order(meta_data=[{**meta, "value": meta["value"].replace("{click}", click)}]))

    assert Attribution.objects.get().method == "click"


def test_the_coupon_comes_with_the_order(shop):
    shop.send("order.created", woo_order(coupon_lines=[{"id": 1, "code": "ANA10", "discount": "5"}]))

    assert Purchase.objects.get().coupon_code == "ana10"


@pytest.mark.parametrize("status", ["pending", "on-hold", "failed", "checkout-draft"])
def test_an_unpaid_order_is_a_purchase_once_it_is_paid(shop, status):
    shop.send("order.created", woo_order(status=status, date_paid_gmt=None))
    unpaid = purchases()

    shop.send("order.updated", woo_order())

    assert unpaid == {}
    assert purchases() == {"727": "open"}
    assert outcomes()[0] == ("order.created", "ignored", "not_paid")


def test_cash_on_delivery_and_other_plugins_statuses_are_purchases(shop):
    shop.send("order.created", woo_order(date_paid_gmt=None))
    shop.send("order.updated", woo_order(id=728, status="wc-enviado"))

    assert purchases() == {"727": "open", "728": "open"}


def test_completed_is_delivered_and_asked(shop):
    shop.send("order.created", woo_order())
    shop.send("order.updated", woo_order(status="completed", date_completed_gmt="2026-03-10T09:30:00"))

    assert Purchase.objects.get().delivered_at == datetime(2026, 3, 10, 9, 30, tzinfo=UTC)
    assert Invitation.objects.get(wave="first").state == Invitation.State.PLANNED


def test_refunds_add_up(shop):
    completed = {"status": "completed", "date_completed_gmt": "2026-03-10T09:30:00"}
    part = {"id": 801, "reason": "Rota", "total": "-9.90"}
    rest = {"id": 802, "reason": "", "total": "-49.90"}
    shop.send("order.created", woo_order(**completed))
    shop.send("order.updated", woo_order(**completed, refunds=[part]))
    after_one = purchases()
    shop.send("order.updated", woo_order(status="refunded", refunds=[rest, part]))

    assert after_one == {"727": "open"}
    assert purchases() == {"727": "refunded"}
    assert list(Refund.objects.order_by("id").values_list("external_id", "amount", "reason")) == [
        ("801", Decimal("9.90"), "Rota"),
        ("802", Decimal("49.90"), ""),
    ]
    assert Invitation.objects.get(wave="first").state == Invitation.State.CANCELLED


@pytest.mark.parametrize(
    ("topic", "payload"),
    [("order.updated", woo_order(status="cancelled")), ("order.deleted", {"id": 727})],
)
def test_what_is_cancelled_or_thrown_away_is_not_asked(shop, topic, payload):
    shop.send("order.created", woo_order(status="completed", date_completed_gmt="2026-03-10T09:30:00"))
    shop.send(topic, payload)

    assert purchases() == {"727": "cancelled"}
    assert Invitation.objects.get(wave="first").state == Invitation.State.CANCELLED


def test_two_messages_of_one_second_share_a_delivery_id_and_both_count(shop):
    shop.send("order.created", woo_order())
    shop.send("order.created", woo_order(id=728))
    again = shop.send("order.created", woo_order(id=728))

    assert purchases() == {"727": "open", "728": "open"}
    assert again.json() == {"received": True, "duplicate": True}


def test_the_greeting_of_a_new_hook_is_answered_unsigned(shop):
    response = shop.post(b"webhook_id=7", content_type="application/x-www-form-urlencoded")

    assert response.status_code == 200
    assert not InboundEvent.objects.exists()


@pytest.mark.parametrize("body", [b"webhook_id=", b"webhook_id=7&x=1", b"webhook_id=" + b"7" * 100, b"{}"])
def test_nothing_else_is_answered_unsigned(shop, body):
    assert shop.post(body, content_type="application/x-www-form-urlencoded").status_code == 401


@pytest.mark.parametrize("signature", ["", "x", "bm8="])
def test_a_wrong_signature_leaves_no_trace(shop, signature):
    response = shop.send("order.created", woo_order(), X_WC_Webhook_Signature=signature)

    assert response.status_code == 401
    assert not InboundEvent.objects.exists()


@pytest.mark.parametrize("topic", ["product.updated", "customer.created", "action.woocommerce_add_to_cart", ""])
def test_other_topics_are_kept_and_marked(shop, topic):
    shop.send(topic, {"id": 1})

    assert outcomes() == [(topic, "ignored", "unknown_topic")]


@pytest.mark.parametrize("name", ["billing", "meta_data", "line_items", "coupon_lines", "refunds", "customer_id"])
@pytest.mark.parametrize("value", [None, "", 7.5, [], {}, [None, 3, [], {}]])
def test_odd_parts_of_an_order_cost_no_sale(shop, name, value):
    shop.send("order.created", woo_order(**{name: value}))

    assert purchases() == {"727": "open"}
