"""Cases counted where something about them changed, in sets: by affiliate, day, kind, whose part, cause and time taken.

CountedCase remembers where a case stands, so that it leaves that count as it enters another.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import date
from typing import Any

from accounts.models import Brand
from accounts.statements import run

Cell = tuple[int | None, date, str, str, str, str]  # affiliate, day, kind, part, cause, took
CELL = "affiliate_id, day, kind, part, cause, took"

CASES_OF = "SELECT id FROM complaints_complaint WHERE purchase_id = ANY(%(purchases)s)"

FORGET = f"""
DELETE FROM insights_countedcase
WHERE brand_id = %(brand)s AND (complaint_id IS NULL OR complaint_id = ANY(%(complaints)s))
RETURNING {CELL}
"""  # noqa: S608 (ours alone)

# A duplicate is not solved by being merged; what another tool solved without a date took nobody knows how long.
TOOK = """
CASE WHEN complaint.state <> 'resolved' OR complaint.merged_into_id IS NOT NULL
        OR (complaint.external_id IS NOT NULL AND complaint.resolved_at = complaint.opened_at) THEN ''
    WHEN complaint.resolved_at <= complaint.opened_at + interval '1 day' THEN '1'
    WHEN complaint.resolved_at <= complaint.opened_at + interval '3 days' THEN '3'
    WHEN complaint.resolved_at <= complaint.opened_at + interval '7 days' THEN '7'
    WHEN complaint.resolved_at <= complaint.opened_at + interval '15 days' THEN '15'
    ELSE 'more' END
"""
REMEMBER = f"""
INSERT INTO insights_countedcase (complaint_id, brand_id, {CELL})
SELECT complaint.id, brand.id, attribution.affiliate_id,
       (complaint.opened_at AT TIME ZONE brand.timezone)::date, complaint.kind, complaint.part, complaint.cause, {TOOK}
FROM complaints_complaint complaint
JOIN accounts_brand brand ON brand.id = complaint.brand_id
LEFT JOIN affiliates_purchase purchase ON purchase.id = complaint.purchase_id
LEFT JOIN affiliates_attribution attribution ON attribution.purchase_id = purchase.id AND attribution.is_current
WHERE complaint.brand_id = %(brand)s AND purchase.source IS DISTINCT FROM 'test' AND {{which}}
RETURNING {CELL}
"""  # noqa: S608 (ours alone)

ADD = f"""
INSERT INTO insights_casecount (brand_id, {CELL}, count)
SELECT %(brand)s, * FROM unnest(
    %(0)s::bigint[], %(1)s::date[], %(2)s::text[], %(3)s::text[], %(4)s::text[], %(5)s::text[], %(6)s::int[]
)
ON CONFLICT (brand_id, {CELL})
DO UPDATE SET count = insights_casecount.count + excluded.count
"""  # noqa: S608 (ours alone)
EMPTY = "DELETE FROM insights_casecount WHERE brand_id = %(brand)s AND count = 0 AND day = ANY(%(1)s::date[])"
COUNT = f"""
INSERT INTO insights_casecount (brand_id, {CELL}, count)
SELECT brand_id, {CELL}, count(*) FROM insights_countedcase WHERE brand_id = %(brand)s GROUP BY brand_id, {CELL}
"""  # noqa: S608 (ours alone)


def cases_of(purchases: Collection[int]) -> set[int]:
    return {row[0] for row in run(CASES_OF, {"purchases": list(purchases)})} if purchases else set()


def retally(brand: Brand, complaints: Collection[int]) -> None:
    """Count these cases, and erased ones, out of where they were and into where they belong."""
    which = {"brand": brand.pk, "complaints": list(complaints)}
    left = run(FORGET, which)
    entered = run(REMEMBER.format(which="complaint.id = ANY(%(complaints)s)"), which) if complaints else []
    _add(brand, entered, left)


def tally_everything(brand: Brand) -> None:
    values = {"brand": brand.pk}
    run("DELETE FROM insights_countedcase WHERE brand_id = %(brand)s", values)
    run("DELETE FROM insights_casecount WHERE brand_id = %(brand)s", values)
    run(REMEMBER.format(which="TRUE"), values)
    run(COUNT, values)


def _add(brand: Brand, entered: Iterable[Cell], left: Iterable[Cell]) -> None:
    changes = Counter(entered)
    changes.subtract(Counter(left))
    rows = [(*cell, change) for cell, change in changes.items() if change]
    if rows:
        values: dict[str, Any] = {str(number): list(column) for number, column in enumerate(zip(*rows, strict=True))}
        run(ADD, {"brand": brand.pk, **values})
        run(EMPTY, {"brand": brand.pk, **values})
