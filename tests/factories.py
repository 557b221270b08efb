"""Rows for tests, without surprises: nothing random, nothing made that was not asked for.

The cast: Ana and Bruno, rival affiliates of the brand Lumbre; Carla, a customer whom Ana brought; Sofía, of Lumbre's
staff; Olga, staff of another brand, who must never see any of it.
"""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from django.contrib.auth.hashers import make_password

from accounts.models import Brand, Membership, User
from affiliates.models import Affiliate, AffiliateMember, Attribution, Customer, Product, Purchase, TrackingLink
from mailing.addresses import hash_address

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
PASSWORD = "correct-horse-battery"

_numbers = itertools.count(1)


@cache
def hashed_password() -> str:
    """Hashing is slow on purpose; once is enough for the whole suite."""
    return make_password(PASSWORD)


def make_user(email: str, name: str, **fields: Any) -> User:
    return User.objects.create(email=email, name=name, password=hashed_password(), **fields)


def make_brand(slug: str = "lumbre", **fields: Any) -> Brand:
    """A brand that asks at once and at all hours, so that a test states the rule it is about."""
    defaults: dict[str, Any] = {
        "name": slug.capitalize(),
        "timezone": "Europe/Madrid",
        "allowed_hosts": [f"{slug}.example"],
        "survey_sender": f"encuestas@{slug}.example",
        "service_sender": f"atencion@{slug}.example",
        "reply_to": f"atencion@{slug}.example",
        "delay_goods": timedelta(0),
        "delay_digital": timedelta(0),
        "delay_service": timedelta(0),
        "window_start": "00:00",
        "window_end": "23:59:59",
        "is_spread": False,
        "fatigue_days": 0,
        "survey_notice_default": True,
        "requires_second_factor": False,
    }
    brand = Brand(slug=slug, **{**defaults, **fields})
    brand.save()
    brand.refresh_from_db()
    return brand


def make_staff(brand: Brand, name: str = "Sofía", role: str = Membership.Role.ADMIN) -> User:
    user = make_user(f"{slug_of(name)}@{brand.slug}.example", name, is_staff=True)
    Membership.objects.create(user=user, brand=brand, role=role)
    return user


def make_affiliate(brand: Brand, name: str = "Ana", **fields: Any) -> Affiliate:
    code = fields.pop("code", slug_of(name))
    return Affiliate.objects.create(brand=brand, code=code, name=name, joined_at=NOW - timedelta(days=365), **fields)


def make_member(affiliate: Affiliate, **fields: Any) -> User:
    """Somebody who signs in for an affiliate, terms accepted."""
    user = make_user(f"{slug_of(affiliate.name)}@{affiliate.brand.slug}-afiliados.example", affiliate.name)
    AffiliateMember.objects.create(affiliate=affiliate, user=user, **{"accepted_terms_at": NOW, **fields})
    return user


def make_link(affiliate: Affiliate, code: str = "", **fields: Any) -> TrackingLink:
    return TrackingLink.objects.create(
        affiliate=affiliate,
        code=code or f"link{next(_numbers)}",
        **{"destination": f"https://{affiliate.brand.allowed_hosts[0]}/", **fields},
    )


def new_customer(brand: Brand, name: str = "Carla Ruiz", email: str | None = None, **fields: Any) -> Customer:
    address = email or f"{slug_of(name)}{next(_numbers)}@correo.example"
    return Customer(
        brand=brand, name=name, email=address, email_hash=hash_address(address), **{"language": "es", **fields}
    )


def make_customer(brand: Brand, name: str = "Carla Ruiz", email: str | None = None, **fields: Any) -> Customer:
    customer = new_customer(brand, name, email, **fields)
    customer.save()
    return customer


def make_product(brand: Brand, sku: str = "botas", **fields: Any) -> Product:
    return Product.objects.create(brand=brand, sku=sku, **{"name": "Botas de montaña", "category": "Calzado", **fields})


def make_purchase(customer: Customer, *, affiliate: Affiliate | None = None, **fields: Any) -> Purchase:
    """A purchase delivered an hour before NOW, credited to the affiliate (by the shop's word) or to nobody."""
    return make_purchases([customer], affiliate=affiliate, **fields)[0]


def make_purchases(
    customers: Sequence[Customer],
    *,
    affiliate: Affiliate | None = None,
    link: TrackingLink | None = None,
    **fields: Any,
) -> list[Purchase]:
    """One of each, in a statement a table."""
    purchases = Purchase.objects.bulk_create(
        Purchase(
            **{
                "brand": customer.brand,
                "customer": customer,
                "external_id": f"P-{next(_numbers)}",
                "purchased_at": NOW - timedelta(days=3),
                "delivered_at": NOW - timedelta(hours=1),
                "amount": Decimal("49.90"),
                "currency": "EUR",
                **fields,
            }
        )
        for customer in customers
    )
    Attribution.objects.bulk_create(
        Attribution(
            purchase=purchase,
            affiliate=affiliate,
            link=link,
            method=Attribution.Method.DECLARED if affiliate else Attribution.Method.NONE,
            confidence=Attribution.Confidence.MEDIUM if affiliate else Attribution.Confidence.NONE,
            reason=Attribution.Reason.DECLARED_BY_SHOP if affiliate else Attribution.Reason.NO_EVIDENCE,
            decided_at=purchase.purchased_at,
        )
        for purchase in purchases
    )
    return purchases


def slug_of(name: str) -> str:
    return name.lower().replace("í", "i").replace(" ", ".")
