"""Who clicked, without knowing who: a key that tells visitors apart and leads back to nobody."""

import hmac
from datetime import date

from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError

SHOPS = "s:"  # a key the shop gave: the same visitor for as long as the shop says so
OURS = "v:"  # address and browser of one day: enough to see repeats, no more
DIGITS = 32
APPLICATIONS = 5  # to join a programme, from one address
APPLICATIONS_WITHIN = 3600  # seconds


def key_from_shop(brand_id: int, visitor: str) -> str:
    """Hashed too: a shop may take an address for an opaque key."""
    return SHOPS + _digest(f"shop:{brand_id}:{visitor}") if visitor else ""


def key_of_the_day(brand_id: int, address: str, user_agent: str, day: date) -> str:
    return OURS + _digest(f"day:{brand_id}:{day.isoformat()}:{address}:{user_agent}")


def is_shops_key(key: str) -> bool:
    return key.startswith(SHOPS)


def is_pressing(address: str) -> bool:
    """Has this address applied more often than people do? Counts the call; where the cache is away, never."""
    key = f"applications:{_digest(f'address:{address}')}"
    try:
        cache.add(key, 0, timeout=APPLICATIONS_WITHIN)
        return cache.incr(key) > APPLICATIONS
    except (RedisError, ValueError):  # ValueError: it expired between two commands
        return False


def _digest(message: str) -> str:
    key = settings.PSEUDONYM_KEYS[max(settings.PSEUDONYM_KEYS)].encode()
    return hmac.digest(key, f"postventa:visitor:v1:{message}".encode(), "sha256").hex()[:DIGITS]
