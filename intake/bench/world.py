"""What the bench measures with: a brand, what shops tell of its purchases, and what is the same without us."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from itertools import count, islice
from typing import Any

from accounts.clock import database_now
from accounts.models import Brand
from accounts.services import create_api_key
from affiliates.services import PurchaseInput, create_affiliate
from affiliates.services.inputs import CustomerInput
from intake.services import create_brand

AFFILIATES = 50
_numbers = count(1)


def make_brand() -> Brand:
    """Asks at once, at all hours and as often as they buy; and believes that the bench's quick answers are people's."""
    at_once = dict.fromkeys(("delay_goods", "delay_digital", "delay_service"), timedelta(0))
    brand = create_brand(
        f"bench{next(_numbers)}",
        name="Bench",
        allowed_hosts=["bench.example"],
        survey_sender="encuestas@bench.example",
        service_sender="atencion@bench.example",
        reply_to="atencion@bench.example",
        survey_notice_default=True,
        fatigue_days=0,
        is_spread=False,
        window_start="00:00",
        window_end="23:59:59.999999",
        min_form_seconds=0,
        max_posts_per_address=1_000_000,
        max_messages_per_address=1_000_000,
        **at_once,
    )
    for number in range(AFFILIATES):
        create_affiliate(brand, f"bench-{number}", f"Bench {number}", now=database_now())
    return brand


def key_of_shop(brand: Brand) -> str:
    """The header that its shop sends."""
    _key, text = create_api_key(brand, name="bench")
    return f"Authorization: Bearer {text}\r\n"


def purchase_as_json() -> dict[str, Any]:
    number, now = next(_numbers), database_now_once()
    return {
        "external_id": f"bench-{number}",
        "purchased_at": (now - timedelta(days=3)).isoformat(),
        "delivered_at": (now - timedelta(hours=1)).isoformat(),
        "amount": "49.90",
        "currency": "EUR",
        "affiliate": f"bench-{number % AFFILIATES}",
        "customer": {"email": f"cliente{number}@cliente{number}.example", "language": "es"},
    }


def purchase_input() -> PurchaseInput:
    number, now = next(_numbers), database_now_once()
    return PurchaseInput(
        f"bench-{number}",
        purchased_at=now - timedelta(days=3),
        delivered_at=now - timedelta(hours=1),
        affiliate=f"bench-{number % AFFILIATES}",
        customer=CustomerInput(email=f"cliente{number}@cliente{number}.example", language="es"),
    )


@cache
def database_now_once() -> datetime:
    return database_now()


def fresh(how_many: int) -> Iterator[int]:
    """Numbers that nobody has used in this run."""
    return islice(_numbers, how_many)


def as_bytes(body: Any) -> bytes:
    return json.dumps(body).encode()
