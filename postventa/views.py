"""For the machines that look after this one: is it alive, can it work, how does it do."""

import hmac
import ipaddress
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from mailing import alarms
from mailing.services.watching import watch
from postventa.metrics import exposition
from postventa.readiness import is_database_reachable, is_migrated, is_redis_reachable


@login_not_required
@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers. Nothing else: a database that is down must not get web processes restarted."""
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Whether requests may be sent here: 200, or 503; which part fails, but not why (that is logged elsewhere)."""
    parts = {name: "ok" if check() else "failing" for name, check in PARTS.items()}
    is_ready = set(parts.values()) == {"ok"}
    mail = mail_parts() if is_ready else {}
    return JsonResponse({"ready": is_ready, **parts, **mail}, status=200 if is_ready else 503)


@login_not_required
@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """For Prometheus, with METRICS_TOKEN as bearer, or from this very machine."""
    if not (has_metrics_token(request) or is_from_this_machine(request)):
        raise PermissionDenied
    return HttpResponse(exposition(), content_type=CONTENT_TYPE_LATEST)


def has_metrics_token(request: HttpRequest) -> bool:
    given = request.headers.get("Authorization", "").removeprefix("Bearer ").encode()
    return bool(settings.METRICS_TOKEN) and hmac.compare_digest(given, settings.METRICS_TOKEN.encode())


def is_from_this_machine(request: HttpRequest) -> bool:
    """Not through a proxy: everybody who comes through one on this machine seems to be here."""
    if settings.TRUSTED_PROXY_COUNT or {"X-Forwarded-For", "Forwarded", "X-Real-IP"} & set(request.headers):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


def mail_parts() -> dict[str, dict[str, str]]:
    """Whether the mail goes, which makes no web process unready. Asking is watching, as for every process."""
    try:
        return {"mail": alarms.parts(watch())}
    except DatabaseError:
        return {}


PARTS: dict[str, Callable[[], bool]] = {
    "database": is_database_reachable,
    "migrations": is_migrated,
    "redis": is_redis_reachable,
}
