"""Met, missed, or not to be told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from insights.targets import Progress, Reading, judge, median_ranks, median_reading


@pytest.mark.parametrize(
    ("figure", "low", "high", "judgement"),
    [
        ("csat", 0.81, 0.95, "met"),
        ("csat", 0.80, 0.95, "met"),
        ("csat", 0.60, 0.79, "missed"),
        ("csat", 0.60, 0.80, "open"),
        ("nps", 0.81, 20, "met"),
        ("missing", 0.60, 0.80, "met"),
        ("missing", 0.81, 0.95, "missed"),
        ("missing", 0.60, 0.95, "open"),
        ("promise_unmet", 0.81, 0.95, "missed"),
        ("first_answer", 0.2, 0.8, "met"),
        ("response_rate", 0.1, 0.2, "missed"),
    ],
)
def test_the_whole_interval_decides(figure, low, high, judgement):
    assert judge(figure, 0.80, Reading((low + high) / 2, low, high, 20)) == judgement


def test_of_fewer_than_20_or_of_nothing_it_cannot_be_told():
    assert judge("csat", 0.5, Reading(1, 0.83, 1, 19)) == "open"
    assert Progress("csat", 0.5, None).judgement == "open"


def test_a_median_lies_where_the_signs_say():
    reading = median_reading([float(hours) for hours in range(1, 26)])

    # Of 25 ordered values the 8th and the 18th: Conover, table of the sign test.
    assert reading == Reading(13.0, 8.0, 18.0, 25)
    assert median_reading([1.0, 2.0, 3.0, 4.0, 5.0]) is None
    assert median_reading([1.0, 2.0, 3.0, 4.0, 5.0, 7.0]) == Reading(3.5, 1.0, 7.0, 6)
    assert median_reading([]) is None


@given(st.integers(6, 2000))
def test_the_ranks_hold_the_median_with_95_percent_and_are_the_narrowest(n):
    low, high = median_ranks(n) or (0, 0)

    def confidence(rank: int) -> float:
        return 1 - 2 * float(stats.binom.cdf(rank - 1, n, 0.5))

    assert low + high == n + 1
    assert confidence(low) >= 0.95
    assert low == high or confidence(low + 1) < 0.95
