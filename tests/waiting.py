"""Waiting for what other threads and processes do: as long as a busy machine takes, and no longer than it takes."""

import time
from collections.abc import Callable

from django.db import connection

PATIENCE = 90.0  # seconds


def wait_until(is_so: Callable[[], object], *, seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"not so after {seconds} s"
        time.sleep(0.02)


def wait_for_blocked(count: int = 1) -> None:
    """Until so many others wait for a lock in the test's database, as it is now, even inside a transaction."""
    wait_until(lambda: blocked() >= count)


def blocked() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return int(cursor.fetchone()[0])
