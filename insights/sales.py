"""What an affiliate may know of its own links and sales: counts of a calendar period, never a purchase or a visit.

Beside insights.privacy, through which all that customers say passes: sales are the affiliate's own, and it may count
them. Who bought, at what hour, and what became of a single purchase stays with the brand.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Count, QuerySet
from django.db.models.functions import TruncMonth

from accounts.models import Brand
from affiliates.models import Affiliate, Attribution, Click
from insights.privacy import Period, parse_period


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
    zone = ZoneInfo(affiliate.brand.timezone)
    rows = (
        within(Attribution.objects.sales_of(affiliate), "purchase__purchased_at", parse_period(period), affiliate.brand)
        .values(month=TruncMonth("purchase__purchased_at", tzinfo=zone))
        .values_list("month", "reason")
        .annotate(n=Count("pk"))
        .order_by("-month", "reason")
    )
    return tuple(Credited(month.date(), reason, n) for month, reason, n in rows)


def new_and_returning(affiliate: Affiliate, *, period: str = "all") -> tuple[MonthOfSales, ...]:
    """The oldest month first, without those in which nothing was sold. A first purchase is the first of all time."""
    months = parse_period(period)
    with connection.cursor() as cursor:
        cursor.execute(NEW_AND_RETURNING, {"affiliate": affiliate.pk, "zone": affiliate.brand.timezone})
        sold = [MonthOfSales(*row) for row in cursor.fetchall()]
    return tuple(
        each for each in sold if not (months.first and months.after) or months.first <= each.month < months.after
    )


NEW_AND_RETURNING = """
    SELECT month, count(*) FILTER (WHERE nth = 1), count(*) FILTER (WHERE nth > 1)
    FROM (
        SELECT date_trunc('month', purchase.purchased_at AT TIME ZONE %(zone)s)::date AS month,
            row_number() OVER (PARTITION BY purchase.customer_id ORDER BY purchase.purchased_at, purchase.id) AS nth
        FROM affiliates_attribution attribution
        JOIN affiliates_purchase purchase ON purchase.id = attribution.purchase_id
        WHERE attribution.is_current AND attribution.affiliate_id = %(affiliate)s AND purchase.source <> 'test'
    ) sold
    GROUP BY month
    ORDER BY month
"""


def link_traffic(affiliate: Affiliate, *, period: str = "all") -> Traffic:
    months, brand = parse_period(period), affiliate.brand
    visits = Click.objects.filter(link__affiliate=affiliate, kind=Click.Kind.VISIT)
    purchases = Attribution.objects.sales_of(affiliate).filter(link__isnull=False)
    return Traffic(
        count_by_link(within(visits, "occurred_at", months, brand)),
        count_by_link(within(purchases, "purchase__purchased_at", months, brand)),
    )


def count_by_link(rows: QuerySet[Any]) -> dict[int, int]:
    return dict(rows.order_by().values_list("link").annotate(n=Count("pk")))


def within(rows: QuerySet[Any], column: str, period: Period, brand: Brand) -> QuerySet[Any]:
    """Months begin at midnight of the brand's time zone."""
    if period.first is None or period.after is None:
        return rows
    zone = ZoneInfo(brand.timezone)
    start, end = (datetime(day.year, day.month, day.day, tzinfo=zone) for day in (period.first, period.after))
    return rows.filter(**{f"{column}__gte": start, f"{column}__lt": end})
