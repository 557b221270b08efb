"""The quality of a quarter, judged once when it is over, for programs outside the product.

Blocks belong to the month of their publication and are never changed, so a quarter that is over says the same for ever.
"""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from django.db import transaction

from accounts.models import Brand
from accounts.statements import run
from insights.changes import period_before, quarter_of
from insights.models import QualityVerdict
from insights.privacy import Period, parse_period
from insights.quality import Judged, judge_cells, published_shares, strength_between
from insights.services.publishing import month_of
from insights.services.telling import tell_judged
from insights.statistics import ANSWERS_FOR_VERDICT

# What was bought in the quarter and is credited to somebody; a case that a bad answer opened by itself is no complaint.
VOLUME = """
SELECT attribution.affiliate_id, count(*), count(DISTINCT purchase.customer_id),
       count(*) FILTER (WHERE purchase.state = 'refunded' OR EXISTS (
           SELECT FROM affiliates_refund refund WHERE refund.purchase_id = purchase.id)),
       count(*) FILTER (WHERE EXISTS (
           SELECT FROM complaints_complaint complaint
           WHERE complaint.purchase_id = purchase.id AND complaint.kind <> 'follow_up'))
FROM affiliates_purchase purchase
JOIN affiliates_attribution attribution ON attribution.purchase_id = purchase.id AND attribution.is_current
WHERE purchase.brand_id = %(brand)s AND purchase.source <> 'test' AND purchase.state <> 'cancelled'
  AND purchase.purchased_at >= %(start)s AND purchase.purchased_at < %(end)s
  AND attribution.affiliate_id = ANY(%(affiliates)s)
GROUP BY attribution.affiliate_id
"""
Volume = tuple[int, int, int, int]  # purchases, customers, given back, complained about


@transaction.atomic(savepoint=False)  # nobody goes on after a failure in here
def judge_last_quarter(brand: Brand, *, now: datetime) -> list[QualityVerdict]:
    """The verdicts on the brand's last calendar quarter, where it has none yet: those made now."""
    quarter = parse_period(period_before(quarter_of(month_of(now, brand))))
    assert quarter.first is not None
    if QualityVerdict.objects.filter(brand=brand, quarter=quarter.first).exists():
        return []
    satisfied = published_shares(brand, quarter)
    whom = [affiliate for affiliate, (_good, n) in satisfied.items() if n >= ANSWERS_FOR_VERDICT]
    if not whom:
        return []
    overall = judge_cells(satisfied, whom, strength=strength_between(brand))
    rated = published_shares(brand, quarter, "affiliate_rating")
    ratings = judge_cells(rated, whom, strength=strength_between(brand, "affiliate_rating"))
    volumes = _volumes(brand, quarter, whom)
    verdicts = QualityVerdict.objects.bulk_create(
        _verdict(brand, affiliate, quarter.first, overall[affiliate], ratings[affiliate], volumes.get(affiliate), now)
        for affiliate in whom
    )
    tell_judged(brand, verdicts)
    return verdicts


def _verdict(
    brand: Brand, affiliate: int, quarter: date, overall: Judged, rating: Judged, volume: Volume | None, now: datetime
) -> QualityVerdict:
    purchases, customers, refunded, complained = volume or (0, 0, 0, 0)
    return QualityVerdict(
        brand=brand,
        affiliate_id=affiliate,
        quarter=quarter,
        answers=overall.n,
        satisfied=overall.good,
        reference=overall.reference,
        verdict=overall.verdict or "",
        ratings=rating.n,
        rated_well=rating.good,
        rating_reference=rating.reference,
        rating_verdict=(rating.verdict or "") if rating.n >= ANSWERS_FOR_VERDICT else "",
        purchases=purchases,
        customers=customers,
        refunded=refunded,
        complained=complained,
        judged_at=now,
    )


def _volumes(brand: Brand, quarter: Period, affiliates: list[int]) -> dict[int, Volume]:
    assert quarter.first is not None
    assert quarter.after is not None
    zone = ZoneInfo(brand.timezone)
    start, end = (datetime.combine(day, time(), tzinfo=zone) for day in (quarter.first, quarter.after))
    rows = run(VOLUME, {"brand": brand.pk, "start": start, "end": end, "affiliates": affiliates})
    return {affiliate: tuple(volume) for affiliate, *volume in rows}
