"""Shops that sign what they send, for tests."""

import base64
import hmac
import json
from dataclasses import dataclass, field
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
