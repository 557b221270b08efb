"""Somebody who listens, and all that they are told."""

from typing import Any

from accounts.models import Brand
from mailing.models import Endpoint, WebhookEvent
from mailing.services.webhooks import new_endpoint


def listen(brand: Brand, *kinds: str, audience: str = "") -> Endpoint:
    """An endpoint of the brand, or of the audience, for these kinds of events."""
    endpoint, _secret = new_endpoint(
        brand, url="https://erp.lumbre.example/in", events=kinds, audience=audience, offered=WebhookEvent.Kind.values
    )
    return endpoint


def told(kind: str) -> list[dict[str, Any]]:
    """What was told of this kind, the oldest first, as the database has it."""
    return list(WebhookEvent.objects.filter(kind=kind).order_by("pk").values_list("data", flat=True))
