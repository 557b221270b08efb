"""Where somebody is signed in: listed to them, ended by them. Each session notes every few minutes that it lives."""

import math
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import logout
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from accounts.devices import device_in_words
from accounts.middleware import GetResponse
from accounts.models import User
from accounts.secret_links import client_address

SEEN, BEGUN = "seen_at", "begun_at"  # in the session: seconds since 1970
NOTED_EVERY = 5 * 60  # seconds: noting it at each page would make each read a write


@dataclass(frozen=True)
class SignedIn:
    pk: int
    device: str
    address: str
    since: datetime
    seen_at: datetime
    is_this_one: bool


def sessions_of(user: User, *, current: str | None) -> list[SignedIn]:
    """The one that asks first, then the ones last seen; those that are over are forgotten."""
    alive: list[Any] = UserSession.objects.purge_and_list(user)
    listed = [
        SignedIn(
            row.pk,
            device_in_words(row.user_agent),
            row.ip,
            row.created_at,
            row.last_seen_at,
            row.session_key == current,
        )
        for row in alive
    ]
    return sorted(listed, key=lambda each: (not each.is_this_one, -each.seen_at.timestamp()))


def end_sessions(user: User, *, keep: str | None, only: int | None = None) -> int:
    """All but the one to keep, or one of them; how many. Whoever sits there has to sign in again."""
    ending = UserSession.objects.filter(user=user).exclude(session_key=keep)
    rows = list(ending.filter(pk=only) if only is not None else ending)
    for row in rows:
        row.end()
    return len(rows)


def begin_noting(request: HttpRequest) -> None:
    """Somebody has just signed in."""
    request.session[SEEN] = request.session[BEGUN] = time.time()


def is_over(session: SessionBase) -> bool:
    """Of those that began before it was noted when, nobody knows."""
    return bool(time.time() - session.get(BEGUN, math.inf) >= settings.SESSION_MAX_DAYS * 24 * 3600)


class SeenMiddleware:
    """When somebody was last here, and from where, to within minutes; and who has been signed in for too long."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        seen = request.session.get(SEEN)
        if is_over(request.session) and request.user.is_authenticated:
            UserSession.objects.filter(session_key=request.session.session_key).delete()
            logout(request)
        elif seen is not None and time.time() - seen >= NOTED_EVERY and request.user.is_authenticated:
            request.session[SEEN] = time.time()
            own = UserSession.objects.filter(session_key=request.session.session_key)
            own.update(last_seen_at=timezone.now(), ip=client_address(request))
        return self.get_response(request)
