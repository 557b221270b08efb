"""Where affiliates stand by what has been published of them, each beside all the others."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Sum
from django.utils.translation import gettext_lazy

from accounts.models import Brand
from insights.findings import RATING, SATISFIED
from insights.models import Block, ShownCount
from insights.privacy import Period
from insights.statistics import (
    PRIOR_STRENGTH_DEFAULT,
    ExpectedVerdict,
    expected_verdict,
    may_show_reference,
    wilson_interval,
)

# Whatever is paid for is what people bring about, customers' answers included.
QUALITY_WARNING = gettext_lazy(
    "A verdict on the quality of care, not a price: once people are paid by a score, they work on the score."
)

Cell = tuple[int, int]  # good answers, of all


@dataclass(frozen=True)
class Judged:
    """No reference where what the others have would give one of them away, and then no verdict."""

    good: int
    n: int
    reference: float | None = None
    verdict: ExpectedVerdict | None = None


def figure_of(good: int, n: int, reference: float | None, verdict: str) -> dict[str, Any]:
    """As other programs are told it, shares from 0 to 1."""
    low, high = wilson_interval(good, n) or (None, None)
    value = good / n if n else None
    return {"n": n, "value": value, "low": low, "high": high, "reference": reference, "verdict": verdict or None}


def published_shares(brand: Brand, period: Period, question: str = "csat") -> dict[int, Cell]:
    """By affiliate, how many answers from 1 to 5 are 4 or 5, of how many: sums of blocks."""
    rows = ShownCount.objects.filter(brand=brand, link=None, affiliate__isnull=False, question=question)
    by_value = period.of(rows.filter(value__in=RATING)).order_by().values_list("affiliate", "value")
    good, answers = Counter[int](), Counter[int]()
    for affiliate, value, n in by_value.annotate(n=Sum("count")):
        answers[affiliate] += max(0, n)
        good[affiliate] += max(0, n) if value in SATISFIED else 0
    return {affiliate: (good[affiliate], n) for affiliate, n in sorted(answers.items()) if n}


def strength_between(brand: Brand, question: str = "csat") -> float | None:
    """How much affiliates differ beyond chance, as the programme's newest block measured it; None: no more than that.

    A strength as of `insights.statistics.prior_strength`.
    """
    newest = Block.objects.filter(brand=brand, affiliate=None).order_by("-sequence").first()
    context = newest.context if newest else {}
    if question not in context.get("overdispersed", ()):
        return None
    return float(context.get("strength", {}).get(question, PRIOR_STRENGTH_DEFAULT))


def judge_cells(cells: Mapping[int, Cell], whom: Collection[int], *, strength: float | None) -> dict[int, Judged]:
    """Each of `whom` beside all the others of `cells` together."""
    all_good, everybody = (sum(column) for column in zip(*cells.values(), strict=True)) if cells else (0, 0)
    judged = {}
    for affiliate in whom:
        good, n = cells.get(affiliate, (0, 0))
        others = [cell[1] for other, cell in cells.items() if other != affiliate]
        if n and may_show_reference(others):
            reference = (all_good - good) / (everybody - n)
            judged[affiliate] = Judged(good, n, reference, expected_verdict(good, n, reference, strength=strength))
        else:
            judged[affiliate] = Judged(good, n)
    return judged
