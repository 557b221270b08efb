"""The warranty of what a case is about: what the dates say, and what staff decide."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts.models import Brand, User
from affiliates.models import Product
from complaints.models import Complaint, ComplaintEvent, Remedy, WarrantyDecision, WarrantyRule
from complaints.services.handling import editing
from complaints.services.record import record
from complaints.warranty import Dates, Rule, Verdict, judge, limit_of_law, rules_of_law


def verdict_of(complaint: Complaint) -> Verdict:
    """As the dates and the rules of now say; by the days where the brand is."""
    product = complaint.purchase.product if complaint.purchase else None
    limit = limit_of_law(complaint.brand.country, product.kind) if product else None
    return judge(rules_for(complaint), dates_of(complaint), limit)


def rules_for(complaint: Complaint) -> list[Rule]:
    """The law's, or what the brand has written in its place; and what the brand promises on top."""
    product = complaint.purchase.product if complaint.purchase else None
    written = WarrantyRule.objects.filter(brand=complaint.brand_id, is_active=True)
    own = [as_rule(rule) for rule in written if rule.fits(product)]
    if product is None or any(rule.is_law for rule in own):
        return own
    return [*rules_of_law(complaint.brand.country, product.kind), *own]


@dataclass(frozen=True)
class Standing:
    """A rule that stands in a brand, and for which products. What it has written itself `is_own`."""

    product_kind: str
    category: str
    sku: str
    rule: Rule
    is_own: bool


def standing_rules(brand: Brand) -> list[Standing]:
    """All that may apply there: of what `rules_for` chooses from for one case."""
    kinds, written = Product.Kind.values, WarrantyRule.objects.filter(brand=brand, is_active=True)
    of_law = [Standing(kind, "", "", rule, False) for kind in kinds for rule in rules_of_law(brand.country, kind)]
    own = [Standing(rule.product_kind, rule.category, rule.sku, as_rule(rule), True) for rule in written]
    return [*of_law, *own]


def as_rule(rule: WarrantyRule) -> Rule:
    return Rule(
        source=rule.source,
        months=rule.months,
        burden_months=rule.burden_months,
        delivered_from=rule.delivered_from or date.min,
        delivered_until=rule.delivered_until or date.max,
        suspends_on_repair=rule.suspends_on_repair,
        is_law=rule.basis == WarrantyRule.Basis.LAW,
        is_checked=True,
    )


def dates_of(complaint: Complaint) -> Dates:
    """The fault showed when the customer says, or else when they wrote."""
    zone, purchase = ZoneInfo(complaint.brand.timezone), complaint.purchase
    claimed_on = complaint.opened_at.astimezone(zone).date()
    showed_on = date_or_none(complaint.details.get("since")) or claimed_on
    if purchase is None:
        return Dates(showed_on, claimed_on=claimed_on)
    received = purchase.received_at
    repairs = Remedy.objects.filter(complaint__purchase=purchase, kind=Remedy.Kind.REPAIR, taken_on__isnull=False)
    return Dates(
        showed_on,
        delivered_on=received.astimezone(zone).date() if received else None,
        bought_on=purchase.purchased_at.astimezone(zone).date(),
        claimed_on=claimed_on,
        repairs=[
            (taken, back)
            for taken, back in repairs.order_by("taken_on").values_list("taken_on", "back_on")
            if taken is not None and taken < showed_on  # what came after the fault cannot lengthen the time before it
        ],
    )


def date_or_none(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def decide_warranty(
    complaint: Complaint, *, outcome: str, reason: str, by: User, now: datetime, version: str = ""
) -> None:
    """Keep what applies, with the rule and the dates that it was decided by. Against the dates only with a reason."""
    if outcome not in WarrantyDecision.Outcome.values:
        raise ValidationError(_("Say what applies."), code="required")
    reason = reason.replace("\0", "").strip()
    with editing(complaint, by=by, version=version) as current:
        verdict = verdict_of(current)
        if outcome != verdict.outcome and not reason:
            raise ValidationError(_("The dates say otherwise: say why it is decided so."), code="required")
        decided = {"reckoned": verdict.outcome, "decided": outcome, "reason": reason, "basis": as_data(verdict)}
        WarrantyDecision.objects.update_or_create(
            complaint=current, defaults={**decided, "decided_by": by, "decided_at": now}
        )
        record(current, ComplaintEvent.Kind.WARRANTY, by=by, now=now, text=reason, outcome=outcome, was=verdict.outcome)
        current.save(update_fields=["updated_at"])


def as_data(verdict: Verdict) -> dict[str, Any]:
    days = {
        "starts_on": verdict.starts_on,
        "burden_until": verdict.burden_until,
        "ends_on": verdict.ends_on,
        "claim_until": verdict.claim_until,
    }
    return {
        "source": verdict.rule.source if verdict.rule else "",
        "months": verdict.rule.months if verdict.rule else None,
        "reason": verdict.reason,
        "suspended_days": verdict.suspended_days,
        **{name: day.isoformat() if day else None for name, day in days.items()},
    }
