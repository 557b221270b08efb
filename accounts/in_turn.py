"""What is done for many in turn: a fault in one must not keep the others waiting, tonight and for ever."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import structlog

Row = TypeVar("Row")

log = structlog.get_logger(__name__)


def sum_in_turn(rows: Iterable[Row], work: Callable[[Row], int]) -> int:
    """What the work comes to, over all. Raises ExceptionGroup when all are done, of those where it failed."""
    total, faults = 0, []
    for row in rows:
        try:
            total += work(row)
        except Exception as error:  # whatever it is
            log.exception("one_failed", kind=type(row).__name__, row=getattr(row, "pk", row))
            faults.append(error)
    if faults:
        raise ExceptionGroup("some failed", faults)
    return total
