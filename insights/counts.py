"""Counts of answers, as rollups and published blocks hold them: added up, and one taken off another. No database."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

Counts = Mapping[str, Mapping[str, int]]  # {question: {number or code: answers, "": who answered it}}

ANSWERS = "answers"  # not a question: the responses themselves


def answered(counts: Counts, question: str) -> int:
    return max(0, counts.get(question, {}).get("", 0))


def tally(counts: Counts, question: str, values: Iterable[str]) -> dict[str, int]:
    """How many gave each of the values. A month's corrections may outnumber its answers: never below nothing."""
    given = counts.get(question, {})
    return {value: max(0, given.get(value, 0)) for value in values}


def by_question(cells: Iterable[tuple[str, str, int]]) -> Counts:
    """Of (question, value, answers); cells that come twice are added up."""
    counts: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for question, value, n in cells:
        counts[question][value] += n
    return {question: dict(values) for question, values in counts.items()}


def total(each: Iterable[Counts]) -> Counts:
    cells = ((question, values) for counts in each for question, values in counts.items())
    return by_question((question, value, n) for question, values in cells for value, n in values.items())


def less(counts: Counts, part: Counts) -> Counts:
    """Without a part of them."""
    return {
        question: {value: n - part.get(question, {}).get(value, 0) for value, n in values.items()}
        for question, values in counts.items()
    }
