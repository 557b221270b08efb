"""Changes beside other changes: what is left when what happened elsewhere too is taken away. Pure."""

from dataclasses import dataclass
from math import ceil, sqrt

from scipy.special import ndtri

from insights.statistics import Z_95

Z_POWER = float(ndtri(0.8))


@dataclass(frozen=True)
class Difference:
    """A difference with its 95 % interval, in the unit of what was compared."""

    value: float
    low: float
    high: float

    @property
    def is_certain(self) -> bool:
        """Chance alone would hardly make it: nought lies outside the interval."""
        return self.low > 0 or self.high < 0


def difference_of_differences(own: Difference, others: Difference) -> Difference:
    """What is left of a change without what changed elsewhere too (MOVER, Zou and Donner 2008)."""
    value = own.value - others.value
    down = sqrt((own.value - own.low) ** 2 + (others.high - others.value) ** 2)
    up = sqrt((own.high - own.value) ** 2 + (others.value - others.low) ** 2)
    return Difference(value, value - down, value + up)


def answers_to_demonstrate(difference: float, *, error_before: float, variance: float) -> int | None:
    """How many answers it takes afterwards to show such a difference in four of five cases, at 5 %.

    `error_before` is the standard error of what was measured before, `variance` that of a single answer; None where
    the answers of before are too few for that, or there is no difference to show.
    """
    if error_before < 0 or variance < 0:
        raise ValueError(f"errors and variances cannot be negative: {error_before}, {variance}")
    room = (difference / (Z_95 + Z_POWER)) ** 2 - error_before**2
    return ceil(variance / room) if room > 0 else None
