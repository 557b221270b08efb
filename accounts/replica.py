"""A replica of the database, if there is one, for pages that only read counts: which of both is asked, and when.

Deciding whom to ask, sending, surveys, cases and the desk stay on the primary: a lag there would be a second mail. So
does whoever has just changed something, until the replica has it too; and everybody while it is too far behind or does
not answer, so that no page fails for its sake (docs/scaling.md).
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from threading import Lock
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.db import DEFAULT_DB_ALIAS, connections
from django.db import Error as DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

log = structlog.get_logger(__name__)

REPLICA = "replica"  # in settings.DATABASES
COOKIE = "postventa_changed"  # by its being there: whoever has it has just changed something
READING = ("GET", "HEAD")
PEOPLE = ("accounts", "sessions")  # apps: who somebody is and what they may see holds at once
MEASURED_EVERY = 5  # seconds
LEFT_ALONE = 30  # seconds, when it does not answer: a page must not wait for it again and again

_is_read: ContextVar[bool] = ContextVar("replica_is_read", default=False)

POSITION = "SELECT pg_current_wal_lsn()::text, clock_timestamp(), system_identifier FROM pg_control_system()"
# The times of commits are the primary's as well, so that no other clock matters. Where all has come there is nothing to
# wait for, however long ago the last commit was. Nobody knows how old it is where since its start none has come (hence
# no GREATEST, which takes NULL for nothing). No row: it is no replica, or somebody else's.
BEHIND = """
SELECT CASE WHEN pg_last_wal_replay_lsn() >= %(position)s::pg_lsn THEN 0
            ELSE extract(epoch FROM %(now)s - pg_last_xact_replay_timestamp()) END::float
  FROM pg_control_system() WHERE pg_is_in_recovery() AND system_identifier = %(primary)s
"""


def exists() -> bool:
    return REPLICA in connections.databases


def alias_to_read() -> str:
    """The database that a reading statement goes to. In a transaction its own writes have to be seen."""
    if _is_read.get() and not connections[DEFAULT_DB_ALIAS].in_atomic_block:
        return REPLICA
    return DEFAULT_DB_ALIAS


class Router:
    """For the ORM; statements by hand ask `alias_to_read` (accounts/statements.py)."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return DEFAULT_DB_ALIAS if model._meta.app_label in PEOPLE else alias_to_read()

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return DEFAULT_DB_ALIAS

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db != REPLICA


# --- How far it is behind --------------------------------------------------------------------------------------------
class Watch:
    """What this process knows of the replica: measured now and then, not at each request."""

    def __init__(self) -> None:
        self._measuring = Lock()
        self._behind: float | None = None
        self._holds_until = 0.0  # by the monotonic clock

    def behind(self) -> float | None:
        """Seconds; None: it cannot be asked, or is no replica."""
        with self._measuring:
            self._look()
        return self._behind

    def is_fit(self) -> bool:
        """May pages be read from it? Not while somebody else is finding out: that may take seconds."""
        if time.monotonic() >= self._holds_until:
            if not self._measuring.acquire(blocking=False):
                return False
            try:
                self._look()
            finally:
                self._measuring.release()
        return self._behind is not None and self._behind <= settings.REPLICA_MAX_LAG_SECONDS

    def forget(self) -> None:
        """It has just failed: look again before it is asked again."""
        self._holds_until = 0.0

    def _look(self) -> None:
        began = time.monotonic()
        if began >= self._holds_until:
            self._behind = measure()
            self._holds_until = began + (LEFT_ALONE if self._behind is None else MEASURED_EVERY)


WATCH = Watch()


def measure() -> float | None:
    try:
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute(POSITION)
            position, now, primary = cursor.fetchone()
        with connections[REPLICA].cursor() as cursor:
            cursor.execute(BEHIND, {"position": position, "now": now, "primary": primary})
            found = cursor.fetchone()
    except DatabaseError as problem:
        give_up(problem)
        return None
    seconds = found[0] if found else None
    return None if seconds is None else max(seconds, 0.0)


def give_up(problem: Exception | None) -> None:
    """Whoever asks next begins with a new connection."""
    log.warning("replica_failed", problem=type(problem).__name__)
    connections[REPLICA].close()


# --- Pages -----------------------------------------------------------------------------------------------------------
def reads_replica(page: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Make the page out of what the replica has, where there is one that may be asked; else of the primary, as ever.

    What the page notes of its reader is written to the primary all the same; it must bear being made twice.
    """

    @wraps(page)
    def made(request: HttpRequest, *args: Any, **named: Any) -> HttpResponse:
        if exists() and request.method in READING and COOKIE not in request.COOKIES and WATCH.is_fit():
            response = _from_replica(lambda: page(request, *args, **named))
            if response is not None:
                return response
        return page(request, *args, **named)

    return made


def _from_replica(page: Callable[[], HttpResponse]) -> HttpResponse | None:
    """None: the primary has to be asked."""
    problem: Exception | None = None
    try:
        with _reading():
            response = page()
    except Http404:  # what it is about may be younger than the replica
        return None
    except DatabaseError as error:
        if not connections[REPLICA].errors_occurred:  # the primary's own
            raise
        problem = error
    # A template goes on where a condition in it could not be asked.
    if connections[REPLICA].errors_occurred:
        give_up(problem)
        WATCH.forget()
        return None
    return response


@contextmanager
def _reading() -> Iterator[None]:
    token = _is_read.set(True)
    try:
        yield
    finally:
        _is_read.reset(token)


# --- Whoever has just changed something ------------------------------------------------------------------------------
def note_change(request: HttpRequest) -> None:
    """The page has changed something that its reader expects to see, though it was only asked for."""
    request.has_changed_something = True  # type: ignore[attr-defined]


class ChangeMiddleware:
    """Whoever changes something reads from the primary for longer than the replica may lag: a cookie that ends says so.

    Made up by somebody it would do no harm.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        if not exists():
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        has_changed = request.method not in READING or hasattr(request, "has_changed_something")
        if has_changed and settings.SESSION_COOKIE_NAME in request.COOKIES:
            response.set_cookie(
                COOKIE,
                "1",
                max_age=settings.REPLICA_MAX_LAG_SECONDS + 2 * MEASURED_EVERY,
                secure=settings.IS_HTTPS,
                httponly=True,
                samesite="Lax",
            )
        return response
