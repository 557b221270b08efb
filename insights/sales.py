"""What an affiliate may know of its own links and sales: counts of a calendar period, never a purchase or a visit.

Beside insights.privacy, through which all that customers say passes: sales are the affiliate's own, and it may count
them. Who bought, at what hour, and what became of a single purchase stays with the brand.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, QuerySet, Sum

from accounts.models import Brand
from affiliates.models import Affiliate, Click, VisitCount
from insights.privacy import Period, parse_period
from insights.sold import first_and_later, sold_by


@dataclass(frozen=True)
class Credited:
    """How many purchases of a month are credited to the affiliate for one reason."""

    month: date
    reason: str
    purchases: int


@dataclass(frozen=True)
class MonthOfSales:
    """Purchases of a month credited to the affiliate: customers' first ones with it, and all later ones.

    Cancelled and refunded purchases count here as everywhere in what an affiliate sees: the difference between two
    figures must not tell that one was given back.
    """

    month: date
    new: int
    returning: int


@dataclass(frozen=True)
class Traffic:
    """Visits and credited purchases by link id. Visits of robots and repeats within half an hour do not count."""

    visits: Mapping[int, int]
    purchases: Mapping[int, int]


def credited_sales(affiliate: Affiliate, *, period: str = "all") -> tuple[Credited, ...]:
    """The newest month first."""
    months = parse_period(period)
    rows = sold_by(affiliate, "month", "reason", first=months.first, after=months.after)
    return tuple(sorted((Credited(*row) for row in rows), key=lambda each: each.month, reverse=True))


def new_and_returning(affiliate: Affiliate, *, period: str = "all") -> tuple[MonthOfSales, ...]:
    """The oldest month first, without those in which nothing was sold. A first purchase is the first of all time."""
    months = parse_period(period)
    return tuple(MonthOfSales(*row) for row in first_and_later(affiliate, first=months.first, after=months.after))


def link_traffic(affiliate: Affiliate, *, period: str = "all") -> Traffic:
    months = parse_period(period)
    purchases = sold_by(affiliate, "link_id", first=months.first, after=months.after)
    return Traffic(visits_by_link(affiliate, months), {link: n for link, n in purchases if link})


def visits_by_link(affiliate: Affiliate, months: Period) -> Mapping[int, int]:
    """Those whose clicks are still there, and those that were counted before they went."""
    visits = Click.objects.filter(link__affiliate=affiliate, kind=Click.Kind.VISIT)
    gone = VisitCount.objects.filter(link__affiliate=affiliate)
    if months.first and months.after:
        gone = gone.filter(month__gte=months.first, month__lt=months.after)
    counted = dict(gone.values_list("link").annotate(n=Sum("visits")))
    return Counter(count_by_link(within(visits, "occurred_at", months, affiliate.brand))) + Counter(counted)


def count_by_link(rows: QuerySet[Any]) -> dict[int, int]:
    return dict(rows.order_by().values_list("link").annotate(n=Count("pk")))


def within(rows: QuerySet[Any], column: str, period: Period, brand: Brand) -> QuerySet[Any]:
    """Months begin at midnight of the brand's time zone."""
    if period.first is None or period.after is None:
        return rows
    zone = ZoneInfo(brand.timezone)
    start, end = (datetime(day.year, day.month, day.day, tzinfo=zone) for day in (period.first, period.after))
    return rows.filter(**{f"{column}__gte": start, f"{column}__lt": end})
