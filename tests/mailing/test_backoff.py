from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailing.backoff import LONGEST, backoff


@given(tries=st.integers(min_value=0, max_value=10**9), drawn=st.floats(min_value=0, max_value=1))
def test_backoff_is_never_negative_and_never_longer_than_six_hours(tries: int, drawn: float) -> None:
    assert timedelta(0) <= backoff(tries, draw=lambda: drawn) <= LONGEST


@pytest.mark.parametrize(
    ("tries", "minutes"), [(1, 1), (2, 2), (3, 4), (8, 128), (9, 256), (10, 360), (11, 360), (500, 360)]
)
def test_backoff_doubles_up_to_six_hours(tries: int, minutes: int) -> None:
    assert backoff(tries, draw=lambda: 1.0) == timedelta(minutes=minutes)
    assert backoff(tries, draw=lambda: 0.5) == timedelta(minutes=minutes) / 2


def test_backoff_is_random() -> None:
    assert len({backoff(5) for _ in range(20)}) > 1
