"""Networks tell of sales by calling a signed address."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from affiliates.models import Attribution, Purchase, Refund
from affiliates.services import record_click
from intake.hooks.processing import process_due_events, replay_event
from intake.models import InboundEvent
from tests.factories import NOW
from tests.intake.hooks import Network, make_shop, purchases

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def today() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def network() -> Network:
    return Network(make_shop())


def fields_of(response: Any) -> list[tuple[str, str]]:
    return [(error["field"], error["code"]) for error in response.json()["error"]["fields"]]


def test_a_sale_becomes_a_purchase_with_all_that_is_told(network):
    link = network.brand.affiliates.get().links.get()
    click = record_click(link.pk, kind="visit", visitor="", occurred_at=NOW - timedelta(days=2))

    response = network.call(
        order_id="A 1/ñ",
        event="sale",
        amount="49.9",
        currency="eur",
        pv_click=click,
        email="carla+1@correo.example",
        customer_name="Carla & Ruiz = 'amigas' * 100%",
        language="es",
        sku="moka-6",
        purchased_at="2026-03-09T11:00:00+01:00",
        delivered_at="2026-03-10T09:00:00Z",
    )

    purchase = Purchase.objects.select_related("customer", "product").get()
    assert (response.status_code, response.json()) == (200, {"order_id": "A 1/ñ", "event": "sale", "received": True})
    assert (purchase.external_id, purchase.source) == ("A 1/ñ", "postback")
    assert (purchase.amount, purchase.currency) == (Decimal("49.90"), "EUR")
    assert purchase.purchased_at == datetime(2026, 3, 9, 10, 0, tzinfo=UTC)
    assert purchase.delivered_at == datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
    assert (purchase.customer.email, purchase.customer.language) == ("carla+1@correo.example", "es")
    assert purchase.customer.name == "Carla & Ruiz = 'amigas' * 100%"
    assert Attribution.objects.get().method == "click"


def test_order_and_time_are_enough(network):
    assert network.call(order_id="A1").status_code == 200

    purchase = Purchase.objects.get()
    assert (purchase.purchased_at, purchase.amount) == (NOW, None)


def test_the_life_of_an_order(network):
    network.call(order_id="A1", amount="49.90", currency="EUR", email="carla@correo.example")
    network.call(order_id="A1", event="delivered")
    network.call(order_id="A1", event="refund", amount="10.00", refund_id="R1", reason="Talla")
    network.call(order_id="A1", event="refund", amount="39.90", refund_id="R2")

    assert Purchase.objects.get().delivered_at == NOW
    assert list(Refund.objects.order_by("id").values_list("external_id", "amount", "reason")) == [
        ("R1", Decimal("10.00"), "Talla"),
        ("R2", Decimal("39.90"), ""),
    ]
    assert purchases() == {"A1": "refunded"}


@pytest.mark.parametrize(
    ("event", "state"), [("cancelled", "cancelled"), ("rejected", "cancelled"), ("refund", "refunded")]
)
def test_what_ends_an_order_may_come_before_it(network, event, state):
    response = network.call(order_id="A1", event=event)
    waiting = InboundEvent.objects.get()
    network.call(order_id="A1", event="sale")
    process_due_events(now=NOW)

    assert response.status_code == 200
    assert (waiting.state, waiting.reason) == ("waiting", "waiting_for_purchase")
    assert purchases() == {"A1": state}


def test_a_repeat_is_answered_alike_however_late_and_whatever_it_says(network):
    first = network.call(order_id="A1", amount="10.00", currency="EUR")
    same = network.call(order_id="A1", amount="10.00", currency="EUR")
    late = network.call(order_id="A1", event="purchase", amount="99.00", currency="EUR", at=NOW - timedelta(days=30))
    without_time = network.call(order_id="A1", at=None)

    assert first.json() == same.json() == late.json() == without_time.json()
    assert Purchase.objects.get().amount == Decimal("10.00")
    assert InboundEvent.objects.count() == 1


@pytest.mark.parametrize("minutes", [11, -11, 60 * 24 * 365])
def test_the_first_sight_is_of_now(network, minutes):
    response = network.call(order_id="A1", at=NOW - timedelta(minutes=minutes))

    assert response.status_code == 401
    assert not InboundEvent.objects.exists()


@pytest.mark.parametrize("stamp", ["", "x", "-5", "9" * 30, "1e9", "²", " 1"])
def test_a_time_that_is_none_is_refused_as_a_wrong_signature_is(network, stamp):
    told = {"order_id": "A1", "ts": stamp}

    response = network.get({**told, "sig": network.sign(told)})

    assert response.status_code == 401
    assert response.json()["error"]["code"] == "invalid_signature"


def test_what_is_signed_cannot_be_changed(network):
    told = {"order_id": "A1", "amount": "10.00", "currency": "EUR", "ts": str(int(NOW.timestamp()))}
    right = network.sign(told)
    refused = [
        network.get({**told, "sig": right, "amount": "99.00"}),
        network.get({**told, "sig": right, "affiliate": "ana"}),
        network.get({**{name: value for name, value in told.items() if name != "currency"}, "sig": right}),
        network.get(told),
        network.get({**told, "sig": ""}),
        network.get({**told, "sig": right[:-1]}),
        network.get({**told, "sig": "ñ" * 64}),
        network.get({**told, "sig": right}, brand="nobody"),
        network.get({**told, "sig": right}, brand=make_shop("faro").slug),
    ]

    errors = [{**response.json()["error"], "request_id": ""} for response in refused]
    assert {response.status_code for response in refused} == {401}
    assert all(error == errors[0] for error in errors)
    assert not InboundEvent.objects.exists()
    assert network.get({**told, "sig": right.upper()}).status_code == 200


@pytest.mark.parametrize(
    ("told", "fields"),
    [
        ({"order_id": ""}, [("order_id", "required")]),
        ({"order_id": "x" * 121}, [("order_id", "max_length")]),
        ({"order_id": "a\0b"}, [("order_id", "invalid_characters")]),
        ({"event": "lead"}, [("event", "invalid_choice")]),
        ({"amount": "10"}, [("currency", "required")]),
        ({"amount": "ten", "currency": "XXX"}, [("amount", "invalid_amount"), ("currency", "unknown_currency")]),
        ({"email": "nobody", "language": "?"}, [("email", "invalid_email"), ("language", "invalid_language")]),
        ({"purchased_at": "2026-03-09T11:00:00"}, [("purchased_at", "no_timezone")]),
        ({"event": "delivered", "delivered_at": "soon"}, [("delivered_at", "invalid_time")]),
        ({"event": "refund", "amount": "-1"}, [("amount", "invalid_amount")]),
    ],
)
def test_what_is_wrong_is_told_at_once_and_may_be_sent_again(network, told, fields):
    response = network.call(**{"order_id": "A1", **told})
    corrected = network.call(order_id="A1")

    assert (response.status_code, fields_of(response)) == (400, fields)
    assert corrected.status_code == 200
    assert purchases() == {"A1": "open"}


@pytest.mark.parametrize("method", ["head", "post", "put"])
def test_only_a_get_is_taken(network, method):
    told = {"order_id": "A1", "ts": str(int(NOW.timestamp()))}

    response = getattr(network.client, method)("/api/v1/postback/lumbre/", {**told, "sig": network.sign(told)})

    assert response.status_code == 405
    assert not InboundEvent.objects.exists()


def test_a_replay_needs_no_signature_any_more(network):
    network.call(order_id="A1")

    replay_event(InboundEvent.objects.get(), now=NOW + timedelta(days=3))

    assert InboundEvent.objects.get().state == "done"
    assert b"sig" not in bytes(InboundEvent.objects.get().body)
