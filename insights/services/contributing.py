"""What each affiliate's customers are worth, counted for a whole brand at night: in sets, and kept for the pages.

The table is written anew for staff. For affiliates a row stays as it was until k customers, or k purchases, are new.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction

from accounts.models import Brand
from accounts.statements import run
from insights.cohorts import MONTHS_LATER, Cell, bought_in, cells_to_tell, step, step_cells
from insights.models import Cohort, Contribution
from insights.models.contribution import Audience
from insights.outcomes import today_of

ACTIVE_DAYS = 365
REPEAT_DAYS = 90
WHOLE_BRAND = 0  # instead of an affiliate's id
WEEK = 7

# Who it is credited to, one row a purchase. What staff count stands; affiliates may count all that was ever theirs.
# Whoever comes back does so on another day: shops split one basket into several orders.
SOLD = """
WITH sold AS (
    SELECT {who} AS who, purchase.id, purchase.customer_id, purchase.purchased_at AS at, attribution.method,
           purchase.state = 'open' OR %(counts_all)s AS counts,
           purchase.state = 'refunded' OR refund.purchase_id IS NOT NULL AS is_refunded,
           complaint.purchase_id IS NOT NULL AS is_complained
    FROM affiliates_purchase purchase
    LEFT JOIN affiliates_attribution attribution ON attribution.purchase_id = purchase.id AND attribution.is_current
    LEFT JOIN (
        SELECT DISTINCT refund.purchase_id FROM affiliates_refund refund
        JOIN affiliates_purchase given_back ON given_back.id = refund.purchase_id
        WHERE given_back.brand_id = %(brand)s
    ) refund ON refund.purchase_id = purchase.id
    LEFT JOIN (
        SELECT DISTINCT purchase_id FROM complaints_complaint WHERE brand_id = %(brand)s AND kind <> 'follow_up'
    ) complaint ON complaint.purchase_id = purchase.id
    WHERE purchase.brand_id = %(brand)s AND purchase.source <> 'test'
      AND (purchase.state <> 'cancelled' OR %(counts_all)s)
),
bought AS (
    SELECT who, customer_id, at, (at AT TIME ZONE %(timezone)s)::date AS day,
           min(at) OVER (PARTITION BY who, customer_id) AS first_at,
           row_number() OVER (PARTITION BY customer_id ORDER BY at, id) AS nth_of_all
    FROM sold WHERE counts
)
"""
OF_AFFILIATES = SOLD.format(who="coalesce(attribution.affiliate_id, -1)")
OF_BRAND = SOLD.format(who="0::bigint")

CUSTOMERS = """,
customers AS (
    SELECT who, customer_id, first_at, max(at) AS last_at, bool_or(nth_of_all = 1) AS is_newcomer,
           min(at) FILTER (WHERE day > (first_at AT TIME ZONE %(timezone)s)::date) AS second_at
    FROM bought GROUP BY who, customer_id, first_at
),
loyal AS (
    SELECT who, count(*) AS customers, count(*) FILTER (WHERE is_newcomer) AS newcomers,
           count(*) FILTER (WHERE last_at > %(active)s) AS active,
           count(*) FILTER (WHERE first_at <= %(settled)s) AS settled,
           count(*) FILTER (WHERE first_at <= %(settled)s AND second_at <= first_at + %(repeat)s * interval '1 day')
               AS repeated,
           count(second_at) AS returned,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM second_at - first_at) / 86400) AS days
    FROM customers GROUP BY who
),
sales AS (
    SELECT who, count(*) AS purchases, count(*) FILTER (WHERE is_refunded) AS refunded,
           count(*) FILTER (WHERE is_complained) AS complained,
           count(*) FILTER (WHERE method = 'referral') AS recommended
    FROM sold GROUP BY who
)
SELECT who, coalesce(customers, 0), coalesce(newcomers, 0), coalesce(active, 0), coalesce(settled, 0),
       coalesce(repeated, 0), coalesce(returned, 0), days, purchases, refunded, complained, recommended
FROM sales LEFT JOIN loyal USING (who) WHERE who >= 0
"""
COHORTS = """,
months AS (
    SELECT who, customer_id, date_trunc('month', day)::date AS month,
           date_trunc('month', first_at AT TIME ZONE %(timezone)s)::date AS cohort
    FROM bought
)
SELECT who, cohort, later, count(*) FROM (
    SELECT DISTINCT who, customer_id, cohort,
           (12 * (extract(year FROM month) - extract(year FROM cohort))
               + extract(month FROM month) - extract(month FROM cohort))::int AS later
    FROM months
) active WHERE who >= 0 AND later <= %(months_later)s
GROUP BY who, cohort, later
"""
INDIRECT = """
SELECT attribution.indirect_affiliate_id, count(*)
FROM affiliates_attribution attribution JOIN affiliates_purchase purchase ON purchase.id = attribution.purchase_id
WHERE attribution.is_current AND attribution.indirect_affiliate_id IS NOT NULL
  AND purchase.brand_id = %(brand)s AND purchase.source <> 'test' AND (purchase.state <> 'cancelled' OR %(counts_all)s)
GROUP BY 1
"""
COLUMNS = (
    *("customers", "newcomers", "active", "settled", "repeated", "returned", "days_to_second"),
    *("purchases", "refunded", "complained", "recommended"),
)
Row = dict[str, Any]
NOTHING: Row = dict.fromkeys(COLUMNS, 0) | {"days_to_second": None, "indirect": 0}


@transaction.atomic
def count_contributions(brand: Brand, *, now: datetime) -> None:
    """Count anew who bought, who came back and what became of it, as of now."""
    today = today_of(brand, now)
    for audience in (Audience.STAFF, Audience.AFFILIATE):
        rows, cells = _count(brand, audience, now)
        if audience == Audience.AFFILIATE:
            rows = _rows_to_show(brand, rows, today)
            cells = _cells_to_show(brand, cells, today.replace(day=1))
        _write(brand, audience, rows, cells, today)


def _count(brand: Brand, audience: str, now: datetime) -> tuple[dict[int, Row], dict[int, dict[Cell, int]]]:
    values = {
        "brand": brand.pk,
        "timezone": brand.timezone,
        "counts_all": audience == Audience.AFFILIATE,
        "active": _days_before(now, ACTIVE_DAYS),
        "settled": _days_before(now, REPEAT_DAYS),
        "repeat": REPEAT_DAYS,
        "months_later": MONTHS_LATER,
    }
    statements = [OF_AFFILIATES] if audience == Audience.AFFILIATE else [OF_AFFILIATES, OF_BRAND]
    indirect = dict(run(INDIRECT, values))
    indirect[WHOLE_BRAND] = sum(indirect.values())
    rows: dict[int, Row] = {}
    cells: dict[int, dict[Cell, int]] = {}
    for statement in statements:
        for who, *counts in run(statement + CUSTOMERS, values):
            rows[who] = dict(zip(COLUMNS, counts, strict=True)) | {"indirect": indirect.get(who, 0)}
        for who, month, later, n in run(statement + COHORTS, values):
            cells.setdefault(who, {})[month, later] = n
    for who in indirect.keys() - rows.keys():  # sold nothing themselves
        rows[who] = NOTHING | {"indirect": indirect[who]}
    return rows, cells


# --- What affiliates may see -----------------------------------------------------------------------------------------
BASES = ("customers", "settled", "purchases")  # the affiliate can count these itself, or nearly
STEPPED = ("refunded", "complained", "recommended", "indirect")


def _rows_to_show(brand: Brand, rows: Mapping[int, Row], today: date) -> dict[int, Row]:
    standing = {
        row["affiliate_id"]: row
        for row in Contribution.objects.filter(brand=brand, audience=Audience.AFFILIATE).values(
            "affiliate_id", "counted_on", *COLUMNS, "indirect"
        )
    }
    everybody = standing.keys() | rows.keys()
    shown = {who: _row_to_show(standing.get(who), rows.get(who, NOTHING), brand.k, today) for who in everybody}
    return {who: row for who, row in shown.items() if row}


def _row_to_show(standing: Row | None, row: Row, k: int, today: date) -> Row | None:
    """Nothing about fewer than k customers. What may have happened to one purchase moves by itself, and by k."""
    has_moved = standing is None or any(abs(row[base] - standing[base]) >= k for base in BASES)
    stepped = {name: step(standing[name] if standing else 0, row[name], k) for name in STEPPED}
    if standing and not has_moved:
        return standing | stepped
    if row["customers"] < k:
        return None
    # To the day it would tie two sales of one person together. Whom else they bought from is not theirs to know.
    days = WEEK * max(1, round(row["days_to_second"] / WEEK)) if row["returned"] >= 2 * k else None
    return row | stepped | {"newcomers": 0, "days_to_second": days, "counted_on": today}


def _cells_to_show(
    brand: Brand, cells: Mapping[int, Mapping[Cell, int]], this_month: date
) -> dict[int, dict[Cell, int]]:
    """Of months that are over: the one that runs would tell, sale by sale, who of them came back."""
    standing: dict[int, dict[Cell, int]] = {}
    rows = Cohort.objects.filter(brand=brand, audience=Audience.AFFILIATE)
    for who, month, later, n in rows.values_list("affiliate", "month", "later", "customers"):
        standing.setdefault(who, {})[month, later] = n
    shown = dict(standing)
    for who, each in cells.items():
        over = {cell: n for cell, n in each.items() if bought_in(cell) < this_month}
        shown[who] = step_cells(standing.get(who, {}), cells_to_tell(over, brand.k), brand.k)
    return shown


# --- Rows ------------------------------------------------------------------------------------------------------------
def _write(
    brand: Brand, audience: Audience, rows: Mapping[int, Row], cells: Mapping[int, Mapping[Cell, int]], today: date
) -> None:
    Contribution.objects.filter(brand=brand, audience=audience).delete()
    Contribution.objects.bulk_create(
        (
            Contribution(
                **{"counted_on": today, **row, "brand": brand, "audience": audience, "affiliate_id": who or None}
            )
            for who, row in rows.items()
        ),
        batch_size=5000,
    )
    Cohort.objects.filter(brand=brand, audience=audience).delete()
    Cohort.objects.bulk_create(
        (
            Cohort(brand=brand, audience=audience, affiliate_id=who or None, month=month, later=later, customers=n)
            for who, each in cells.items()
            for (month, later), n in each.items()
        ),
        batch_size=5000,
    )


def _days_before(now: datetime, days: int) -> datetime:
    return now - timedelta(days=days)
