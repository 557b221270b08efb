"""A message comes in: verified over its raw bytes, stored raw, and only then worked."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.db import IntegrityError, transaction

from accounts.models import Brand
from accounts.sealing import SealBroken, unseal
from affiliates.services import FieldError
from intake.hooks import postback
from intake.hooks.delivery import Delivery, ShopHook
from intake.hooks.signatures import is_query_signed
from intake.models import Hook, InboundEvent, Source
from intake.values import is_storable

Reason = InboundEvent.Reason


class NotSigned(Exception):
    """It does not come from who it says; or there is no such brand or hook, which is nobody's business."""


class Unreadable(Exception):
    """It is signed, and is no JSON object all the same."""


class BadParameters(Exception):
    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__(errors)
        self.errors = errors


def receive(shop: ShopHook, brand_slug: str, delivery: Delivery, *, now: datetime) -> tuple[InboundEvent, bool]:
    """The stored event, and whether it is a new one. NotSigned, Unreadable."""
    hook = find_hook(brand_slug, shop.source)
    if not shop.is_signed(delivery, secrets_of(hook), now) or hook is None:
        raise NotSigned
    delivery = replace(delivery, payload=_parsed(delivery.body))
    kind, event_id = shop.identify(delivery)
    outcome = {"state": InboundEvent.State.IGNORED, "reason": Reason.SAMPLE, "processed_at": now}
    return store(
        hook.brand, hook.source, kind, event_id, delivery.body, now=now, **(outcome if shop.is_sample(delivery) else {})
    )


def receive_postback(
    brand_slug: str, parameters: Mapping[str, str], *, signed: Sequence[tuple[str, str]], now: datetime
) -> tuple[InboundEvent, bool]:
    """The same for parameters, all of which but the signature are `signed`. NotSigned; BadParameters."""
    hook = find_hook(brand_slug, Source.POSTBACK)
    if not is_query_signed(parameters.get("sig", ""), signed, secrets_of(hook)) or hook is None:
        raise NotSigned
    kind, event_id = postback.identify(parameters)
    if known := find_event(hook.brand, hook.source, event_id):
        return known, False
    if not postback.is_fresh(parameters, now=now):
        raise NotSigned
    if errors := postback.errors_in(parameters, now=now):
        raise BadParameters(errors)
    told = {name: value for name, value in parameters.items() if name != "sig"}
    body = json.dumps(told, ensure_ascii=False).encode()
    return store(hook.brand, hook.source, kind, event_id, body, now=now)


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
    brand: Brand | None, source: str, kind: str, event_id: str, body: bytes, *, now: datetime, **fields: Any
) -> tuple[InboundEvent, bool]:
    """Once, however many say it at the same time: the others get the row that stands."""
    try:
        with transaction.atomic():
            names = {"event_id": _storable(event_id), "kind": kind[:80]}
            return InboundEvent.objects.create(
                brand=brand, source=source, **names, body=body, try_at=now, **fields
            ), True
    except IntegrityError:
        known = find_event(brand, source, event_id)
        assert known is not None
        return known, False


def find_event(brand: Brand | None, source: str, event_id: str) -> InboundEvent | None:
    return InboundEvent.objects.filter(brand=brand, source=source, event_id=_storable(event_id)).first()


def _storable(event_id: str) -> str:
    """An id of any length and content as one that fits."""
    if len(event_id) <= 200 and is_storable(event_id):
        return event_id
    return sha256(event_id.encode(errors="surrogatepass")).hexdigest()


def _parsed(body: bytes) -> Mapping[str, Any]:
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        raise Unreadable from None
    if not isinstance(payload, dict):
        raise Unreadable
    return payload
