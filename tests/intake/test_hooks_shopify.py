"""What Shopify sends becomes purchases: once each, in any order, credited and planned."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from affiliates.models import Attribution, Coupon, Product, Purchase, Refund
from affiliates.services import record_click
from intake.hooks.processing import process_due_events, replay_event
from intake.models import InboundEvent
from surveys.models import Invitation
from surveys.selectors import survey_states
from tests.factories import NOW
from tests.intake.hooks import Shopify, make_shop, purchases, shopify_order, shopify_refund

pytestmark = pytest.mark.django_db

ORDER = "5678901234567"
DELIVERED = {"status": "success", "shipment_status": "delivered", "updated_at": "2026-03-10T10:30:00+01:00"}


@pytest.fixture(autouse=True)
def today() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def shop() -> Shopify:
    return Shopify(make_shop())


def event() -> InboundEvent:
    return InboundEvent.objects.latest("id")


def outcomes() -> list[tuple[str, str, str]]:
    return list(InboundEvent.objects.order_by("id").values_list("kind", "state", "reason"))


def test_an_order_becomes_a_purchase_with_all_that_it_says(shop):
    response = shop.send("orders/create", shopify_order())

    purchase = Purchase.objects.select_related("customer", "product").get()
    assert (response.status_code, response.json()) == (200, {"received": True, "duplicate": False})
    assert (purchase.external_id, purchase.source, purchase.metadata) == (ORDER, "shopify", {"order": "#1001"})
    assert purchase.purchased_at == datetime(2026, 3, 9, 10, 0, tzinfo=UTC)
    assert (purchase.amount, purchase.currency) == (Decimal("129.80"), "EUR")
    assert (purchase.customer.email, purchase.customer.external_id) == ("carla@correo.example", "901")
    assert (purchase.customer.name, purchase.customer.language) == ("Carla Ruiz", "es-ES")
    assert purchase.product
    assert (purchase.product.sku, purchase.product.kind) == ("botas-42", "goods")
    assert survey_states([purchase], now=NOW)[purchase.pk].reason == "no_delivery"
    assert outcomes() == [("orders/create", "done", "")]
    assert json.loads(bytes(event().body)) == shopify_order()


@pytest.mark.parametrize(
    "attached",
    [
        {"note_attributes": [{"name": "pv_click", "value": "{click}"}]},
        {"note_attributes": [{"name": "_pv_click", "value": "{click}"}], "landing_site": "/?pv_click=other"},
        {"landing_site": "/products/botas?utm_source=x&pv_click={click}"},
        {"landing_site": "https://lumbre.example/?pv_click=first&pv_click={click}#top"},
    ],
)
def test_the_click_comes_from_the_order_or_from_where_the_visitor_landed(shop, attached):
    link = shop.brand.affiliates.get().links.get()
    click = record_click(link.pk, kind="visit", visitor="", occurred_at=NOW - timedelta(days=2))
    order = shopify_order(**json.loads(json.dumps(attached).replace("{click}", click)))

    shop.send("orders/create", order)

    attribution = Attribution.objects.get()
    assert (attribution.affiliate.code, attribution.method) == ("ana", "click")


def test_of_several_codes_the_affiliates_counts(shop):
    Coupon.objects.create(
        brand=shop.brand, affiliate=shop.brand.affiliates.get(), code="ana10", valid_from=NOW.min.replace(tzinfo=UTC)
    )
    codes = [{"code": "ENVIOGRATIS", "amount": "5.00"}, {"code": "ANA10", "amount": "10.00"}]

    shop.send("orders/create", shopify_order(discount_codes=codes))
    shop.send("orders/updated", shopify_order(discount_codes=codes))

    assert Purchase.objects.get().coupon_code == "ana10"
    assert Attribution.objects.get().method == "coupon"
    assert [reason for _kind, _state, reason in outcomes()] == ["", ""]


def test_what_needs_no_shipping_is_digital_and_active_once_fulfilled(shop):
    lines = [{"sku": "curso", "title": "Curso", "price": "129.80", "requires_shipping": False}]
    sent = [{"status": "success", "created_at": "2026-03-09T11:01:00+01:00", "shipment_status": None}]

    shop.send("orders/create", shopify_order(line_items=lines))
    shop.send("orders/fulfilled", shopify_order(line_items=lines, fulfillment_status="fulfilled", fulfillments=sent))

    purchase = Purchase.objects.get()
    assert Product.objects.get().kind == "digital"
    assert (purchase.delivered_at, purchase.activated_at) == (None, datetime(2026, 3, 9, 10, 1, tzinfo=UTC))
    assert Invitation.objects.get(wave="first").state == Invitation.State.PLANNED


def test_delivered_when_every_parcel_is(shop):
    first = {**DELIVERED, "updated_at": "2026-03-10T09:00:00+01:00"}
    on_its_way = {**DELIVERED, "shipment_status": "in_transit"}
    shop.send("orders/create", shopify_order())

    shop.send("orders/updated", shopify_order(fulfillment_status="fulfilled", fulfillments=[first, on_its_way]))
    half = Purchase.objects.get().delivered_at
    shop.send("orders/updated", shopify_order(fulfillment_status="fulfilled", fulfillments=[first, DELIVERED]))

    assert half is None
    assert Purchase.objects.get().delivered_at == datetime(2026, 3, 10, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("fulfillments/update", {"id": 31, "order_id": int(ORDER), **DELIVERED}),
        (
            "fulfillment_events/create",
            {"id": 32, "order_id": int(ORDER), "status": "delivered", "happened_at": "2026-03-10T10:30:00+01:00"},
        ),
    ],
)
def test_the_carriers_word_plans_the_survey(shop, topic, payload):
    shop.send("orders/create", shopify_order())

    shop.send(topic, payload)
    shop.send(topic, {**payload, "updated_at": "2026-03-10T11:00:00+01:00", "happened_at": "2026-03-10T11:00:00+01:00"})

    assert Purchase.objects.get().delivered_at == datetime(2026, 3, 10, 9, 30, tzinfo=UTC)
    assert Invitation.objects.get(wave="first").state == Invitation.State.PLANNED


def test_sent_is_not_delivered(shop):
    shop.send("orders/create", shopify_order())

    shop.send("fulfillments/create", {"id": 31, "order_id": int(ORDER), "status": "success", "shipment_status": None})

    assert Purchase.objects.get().delivered_at is None
    assert outcomes()[-1] == ("fulfillments/create", "ignored", "nothing_new")


def test_partial_refunds_add_up_until_nobody_is_asked(shop):
    shop.send("orders/create", shopify_order(fulfillment_status="fulfilled", fulfillments=[DELIVERED]))

    shop.send("refunds/create", shopify_refund("20.00"))
    after_one = purchases()
    shop.send("refunds/create", shopify_refund("109.80", id=778))

    refunds = list(Refund.objects.order_by("id").values_list("external_id", "amount", "reason", "refunded_at"))
    at = datetime(2026, 3, 10, 8, 0, tzinfo=UTC)
    assert after_one == {ORDER: "open"}
    assert refunds == [
        ("777", Decimal("20.00"), "Talla equivocada", at),
        ("778", Decimal("109.80"), "Talla equivocada", at),
    ]
    assert purchases() == {ORDER: "refunded"}
    assert Invitation.objects.get(wave="first").reason == "refunded"


def test_an_order_and_its_refund_tell_the_same_refund_once(shop):
    shop.send("orders/create", shopify_order())
    shop.send("refunds/create", shopify_refund())

    shop.send("orders/updated", shopify_order(refunds=[shopify_refund()], financial_status="partially_refunded"))

    assert Refund.objects.count() == 1
    assert outcomes()[-1] == ("orders/updated", "done", "")


def test_goods_taken_back_without_money_are_no_refund(shop):
    shop.send("orders/create", shopify_order())

    shop.send("refunds/create", shopify_refund(transactions=[]))

    assert not Refund.objects.exists()
    assert outcomes()[-1] == ("refunds/create", "ignored", "nothing_new")


@pytest.mark.parametrize("amount", ["500.00", "0.001"])
def test_a_refund_that_cannot_be_is_shown_as_failed(shop, amount):
    shop.send("orders/create", shopify_order())

    response = shop.send("refunds/create", shopify_refund(amount))

    assert response.status_code == 200  # sending it again would not mend it
    assert not Refund.objects.exists()
    assert outcomes()[-1] == ("refunds/create", "failed", "invalid")


def test_a_refund_in_another_currency_is_not_taken_for_ours(shop):
    shop.send("orders/create", shopify_order())
    paid = {"kind": "refund", "status": "success", "amount": "20.00", "currency": "USD"}

    shop.send("refunds/create", shopify_refund(transactions=[paid]))

    assert not Refund.objects.exists()
    assert event().error == "refund 777: currency differs"


@pytest.mark.parametrize(
    ("topic", "payload", "state"),
    [
        ("orders/cancelled", shopify_order(cancelled_at="2026-03-10T09:00:00+01:00"), "cancelled"),
        ("orders/updated", shopify_order(financial_status="voided"), "cancelled"),
        ("orders/updated", shopify_order(financial_status="refunded"), "refunded"),
        ("orders/delete", {"id": int(ORDER)}, "cancelled"),
    ],
)
def test_the_end_of_an_order_is_the_end_of_its_survey(shop, topic, payload, state):
    shop.send("orders/create", shopify_order(fulfillment_status="fulfilled", fulfillments=[DELIVERED]))

    shop.send(topic, payload)
    shop.send("orders/paid", shopify_order())

    assert purchases() == {ORDER: state}
    assert Invitation.objects.get(wave="first").state == Invitation.State.CANCELLED


MESSAGES = [
    ("orders/create", shopify_order()),
    ("orders/updated", shopify_order(fulfillment_status="fulfilled", fulfillments=[DELIVERED])),
    ("refunds/create", shopify_refund()),
    (
        "fulfillment_events/create",
        {"order_id": int(ORDER), "status": "delivered", "happened_at": DELIVERED["updated_at"]},
    ),
]


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [3, 1, 0, 2]])
def test_in_whatever_order_they_come_they_say_the_same(shop, order):
    for index in order:
        shop.send(*MESSAGES[index])
    process_due_events(now=NOW)

    purchase = Purchase.objects.get()
    assert purchase.delivered_at == datetime(2026, 3, 10, 9, 30, tzinfo=UTC)
    assert list(purchase.refunds.values_list("external_id", "amount")) == [("777", Decimal("20.00"))]
    assert {state for _kind, state, _reason in outcomes()} == {"done"}


def test_a_refund_waits_for_its_purchase(shop):
    shop.send("refunds/create", shopify_refund())
    waiting = (event().state, event().reason, event().order_id)

    shop.send("orders/create", shopify_order())
    process_due_events(now=NOW)

    assert waiting == ("waiting", "waiting_for_purchase", ORDER)
    assert Refund.objects.get().external_id == "777"


def test_a_refund_whose_purchase_never_comes_is_given_up_in_sight(shop):
    shop.send("refunds/create", shopify_refund())
    InboundEvent.objects.update(received_at=NOW)

    for day in range(1, 20):
        process_due_events(now=NOW + timedelta(days=day))

    assert (event().state, event().reason) == ("failed", "waiting_for_purchase")
    assert event().processed_at == NOW + timedelta(days=15)
    assert not Purchase.objects.exists()


def test_the_pause_between_tries_grows(shop):
    shop.send("refunds/create", shopify_refund())
    now, tries = NOW, 0

    while now < NOW + timedelta(hours=12):
        now += timedelta(seconds=30)
        tries += process_due_events(now=now)

    assert 5 < tries < 60


def test_the_same_event_is_worked_once(shop):
    for _time in range(3):
        response = shop.send("orders/create", shopify_order(), X_Shopify_Event_Id="e1", X_Shopify_Webhook_Id="w1")

    assert response.json() == {"received": True, "duplicate": True}
    assert outcomes() == [("orders/create", "done", "")]


def test_one_action_with_one_event_id_may_have_several_messages(shop):
    shop.send("orders/create", shopify_order(), X_Shopify_Event_Id="e1")
    shop.send("orders/paid", shopify_order(), X_Shopify_Event_Id="e1")
    shop.send("orders/create", shopify_order(id=2, email="b@correo.example", customer=None), X_Shopify_Event_Id="e1")

    assert purchases() == {ORDER: "open", "2": "open"}
    assert len(outcomes()) == 3


def test_an_edited_order_leaves_what_was_recorded_and_says_so(shop):
    shop.send("orders/create", shopify_order())

    shop.send(
        "orders/updated",
        shopify_order(total_price="200.00", fulfillment_status="fulfilled", fulfillments=[DELIVERED]),
    )

    purchase = Purchase.objects.get()
    assert purchase.amount == Decimal("129.80")
    assert purchase.delivered_at is not None
    assert outcomes()[-1] == ("orders/updated", "done", "differs")
    assert event().error == "amount: differs"


def test_what_cannot_be_read_costs_no_sale(shop):
    customer = {"id": 901, "email": "no-es-una-dirección", "first_name": "C" * 300}
    order = shopify_order(email="tampoco", contact_email=None, customer=customer, customer_locale="???")

    shop.send("orders/create", order)

    purchase = Purchase.objects.get()
    assert (purchase.customer.email, purchase.customer.name, purchase.customer.language) == (None, "", "")
    assert purchase.customer.external_id == "901"
    assert outcomes() == [("orders/create", "done", "incomplete")]
    assert "customer.email: invalid_email" in event().error


@pytest.mark.parametrize("field", ["id", "total_price", "currency", "processed_at"])
@pytest.mark.parametrize("value", ["?", "a\0b", None, [], {"a": 1}, "9" * 5000])
def test_what_is_no_order_is_refused_in_sight(shop, field, value):
    response = shop.send("orders/create", shopify_order(created_at=None) | {field: value})

    if (field, value) == ("id", "?"):
        assert purchases() == {"?": "open"}
        return
    assert response.status_code == 200
    assert not Purchase.objects.exists()
    assert outcomes() == [("orders/create", "failed", "invalid")]


@pytest.mark.parametrize(
    "name", ["customer", "line_items", "note_attributes", "discount_codes", "fulfillments", "refunds"]
)
@pytest.mark.parametrize("value", [None, "x", 7, [], {}, [None, 3, [], {}], {"a": "\0"}])
def test_odd_parts_of_an_order_cost_no_sale(shop, name, value):
    shop.send("orders/create", shopify_order(**{name: value}))

    assert purchases() == {ORDER: "open"}


@pytest.mark.parametrize("topic", ["products/update", "customers/redact", "", "orders/edited"])
def test_other_topics_are_kept_and_marked(shop, topic):
    response = shop.send(topic, {"id": 1})

    assert response.status_code == 200
    assert outcomes() == [(topic, "ignored", "unknown_topic")]


def test_a_test_notification_makes_no_purchase(shop):
    shop.send("orders/create", shopify_order(), X_Shopify_Test="true")

    assert not Purchase.objects.exists()
    assert outcomes() == [("orders/create", "ignored", "sample")]


def test_a_replay_changes_nothing_that_is_recorded(shop):
    shop.send("orders/create", shopify_order())
    shop.send("refunds/create", shopify_refund())

    replay_event(event(), now=NOW)

    assert Refund.objects.count() == 1
    assert (event().state, event().attempts) == ("done", 1)
