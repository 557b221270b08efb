"""A message comes in: verified over its raw bytes, stored raw, and only then worked."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.db import IntegrityError, transaction

from intake.hooks.delivery import Delivery, ShopHook
from intake.models import Hook, InboundEvent, Source
from intake.sealing import SealBroken, unseal
from intake.values import is_storable

Reason = InboundEvent.Reason


class NotSigned(Exception):
    """It does not come from who it says; or there is no such brand or hook, which is nobody's business."""


class Unreadable(Exception):
    """It is signed, and is no JSON object all the same."""


def receive(shop: ShopHook, brand_slug: str, delivery: Delivery, *, now: datetime) -> tuple[InboundEvent, bool]:
    """The stored event, and whether it is a new one. NotSigned, Unreadable."""
    hook = find_hook(brand_slug, shop.source)
    if not shop.is_signed(delivery, secrets_of(hook), now) or hook is None:
        raise NotSigned
    delivery = replace(delivery, payload=_parsed(delivery.body))
    kind, event_id = shop.identify(delivery)
    outcome = {"state": InboundEvent.State.IGNORED, "reason": Reason.SAMPLE, "processed_at": now}
    return store(hook, kind, event_id, delivery.body, now=now, **(outcome if shop.is_sample(delivery) else {}))


def find_hook(brand_slug: str, source: Source) -> Hook | None:
    if not is_storable(brand_slug):
        return None
    return Hook.objects.select_related("brand").filter(brand__slug=brand_slug, source=source).first()


def secrets_of(hook: Hook | None) -> list[str]:
    """What its messages may be signed with. None for no hook, and none that can no longer be read."""
    try:
        return [unseal(sealed) for sealed in hook.sealed_secrets] if hook else []
    except SealBroken:
        return []


def store(
    hook: Hook, kind: str, event_id: str, body: bytes, *, now: datetime, **fields: Any
) -> tuple[InboundEvent, bool]:
    """Once, however many say it at the same time: the others get the row that stands."""
    if len(event_id) > 200 or not is_storable(event_id):
        event_id = sha256(event_id.encode(errors="surrogatepass")).hexdigest()
    names: dict[str, Any] = {"brand": hook.brand, "source": hook.source, "event_id": event_id}
    try:
        with transaction.atomic():
            return InboundEvent.objects.create(**names, kind=kind[:80], body=body, try_at=now, **fields), True
    except IntegrityError:
        return InboundEvent.objects.select_related("brand").get(**names), False


def _parsed(body: bytes) -> Mapping[str, Any]:
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        raise Unreadable from None
    if not isinstance(payload, dict):
        raise Unreadable
    return payload
