"""What is credited to an affiliate, by reason and by month."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from accounts.models import Brand
from dashboards.wording import name_of_month, reason_said
from insights.sales import Credited


@dataclass(frozen=True)
class ReasonRow:
    """Why purchases are credited. `bar` is a share of the most frequent reason."""

    label: str
    purchases: int
    bar: float


@dataclass(frozen=True)
class Sales:
    total: int
    reasons: list[ReasonRow]
    months: list[tuple[str, int]]


def write_sales(credited: Sequence[Credited], brand: Brand) -> Sales:
    by_reason: Counter[str] = Counter()
    by_month: Counter[date] = Counter()
    for each in credited:
        by_reason[reason_said(each.reason, brand)] += each.purchases
        by_month[each.month] += each.purchases
    most = max(by_reason.values(), default=1)
    return Sales(
        total=by_reason.total(),
        reasons=[ReasonRow(reason, n, n / most) for reason, n in by_reason.most_common()],
        months=[(name_of_month(month), n) for month, n in sorted(by_month.items(), reverse=True)],
    )
