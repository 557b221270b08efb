"""What facts about purchases go with: a late delivery, a refund, a category. Associations, never causes.

Pure: counts in, effects out. Each fact is compared with all other purchases of which the same is known.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add

from insights.statistics import (
    ANSWERS_FOR_VERDICT,
    Interval,
    Moments,
    benjamini_hochberg,
    may_show_reference,
    newcombe_interval,
    two_proportion_test,
    welch_test,
)

HAPPENED_NOT = ""
FALSE_FINDINGS = 0.05  # the share of them that is put up with

Key = tuple[str, str]  # kind and code


@dataclass(frozen=True)
class Group:
    """Some answers: how many, the sum of their scores of 1 to 5 and of the squares, and how many are satisfied."""

    answers: int = 0
    total: int = 0
    squares: int = 0
    satisfied: int = 0

    def __add__(self, other: "Group") -> "Group":
        return Group(
            self.answers + other.answers,
            self.total + other.total,
            self.squares + other.squares,
            self.satisfied + other.satisfied,
        )

    def __sub__(self, other: "Group") -> "Group":
        return self + Group(-other.answers, -other.total, -other.squares, -other.satisfied)

    @property
    def moments(self) -> Moments:
        return Moments(self.answers, self.total, self.squares)

    @property
    def mean(self) -> float:
        return self.total / self.answers

    @property
    def share(self) -> float:
        return self.satisfied / self.answers


@dataclass(frozen=True)
class Cell:
    """A fact: whom it touched, of how many customers it is known whether it did, and what those answered.

    Common: neither it nor what it is compared with tells of a single affiliate.
    """

    customers: int
    known: int
    group: Group
    is_common: bool = True


@dataclass(frozen=True)
class Effect:
    """With and without the fact: points of five and share of satisfied customers, each with its 95 % interval."""

    kind: str
    code: str
    customers: int
    touched: float  # the share of the customers of whom it is known
    having: Group
    without: Group
    difference: float
    interval: Interval
    share_difference: float
    share_interval: Interval
    is_demonstrated: bool = False  # also after allowing for how many facts were looked at

    @property
    def weight(self) -> float:
        """Points times customers: what the order goes by."""
        return abs(self.difference) * self.customers

    @property
    def lowers(self) -> bool:
        return self.difference < 0


def read_effects(cells: Mapping[Key, Cell], *, only_common: bool = False) -> tuple[Effect, ...]:
    """The facts with 20 answers on either side: the demonstrated ones first, by effect times customers touched."""
    kinds = total_by_kind(cells)
    found = [
        (effect, p_values)
        for (kind, code), cell in cells.items()
        if code != HAPPENED_NOT
        and (cell.is_common or not only_common)
        and (read := _compare(kind, code, cell, kinds[kind] - cell.group))
        for effect, p_values in [read]
    ]
    judged = _judge([effect for effect, _ in found], [p_values for _, p_values in found])
    return tuple(sorted(judged, key=lambda e: (not e.is_demonstrated, -e.weight, e.kind, e.code)))


def total_by_kind(cells: Mapping[Key, Cell]) -> Mapping[str, Group]:
    groups: defaultdict[str, list[Group]] = defaultdict(list)
    for (kind, _code), cell in cells.items():
        groups[kind].append(cell.group)
    return {kind: reduce(add, each) for kind, each in groups.items()}


def _compare(kind: str, code: str, cell: Cell, without: Group) -> tuple[Effect, tuple[float, float]] | None:
    having = cell.group
    if min(having.answers, without.answers) < ANSWERS_FOR_VERDICT:
        return None
    shares = (having.satisfied, having.answers, without.satisfied, without.answers)
    means, proportions, between = (
        welch_test(having.moments, without.moments),
        two_proportion_test(*shares),
        newcombe_interval(*shares),
    )
    if means is None or proportions is None or between is None:
        return None
    difference, low, high, p_of_means = means
    effect = Effect(
        kind=kind,
        code=code,
        customers=cell.customers,
        touched=cell.customers / cell.known,
        having=having,
        without=without,
        difference=difference,
        interval=(low, high),
        share_difference=proportions[0],
        share_interval=between,
    )
    return effect, (p_of_means, proportions[2])


def _judge(effects: Sequence[Effect], p_values: Sequence[tuple[float, float]]) -> Iterable[Effect]:
    """All differences looked at are judged together, those of means and those of shares."""
    adjusted = benjamini_hochberg([p for pair in p_values for p in pair])
    for effect, p_of_means in zip(effects, adjusted[::2], strict=True):
        yield replace(effect, is_demonstrated=bool(p_of_means < FALSE_FINDINGS))


def tells_of_nobody(answers: Iterable[int]) -> bool:
    """Whether every affiliate may know a figure made of so many answers of each: the rule holds whoever is left out.

    Left out the largest, the sum is least; left out the second, the largest stands out most.
    """
    ordered = sorted((n for n in answers if n > 0), reverse=True)
    return bool(ordered) and all(may_show_reference(ordered[:i] + ordered[i + 1 :]) for i in (0, 1) if i < len(ordered))
