"""Who needs looking after, counted for a whole brand at night: in sets, and kept for the pages.

The tables are written anew for staff. What an affiliate is told stays as it was until k customers more or fewer are. It
counts all that was ever theirs: who knows their own sales would see by what is missing what was given back.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction

from accounts.models import Brand
from accounts.statements import run
from complaints.services.warranting import Standing, standing_rules
from insights.cohorts import step
from insights.models import Attention
from insights.models.contribution import Audience
from insights.outcomes import today_of

WARRANTY_DAYS = 30  # so soon a warranty ends
SILENT_TIMES = 2  # as long as they used to leave between two purchases
SILENT_DAYS = 90  # and so long at least
GONE_DAYS = 730  # whoever has not bought for as long is no customer any more
SHOWN = 20

# Rows of `found`: what it is about, who it is credited to, the day that matters, and the nearest first by `place`.
UNANSWERED = """
found AS (
    SELECT complaint.purchase_id AS id, attribution.affiliate_id,
           (complaint.waits_since AT TIME ZONE %(zone)s)::date AS day, complaint.waits_since AS place
    FROM complaints_complaint complaint
    LEFT JOIN affiliates_purchase purchase ON purchase.id = complaint.purchase_id
    LEFT JOIN affiliates_attribution attribution
        ON attribution.purchase_id = complaint.purchase_id AND attribution.is_current
    WHERE complaint.brand_id = %(brand)s AND complaint.state IN ('new', 'in_progress', 'waiting')
      AND complaint.waits_since IS NOT NULL AND complaint.kind <> 'follow_up'
      AND (purchase.id IS NULL OR purchase.source <> 'test')
)
"""
# By the longest term that there is for it; a law that the brand has written stands instead of the country's. What
# repairs add is not: it is a day too early rather than too late.
WARRANTY = """
rule AS (
    SELECT * FROM unnest(
        %(kinds)s::text[], %(categories)s::text[], %(skus)s::text[], %(months)s::int[],
        %(since)s::date[], %(until)s::date[], %(replaces)s::boolean[], %(yields)s::boolean[]
    ) AS rule (kind, category, sku, months, since, until, replaces, yields)
),
received AS (
    SELECT purchase.id, purchase.customer_id, product.kind, product.category, product.sku,
           (CASE WHEN product.kind = 'goods' THEN coalesce(purchase.delivered_at, purchase.activated_at)
                 ELSE coalesce(purchase.activated_at, purchase.delivered_at) END AT TIME ZONE %(zone)s)::date AS day
    FROM affiliates_purchase purchase JOIN affiliates_product product ON product.id = purchase.product_id
    WHERE purchase.brand_id = %(brand)s AND purchase.source <> 'test'
      AND (purchase.state = 'open' OR %(counts_all)s)
),
ends AS (
    SELECT received.id, received.customer_id, max(received.day + make_interval(months => rule.months))::date AS day
    FROM received JOIN rule ON rule.kind = received.kind AND rule.category IN ('', received.category)
        AND rule.sku IN ('', received.sku) AND received.day BETWEEN rule.since AND rule.until
    WHERE NOT rule.yields OR NOT EXISTS (
        SELECT FROM rule own WHERE own.replaces AND own.kind = received.kind
            AND own.category IN ('', received.category) AND own.sku IN ('', received.sku)
    )
    GROUP BY received.id, received.customer_id
),
found AS (
    SELECT ends.id, attribution.affiliate_id, ends.day, ends.day AS place
    FROM ends JOIN affiliates_customer customer
        ON customer.id = ends.customer_id AND (customer.blocked_at IS NULL OR %(counts_all)s)
    LEFT JOIN affiliates_attribution attribution ON attribution.purchase_id = ends.id AND attribution.is_current
    WHERE ends.day BETWEEN %(today)s AND %(soon)s
)
"""
# Whoever came back on another day, and by now has stayed away for longer than that took.
SILENCE = """
loyal AS (
    SELECT customer_id, max(purchased_at) AS last_at, (array_agg(id ORDER BY purchased_at DESC, id DESC))[1] AS id,
           (max(purchased_at) - min(purchased_at))
               / (count(DISTINCT (purchased_at AT TIME ZONE %(zone)s)::date) - 1) AS usual
    FROM affiliates_purchase
    WHERE brand_id = %(brand)s AND source <> 'test' AND (state = 'open' OR %(counts_all)s)
    GROUP BY customer_id HAVING count(DISTINCT (purchased_at AT TIME ZONE %(zone)s)::date) > 1
),
found AS (
    SELECT loyal.id, attribution.affiliate_id, (loyal.last_at AT TIME ZONE %(zone)s)::date AS day,
           %(now)s - loyal.last_at AS place
    FROM loyal JOIN affiliates_customer customer
        ON customer.id = loyal.customer_id AND (customer.blocked_at IS NULL OR %(counts_all)s)
    LEFT JOIN affiliates_attribution attribution ON attribution.purchase_id = loyal.id AND attribution.is_current
    WHERE loyal.last_at > %(gone)s AND loyal.last_at <= %(silent)s
      AND %(now)s - loyal.last_at > %(times)s * loyal.usual
)
"""
COUNT = """
WITH {found}
SELECT affiliate_id, count(*)::int,
       CASE WHEN grouping(affiliate_id) = 1 THEN (array_agg(id ORDER BY place, id))[1:%(shown)s] END,
       CASE WHEN grouping(affiliate_id) = 1 THEN (array_agg(day ORDER BY place, id))[1:%(shown)s] END
FROM found GROUP BY GROUPING SETS ((affiliate_id), ()) HAVING grouping(affiliate_id) = 1 OR affiliate_id IS NOT NULL
"""
STATEMENTS = {
    Attention.Cause.UNANSWERED: COUNT.format(found=UNANSWERED),
    Attention.Cause.WARRANTY: COUNT.format(found=WARRANTY),
    Attention.Cause.SILENCE: COUNT.format(found=SILENCE),
}
Key = tuple[int | None, str]  # affiliate, None being the whole brand; cause


@transaction.atomic
def count_attention(brand: Brand, *, now: datetime) -> None:
    """Count anew who needs looking after, as of now."""
    today = today_of(brand, now)
    values = _values(brand, now, today) | _columns(standing_rules(brand))
    counts, nearest = _count(values | {"counts_all": False})
    all_counts, _nearest = _count(values | {"counts_all": True})
    shown = _counts_to_show(brand, all_counts)
    Attention.objects.filter(brand=brand).delete()
    Attention.objects.bulk_create(
        [*_rows(brand, Audience.STAFF, counts, today, nearest), *_rows(brand, Audience.AFFILIATE, shown, today, {})],
        batch_size=5000,
    )


def _count(values: dict[str, Any]) -> tuple[dict[Key, int], dict[Key, list[list[Any]]]]:
    counts: dict[Key, int] = {}
    nearest: dict[Key, list[list[Any]]] = {}
    for cause, statement in STATEMENTS.items():
        for affiliate, n, ids, days in run(statement, values):
            counts[affiliate, cause] = n
            nearest[affiliate, cause] = [[pk, day.isoformat()] for pk, day in zip(ids or (), days or (), strict=True)]
    return counts, nearest


def _values(brand: Brand, now: datetime, today: date) -> dict[str, Any]:
    return {
        "brand": brand.pk,
        "zone": brand.timezone,
        "now": now,
        "today": today,
        "soon": today + timedelta(days=WARRANTY_DAYS),
        "silent": now - timedelta(days=SILENT_DAYS),
        "gone": now - timedelta(days=GONE_DAYS),
        "times": SILENT_TIMES,
        "shown": SHOWN,
    }


def _columns(rules: Iterable[Standing]) -> dict[str, list[Any]]:
    found = list(rules)
    return {
        "kinds": [each.product_kind for each in found],
        "categories": [each.category for each in found],
        "skus": [each.sku for each in found],
        "months": [each.rule.months for each in found],
        "since": [each.rule.delivered_from for each in found],
        "until": [each.rule.delivered_until for each in found],
        "replaces": [each.is_own and each.rule.is_law for each in found],
        "yields": [not each.is_own for each in found],
    }


def _counts_to_show(brand: Brand, counts: Mapping[Key, int]) -> dict[Key, int]:
    """To affiliates. One by one a number would tell what became of a customer they may know."""
    rows = Attention.objects.filter(brand=brand, audience=Audience.AFFILIATE)
    standing: dict[Key, int] = {
        (affiliate, cause): n for affiliate, cause, n in rows.values_list("affiliate", "cause", "count")
    }
    own = {key for key in standing.keys() | counts.keys() if key[0] is not None}
    return {key: step(standing.get(key, 0), counts.get(key, 0), brand.k) for key in own}


def _rows(
    brand: Brand, audience: Audience, counts: Mapping[Key, int], today: date, nearest: Mapping[Key, list[list[Any]]]
) -> Iterable[Attention]:
    """Of the whole brand also nought: it says that somebody has counted."""
    return (
        Attention(
            brand=brand,
            affiliate_id=affiliate,
            audience=audience,
            cause=cause,
            counted_on=today,
            count=n,
            nearest=nearest.get((affiliate, cause), []),
        )
        for (affiliate, cause), n in counts.items()
        if n or affiliate is None
    )
