"""Stripe. A purchase is known by its payment (`pi_…`), else by its checkout session, since refunds name the payment."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from affiliates.models import Purchase
from intake.hooks.delivery import Delivery, ShopHook
from intake.hooks.news import Ignored, News, an_object, evidence, moment, objects, words
from intake.hooks.signatures import is_stripe_signed
from intake.models import InboundEvent, Source

Reason = InboundEvent.Reason
PAID_TOPICS = {"checkout.session.completed", "checkout.session.async_payment_succeeded"}
# Amounts come in the smallest unit of their currency: hundredths, except in these.
WHOLE_UNITS = {
    *("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA"),
    *("PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"),
}
THOUSANDTHS = {"BHD", "JOD", "KWD", "OMR", "TND"}


def is_signed(delivery: Delivery, secrets: Sequence[str], now: datetime) -> bool:
    return is_stripe_signed(delivery.header("Stripe-Signature"), delivery.body, secrets, now=now)


def identify(delivery: Delivery) -> tuple[str, str]:
    return words(delivery.payload.get("type")), words(delivery.payload.get("id")) or delivery.digest


def read(kind: str, event: Mapping[str, Any]) -> News:
    """Ignored: nothing for us."""
    data = an_object(event.get("data"))
    thing = an_object(data.get("object"))
    if kind in PAID_TOPICS:
        return _session(thing, an_object(thing.get("metadata")))
    if kind == "charge.refunded":
        return _refunded(thing, an_object(data.get("previous_attributes")), moment(event.get("created")))
    raise Ignored(Reason.UNKNOWN_TOPIC)


def _session(session: Mapping[str, Any], metadata: Mapping[str, Any]) -> News:
    if session.get("payment_status") not in ("paid", "no_payment_required"):
        raise Ignored(Reason.NOT_PAID)
    purchase_id = words(session.get("payment_intent")) or words(session.get("id"))
    details = an_object(session.get("customer_details"))
    currency = words(session.get("currency")).upper()
    return News(
        purchase_id,
        purchase={
            "external_id": purchase_id,
            "purchased_at": moment(session.get("created")),
            "amount": _amount(session.get("amount_total"), currency),
            "currency": currency,
            "product": _product(metadata),
            "customer": {
                "external_id": words(session.get("customer")),
                "email": details.get("email") or session.get("customer_email"),
                "name": words(details.get("name")),
                "language": _language(session, details),
            },
            "metadata": {name: words(session.get(name)) for name in ("id", "client_reference_id")},
            **evidence(metadata),
        },
        stages={name: metadata.get(name) for name in ("delivered_at", "activated_at")},
        coupons=tuple(filter(None, [words(metadata.get("coupon"))])),
    )


def _product(metadata: Mapping[str, Any]) -> dict[str, Any] | None:
    """A session does not tell its lines: whoever makes it says what it is for in its metadata."""
    sku = words(metadata.get("sku"))
    named = {"name": metadata.get("product_name"), "category": metadata.get("category"), "kind": metadata.get("kind")}
    return {"sku": sku, **named} if sku else None


def _language(session: Mapping[str, Any], details: Mapping[str, Any]) -> str:
    preferred = details.get("preferred_locales")
    told = words(preferred[0]) if isinstance(preferred, list) and preferred else words(session.get("locale"))
    return "" if told == "auto" else told


def _refunded(charge: Mapping[str, Any], before: Mapping[str, Any], at: str | None) -> News:
    stages = {"state": Purchase.State.REFUNDED} if charge.get("refunded") is True else {}
    return News(
        words(charge.get("payment_intent")) or words(charge.get("id")),
        stages=stages,
        refunds=_refunds(charge, before, at),
    )


def _refunds(charge: Mapping[str, Any], before: Mapping[str, Any], at: str | None) -> tuple[dict[str, Any], ...]:
    """Each refund where the API version lists them (before 2022-11-15), else what this event added to the sum.

    The sum names it, so that two events of one charge never count the same money, in whatever order they come.
    """
    currency = words(charge.get("currency")).upper()
    listed = objects(an_object(charge.get("refunds")).get("data"))
    if listed:
        return tuple(
            {
                "external_id": words(each.get("id")),
                "amount": _amount(each.get("amount"), currency),
                "currency": currency,
                "reason": words(each.get("reason")),
                "refunded_at": moment(each.get("created")) or at,
            }
            for each in listed
            if each.get("status") != "failed"
        )
    total, earlier = charge.get("amount_refunded"), before.get("amount_refunded", 0)
    if not isinstance(total, int) or not isinstance(earlier, int) or total <= earlier:
        raise Ignored(Reason.NOTHING_NEW)
    added = {"amount": _amount(total - earlier, currency), "currency": currency, "refunded_at": at}
    return ({"external_id": f"{words(charge.get('id'))}:{total}", **added},)


def _amount(units: Any, currency: str) -> str | None:
    if isinstance(units, bool) or not isinstance(units, int):
        return None
    exponent = 0 if currency in WHOLE_UNITS else 3 if currency in THOUSANDTHS else 2
    return str(Decimal(units).scaleb(-exponent))


HOOK = ShopHook(Source.STRIPE, is_signed=is_signed, identify=identify, read=read)
