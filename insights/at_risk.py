"""Promises about to be broken: what was to be delivered by now or soon, and cases whose time runs out.

Of deliveries the shop names a day (`promised_on`), or the link by which it was sold promised so many hours; the earlier
one counts. Only the last weeks are looked at: what nobody has reported delivered for longer is a matter of reports.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from accounts.models import Brand
from accounts.statements import run
from affiliates.delivery_promises import hours_promised
from affiliates.models import Affiliate, LinkPromise, Purchase
from complaints.models import Complaint, ComplaintQuerySet

AHEAD = timedelta(days=1)
LATE_FOR = timedelta(days=14)
BOUGHT_WITHIN = timedelta(days=30)
SHOWN = 8
COUNTED = 100  # cases; of more only that there are more is said
REPORTED = 500  # purchases, the newest old enough to have come, of which one at least tells that this shop reports

WAITING = """
affiliates_purchase purchase
LEFT JOIN affiliates_product product ON product.id = purchase.product_id
LEFT JOIN affiliates_attribution attribution ON attribution.purchase_id = purchase.id AND attribution.is_current
WHERE purchase.brand_id = %(brand)s AND purchase.purchased_at >= %(since)s AND purchase.purchased_at <= %(now)s
  AND purchase.delivered_at IS NULL AND purchase.activated_at IS NULL
  AND purchase.state = 'open' AND purchase.source <> 'test'
"""
LINKS = f"""
SELECT DISTINCT attribution.link_id FROM {WAITING}
  AND attribution.link_id IS NOT NULL AND coalesce(product.kind, 'goods') = 'goods'
"""  # noqa: S608 (ours alone)
# A promise counts for whoever bought while it stood.
DUE = f"""
WITH waiting AS (
    SELECT purchase.id, purchase.purchased_at, purchase.promised_on, attribution.affiliate_id,
           CASE WHEN coalesce(product.kind, 'goods') = 'goods' THEN attribution.link_id END AS link_id
    FROM {WAITING}
), told AS (
    SELECT waiting.id, min(promise.hours) AS hours, (array_agg(promise.text ORDER BY promise.hours))[1] AS text
    FROM waiting JOIN unnest(%(links)s::bigint[], %(hours)s::int[], %(texts)s::text[], %(made)s::timestamptz[],
                             %(withdrawn)s::timestamptz[]) AS promise (link, hours, text, made, withdrawn)
      ON promise.link = waiting.link_id AND promise.made <= waiting.purchased_at
     AND (promise.withdrawn IS NULL OR promise.withdrawn > waiting.purchased_at)
    GROUP BY waiting.id
), promised AS (
    SELECT waiting.id, waiting.affiliate_id, told.text,
           waiting.purchased_at + make_interval(hours => told.hours) AS by_link,
           (waiting.promised_on + time '23:59:59') AT TIME ZONE %(zone)s AS by_shop
    FROM waiting LEFT JOIN told ON told.id = waiting.id
    WHERE told.hours IS NOT NULL OR waiting.promised_on IS NOT NULL
), due AS (
    SELECT id, affiliate_id, least(by_link, by_shop) AS due_at,
           CASE WHEN by_shop IS NULL OR by_link < by_shop THEN text ELSE '' END AS text
    FROM promised WHERE least(by_link, by_shop) BETWEEN %(late_since)s AND %(until)s
)
SELECT id, affiliate_id, due_at, text,
       count(*) FILTER (WHERE due_at <= %(now)s) OVER (), count(*) FILTER (WHERE due_at > %(now)s) OVER ()
FROM due
ORDER BY due_at <= %(now)s, abs(extract(epoch FROM due_at - %(now)s)), id
LIMIT %(shown)s
"""  # noqa: S608 (ours alone)


@dataclass(frozen=True)
class Delivery:
    """`said`: the sentence at the link that promised it; "" where the shop named the day."""

    purchase: Purchase
    affiliate: Affiliate | None
    due_at: datetime
    said: str


@dataclass(frozen=True)
class AtRisk:
    """What can still be kept comes first, the nearest first; then what was missed, the latest first."""

    deliveries: tuple[Delivery, ...] = ()
    late: int = 0
    soon: int = 0
    cases: tuple[Complaint, ...] = ()
    late_cases: int = 0
    soon_cases: int = 0

    def __bool__(self) -> bool:
        return bool(self.deliveries or self.cases)


def promises_at_risk(brand: Brand, cases: ComplaintQuerySet, *, now: datetime) -> AtRisk:
    """By the next day, or missed already. Of a shop that reports no deliveries nothing is known of those.

    `cases`: those that the reader may see.
    """
    open_cases = cases.filter(brand=brand).open()
    soon = open_cases.due_after(now).due_by(now + AHEAD).most_urgent_first()
    late = open_cases.due_by(now).most_urgent_first()
    late_cases, soon_cases = (rows[:COUNTED].count() for rows in (late, soon))
    shown = [*soon.select_related("assignee")[:SHOWN], *late.select_related("assignee")[:SHOWN]][:SHOWN]
    rows = _due(brand, now) if _reports_deliveries(brand, now) else []
    late_orders, soon_orders = rows[0][4:] if rows else (0, 0)
    return AtRisk(_deliveries(rows), late_orders, soon_orders, tuple(shown), late_cases, soon_cases)


def _reports_deliveries(brand: Brand, now: datetime) -> bool:
    old_enough = Purchase.objects.filter(brand=brand, purchased_at__lt=now - timedelta(days=7))
    newest = old_enough.order_by("-purchased_at", "-id").values_list("delivered_at", flat=True)[:REPORTED]
    return any(newest)


def _due(brand: Brand, now: datetime) -> list[tuple[Any, ...]]:
    params: dict[str, Any] = {
        "brand": brand.pk,
        "zone": brand.timezone,
        "now": now,
        "since": now - BOUGHT_WITHIN,
        "late_since": now - LATE_FOR,
        "until": now + AHEAD,
        "shown": SHOWN,
    }
    promises = _promises_at([link for (link,) in run(LINKS, params)])
    return run(DUE, params | promises)


def _promises_at(links: Iterable[int]) -> dict[str, list[Any]]:
    """Times of delivery, a list for each column; withdrawn ones too."""
    found = LinkPromise.objects.filter(link__in=list(links)).values_list("link", "text", "made_at", "withdrawn_at")
    told = [(link, hours, text, made, gone) for link, text, made, gone in found if (hours := hours_promised(text))]
    names = ("links", "hours", "texts", "made", "withdrawn")
    return {name: [row[column] for row in told] for column, name in enumerate(names)}


def _deliveries(rows: Iterable[tuple[Any, ...]]) -> tuple[Delivery, ...]:
    found = list(rows)
    purchases = Purchase.objects.select_related("product").in_bulk([row[0] for row in found])
    affiliates = Affiliate.objects.in_bulk([row[1] for row in found if row[1]])
    return tuple(
        Delivery(purchases[pk], affiliates.get(who), due_at, text or "") for pk, who, due_at, text, *_n in found
    )
