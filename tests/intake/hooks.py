"""Shops that sign what they send, for tests."""

import base64
import hmac
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.test import Client

from accounts.models import Brand
from affiliates.models import Purchase
from intake.hooks.keeping import set_hook_secret
from intake.services import create_brand
from tests.factories import NOW, make_affiliate, make_link

SECRET = "shpss_0123456789abcdef"


def make_shop(slug: str = "lumbre") -> Brand:
    """A brand that asks, with Ana and her link «guia»."""
    brand = create_brand(slug, name=slug.capitalize(), survey_notice_default=True, allowed_hosts=["lumbre.example"])
    make_link(make_affiliate(brand), f"{slug}-guia")
    return brand


def purchases() -> dict[str, str]:
    """Every purchase and its state."""
    return dict(Purchase.objects.values_list("external_id", "state"))


def base64_hmac(body: bytes, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()


@dataclass
class Shopify:
    """A Shopify shop. Each message has an id of its own unless told otherwise."""

    brand: Brand
    secret: str = SECRET
    client: Client = field(default_factory=lambda: Client(headers={"Accept-Language": "en"}))
    sent: int = 0

    def __post_init__(self) -> None:
        set_hook_secret(self.brand, "shopify", self.secret, now=NOW)

    def send(self, topic: str, payload: Any, **headers: str) -> Any:
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self.sent += 1
        signed = {
            "X-Shopify-Topic": topic,
            "X-Shopify-Hmac-Sha256": base64_hmac(body, self.secret),
            "X-Shopify-Event-Id": f"event-{self.sent}",
            "X-Shopify-Webhook-Id": f"webhook-{self.sent}",
            "X-Shopify-Shop-Domain": "lumbre.myshopify.com",
        }
        return self.post(body, **{**signed, **{name.replace("_", "-"): value for name, value in headers.items()}})

    def post(self, body: bytes, *, brand: str = "", content_type: str = "application/json", **headers: str) -> Any:
        url = f"/api/v1/hooks/shopify/{brand or self.brand.slug}/"
        return self.client.post(url, body, content_type=content_type, headers=headers)


@dataclass
class WooCommerce:
    """A WooCommerce shop, which like the real one gives all messages of one second the same delivery id."""

    brand: Brand
    secret: str = SECRET
    client: Client = field(default_factory=Client)

    def __post_init__(self) -> None:
        set_hook_secret(self.brand, "woocommerce", self.secret, now=NOW)

    def send(self, topic: str, payload: Any, **headers: str) -> Any:
        body = json.dumps(payload).encode()
        signed = {
            "X-WC-Webhook-Source": "https://lumbre.example/",
            "X-WC-Webhook-Topic": topic,
            "X-WC-Webhook-ID": "7",
            "X-WC-Webhook-Delivery-ID": "9f2c1d6e9f2c1d6e9f2c1d6e9f2c1d6e",
            "X-WC-Webhook-Signature": base64_hmac(body, self.secret),
        }
        return self.post(body, **{**signed, **{name.replace("_", "-"): value for name, value in headers.items()}})

    def post(self, body: bytes, *, content_type: str = "application/json", **headers: str) -> Any:
        url = f"/api/v1/hooks/woocommerce/{self.brand.slug}/"
        return self.client.post(url, body, content_type=content_type, headers=headers)


@dataclass
class Stripe:
    brand: Brand
    secret: str = "whsec_0123456789abcdef"
    client: Client = field(default_factory=Client)
    sent: int = 0

    def __post_init__(self) -> None:
        set_hook_secret(self.brand, "stripe", self.secret, now=NOW)

    def send(
        self, kind: str, thing: dict[str, Any], *, at: datetime = NOW, event_id: str = "", **data: dict[str, Any]
    ) -> Any:
        self.sent += 1
        event = {
            "id": event_id or f"evt_{self.sent}",
            "object": "event",
            "api_version": "2025-03-31.basil",
            "created": int(NOW.timestamp()),
            "type": kind,
            "livemode": True,
            "data": {"object": thing, **data},
        }
        body, stamp = json.dumps(event).encode(), int(at.timestamp())
        signature = hmac.digest(self.secret.encode(), f"{stamp}.".encode() + body, "sha256").hex()
        return self.post(body, **{"Stripe-Signature": f"t={stamp},v1={signature},v0={'0' * 64}"})

    def post(self, body: bytes, **headers: str) -> Any:
        url = f"/api/v1/hooks/stripe/{self.brand.slug}/"
        return self.client.post(url, body, content_type="application/json", headers=headers)


@dataclass
class Network:
    """An affiliate network that calls an address. It signs by its own lights, not by our code."""

    brand: Brand
    secret: str = SECRET
    client: Client = field(default_factory=lambda: Client(headers={"Accept-Language": "en"}))

    def __post_init__(self) -> None:
        set_hook_secret(self.brand, "postback", self.secret, now=NOW)

    def call(self, *, at: datetime | None = NOW, **parameters: str) -> Any:
        told = {**parameters, **({"ts": str(int(at.timestamp()))} if at else {})}
        return self.get({**told, "sig": self.sign(told)})

    def sign(self, parameters: dict[str, str]) -> str:
        unreserved = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"

        def encoded(text: str) -> str:
            return "".join(chr(byte) if byte in unreserved else f"%{byte:02X}" for byte in text.encode())

        text = "&".join(f"{encoded(name)}={encoded(parameters[name])}" for name in sorted(parameters))
        return hmac.new(self.secret.encode(), text.encode(), "sha256").hexdigest()

    def get(self, parameters: dict[str, str], *, brand: str = "") -> Any:
        return self.client.get(f"/api/v1/postback/{brand or self.brand.slug}/", parameters)


def woo_order(**fields: Any) -> dict[str, Any]:
    """An order as WooCommerce's v3 API and webhooks write it (what we do not read is left out)."""
    return {
        "id": 727,
        "number": "727",
        "status": "processing",
        "currency": "EUR",
        "total": "59.80",
        "customer_id": 26,
        "date_created": "2026-03-09T11:00:00",
        "date_created_gmt": "2026-03-09T10:00:00",
        "date_modified_gmt": "2026-03-10T08:00:00",
        "date_paid_gmt": "2026-03-09T10:00:10",
        "date_completed_gmt": None,
        "billing": {"first_name": "Carla", "last_name": "Ruiz", "email": "carla@correo.example", "phone": "600111222"},
        "meta_data": [{"id": 1, "key": "wpml_language", "value": "es"}, {"id": 2, "key": "odd", "value": {"a": [1]}}],
        "line_items": [
            {"id": 315, "name": "Filtros", "product_id": 93, "quantity": 3, "sku": "", "price": 3.3, "total": "9.90"},
            {
                "id": 316,
                "name": "Moka",
                "product_id": 94,
                "quantity": 1,
                "sku": "moka-6",
                "price": 49.9,
                "total": "49.90",
            },
        ],
        "coupon_lines": [],
        "refunds": [],
        **fields,
    }


def stripe_session(**fields: Any) -> dict[str, Any]:
    return {
        "id": "cs_test_1",
        "object": "checkout.session",
        "amount_total": 4990,
        "created": int(NOW.timestamp()) - 3600,
        "currency": "eur",
        "customer": "cus_1",
        "customer_details": {"email": "carla@correo.example", "name": "Carla Ruiz"},
        "client_reference_id": "P-100",
        "locale": "es",
        "metadata": {"sku": "curso", "kind": "digital", "product_name": "Curso"},
        "mode": "payment",
        "payment_intent": "pi_1",
        "payment_status": "paid",
        **fields,
    }


def stripe_charge(refunded: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": "ch_1",
        "object": "charge",
        "amount": 4990,
        "amount_refunded": refunded,
        "currency": "eur",
        "payment_intent": "pi_1",
        "refunded": refunded == 4990,
        **fields,
    }


def shopify_order(**fields: Any) -> dict[str, Any]:
    """An order of two lines, shaped as Shopify's 2025-04 API sends it (what we do not read is left out)."""
    return {
        "id": 5678901234567,
        "admin_graphql_api_id": "gid://shopify/Order/5678901234567",
        "name": "#1001",
        "email": "carla@correo.example",
        "contact_email": "carla@correo.example",
        "created_at": "2026-03-09T11:00:05+01:00",
        "processed_at": "2026-03-09T11:00:00+01:00",
        "cancelled_at": None,
        "currency": "EUR",
        "presentment_currency": "EUR",
        "total_price": "129.80",
        "current_total_price": "129.80",
        "financial_status": "paid",
        "fulfillment_status": None,
        "customer_locale": "es-ES",
        "landing_site": "/products/botas?utm_source=ana",
        "test": False,
        "note_attributes": [],
        "discount_codes": [],
        "customer": {"id": 901, "email": "carla@correo.example", "first_name": "Carla", "last_name": "Ruiz"},
        "billing_address": {"name": "Carla Ruiz"},
        "line_items": [
            {"id": 1, "sku": "calcetines", "title": "Calcetines", "price": "9.90", "quantity": 4}
            | {"requires_shipping": True},
            {"id": 2, "sku": "botas-42", "title": "Botas de montaña", "price": "90.20", "quantity": 1}
            | {"requires_shipping": True},
        ],
        "fulfillments": [],
        "refunds": [],
        **fields,
    }


def shopify_refund(amount: str = "20.00", **fields: Any) -> dict[str, Any]:
    return {
        "id": 777,
        "order_id": 5678901234567,
        "note": "Talla equivocada",
        "created_at": "2026-03-10T09:00:00+01:00",
        "processed_at": "2026-03-10T09:00:00+01:00",
        "refund_line_items": [],
        "transactions": [
            {"id": 1, "kind": "refund", "status": "success", "amount": amount, "currency": "EUR"},
            {"id": 2, "kind": "refund", "status": "failure", "amount": "5.00", "currency": "EUR"},
        ],
        **fields,
    }
