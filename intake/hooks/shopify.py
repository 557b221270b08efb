"""Shopify. The order's id is the purchase's; `orders/fulfilled` means sent, delivered is what the carrier says."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from affiliates.models import Product, Purchase
from intake.hooks.delivery import Delivery, ShopHook
from intake.hooks.news import Ignored, News, an_object, dearest, decimal, evidence, full_name, objects, words
from intake.hooks.signatures import is_base64_hmac
from intake.models import InboundEvent, Source

Reason = InboundEvent.Reason
ORDER_TOPICS = {
    "orders/create",
    "orders/paid",
    "orders/updated",
    "orders/fulfilled",
    "orders/partially_fulfilled",
    "orders/cancelled",
}
FULFILLMENT_TOPICS = {"fulfillments/create", "fulfillments/update"}


def is_signed(delivery: Delivery, secrets: Sequence[str], now: datetime) -> bool:
    return is_base64_hmac(delivery.header("X-Shopify-Hmac-Sha256"), delivery.body, secrets)


def identify(delivery: Delivery) -> tuple[str, str]:
    """Topic and id. One action of a merchant gives all its messages one event id, whatever their topic and order."""
    topic = delivery.header("X-Shopify-Topic").lower()
    event = delivery.header("X-Shopify-Event-Id") or delivery.header("X-Shopify-Webhook-Id") or delivery.digest
    return topic, f"{topic}:{event}:{words(delivery.payload.get('id'))}"


def is_sample(delivery: Delivery) -> bool:
    """“Send test notification”: a made-up order of a made-up customer."""
    return delivery.header("X-Shopify-Test").lower() == "true"


def read(topic: str, payload: Mapping[str, Any]) -> News:
    """Ignored: nothing for us."""
    if topic in ORDER_TOPICS:
        return _order(payload)
    if topic == "orders/delete":
        return News(words(payload.get("id")), stages={"state": Purchase.State.CANCELLED})
    if topic == "refunds/create":
        refund = _refund(payload)
        if refund is None:
            raise Ignored(Reason.NOTHING_NEW)  # goods taken back, no money
        return News(words(payload.get("order_id")), refunds=(refund,))
    if topic in FULFILLMENT_TOPICS:
        return _arrival(payload, payload.get("shipment_status"), payload.get("updated_at"))
    if topic == "fulfillment_events/create":
        return _arrival(payload, payload.get("status"), payload.get("happened_at"))
    raise Ignored(Reason.UNKNOWN_TOPIC)


def _arrival(payload: Mapping[str, Any], status: Any, at: Any) -> News:
    if status != "delivered":
        raise Ignored(Reason.NOTHING_NEW)
    return News(words(payload.get("order_id")), stages={"delivered_at": at})


def _order(order: Mapping[str, Any]) -> News:
    customer = an_object(order.get("customer"))
    line = dearest(objects(order.get("line_items")))
    attributes = {words(each.get("name")): each.get("value") for each in objects(order.get("note_attributes"))}
    order_id = words(order.get("id"))
    return News(
        order_id,
        purchase={
            "external_id": order_id,
            "purchased_at": order.get("processed_at") or order.get("created_at"),
            "amount": order.get("total_price"),
            "currency": order.get("currency"),
            "product": _product(line),
            "customer": {
                "external_id": words(customer.get("id")),
                "email": order.get("email") or order.get("contact_email") or customer.get("email"),
                "name": full_name(customer) or words(an_object(order.get("billing_address")).get("name")),
                "language": order.get("customer_locale"),
            },
            "metadata": {"order": words(order.get("name"))},
            **evidence(attributes, order.get("landing_site")),
        },
        stages=_stages(order, line),
        refunds=tuple(filter(None, map(_refund, objects(order.get("refunds"))))),
        coupons=tuple(filter(None, (words(each.get("code")) for each in objects(order.get("discount_codes"))))),
    )


def _product(line: Mapping[str, Any]) -> dict[str, Any] | None:
    sku = words(line.get("sku")) or words(line.get("variant_id")) or words(line.get("product_id"))
    if not sku:
        return None
    kind = Product.Kind.DIGITAL if line.get("requires_shipping") is False else Product.Kind.GOODS
    return {"sku": sku, "name": words(line.get("title")), "kind": kind}


def _stages(order: Mapping[str, Any], line: Mapping[str, Any]) -> dict[str, Any]:
    stages: dict[str, Any] = {}
    sent = [each for each in objects(order.get("fulfillments")) if each.get("status") == "success"]
    is_complete = bool(sent) and order.get("fulfillment_status") == "fulfilled"
    if is_complete and all(each.get("shipment_status") == "delivered" for each in sent):
        stages["delivered_at"] = max(words(each.get("updated_at")) for each in sent)
    if is_complete and line.get("requires_shipping") is False:
        stages["activated_at"] = max(words(each.get("created_at")) for each in sent)
    if order.get("cancelled_at") or order.get("financial_status") == "voided":
        stages["state"] = Purchase.State.CANCELLED
    elif order.get("financial_status") == "refunded":
        stages["state"] = Purchase.State.REFUNDED
    return stages


def _refund(refund: Mapping[str, Any]) -> dict[str, Any] | None:
    """The money that went back; None where none did."""
    paid_back = [
        each
        for each in objects(refund.get("transactions"))
        if each.get("kind") == "refund" and each.get("status") == "success"
    ]
    amount = sum((decimal(each.get("amount")) for each in paid_back), Decimal(0))
    if amount <= 0:
        return None
    return {
        "external_id": words(refund.get("id")),
        "amount": str(amount),
        "currency": words(paid_back[0].get("currency")),
        "reason": words(refund.get("note"))[:200],
        "refunded_at": refund.get("processed_at") or refund.get("created_at"),
    }


HOOK = ShopHook(Source.SHOPIFY, is_signed=is_signed, identify=identify, read=read, is_sample=is_sample)
