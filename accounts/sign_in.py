"""Guessing at a door: counted by who is tried and from where, so that the owner is never the one locked out.

Somebody who has signed in on a device before is known there by a cookie (OWASP's device cookies): their own mistakes
count for that device alone, and whatever strangers do elsewhere does not reach it. A new password by mail is always a
way in, and makes the device known.
"""

import secrets
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.crypto import salted_hmac

from accounts.middleware import GetResponse
from accounts.throttling import Counter, Limit, household, too_many_requests

COOKIE = "__Secure-postventa_device" if settings.IS_HTTPS else "postventa_device"  # not for the whole host
COOKIE_PATH = "/accounts/"
KNOWN_FOR = 180 * 24 * 3600  # seconds
SALT = "accounts.device"

FROM_A_KNOWN_DEVICE = Limit(10, 15 * 60)
AT_ONE_ACCOUNT_FROM_ONE_ADDRESS = Limit(5, 15 * 60)
AT_ONE_ACCOUNT = Limit(50, 60 * 60)
FROM_ONE_ADDRESS = Limit(50, 15 * 60)

# How often a form of accounts may be sent, by one person or, before sign-in, from one address.
FORMS = {
    "account_login": Limit(60, 60),
    "account_reset_password": Limit(20, 15 * 60),
    "account_reset_password_from_key": Limit(20, 15 * 60),
    "account_change_password": Limit(10, 15 * 60),
    "account_reauthenticate": Limit(20, 15 * 60),
    "accounts:email": Limit(10, 60 * 60),
    "mfa_authenticate": Limit(30, 15 * 60),
    "mfa_reauthenticate": Limit(20, 15 * 60),
    "mfa_activate_totp": Limit(30, 15 * 60),
}


@dataclass(frozen=True)
class Attempt:
    """A guess that has been counted before anything was compared: many at once are counted too."""

    counters: tuple[Counter, ...]
    is_allowed: bool

    def succeeded(self) -> None:
        """It was no guess."""
        for counter in self.counters:
            counter.give_back()


def begin_attempt(request: HttpRequest, door: str, account: str) -> Attempt:
    """Count a guess at an account's password or code (`door`). `account`: what was typed, known to us or not."""
    counters = _counters(request, door, account)
    # The narrowest first, and no further: what one address is refused does not use up what others may try.
    return Attempt(counters, all(counter.count() for counter in counters))


def _counters(request: HttpRequest, door: str, account: str) -> tuple[Counter, ...]:
    if device := known_device(request, account):
        return (Counter.of(f"{door}:device:{device}", FROM_A_KNOWN_DEVICE),)
    address = household(request)
    return (
        Counter.of(f"{door}:{account}:{address}", AT_ONE_ACCOUNT_FROM_ONE_ADDRESS),
        Counter.of(f"{door}:{account}", AT_ONE_ACCOUNT),
        Counter.of(f"{door}:from:{address}", FROM_ONE_ADDRESS),
    )


def known_device(request: HttpRequest, account: str) -> str:
    """The device's own number where this account has signed in on it; else nothing."""
    try:
        owner, device = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=KNOWN_FOR)
    except (signing.BadSignature, ValueError, TypeError):
        return ""
    return str(device) if owner == _mark_of(account) else ""


def remember_device(response: HttpResponseBase, request: HttpRequest, account: str) -> None:
    device = known_device(request, account) or secrets.token_urlsafe(12)
    response.set_cookie(
        COOKIE,
        signing.dumps([_mark_of(account), device], salt=SALT),
        max_age=KNOWN_FOR,
        path=COOKIE_PATH,
        secure=settings.IS_HTTPS,
        httponly=True,
        samesite="Lax",
    )


class DoorMiddleware:
    """Counts the forms of accounts that are sent, and gives the cookie by which a device is known there again."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if account := getattr(request, "account_let_in", ""):
            remember_device(response, request, account)
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        name = request.resolver_match.view_name if request.resolver_match else ""
        if request.method != "POST" or name not in FORMS:
            return None
        who = f"user:{request.user.pk}" if request.user.is_authenticated else household(request)
        counter = Counter.of(f"{name}:{who}", FORMS[name])
        return None if counter.count() else too_many_requests(request, wait=counter.seconds_left)


def _mark_of(account: str) -> str:
    return salted_hmac(SALT, account).hexdigest()[:32]
