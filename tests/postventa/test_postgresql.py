"""A kept connection is looked at before it serves again, without a word to the server."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from django.db import DatabaseError
from django.db import connection as ours
from django.db.backends.base.base import BaseDatabaseWrapper

pytestmark = pytest.mark.django_db


@pytest.fixture
def kept() -> Iterator[BaseDatabaseWrapper]:
    """A connection of its own to the test's database, as a web process keeps one from request to request."""
    wrapper = ours.copy()
    wrapper.ensure_connection()
    yield wrapper
    wrapper.close()


def begin_request(wrapper: BaseDatabaseWrapper) -> None:
    """As Django's own signal does it."""
    wrapper.health_check_done = False
    wrapper.close_if_unusable_or_obsolete()


def ask(wrapper: BaseDatabaseWrapper, sql: str) -> object:
    with wrapper.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def tell(wrapper: BaseDatabaseWrapper, sql: str) -> None:
    with wrapper.cursor() as cursor:
        cursor.execute(sql)


def backend(wrapper: BaseDatabaseWrapper) -> int:
    return wrapper.connection.info.backend_pid


def end_backend(wrapper: BaseDatabaseWrapper) -> None:
    with ours.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [backend(wrapper)])
        assert cursor.fetchone() == (True,)


def test_a_connection_in_order_is_kept_and_not_asked(kept):
    ask(kept, "SELECT 'the last that it heard'")
    before = backend(kept)

    begin_request(kept)
    assert kept.is_usable()

    assert backend(kept) == before
    with ours.cursor() as cursor:
        cursor.execute("SELECT query FROM pg_stat_activity WHERE pid = %s", [before])
        assert cursor.fetchone() == ("SELECT 'the last that it heard'",)


def test_one_that_the_server_has_ended_is_replaced_before_it_is_used(kept):
    before = backend(kept)
    end_backend(kept)

    begin_request(kept)

    assert ask(kept, "SELECT 1") == 1
    assert backend(kept) != before


def test_one_on_which_the_server_said_something_harmless_is_kept(kept):
    before = backend(kept)
    tell(kept, "LISTEN news")
    with closing(ours.copy()) as other:
        tell(other, "NOTIFY news")

    begin_request(kept)

    assert ask(kept, "SELECT 1") == 1
    assert backend(kept) == before


def test_after_an_error_the_server_is_asked(kept):
    end_backend(kept)
    with pytest.raises(DatabaseError):
        ask(kept, "SELECT 1")

    begin_request(kept)

    assert ask(kept, "SELECT 1") == 1


def test_both_ends_of_a_connection_ask_after_each_other(kept: BaseDatabaseWrapper) -> None:
    """A host that dies says nothing: by itself TCP would wait for two hours, and PostgreSQL would hold its locks."""
    assert kept.connection
    asked = kept.connection.info.dsn_parameters

    assert {name: asked[name] for name in ("keepalives_idle", "keepalives_interval", "keepalives_count")} == {
        "keepalives_idle": "10",
        "keepalives_interval": "5",
        "keepalives_count": "4",
    }
    assert (asked["connect_timeout"], asked["tcp_user_timeout"]) == ("5", "30000")
    assert all(f"-c {name}=" in asked["options"] for name in ("tcp_keepalives_idle", "tcp_user_timeout"))
