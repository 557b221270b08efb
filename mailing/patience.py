"""Going on where the database is away for a moment: a restart of it must not make anything uncertain that is known."""

import time
from collections.abc import Callable
from typing import TypeVar

import structlog
from django.db import InterfaceError, OperationalError, connection

Result = TypeVar("Result")

PAUSE = 0.5  # seconds between two tries

log = structlog.get_logger(__name__)


def patiently(work: Callable[[], Result], *, seconds: float) -> Result:
    """Do it, and again while the database is away, for so long at most.

    Only for work that may be done twice: the connection may have broken after the commit. Not inside a transaction.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return work()
        except (OperationalError, InterfaceError):
            if connection.in_atomic_block or time.monotonic() >= deadline:
                raise
            log.warning("database_away", exc_info=True)
            connection.close()
            time.sleep(PAUSE)
