"""WooCommerce. Every message about an order tells it whole; “completed” is the nearest it has to “delivered”."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from affiliates.models import Purchase
from intake.hooks.delivery import Delivery, ShopHook
from intake.hooks.news import Ignored, News, an_object, dearest, decimal, evidence, full_name, objects, words
from intake.hooks.signatures import is_base64_hmac
from intake.models import InboundEvent, Source

Reason = InboundEvent.Reason
ORDER_TOPICS = {"order.created", "order.updated", "order.restored"}
# What WooCommerce itself notes about where a visitor came in.
LANDING_PAGE = "_wc_order_attribution_session_entry"
GREETING = re.compile(rb"webhook_id=\d+")


def is_signed(delivery: Delivery, secrets: Sequence[str], now: datetime) -> bool:
    return is_base64_hmac(delivery.header("X-WC-Webhook-Signature"), delivery.body, secrets)


def is_greeting(delivery: Delivery) -> bool:
    """When a hook is saved, WooCommerce sends its number, unsigned, and wants a 200 before it sends anything else."""
    is_unsigned = not delivery.header("X-WC-Webhook-Signature")
    return is_unsigned and len(delivery.body) < 40 and bool(GREETING.fullmatch(delivery.body))


def identify(delivery: Delivery) -> tuple[str, str]:
    """Topic and id. WooCommerce's delivery ids are the same for all messages of a hook in one second."""
    number = delivery.header("X-WC-Webhook-Delivery-ID")
    return delivery.header("X-WC-Webhook-Topic").lower(), f"{number}:{delivery.digest}"


def read(topic: str, order: Mapping[str, Any]) -> News:
    """Ignored: nothing for us."""
    order_id = words(order.get("id"))
    if topic == "order.deleted":
        return News(order_id, stages={"state": Purchase.State.CANCELLED})
    if topic not in ORDER_TOPICS:
        raise Ignored(Reason.UNKNOWN_TOPIC)
    status = words(order.get("status"))
    stages = _stages(order, status)
    if _is_paid(order, status):
        return News(order_id, _purchase(order), stages, _refunds(order), _coupons(order))
    if "state" in stages:
        return News(order_id, stages=stages)
    raise Ignored(Reason.NOT_PAID)


def _is_paid(order: Mapping[str, Any], status: str) -> bool:
    """Or is to be paid on delivery, which WooCommerce calls processing. Statuses of other plugins need a payment."""
    if status in ("processing", "completed", "refunded"):
        return True
    return bool(order.get("date_paid_gmt")) and status not in ("pending", "failed", "checkout-draft", "auto-draft")


def _purchase(order: Mapping[str, Any]) -> dict[str, Any]:
    billing = an_object(order.get("billing"))
    meta = {words(each.get("key")): each.get("value") for each in objects(order.get("meta_data"))}
    customer_id = words(order.get("customer_id"))
    return {
        "external_id": words(order.get("id")),
        "purchased_at": _utc(order.get("date_created_gmt")),
        "amount": order.get("total"),
        "currency": order.get("currency"),
        "product": _product(dearest(objects(order.get("line_items")))),
        "customer": {
            "external_id": customer_id if customer_id != "0" else None,  # 0: bought without an account
            "email": billing.get("email"),
            "name": full_name(billing),
            "language": words(meta.get("wpml_language")),
        },
        "metadata": {"order": words(order.get("number"))},
        **evidence(meta, meta.get(LANDING_PAGE)),
    }


def _product(line: Mapping[str, Any]) -> dict[str, Any] | None:
    """Whether it is goods or digital an order does not say: what is known of the product stays."""
    sku = words(line.get("sku")) or words(line.get("product_id"))
    return {"sku": sku, "name": words(line.get("name"))} if sku and sku != "0" else None


def _stages(order: Mapping[str, Any], status: str) -> dict[str, Any]:
    stages: dict[str, Any] = {}
    if status == "completed":
        stages["delivered_at"] = _utc(order.get("date_completed_gmt"))
    if status in ("cancelled", "trash"):
        stages["state"] = Purchase.State.CANCELLED
    if status == "refunded":
        stages["state"] = Purchase.State.REFUNDED
    return stages


def _refunds(order: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """Their amounts are negative, and only the order's last change says when."""
    return tuple(
        {
            "external_id": words(each.get("id")),
            "amount": str(-decimal(each.get("total"))),
            "reason": words(each.get("reason"))[:200],
            "refunded_at": _utc(order.get("date_modified_gmt")),
        }
        for each in objects(order.get("refunds"))
        if decimal(each.get("total")) < 0
    )


def _coupons(order: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(filter(None, (words(each.get("code")) for each in objects(order.get("coupon_lines")))))


def _utc(moment: Any) -> Any:
    """Its GMT times name no zone."""
    return f"{moment}Z" if isinstance(moment, str) and moment and not moment.endswith("Z") else moment


HOOK = ShopHook(Source.WOOCOMMERCE, is_signed=is_signed, identify=identify, read=read, is_greeting=is_greeting)
