"""Who clicked, without knowing who: a key that tells visitors apart and leads back to nobody."""

import hmac
from datetime import date

from django.conf import settings
from django.http import HttpRequest

from accounts.throttling import Counter, Limit, household

SHOPS = "s:"  # a key the shop gave: the same visitor for as long as the shop says so
OURS = "v:"  # address and browser of one day: enough to see repeats, no more
DIGITS = 32
APPLICATIONS = Limit(5, 3600)  # to join a programme, from one address


def key_from_shop(brand_id: int, visitor: str) -> str:
    """Hashed too: a shop may take an address for an opaque key."""
    return SHOPS + _digest(f"shop:{brand_id}:{visitor}") if visitor else ""


def key_of_the_day(brand_id: int, address: str, user_agent: str, day: date) -> str:
    return OURS + _digest(f"day:{brand_id}:{day.isoformat()}:{address}:{user_agent}")


def is_shops_key(key: str) -> bool:
    return key.startswith(SHOPS)


def is_pressing(request: HttpRequest) -> bool:
    """Have more applications come from this address than people make? Counts the call."""
    return not Counter.of(f"application:{household(request)}", APPLICATIONS).count()


def _digest(message: str) -> str:
    key = settings.PSEUDONYM_KEYS[max(settings.PSEUDONYM_KEYS)].encode()
    return hmac.digest(key, f"postventa:visitor:v1:{message}".encode(), "sha256").hex()[:DIGITS]
