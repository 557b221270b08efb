"""How long to wait before a mail is tried again. Pure."""

import random
from collections.abc import Callable
from datetime import timedelta

FIRST = timedelta(minutes=1)
LONGEST = timedelta(hours=6)
_DOUBLINGS = 10  # after which LONGEST has long been reached


def backoff(tries: int, *, draw: Callable[[], float] = random.random) -> timedelta:
    """A random time up to min(6 h, 60 s · 2^(tries − 1)), for `tries` ≥ 1 so far; `draw` gives a number from 0 to 1.

    All of it is random, so that a backlog does not come back all at once.
    """
    return min(LONGEST, FIRST * 2 ** min(max(tries - 1, 0), _DOUBLINGS)) * draw()
