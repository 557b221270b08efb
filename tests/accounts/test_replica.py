"""Which of both databases is asked. What a real replica does with it: tests/postventa/test_replication.py."""

from collections.abc import Iterator
from contextlib import suppress
from threading import Event, Thread

import pytest
from django.contrib.sessions.models import Session
from django.core.exceptions import MiddlewareNotUsed
from django.db import OperationalError, connections
from django.http import Http404, HttpRequest, HttpResponse
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from accounts import replica
from accounts.models import Membership
from accounts.replica import COOKIE, LEFT_ALONE, MEASURED_EVERY, REPLICA, ChangeMiddleware, Router, Watch, reads_replica
from affiliates.models import Affiliate
from postventa.settings import SOON_NOTICED_WHEN_GONE, database

NOBODY = "postgres://postventa@/postventa?host=/nowhere"


@pytest.fixture
def there_is_one(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Up to date, as far as this process knows."""
    monkeypatch.setitem(
        connections.databases, REPLICA, {**connections.databases["default"], **database(NOBODY, SOON_NOTICED_WHEN_GONE)}
    )
    monkeypatch.setattr(replica, "measure", lambda: 0.0)
    monkeypatch.setattr(replica, "WATCH", Watch())
    settings.DATABASE_ROUTERS = ["accounts.replica.Router"]
    yield
    with suppress(AttributeError):  # no page has asked it
        del connections[REPLICA]


class Page:
    """Says from where it was made, each time."""

    def __init__(self) -> None:
        self.made_of: list[str] = []

    def __call__(self, request: HttpRequest) -> HttpResponse:
        self.made_of.append(replica.alias_to_read())
        return HttpResponse()


def ask(page: Page, method: str = "GET", cookies: dict[str, str] | None = None) -> list[str]:
    factory = RequestFactory()
    factory.cookies.load(cookies or {})
    page.__name__ = page.__qualname__ = "page"  # type: ignore[attr-defined]
    reads_replica(page)(factory.generic(method, "/"))
    return page.made_of


@pytest.mark.usefixtures("there_is_one")
@pytest.mark.parametrize(
    ("method", "cookies", "made_of"),
    [
        ("GET", {}, ["replica"]),
        ("HEAD", {}, ["replica"]),
        ("POST", {}, ["default"]),
        ("GET", {COOKIE: "1"}, ["default"]),
    ],
)
def test_a_page_is_read_from_it_unless_its_reader_changes_something(
    method: str, cookies: dict[str, str], made_of: list[str]
) -> None:
    assert ask(Page(), method, cookies) == made_of
    assert replica.alias_to_read() == "default"


def test_without_one_the_primary_is_asked() -> None:
    assert ask(Page()) == ["default"]
    with pytest.raises(MiddlewareNotUsed):
        ChangeMiddleware(lambda request: HttpResponse())


@pytest.mark.usefixtures("there_is_one")
def test_what_is_written_or_locked_and_who_may_see_what_is_the_primarys() -> None:
    with replica._reading():
        assert (Affiliate.objects.all().db, Affiliate.objects.select_for_update().db) == ("replica", "default")
        assert Router().db_for_write(Affiliate) == "default"
        assert (Membership.objects.all().db, Session.objects.all().db) == ("default", "default")
    assert Affiliate.objects.all().db == "default"
    assert Router().allow_relation(Affiliate(), Membership())
    assert (Router().allow_migrate("replica", "accounts"), Router().allow_migrate("default", "accounts")) == (
        False,
        True,
    )


@pytest.mark.usefixtures("there_is_one")
@pytest.mark.parametrize("problem", [OperationalError(), Http404(), None], ids=["error", "missing", "swallowed"])
def test_where_it_fails_the_page_is_made_again_of_the_primary(problem: Exception | None) -> None:
    class Failing(Page):
        def __call__(self, request: HttpRequest) -> HttpResponse:
            response = super().__call__(request)
            if self.made_of == ["replica"]:
                connections[REPLICA].errors_occurred = not isinstance(problem, Http404)
                if problem:
                    raise problem
            return response

    assert ask(Failing()) == ["replica", "default"]


@pytest.mark.usefixtures("there_is_one")
def test_a_failure_of_the_primary_is_not_hidden() -> None:
    class Failing(Page):
        def __call__(self, request: HttpRequest) -> HttpResponse:
            super().__call__(request)
            raise OperationalError

    page = Failing()
    with pytest.raises(OperationalError):
        ask(page)

    assert page.made_of == ["replica"]


# --- How far it is behind --------------------------------------------------------------------------------------------
def test_it_is_measured_now_and_then_and_left_alone_where_it_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    told = iter([3.0, None, 4.0])
    monkeypatch.setattr(replica, "measure", lambda: next(told))
    watch = Watch()

    assert [watch.behind(), watch.is_fit(), watch.behind()] == [3.0, True, 3.0]
    watch._holds_until -= MEASURED_EVERY
    assert [watch.behind(), watch.is_fit()] == [None, False]
    watch._holds_until -= LEFT_ALONE - 5
    assert watch.behind() is None
    watch.forget()
    assert watch.behind() == 4.0
    assert [*told] == []


@pytest.mark.parametrize(("behind", "is_fit"), [(0.0, True), (60.0, True), (60.1, False), (None, False)])
def test_how_far_it_may_be_behind(behind: float | None, is_fit: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica, "measure", lambda: behind)

    assert Watch().is_fit() is is_fit


def test_no_page_waits_for_another_that_is_finding_out(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, answer = Event(), Event()

    def measure() -> float:
        begun.set()
        answer.wait()
        return 0.0

    monkeypatch.setattr(replica, "measure", measure)
    watch = Watch()
    first = Thread(target=watch.is_fit)
    first.start()
    begun.wait()

    meanwhile = watch.is_fit()
    answer.set()
    first.join()

    assert (meanwhile, watch.is_fit()) == (False, True)


# --- Whoever has just changed something ------------------------------------------------------------------------------
@pytest.mark.usefixtures("there_is_one")
@pytest.mark.parametrize(
    ("method", "is_signed_in", "has_noted", "is_marked"),
    [
        ("POST", True, False, True),
        ("POST", False, False, False),  # a program, or somebody who is not known
        ("GET", True, False, False),
        ("GET", True, True, True),
    ],
)
def test_who_has_changed_something_is_marked_for_longer_than_it_may_lag(
    method: str, is_signed_in: bool, has_noted: bool, is_marked: bool, settings: Settings
) -> None:
    factory = RequestFactory()
    if is_signed_in:
        factory.cookies[settings.SESSION_COOKIE_NAME] = "x"
    request = factory.generic(method, "/")
    if has_noted:
        replica.note_change(request)

    response = ChangeMiddleware(lambda request: HttpResponse())(request)

    assert isinstance(response, HttpResponse)
    assert (COOKIE in response.cookies) is is_marked
    if is_marked:
        assert response.cookies[COOKIE]["max-age"] == 70


# --- Addresses -------------------------------------------------------------------------------------------------------
def test_two_hosts_may_stand_in_an_address() -> None:
    told = database("postgres://u:p@a:5432,b:5433/shop?target_session_attrs=read-write", {"connect_timeout": 5})

    assert (told["HOST"], told["PORT"], told["NAME"]) == ("a,b", "5432,5433", "shop")
    assert told["OPTIONS"] == {"connect_timeout": 5, "target_session_attrs": "read-write"}
