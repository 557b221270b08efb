"""What other systems are told: an affiliate's what its own pages show, a brand's how good a quarter was."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import override

from accounts.models import Brand
from affiliates.models import Affiliate
from affiliates.services.telling import affiliate_of, audience_of
from insights.findings import Figure
from insights.models import Block, QualityVerdict
from insights.privacy import affiliate_insights
from insights.quality import QUALITY_WARNING, figure_of
from mailing.models import WebhookEvent
from mailing.services.webhooks import announce, audiences_of

Kind = WebhookEvent.Kind
MORNING = time(6)
FIGURES = ("csat", "nps", "affiliate_rating", "promise_kept")


def tell_published(brand: Brand, blocks: Iterable[Block], *, now: datetime) -> None:
    """Each affiliate that listens of its own new blocks, with its figures of that month as its pages show them now.

    The next morning: told at once, the hour would say when somebody answered.
    """
    listening = {affiliate_of(audience) for audience in audiences_of(brand, Kind.BLOCK_PUBLISHED)}
    told = [block for block in blocks if block.affiliate_id and block.affiliate_id in listening]
    seeing = Affiliate.objects.exclude(status=Affiliate.Status.SUSPENDED).select_related("brand")
    affiliates = seeing.in_bulk({block.affiliate_id for block in told})
    morning = next_morning(brand, now)
    for block in told:
        if (affiliate := affiliates.get(block.affiliate_id or 0)) is None:
            continue
        news = [_of_block(block, affiliate, now)]
        announce(brand, Kind.BLOCK_PUBLISHED, news, audience=audience_of(affiliate), at=morning)


def next_morning(brand: Brand, now: datetime) -> datetime:
    zone = ZoneInfo(brand.timezone)
    return datetime.combine(now.astimezone(zone).date() + timedelta(days=1), MORNING, tzinfo=zone)


def tell_judged(brand: Brand, verdicts: Sequence[QualityVerdict]) -> None:
    """The brand's own systems of the verdicts just made, as the API says them."""
    if verdicts:
        announce(brand, Kind.QUALITY, _of_quality(brand, verdicts))


def _of_block(block: Block, affiliate: Affiliate, now: datetime) -> dict[str, Any]:
    insights = affiliate_insights(affiliate, period=f"{block.month:%Y-%m}", now=now)
    own = insights.own
    return {
        "affiliate": affiliate.code,
        "block": block.sequence,
        "new_answers": block.n,
        "period": insights.period,
        "n": own.n if own else None,
        **{name: _figure(getattr(own, name)) if own else None for name in FIGURES},
    }


def _figure(figure: Figure | None) -> dict[str, Any] | None:
    if figure is None:
        return None
    return {"value": figure.value, "low": figure.low, "high": figure.high, "n": figure.n}


def _of_quality(brand: Brand, verdicts: Sequence[QualityVerdict]) -> Iterator[dict[str, Any]]:
    codes = dict(Affiliate.objects.filter(brand=brand).values_list("pk", "code"))
    with override(brand.default_language):
        warning = str(QUALITY_WARNING)
    for row in verdicts:
        yield {
            "affiliate": codes[row.affiliate_id],
            "quarter": row.code,
            "csat": figure_of(row.satisfied, row.answers, row.reference, row.verdict),
            "affiliate_rating": figure_of(row.rated_well, row.ratings, row.rating_reference, row.rating_verdict),
            "volume": {name: getattr(row, name) for name in ("purchases", "customers", "refunded", "complained")},
            "judged_at": row.judged_at,
            "warning": warning,
        }
