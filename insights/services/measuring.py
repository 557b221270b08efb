"""What moves the score, worked out for a whole brand at night: in sets, and kept for the pages to read."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, time
from zoneinfo import ZoneInfo

from django.db import transaction

from accounts.in_turn import sum_in_turn
from accounts.models import Brand
from accounts.statements import run
from insights.circumstances import Cell, Group, Key, tells_of_nobody
from insights.models import Circumstance, Measurement
from insights.services.alerting import raise_alerts
from insights.services.attending import count_attention
from insights.services.contributing import count_contributions
from insights.services.judging import judge_last_quarter
from insights.services.placing import place_affiliates
from insights.services.reading import read_words
from insights.services.reckoning import reckon_figures
from insights.services.weighing import weigh_opinions
from insights.sold import count_sold

NIGHT = time(3)  # from here on a brand's day is over


def measure_due_brands(*, now: datetime) -> int:
    """Measure each brand once a night of its own; one that never was, at once. How many brands.

    Raises ExceptionGroup of the brands where it failed, once all have had their turn.
    """
    measured = dict(Measurement.objects.values_list("brand", "measured_at"))
    due = [brand for brand in Brand.objects.order_by("pk") if _is_due(brand, measured.get(brand.pk), now)]
    return sum_in_turn(due, lambda brand: _measure_if_free(brand, now=now))


def _measure_if_free(brand: Brand, *, now: datetime) -> bool:
    """False: another worker is at it, or has been by now. A large brand takes longer than until the next look."""
    Measurement.objects.get_or_create(brand=brand)
    with transaction.atomic():
        free = Measurement.objects.select_for_update(skip_locked=True).filter(brand=brand).first()
        if free is None or not _is_due(brand, free.measured_at, now):
            return False
        _measure(free, now)
    return True


def _is_due(brand: Brand, measured_at: datetime | None, now: datetime) -> bool:
    if measured_at is None:
        return True
    zone = ZoneInfo(brand.timezone)
    here = now.astimezone(zone)
    return measured_at.astimezone(zone).date() < here.date() and here.time() >= NIGHT


@transaction.atomic
def measure_brand(brand: Brand, *, now: datetime) -> None:
    """Work out anew what moves this brand's score, whenever it was done last."""
    Measurement.objects.get_or_create(brand=brand)
    _measure(Measurement.objects.select_for_update().get(brand=brand), now)


def _measure(measurement: Measurement, now: datetime) -> None:
    """All of it or nothing, in the caller's transaction, which holds the row."""
    brand = measurement.brand
    _measure_circumstances(brand)
    weigh_opinions(brand)
    read_words(brand)
    raise_alerts(brand, now=now)
    place_affiliates(brand, now=now)
    reckon_figures(brand, now=now)
    count_contributions(brand, now=now)
    count_attention(brand, now=now)
    judge_last_quarter(brand, now=now)
    measurement.sales_until = count_sold(brand, now=now)
    measurement.measured_at = now
    measurement.save(update_fields=["measured_at", "sales_until"])


# --- Facts about purchases -------------------------------------------------------------------------------------------
# What came after the answer cannot have moved it, so a refund or a complaint counts if it came before. The case that a
# bad answer opens by itself is no complaint.
FACTS = """
WITH answered AS (
    SELECT invitation.purchase_id, counted.affiliate_id, response.answered_at, csat.number AS score
    FROM insights_countedresponse counted
    JOIN surveys_response response ON response.id = counted.response_id
    JOIN surveys_invitation invitation ON invitation.id = response.invitation_id
    JOIN surveys_answer csat ON csat.response_id = response.id AND csat.number IS NOT NULL
    JOIN surveys_question question ON question.id = csat.question_id AND question.key = 'csat'
    WHERE counted.brand_id = %(brand)s AND counted.wave = 'first'
),
refunded AS (
    SELECT refund.purchase_id, min(refund.refunded_at) AS at
    FROM affiliates_refund refund JOIN affiliates_purchase purchase ON purchase.id = refund.purchase_id
    WHERE purchase.brand_id = %(brand)s GROUP BY refund.purchase_id
),
complained AS (
    SELECT purchase_id, min(opened_at) AS at
    FROM complaints_complaint
    WHERE brand_id = %(brand)s AND kind <> 'follow_up' GROUP BY purchase_id
),
bought AS (
    SELECT purchase.id, purchase.customer_id, purchase.state, purchase.promised_on,
           (purchase.delivered_at AT TIME ZONE %(timezone)s)::date AS delivered_on,
           extract(day FROM purchase.delivered_at - purchase.purchased_at)::int AS days,
           product.category,
           row_number() OVER (PARTITION BY purchase.customer_id ORDER BY purchase.purchased_at, purchase.id) AS place
    FROM affiliates_purchase purchase LEFT JOIN affiliates_product product ON product.id = purchase.product_id
    WHERE purchase.brand_id = %(brand)s AND purchase.source <> 'test'
),
facts AS (
    SELECT bought.customer_id, answered.affiliate_id, answered.score, fact.kind, fact.code
    FROM bought
    LEFT JOIN answered ON answered.purchase_id = bought.id
    LEFT JOIN refunded ON refunded.purchase_id = bought.id
    LEFT JOIN complained ON complained.purchase_id = bought.id
    CROSS JOIN LATERAL (VALUES
        ('late', CASE WHEN delivered_on > promised_on THEN 'late' WHEN delivered_on <= promised_on THEN '' END),
        ('days', CASE WHEN days >= 0 THEN
            (ARRAY['to_3', 'to_7', 'to_14', 'to_28', 'over_28'])[1 + width_bucket(days, ARRAY[4, 8, 15, 29])] END),
        ('category', nullif(category, '')),
        ('refund', CASE WHEN refunded.at <= coalesce(answered_at, 'infinity')
            OR (state = 'refunded' AND refunded.at IS NULL) THEN 'refund' ELSE '' END),
        ('complaint', CASE WHEN complained.at <= coalesce(answered_at, 'infinity') THEN 'complaint' ELSE '' END),
        ('repeat', CASE WHEN place > 1 THEN 'repeat' ELSE '' END)
    ) fact(kind, code)
    WHERE fact.code IS NOT NULL
)
"""
# All at once: by fact, by kind, and how the answers to a fact are spread. Of the last alone, without the sizes of
# new tables, the planner would join purchase by purchase.
COUNT = (
    FACTS
    + """
SELECT kind, code, affiliate_id, grouping(code), grouping(affiliate_id), count(DISTINCT customer_id),
       count(score), coalesce(sum(score), 0), coalesce(sum(score * score), 0), count(*) FILTER (WHERE score >= 4)
FROM facts GROUP BY GROUPING SETS ((kind, code, affiliate_id), (kind, code), (kind))
"""
)
Spread = Mapping[Key, Mapping[int, int]]  # answers by affiliate


def _measure_circumstances(brand: Brand) -> None:
    cells, spread = _count(brand)
    cells = {key: replace(cell, is_common=_is_common(key, spread)) for key, cell in cells.items()}
    standing = Circumstance.objects.filter(brand=brand).cells(Circumstance.Audience.PROGRAMME)
    shown = {key: keep_or_replace(standing.get(key), cell, k=brand.k) for key, cell in cells.items()}
    Circumstance.objects.filter(brand=brand).delete()
    Circumstance.objects.bulk_create(
        [
            *(_as_row(brand, Circumstance.Audience.STAFF, key, cell) for key, cell in cells.items()),
            *(_as_row(brand, Circumstance.Audience.PROGRAMME, key, cell) for key, cell in shown.items() if cell),
        ]
    )


def keep_or_replace(standing: Cell | None, cell: Cell, *, k: int) -> Cell | None:
    """What affiliates see of a fact moves by k answers at once or not at all, so no difference tells of fewer."""
    before = standing.group.answers if standing else 0
    if abs(cell.group.answers - before) >= k:
        return cell
    return replace(standing, is_common=cell.is_common) if standing else None


def _count(brand: Brand) -> tuple[dict[Key, Cell], Spread]:
    known, found = {}, {}
    spread: defaultdict[Key, dict[int, int]] = defaultdict(dict)
    rows = run(COUNT, {"brand": brand.pk, "timezone": brand.timezone})
    for kind, code, affiliate, is_of_kind, is_of_all, customers, answers, *sums in rows:
        if is_of_kind:
            known[kind] = customers
        elif is_of_all:
            found[kind, code] = customers, Group(int(answers), *map(int, sums))
        elif affiliate and answers:
            spread[kind, code][affiliate] = answers
    return {(kind, code): Cell(n, known[kind], group) for (kind, code), (n, group) in found.items()}, spread


def _is_common(key: Key, spread: Spread) -> bool:
    """Neither it nor what it is compared with tells of one affiliate, to any other."""
    without: defaultdict[int, int] = defaultdict(int)
    for (kind, code), by_affiliate in spread.items():
        if kind == key[0] and code != key[1]:
            for affiliate, answers in by_affiliate.items():
                without[affiliate] += answers
    return tells_of_nobody(spread.get(key, {}).values()) and tells_of_nobody(without.values())


def _as_row(brand: Brand, audience: str, key: Key, cell: Cell) -> Circumstance:
    kind, code = key
    return Circumstance(
        brand=brand,
        audience=audience,
        kind=kind,
        code=code,
        customers=cell.customers,
        known=cell.known,
        is_common=cell.is_common,
        **vars(cell.group),
    )
