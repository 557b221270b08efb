"""What a brand wants to reach, and whether it is there. Pure: a figure with its interval in, a judgement out."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import bdtr

from insights.statistics import ANSWERS_FOR_VERDICT, Interval

DAYS = 90  # over which the brand's own figures are taken

Judgement = Literal["met", "missed", "open"]
# Of these less is better.
LESS_IS_BETTER = frozenset({"missing", "promise_unmet", "first_answer"})


@dataclass(frozen=True)
class Reading:
    """A figure as last measured: a share 0..1, an NPS in points, or hours to the first answer."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Progress:
    """A target beside what was measured. None was measured: too little to say anything."""

    figure: str
    aim: float  # in the figure's unit
    reading: Reading | None

    @property
    def judgement(self) -> Judgement:
        return judge(self.figure, self.aim, self.reading)


def judge(figure: str, aim: float, reading: Reading | None) -> Judgement:
    """Met or missed where the whole interval is on that side of the aim, of 20 or more; else it cannot be told."""
    if reading is None or reading.n < ANSWERS_FOR_VERDICT:
        return "open"
    if figure in LESS_IS_BETTER:
        return "met" if reading.high <= aim else "missed" if reading.low > aim else "open"
    return "met" if reading.low >= aim else "missed" if reading.high < aim else "open"


def median_ranks(n: int) -> tuple[int, int] | None:
    """Ranks, from 1, of the ordered values between which the median lies with 95 % confidence, whatever their shape.

    None with fewer than six: even the smallest and the largest would promise less than that.
    """
    low = int(np.searchsorted(bdtr(np.arange(n + 1), n, 0.5), 0.025))
    return (low, n + 1 - low) if low >= 1 else None


def median_reading(ordered: list[float]) -> Reading | None:
    """The median of values in ascending order."""
    n, ranks = len(ordered), median_ranks(len(ordered))
    if ranks is None:
        return None
    median = (ordered[(n - 1) // 2] + ordered[n // 2]) / 2
    interval: Interval = (ordered[ranks[0] - 1], ordered[ranks[1] - 1])
    return Reading(median, *interval, n)
