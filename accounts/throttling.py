"""How often somebody may try: counted by the clock's windows in Redis, and in this process while Redis is away.

So a door stays shut to whoever rattles at it, and open to everybody else, whatever becomes of the cache. What is
counted goes in hashed: its names hold addresses.
"""

import hmac
import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.core.cache import BaseCache, caches
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from redis.exceptions import RedisError

from accounts.secret_links import client_address

HOUSEHOLD_BITS = 64  # of an IPv6 address: whoever has one has all that begin like it
RESTS = 5  # seconds for which Redis is not asked again after it did not answer


@dataclass(frozen=True)
class Limit:
    times: int
    seconds: int


@dataclass(frozen=True)
class Counter:
    """So many in one window of the clock, which are forgotten when it is over."""

    key: str
    limit: Limit
    seconds_left: int

    @classmethod
    def of(cls, name: str, limit: Limit) -> "Counter":
        window, gone = divmod(time.time(), limit.seconds)
        key = f"limit:{_digest(name)}:{limit.times}/{limit.seconds}:{window:.0f}"
        return cls(key, limit, limit.seconds - int(gone))

    def count(self) -> bool:
        """One more. False: that is more than may be."""
        counted = _asked(lambda shared: shared.count(self.key, seconds=self.limit.seconds), self._count_here)  # type: ignore[attr-defined]  # by our backend
        return counted <= self.limit.times

    def give_back(self) -> None:
        """What was counted is not what the limit is for."""
        _asked(self._give_back, lambda: self._give_back(caches["process"]))

    def _count_here(self) -> int:
        here = caches["process"]
        here.add(self.key, 0, timeout=self.limit.seconds)
        return here.incr(self.key)

    def _give_back(self, cache: BaseCache) -> int:
        try:
            return cache.decr(self.key)
        except ValueError:  # its window is over
            return 0


def household(request: HttpRequest) -> str:
    """The visitor's address; of IPv6 what all addresses of one household begin with."""
    address = client_address(request)
    try:
        is_long = ipaddress.ip_address(address).version == 6
    except ValueError:
        return address
    return str(ipaddress.ip_network(f"{address}/{HOUSEHOLD_BITS}", strict=False)) if is_long else address


def too_many_requests(request: HttpRequest, *, wait: int) -> HttpResponse:
    """`wait`: seconds after which it may be tried again."""
    text = render_to_string("429.html", {"minutes": -(-wait // 60)}, request)
    return HttpResponse(text, status=429, headers={"Retry-After": str(wait)})


def _asked(shared: Callable[[BaseCache], int], here: Callable[[], int]) -> int:
    """What Redis says, else this process: a Redis that hangs must not make everybody wait for it each time."""
    process = caches["process"]
    if process.get("limits-rest"):
        return here()
    try:
        return shared(caches["default"])
    except RedisError:
        process.set("limits-rest", True, RESTS)
        return here()


def _digest(name: str) -> str:
    key = settings.PSEUDONYM_KEYS[max(settings.PSEUDONYM_KEYS)].encode()
    return hmac.digest(key, f"postventa:limit:v1:{name}".encode(), "sha256").hex()[:32]
