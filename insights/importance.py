"""How much each opinion weighs in the score, and where an affiliate stands on what weighs. Associations, never causes.

Pure: answers and findings in, weights and places out. Weights are of the whole programme, since of one affiliate's
answers they would be noise; performance is the affiliate's own.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np

from insights.findings import Findings
from insights.statistics import (
    ANSWERS_FOR_VERDICT,
    MENTIONS_FOR_VERDICT,
    FloatArray,
    Interval,
    Quadrant,
    quadrant,
    rank_correlation,
    relative_weight_draws,
    relative_weights,
)

QUESTIONS = ("promise", "missing", "affiliate_rating")
# Green (1991): for m columns, 50 + 8 m answers.
ANSWERS_TO_WEIGH, ANSWERS_A_COLUMN = 50, 8
ANSWERS_TO_RANK = 30

Method = Literal["weights", "ranks"]
Driver = tuple[str, str]  # "question" or "aspect", and its code


@dataclass(frozen=True, slots=True)
class Reply:
    """What one customer answered. A question left out, or answered with «I had no contact», is not among `ratings`."""

    affiliate: int | None
    at: datetime
    score: int
    ratings: Mapping[str, float]
    praised: frozenset[str]  # codes of aspects
    criticised: frozenset[str]


@dataclass(frozen=True)
class Weight:
    """By «weights» the share, 0..1, of all that the drivers together explain; by «ranks» Spearman's ρ, -1..1."""

    kind: str
    code: str
    value: float
    low: float
    high: float

    @property
    def driver(self) -> Driver:
        return self.kind, self.code

    @property
    def interval(self) -> Interval:
        return self.low, self.high


@dataclass(frozen=True)
class Weights:
    """The heaviest first. By «ranks» («orientativo») there are too few answers to weigh one driver against another."""

    method: Method
    answers: int
    explained: float | None  # R², the part of the differences between scores; None by ranks
    drivers: tuple[Weight, ...]

    @property
    def even(self) -> float:
        """What each would weigh if all weighed the same."""
        return 1 / len(self.drivers)

    @property
    def leaders(self) -> tuple[Weight, ...]:
        """Those of which none can be said to weigh more than another: their intervals overlap the first one's."""
        return tuple(each for each in self.drivers if each.high >= self.drivers[0].low)

    @property
    def of_aspects(self) -> dict[str, float]:
        """Empty by ranks, which say nothing of one driver beside another."""
        if self.method == "ranks":
            return {}
        return {each.code: each.value for each in self.drivers if each.kind == "aspect"}


# --- Weighing --------------------------------------------------------------------------------------------------------
def asked_questions(replies: Collection[Reply]) -> tuple[str, ...]:
    """Those that at least half have answered: one that few were asked would leave few complete answers."""
    answered = Counter(question for reply in replies for question in reply.ratings)
    return tuple(question for question in QUESTIONS if answered[question] and 2 * answered[question] >= len(replies))


def complete(replies: Iterable[Reply], questions: Collection[str]) -> list[Reply]:
    return [reply for reply in replies if all(question in reply.ratings for question in questions)]


def weigh(replies: Sequence[Reply], questions: Sequence[str], aspects: Sequence[str]) -> Weights | None:
    """From complete replies. None with fewer than 30, or where nothing varies.

    Praise and complaint of an aspect are two columns of 0 and 1, whose weights add up; a column in which all but fewer
    than ten replies say the same is left out.
    """
    columns = [Column(("question", question), [each.ratings[question] for each in replies]) for question in questions]
    for aspect in aspects:
        driver = ("aspect", aspect)
        columns.append(Column(driver, [float(aspect in each.praised) for each in replies]))
        columns.append(Column(driver, [float(aspect in each.criticised) for each in replies], sign=-1))
    columns = [column for column in columns if column.tells]
    scores = [reply.score for reply in replies]
    if len(replies) < ANSWERS_TO_RANK or not columns or len(set(scores)) < 2:
        return None
    if len(replies) < ANSWERS_TO_WEIGH + ANSWERS_A_COLUMN * len(columns):
        return _rank(columns, scores)
    return _weigh(columns, scores)


@dataclass(frozen=True)
class Column:
    """What the replies say of a driver, one number each; `sign` -1 where more of it is worse."""

    driver: Driver
    values: Sequence[float]
    sign: float = 1

    @property
    def tells(self) -> bool:
        commonest = Counter(self.values).most_common(1)
        return bool(commonest) and len(self.values) - commonest[0][1] >= MENTIONS_FOR_VERDICT


def _weigh(columns: Sequence[Column], scores: Sequence[int]) -> Weights:
    matrix = np.column_stack([column.values for column in columns])
    drivers = list(dict.fromkeys(column.driver for column in columns))
    raw = relative_weights(matrix, scores)
    shares = _shares_by_driver(raw[np.newaxis], columns, drivers)[0]
    draws = _shares_by_driver(relative_weight_draws(matrix, scores), columns, drivers)
    lows, highs = np.quantile(draws, [0.025, 0.975], axis=0)
    # Weights are never below 0, so a bootstrap leans upwards, and its interval may miss the smallest by a hair.
    weights = [
        Weight(*driver, float(share), min(float(low), float(share)), max(float(high), float(share)))
        for driver, share, low, high in zip(drivers, shares, lows, highs, strict=True)
    ]
    return Weights("weights", len(scores), float(raw.sum()), _ordered(weights))


def _shares_by_driver(weights: FloatArray, columns: Sequence[Column], drivers: Sequence[Driver]) -> FloatArray:
    """Of all weights of a row; those of a driver's columns are added up."""
    belongs = np.array([[float(column.driver == driver) for driver in drivers] for column in columns])
    sums = weights.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(weights, sums, out=np.zeros_like(weights), where=sums > 0) @ belongs)


def _rank(columns: Sequence[Column], scores: Sequence[int]) -> Weights | None:
    """An aspect's praise counts 1 and its complaint -1."""
    sums: dict[Driver, FloatArray] = {}
    for column in columns:
        sums[column.driver] = sums.get(column.driver, np.zeros(len(scores))) + column.sign * np.asarray(column.values)
    found = [(driver, rank_correlation(values, scores)) for driver, values in sums.items()]
    weights = [Weight(*driver, *correlation) for driver, correlation in found if correlation]
    return Weights("ranks", len(scores), None, _ordered(weights)) if weights else None


def _ordered(weights: Iterable[Weight]) -> tuple[Weight, ...]:
    return tuple(sorted(weights, key=lambda each: (-abs(each.value), each.kind, each.code)))


# --- Importance and performance --------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Performance:
    """The share, 0..1, of those who say of it that it is well."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Priority:
    """A driver in the importance-performance matrix; undecided where an interval crosses a line."""

    weight: Weight
    performance: Performance
    field: Quadrant


@dataclass(frozen=True)
class Priorities:
    """The matrix and its two lines: the mean performance of the programme, and what each would weigh if all alike."""

    mean: float
    even: float
    found: tuple[Priority, ...]

    def of(self, field: Quadrant) -> tuple[Priority, ...]:
        return tuple(each for each in self.found if each.field == field)


def performance_of(findings: Findings) -> dict[Driver, Performance]:
    """What has enough answers to be placed: 20, and of an aspect 10 mentions."""
    figures = {"promise": findings.promise_kept, "affiliate_rating": findings.affiliate_rating}
    found: dict[Driver, Performance] = {
        ("question", code): Performance(figure.value, figure.low, figure.high, figure.n)
        for code, figure in figures.items()
        if figure and figure.n >= ANSWERS_FOR_VERDICT
    }
    missed = findings.missed_something
    if missed and missed.n >= ANSWERS_FOR_VERDICT:
        found["question", "missing"] = Performance(1 - missed.value, 1 - missed.high, 1 - missed.low, missed.n)
    for each in (*findings.keep, *findings.improve):
        if each.n >= MENTIONS_FOR_VERDICT and findings.n >= ANSWERS_FOR_VERDICT:
            found["aspect", each.aspect] = Performance(each.share, each.low, each.high, each.n)
    return found


def place(own: Findings, programme: Findings, weights: Weights) -> Priorities | None:
    """None by ranks, or where the programme has no two drivers to take the mean of."""
    everywhere = performance_of(programme)
    known = [everywhere[each.driver].value for each in weights.drivers if each.driver in everywhere]
    if weights.method == "ranks" or len(known) < 2:
        return None
    mean, performances = sum(known) / len(known), performance_of(own)
    found = [
        Priority(each, performance, _field(performance, each, mean, weights.even))
        for each in weights.drivers
        if (performance := performances.get(each.driver))
    ]
    return Priorities(mean, weights.even, tuple(found))


def _field(performance: Performance, weight: Weight, mean: float, even: float) -> Quadrant:
    return quadrant((performance.low, performance.high), weight.interval, performance_cut=mean, weight_cut=even)
