"""What a purchase sets in motion: who is credited (affiliates), and when the customer is asked (surveys)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from accounts.models import Brand
from affiliates.models import Purchase, Refund
from affiliates.services import PurchaseInput, Recorded, change_purchase, record_purchases, record_refund
from surveys.selectors import SurveyState, state_of_new, survey_states
from surveys.services.planning import plan_invitations
from surveys.standard import publish_standard_survey


@dataclass(frozen=True)
class Taken:
    """What became of an input, and where the first survey of its purchase stands."""

    recorded: Recorded
    survey: SurveyState | None = None


@transaction.atomic
def take_purchases(
    brand: Brand, inputs: Sequence[PurchaseInput], *, now: datetime, source: str, create_affiliates: bool = False
) -> list[Taken]:
    """Record purchases and plan their surveys, all or nothing; what became of each, in order."""
    recorded = record_purchases(brand, inputs, now=now, source=source, create_affiliates=create_affiliates)
    news = {r.purchase.pk: r.purchase for r in recorded if r.purchase and r.status in ("created", "updated")}
    verdicts = plan_invitations(brand, list(news.values()), now=now)
    created = {r.purchase.pk for r in recorded if r.purchase and r.status == "created"}
    known = {r.purchase.pk for r in recorded if r.purchase} - created
    states = {pk: state_of_new(verdicts[pk]) for pk in created} | survey_states(known, now=now)
    return [Taken(r, states.get(r.purchase.pk) if r.purchase else None) for r in recorded]


@transaction.atomic
def take_change(purchase: Purchase, changes: Mapping[str, Any], *, now: datetime) -> Recorded:
    """Correct a purchase's stages and decide anew whether its customer is asked. Refusals: see change_purchase."""
    recorded = change_purchase(purchase, changes)
    if recorded.purchase and recorded.status == "updated":
        plan_invitations(recorded.purchase.brand, [recorded.purchase], now=now)
    return recorded


@transaction.atomic
def take_refund(
    purchase: Purchase, *, external_id: str, amount: Decimal, reason: str, refunded_at: datetime, now: datetime
) -> tuple[Refund, bool]:
    """Record a refund once; who got everything back is not asked how it was. Refusals: see record_refund."""
    refund, is_new = record_refund(
        purchase, external_id=external_id, amount=amount, reason=reason, refunded_at=refunded_at
    )
    if is_new:
        plan_invitations(refund.purchase.brand, [refund.purchase], now=now)
    return refund, is_new


@transaction.atomic
def create_brand(slug: str, **fields: Any) -> Brand:
    """A brand that can ask from its first day. ValidationError: a field does not hold."""
    brand = Brand(slug=slug, **fields)
    brand.full_clean()
    brand.save()
    publish_standard_survey(brand)
    return brand
