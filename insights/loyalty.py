"""What the customers of an affiliate are worth beyond their first purchase: what it may know of it, and all for staff.

Beside insights.privacy: what an affiliate is told was counted apart for it (services.contributing) and moves by k
customers or purchases at once. That a purchase was given back or complained about is told as a part of all, and only
between which shares it lies. Of the programme it is told one rounded share, where no other affiliate stands out in it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import F, Q, QuerySet, Sum
from django.db.models.functions import NullIf

from accounts.models import Brand
from affiliates.models import Affiliate
from insights import statistics
from insights.cohorts import Cell, CohortRow, read_triangle
from insights.findings import RATING, SATISFIED, Figure, Lens, read_share
from insights.models import Cohort, Contribution, ShownCount
from insights.models.contribution import Audience
from insights.privacy import View

COHORTS_SHOWN = 12
PURCHASES_FOR_A_PART = 4  # times k: with fewer the shares between which it lies say nothing


@dataclass(frozen=True)
class Part:
    """A part of the purchases. For affiliates no count, and the shares between which it lies."""

    low: float
    high: float
    count: int | None = None


@dataclass(frozen=True)
class Loyalty:
    """Customers are whoever bought, new ones those who had not bought from the brand before (None: not told).

    `repeat`: who bought again within 90 days, of those whose first purchase is as long ago. What affiliates are told of
    recommendations is a number reached, not the number.
    """

    counted_on: date
    customers: int
    newcomers: int | None
    active: int
    repeat: Figure | None
    days_to_second: float | None
    purchases: int
    refunded: Part | None
    complained: Part | None
    recommended: int
    indirect: int
    cohorts: tuple[CohortRow, ...] = ()


def own_loyalty(affiliate: Affiliate, *, view: View = "affiliate") -> Loyalty | None:
    """None: nothing may be told, or nothing was sold."""
    audience = Audience.STAFF if view == "staff" else Audience.AFFILIATE
    row = Contribution.objects.filter(brand=affiliate.brand, affiliate=affiliate, audience=audience).first()
    if row is None:
        return None
    cohorts = Cohort.objects.filter(brand=affiliate.brand, affiliate=affiliate, audience=audience)
    k = 1 if view == "staff" else affiliate.brand.k
    return _read(row, _cells(cohorts), k, reference=programme_repeat(affiliate))


def indirect_purchases(affiliate: Affiliate) -> int:
    """What was bought on the word of its customers, as far as the affiliate is told: a number reached, 0 below k.

    One by one they would tell whom a customer had recommended the brand to.
    """
    rows = Contribution.objects.filter(brand=affiliate.brand, affiliate=affiliate, audience=Audience.AFFILIATE)
    return rows.values_list("indirect", flat=True).first() or 0


def brand_loyalty(brand: Brand) -> Loyalty | None:
    """The whole brand's, nobody left out: for staff only."""
    row = Contribution.objects.filter(brand=brand, affiliate=None, audience=Audience.STAFF).first()
    cohorts = Cohort.objects.filter(brand=brand, affiliate=None, audience=Audience.STAFF)
    return _read(row, _cells(cohorts), 1) if row else None


@dataclass(frozen=True)
class Worth:
    """An affiliate beside the others, for staff: what its customers are worth, and how many are satisfied."""

    affiliate: Affiliate
    loyalty: Loyalty
    satisfied: Figure | None


ORDERS = {
    "customers": "-customers",
    "newcomers": "-newcomers",
    "repeat": "-repeated_share",
    "purchases": "-purchases",
    "refunded": "-refunded_share",
    "complained": "-complained_share",
}


def contributions_of(brand: Brand, *, search: str = "", order: str = "customers") -> QuerySet[Contribution]:
    """What staff know of each affiliate, for a page of them; shown by `read_worth`."""
    rows = Contribution.objects.filter(brand=brand, audience=Audience.STAFF, affiliate__isnull=False)
    if search:
        rows = rows.filter(Q(affiliate__name__icontains=search) | Q(affiliate__code__icontains=search))
    shares = {
        f"{part}_share": F(part) * 1.0 / NullIf(whole, 0)
        for part, whole in (("repeated", "settled"), ("refunded", "purchases"), ("complained", "purchases"))
    }
    column = ORDERS.get(order, ORDERS["customers"])
    by = F(column.removeprefix("-")).desc(nulls_last=True)
    return rows.annotate(**shares).select_related("affiliate").order_by(by, "affiliate__code")


def read_worth(rows: Iterable[Contribution]) -> list[Worth]:
    """With the satisfaction that has been published of each, in one further question to the database."""
    shown = list(rows)
    satisfied = _satisfied([row.affiliate_id for row in shown if row.affiliate_id])
    return [Worth(row.affiliate, _read(row, {}, 1), satisfied.get(row.affiliate.pk)) for row in shown if row.affiliate]


def _satisfied(affiliates: Sequence[int]) -> dict[int, Figure]:
    counts: defaultdict[int, dict[str, dict[str, int]]] = defaultdict(lambda: {"csat": {}})
    published = ShownCount.objects.filter(affiliate__in=affiliates, link=None, question="csat")
    for affiliate, value, n in published.order_by().values_list("affiliate", "value").annotate(n=Sum("count")):
        counts[affiliate]["csat"][value] = n
    figures = {who: read_share(each, "csat", RATING, SATISFIED, Lens(k=1)) for who, each in counts.items()}
    return {who: figure for who, figure in figures.items() if figure}


def programme_repeat(affiliate: Affiliate) -> float | None:
    """How many of the other affiliates' customers buy again in time, where that gives none of them away."""
    others = (
        Contribution.objects.filter(brand=affiliate.brand, audience=Audience.AFFILIATE)
        .exclude(affiliate=affiliate)
        .values_list("settled", "repeated")
    )
    settled = [n for n, _repeated in others]
    if not statistics.may_show_reference(settled):
        return None
    return sum(repeated for _n, repeated in others) / sum(settled)


def _read(row: Contribution, cells: Mapping[Cell, int], k: int, *, reference: float | None = None) -> Loyalty:
    is_staff = row.audience == Audience.STAFF
    return Loyalty(
        counted_on=row.counted_on,
        customers=row.customers,
        newcomers=row.newcomers if is_staff else None,
        active=row.active,
        repeat=_repeat(row, k, reference),
        days_to_second=row.days_to_second,
        purchases=row.purchases,
        refunded=_part(row.refunded, row.purchases, k),
        complained=_part(row.complained, row.purchases, k),
        recommended=row.recommended,
        indirect=row.indirect,
        cohorts=read_triangle(cells, until=row.counted_on, rows=COHORTS_SHOWN, k=k),
    )


def _repeat(row: Contribution, k: int, reference: float | None) -> Figure | None:
    interval = statistics.wilson_interval(row.repeated, row.settled)
    if row.settled < k or interval is None:
        return None
    is_enough = row.settled >= statistics.ANSWERS_FOR_VERDICT and reference is not None
    verdict = statistics.expected_verdict(row.repeated, row.settled, reference or 0) if is_enough else None
    return Figure(row.repeated / row.settled, *interval, row.settled, reference, verdict)


def _part(count: int, purchases: int, k: int) -> Part | None:
    """What is told in steps of k may by now be up to k - 1 more or fewer."""
    if k == 1:
        return Part(count / purchases, count / purchases, count) if purchases else None
    if purchases < PURCHASES_FOR_A_PART * k or purchases - count < 2 * k:
        return None
    return Part(max(0, count - k + 1) / purchases, (count + k - 1) / purchases)


def _cells(rows: QuerySet[Cohort]) -> dict[Cell, int]:
    return {(month, later): n for month, later, n in rows.values_list("month", "later", "customers")}
