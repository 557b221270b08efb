"""What a visitor's click needs to know, without asking the database each time."""

from contextlib import suppress
from dataclasses import dataclass

import structlog
from django.core.cache import cache
from redis.exceptions import RedisError

from affiliates.models import TrackingLink

CACHED_SECONDS = 60  # so long may a paused link still lead on
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class LinkTarget:
    """Where a link leads and for whom."""

    link_id: int
    brand_id: int
    destination: str
    hosts: tuple[str, ...]
    is_paused: bool


def link_target(code: str) -> LinkTarget | None:
    """One read of the database a minute and link; where the cache is away, one read a click. None: unknown code."""
    key = f"link:{code}"
    target = _cached(key)
    if target is None:
        target = _read(code)
        if target:
            _remember(key, target)
    return target


def _read(code: str) -> LinkTarget | None:
    link = TrackingLink.objects.filter(code=code).select_related("affiliate__brand").first()
    if link is None:
        return None
    brand = link.affiliate.brand
    return LinkTarget(link.pk, brand.pk, link.destination, tuple(brand.allowed_hosts), link.paused_at is not None)


def _cached(key: str) -> LinkTarget | None:
    try:
        target: LinkTarget | None = cache.get(key)
    except RedisError:
        log.warning("cache_away")
        return None
    return target


def _remember(key: str, target: LinkTarget) -> None:
    with suppress(RedisError):  # said a moment ago, when it was asked
        cache.set(key, target, CACHED_SECONDS)
