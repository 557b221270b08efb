"""Cases counted where something about them changed, in sets: by affiliate, day, kind and whose part it was.

CountedCase remembers where a case stands, so that it leaves that count as it enters another.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import date
from typing import Any

from accounts.models import Brand
from accounts.statements import run

Cell = tuple[int | None, date, str, str]  # affiliate, day, kind, part

CASES_OF = "SELECT id FROM complaints_complaint WHERE purchase_id = ANY(%(purchases)s)"

FORGET = """
DELETE FROM insights_countedcase
WHERE brand_id = %(brand)s AND (complaint_id IS NULL OR complaint_id = ANY(%(complaints)s))
RETURNING affiliate_id, day, kind, part
"""

REMEMBER = """
INSERT INTO insights_countedcase (complaint_id, brand_id, affiliate_id, day, kind, part)
SELECT complaint.id, brand.id, attribution.affiliate_id,
       (complaint.opened_at AT TIME ZONE brand.timezone)::date, complaint.kind, complaint.part
FROM complaints_complaint complaint
JOIN accounts_brand brand ON brand.id = complaint.brand_id
LEFT JOIN affiliates_purchase purchase ON purchase.id = complaint.purchase_id
LEFT JOIN affiliates_attribution attribution ON attribution.purchase_id = purchase.id AND attribution.is_current
WHERE complaint.brand_id = %(brand)s AND purchase.source IS DISTINCT FROM 'test' AND {which}
RETURNING affiliate_id, day, kind, part
"""

ADD = """
INSERT INTO insights_casecount (brand_id, affiliate_id, day, kind, part, count)
SELECT %(brand)s, * FROM unnest(%(0)s::bigint[], %(1)s::date[], %(2)s::text[], %(3)s::text[], %(4)s::int[])
ON CONFLICT (brand_id, affiliate_id, day, kind, part)
DO UPDATE SET count = insights_casecount.count + excluded.count
"""
EMPTY = "DELETE FROM insights_casecount WHERE brand_id = %(brand)s AND count = 0 AND day = ANY(%(1)s::date[])"
COUNT = """
INSERT INTO insights_casecount (brand_id, affiliate_id, day, kind, part, count)
SELECT brand_id, affiliate_id, day, kind, part, count(*) FROM insights_countedcase
WHERE brand_id = %(brand)s GROUP BY brand_id, affiliate_id, day, kind, part
"""


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
