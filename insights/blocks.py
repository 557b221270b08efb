"""How counts are cut into blocks, so that nobody learns a single answer by subtracting. Pure, without the database.

Every question waits until enough have newly answered it: a block says nothing about a question that fewer than k of its
answers are about. Differences by corrected or erased answers wait with it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from insights.counts import ANSWERS

PROGRAMME_ANSWERS = 50
PROGRAMME_AFFILIATES = 5
# A programme's block also needs this part of what has been shown, which bounds how many blocks there can be.
PROGRAMME_GROWTH = 100

# Chips are told with the question they belong to, or with the whole page: who chooses none has answered too. It also
# keeps praise and complaint together, of which one without the other would mislead.
ANSWERED_WITH = {"missing_facts": "missing", "keep": ANSWERS, "improve": ANSWERS}


@dataclass(frozen=True)
class Delta:
    """A count not published yet: of answers given in `month`, how many more (or fewer) gave the value."""

    affiliate: int
    link: int | None
    month: date
    question: str
    value: str
    count: int

    @property
    def base(self) -> str:
        """The question whose number of answers decides when this may be told."""
        return ANSWERED_WITH.get(self.question, self.question)


@dataclass(frozen=True)
class Cut:
    """What one block will say."""

    month: date
    deltas: Sequence[Delta]

    @property
    def n(self) -> int:
        return sum(new_answers(self.deltas, ANSWERS).values())


Rule = Callable[[Mapping[int, int]], bool]  # new answers by affiliate: enough for a block?


def at_least(k: int) -> Rule:
    """One affiliate's block."""
    return lambda news: sum(news.values()) >= k


def programme_rule(shown: int) -> Rule:
    """A block of the whole programme, of which no affiliate may learn another's part by taking away its own.

    From 50 answers and five affiliates; whoever looks, none of the others has more than half of what is not theirs.
    """
    minimum = max(PROGRAMME_ANSWERS, shown // PROGRAMME_GROWTH)

    def is_ready(news: Mapping[int, int]) -> bool:
        largest = sorted(news.values(), reverse=True)
        total, contributing = sum(largest), sum(n > 0 for n in largest)
        return (
            total >= minimum and contributing >= PROGRAMME_AFFILIATES and 2 * largest[0] + max(0, largest[1]) <= total
        )

    return is_ready


def new_answers(deltas: Iterable[Delta], question: str) -> dict[int, int]:
    """By affiliate, how many more have answered the question."""
    news: defaultdict[int, int] = defaultdict(int)
    for delta in deltas:
        if delta.question == question and delta.value == "":
            news[delta.affiliate] += delta.count
    return news


def cut(deltas: Iterable[Delta], *, is_ready: Rule, this_month: date) -> Iterator[Cut]:
    """Blocks of what is unpublished, `deltas` by month with the oldest first, as they would have come month by month.

    What is too little for a block of its month waits for the next; no block is later than this month.
    """
    waiting: defaultdict[str, list[Delta]] = defaultdict(list)
    for month, arrived in groupby(deltas, key=lambda delta: min(delta.month, this_month)):
        for delta in arrived:
            waiting[delta.base].append(delta)
        if is_ready(new_answers(waiting[ANSWERS], ANSWERS)):
            ready = [base for base, held in waiting.items() if is_ready(new_answers(held, base))]
            yield Cut(month, [delta for base in ready for delta in waiting.pop(base)])


def splits_by_link(deltas: Iterable[Delta], k: int) -> dict[int, list[Delta]]:
    """The links of one block that may be told apart, question by question.

    A link needs k new answers, and so do all that are not told taken together, since they are what is left after
    subtracting: where they have fewer, the smallest link is kept back with them.

    There is no second split, by product say: an answer that is alone where two splits cross would be theirs minus ours.
    """
    told: defaultdict[int, list[Delta]] = defaultdict(list)
    by_base = sorted(deltas, key=lambda delta: delta.base)
    for base, group in groupby(by_base, key=lambda delta: delta.base):
        for link, cell in _cells_to_tell(list(group), base, k).items():
            told[link].extend(cell)
    return dict(told)


def _cells_to_tell(deltas: list[Delta], base: str, k: int) -> dict[int, list[Delta]]:
    cells: defaultdict[int | None, list[Delta]] = defaultdict(list)
    for delta in deltas:
        cells[delta.link].append(delta)
    size = {link: sum(new_answers(cell, base).values()) for link, cell in cells.items()}
    told = sorted((link for link in cells if link is not None and size[link] >= k), key=lambda link: -size[link])
    kept_back = [link for link in cells if link not in told]
    while told and kept_back and sum(size[link] for link in kept_back) < k:
        kept_back.append(told.pop())
    return {link: cells[link] for link in told}
