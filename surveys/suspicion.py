"""Signs that a machine, or somebody who should not, is answering in a customer's place.

Signs only: what looks suspect is stored and can be put right, never refused. What is counted lives in the cache; when
that is away nobody becomes a suspect by it. Addresses and tokens go in hashed.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

import redis
from django.core.cache import cache
from django.core.signing import BadSignature, Signer
from django.utils.crypto import salted_hmac

from accounts.models import Brand

T = TypeVar("T")

STEPS_ARE_FASTER = 3  # times
NONCE_LIFETIME = timedelta(hours=24)
POSTS_WINDOW = timedelta(minutes=10)
# A scanner opens the links of a mail as it comes in, many at once.
SCAN_OPTIONS, SCAN_WINDOW, SCAN_AFTER_HANDOVER = 3, timedelta(seconds=10), timedelta(seconds=60)

_signer = Signer(salt="surveys.form")


def make_nonce(token: str, *, now: datetime) -> str:
    """Says when the form was shown, in a way that nobody else can; good for this link alone."""
    return _signer.sign(f"{token}:{now.timestamp():.3f}").removeprefix(f"{token}:")


def form_age(token: str, nonce: str, *, now: datetime) -> timedelta | None:
    """How long ago this link's form was shown. None: unknown, forged or more than a day ago."""
    try:
        shown_at = float(_signer.unsign(f"{token}:{nonce}").removeprefix(f"{token}:"))
    except (BadSignature, ValueError):
        return None
    age = timedelta(seconds=now.timestamp() - shown_at)
    return age if age <= NONCE_LIFETIME else None


def is_too_fast(brand: Brand, age: timedelta, *, goes_on: bool = False) -> bool:
    """`goes_on`: a later step of an answer that a human began, where one tap may be all there is to do."""
    return age < timedelta(seconds=brand.min_form_seconds / (STEPS_ARE_FASTER if goes_on else 1))


def answers_for_many(brand: Brand, address: str, token: str, *, now: datetime) -> bool:
    """More different links answered from one address in ten minutes than the brand believes of one household."""
    if not brand.max_posts_per_address or not address:
        return False
    return _unless_cache_is_away(lambda: _count_token(address, token, now) > brand.max_posts_per_address, False)


def note_opened(token: str, option: str, *, now: datetime) -> None:
    """Remember for two minutes which of a mail's five links were opened when."""
    key = f"survey-opened:{_hashed(token)}"

    def note() -> None:
        opened = cache.get(key) or {}
        cache.set(key, {**opened, option: now.timestamp()}, timeout=120)

    _unless_cache_is_away(note, None)


def was_scanned(token: str, *, handed_over_at: datetime | None, now: datetime) -> bool:
    """Several of the mail's links were opened at once, and the answer came within a minute of the mail."""
    if handed_over_at is None or now - handed_over_at > SCAN_AFTER_HANDOVER:
        return False
    opened = _unless_cache_is_away(lambda: cache.get(f"survey-opened:{_hashed(token)}"), None) or {}
    moments = sorted(opened.values())
    return any(
        last - first <= SCAN_WINDOW.total_seconds()
        for first, last in zip(moments, moments[SCAN_OPTIONS - 1 :], strict=False)
    )


def _count_token(address: str, token: str, now: datetime) -> int:
    """How many different tokens this address has answered in these ten minutes by the clock, this one included."""
    seconds = int(POSTS_WINDOW.total_seconds())
    counter = f"survey-posts:{_hashed(address)}:{int(now.timestamp()) // seconds}"
    if not cache.add(f"{counter}:{_hashed(token)}", 1, timeout=seconds):
        return cache.get(counter, 0)
    number: int = cache.count(counter, seconds=seconds)  # type: ignore[attr-defined]  # by our backend
    return number


def _unless_cache_is_away(action: Callable[[], T], otherwise: T) -> T:
    try:
        return action()
    except (redis.RedisError, ValueError):  # ValueError: the counter expired between two commands
        return otherwise


def _hashed(value: str) -> str:
    return salted_hmac("surveys.suspicion", value, algorithm="sha256").hexdigest()[:32]
