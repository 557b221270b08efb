"""Credited purchases as counts: what the night counted, and what has come since, counted on the spot.

The night writes down up to which purchase it counted; later ones are few. A correction of an older one shows the next
day, as does an older purchase that comes in late in what is its customer's first.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from accounts.models import Brand
from accounts.statements import run
from affiliates.models import Affiliate
from insights.models import Measurement, SalesCount

SETTLED = timedelta(minutes=10)  # a purchase with a lower id may still be on its way into the table
SPANS = tuple(SalesCount.Span.values)  # the longest first

# One row a purchase. Whoever is counted is any real purchase, cancelled and given back ones too.
SOLD = """
SELECT purchase.id, attribution.affiliate_id, attribution.link_id, attribution.reason,
       date_trunc('month', purchase.purchased_at AT TIME ZONE %(zone)s)::date AS month,
       lag(date_trunc('month', purchase.purchased_at AT TIME ZONE %(zone)s)::date) OVER (
           PARTITION BY attribution.affiliate_id, purchase.customer_id ORDER BY purchase.purchased_at, purchase.id
       ) AS before
FROM affiliates_attribution attribution
JOIN affiliates_purchase purchase ON purchase.id = attribution.purchase_id
WHERE attribution.is_current AND purchase.source <> 'test' AND {which}
"""
CELLS = """
SELECT affiliate_id, link_id, month, reason,
       CASE WHEN before IS NULL THEN 'all'
            WHEN date_trunc('year', before) < date_trunc('year', month) THEN 'year'
            WHEN date_trunc('quarter', before) < date_trunc('quarter', month) THEN 'quarter'
            WHEN before < month THEN 'month' ELSE '' END AS first_in,
       count(*)::int AS count
FROM sold WHERE {since} GROUP BY 1, 2, 3, 4, 5
"""
OF_BRAND = "attribution.affiliate_id IS NOT NULL AND purchase.brand_id = %(brand)s AND purchase.id <= %(until)s"
COUNT = f"""
INSERT INTO insights_salescount (brand_id, affiliate_id, link_id, month, reason, first_in, count)
WITH sold AS ({SOLD.format(which=OF_BRAND)})
SELECT %(brand)s, cell.* FROM ({CELLS.format(since="TRUE")}) cell ORDER BY 2, 4, 3, 5, 6
"""  # noqa: S608 (ours)
NEWEST = "SELECT coalesce(max(id), 0) FROM affiliates_purchase WHERE brand_id = %(brand)s AND created_at < %(settled)s"
# Of whoever has bought since: what was bought before says which purchase is the first.
SINCE = """attribution.affiliate_id = %(affiliate)s AND purchase.customer_id IN (
    SELECT bought.customer_id FROM affiliates_attribution credited
    JOIN affiliates_purchase bought ON bought.id = credited.purchase_id
    WHERE credited.is_current AND credited.affiliate_id = %(affiliate)s AND credited.purchase_id > %(until)s
)"""
MARK = "(SELECT coalesce(max(sales_until), 0) FROM insights_measurement WHERE brand_id = %(brand)s)"
READ = f"""
WITH sold AS ({SOLD.format(which=SINCE)}),
counts AS (
    SELECT link_id, month, reason, first_in, count FROM insights_salescount WHERE affiliate_id = %(affiliate)s
    UNION ALL
    SELECT link_id, month, reason, first_in, count FROM ({CELLS.format(since="id > %(until)s")}) cell
)
SELECT {{columns}}, {MARK} FROM counts
WHERE (%(first)s::date IS NULL OR month >= %(first)s) AND (%(after)s::date IS NULL OR month < %(after)s) {{rest}}
"""  # noqa: S608 (ours)


def count_sold(brand: Brand, *, now: datetime) -> int:
    """Count all of a brand's anew; up to which purchase. In the caller's transaction."""
    values: dict[str, Any] = {"brand": brand.pk, "zone": brand.timezone, "settled": now - SETTLED}
    ((until,),) = run(NEWEST, values)
    SalesCount.objects.filter(brand=brand).delete()
    run(COUNT, values | {"until": until})
    return int(until)


def sold_by(affiliate: Affiliate, *columns: str, first: date | None, after: date | None) -> list[tuple[Any, ...]]:
    """Purchases by some of month, reason and link_id, in their order: those values, and the number."""
    by = ", ".join(columns)
    return _read(affiliate, f"{by}, sum(count)::int", f"GROUP BY {by} ORDER BY {by}", first=first, after=after)


def first_and_later(affiliate: Affiliate, *, first: date | None, after: date | None) -> list[tuple[date, int, int]]:
    """By month, purchases that are their customer's first ever with the affiliate, and all others."""
    columns = "month, sum(count) FILTER (WHERE first_in = 'all')::int, sum(count) FILTER (WHERE first_in <> 'all')::int"
    rows = _read(affiliate, columns, "GROUP BY month ORDER BY month", first=first, after=after)
    return [(month, new or 0, again or 0) for month, new, again in rows]


def brought_by(affiliate: Affiliate, span: str, *, first: date | None, after: date | None) -> tuple[int, int]:
    """Purchases of a calendar period, and of how many customers. `span`: how long the period is, as in SalesCount."""
    columns = "coalesce(sum(count), 0)::int, coalesce(sum(count) FILTER (WHERE first_in = ANY(%(spans)s)), 0)::int"
    ((purchases, customers),) = _read(affiliate, columns, spans=_as_long_as(span), first=first, after=after)
    return purchases, customers


def _as_long_as(span: str) -> Sequence[str]:
    return list(SPANS[: SPANS.index(span) + 1])


def _read(affiliate: Affiliate, columns: str, rest: str = "", **values: Any) -> list[tuple[Any, ...]]:
    """Told the mark beforehand, since only so the planner sees how few come after it; again if a night has moved it."""
    of_brand = Measurement.objects.filter(brand=affiliate.brand_id)
    values |= {"brand": affiliate.brand_id, "affiliate": affiliate.pk, "zone": affiliate.brand.timezone}
    while True:
        until = of_brand.values_list("sales_until", flat=True).first() or 0
        rows = run(READ.format(columns=columns, rest=rest), values | {"until": until})
        if all(mark == until for *_counts, mark in rows):
            return [row[:-1] for row in rows]
