"""Which program is calling, what it may do, and how often.

Apart from accounts.api because DRF imports these while its own views are being imported.
"""

import hmac
import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from redis.exceptions import RedisError
from rest_framework import exceptions, permissions, throttling
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.request import Request

from accounts.keys import hash_secret, split_key
from accounts.middleware import GetResponse
from accounts.models import ApiKey, Brand, Scope
from accounts.statements import select

if TYPE_CHECKING:
    from rest_framework.views import APIView

# Writing "last used" at every call would make each read a write.
LAST_USED_PRECISION = timedelta(minutes=5)


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer pv_<prefix>_<secret>`. `request.auth` is the ApiKey, `request.auth.brand` its brand."""

    def authenticate(self, request: Request) -> tuple[ApiKey, ApiKey] | None:
        scheme, _space, value = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            return None
        prefix, secret = split_key(value)
        key = _key_with_brand(prefix)
        # Compared even when the prefix is unknown: both refusals take the same time.
        matches = hmac.compare_digest(hash_secret(secret), bytes(key.secret_hash) if key else bytes(32))
        if key is None or not matches or not key.is_usable(timezone.now()):
            raise exceptions.AuthenticationFailed(_("This API key is unknown, revoked or expired."), "invalid_key")
        _mark_used(key)
        return key, key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def key_of(request: Request) -> ApiKey:
    """The key behind a request that HasScope let pass."""
    assert isinstance(request.auth, ApiKey)
    return request.auth


def _key_with_brand(prefix: str) -> ApiKey | None:
    """Asked at every request: a key that is revoked opens nothing from that moment on."""
    if "\0" in prefix:
        return None
    joined = " FROM accounts_apikey JOIN accounts_brand ON accounts_brand.id = brand_id WHERE prefix = %s"
    for key, brand in select([ApiKey, Brand], joined, [prefix]):
        key.brand = brand
        return key
    return None


def _mark_used(key: ApiKey) -> None:
    now = timezone.now()
    if key.last_used_at is None or now - key.last_used_at > LAST_USED_PRECISION:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)


class ApiKeyScheme(OpenApiAuthenticationExtension):
    target_class = ApiKeyAuthentication
    name = "ApiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "pv_…"}


class HasScope(permissions.BasePermission):
    """Closed by default: a view says which scope each of its methods needs, `scopes = {"GET": Scope.X}`."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        scopes: dict[str, Scope] = getattr(view, "scopes", {})
        method = "GET" if request.method in ("HEAD", "OPTIONS") else request.method
        needed = scopes.get(method or "")
        if scopes and needed is None and isinstance(request.auth, ApiKey):
            raise exceptions.MethodNotAllowed(method or "")  # no scope would open it
        return isinstance(request.auth, ApiKey) and needed is not None and needed in request.auth.scopes


@dataclass(frozen=True)
class RateLimit:
    """What a key may still ask for: so many requests of so many, until a new minute begins in so many seconds."""

    limit: int
    remaining: int
    reset: int


class RateLimitMiddleware:
    """Tells every caller with a key where it stands, before it is refused."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if (told := getattr(request, "rate_limit", None)) is not None:
            response.headers["RateLimit-Limit"] = str(told.limit)
            response.headers["RateLimit-Remaining"] = str(told.remaining)
            response.headers["RateLimit-Reset"] = str(told.reset)
        return response


class KeyThrottle(throttling.SimpleRateThrottle):
    """So many requests a minute for each key; where the cache is away nobody has to wait.

    Counted by the minutes of the clock: DRF's own way keeps the time of each request, thousands of them for a shop.
    """

    scope = "key"
    num_requests: int
    duration: int  # seconds

    def allow_request(self, request: Request, view: "APIView") -> bool:
        if not isinstance(request.auth, ApiKey):
            return True
        minute, self.gone = divmod(self.timer(), self.duration)
        try:
            counter = f"throttle-key-{request.auth.pk}-{minute:.0f}"
            asked: int = self.cache.count(counter, seconds=self.duration)  # type: ignore[attr-defined]  # by our backend
        except RedisError:
            return True
        left = max(0, self.num_requests - asked)
        request._request.rate_limit = RateLimit(self.num_requests, left, math.ceil(self.wait()))  # type: ignore[attr-defined]
        return asked <= self.num_requests

    def wait(self) -> float:
        """Seconds, whole ones: that is what Retry-After says."""
        return math.ceil(self.duration - self.gone)
