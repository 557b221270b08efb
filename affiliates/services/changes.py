"""What happens to a purchase later: its stages are told or corrected, money goes back. Nothing is ever deleted."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from affiliates.models import Purchase, PurchaseChange, Refund
from affiliates.services.inputs import Recorded
from affiliates.services.telling import tell_refunded

CHANGEABLE = ("delivered_at", "activated_at", "promised_on", "state")


class PurchaseConflict(Exception):
    """What was asked contradicts what is recorded; `field` says where, the text says why."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


@transaction.atomic
def change_purchase(purchase: Purchase, changes: Mapping[str, Any]) -> Recorded:
    """Set or correct when it was delivered, activated or promised, or move its state on; other fields never change.

    ValidationError: a field that cannot be changed. PurchaseConflict: a state that would go back or sideways.
    """
    if unknown := sorted(set(changes).difference(CHANGEABLE)):
        raise ValidationError({name: ValidationError(_("This cannot be changed."), "read_only") for name in unknown})
    locked = _locked(purchase)
    news = {name: value for name, value in changes.items() if getattr(locked, name) != value}
    if "state" in news and not locked.is_open:
        raise PurchaseConflict("state", _("A state goes from open to cancelled or refunded, and never back."))
    if not news:
        return Recorded("duplicate", locked)
    for name, value in news.items():
        setattr(locked, name, value)
    locked.save(update_fields=[*news, "updated_at"])
    PurchaseChange.objects.create(purchase=locked)
    if news.get("state") == Purchase.State.REFUNDED:
        tell_refunded(locked.brand, [locked])
    return Recorded("updated", locked)


@transaction.atomic
def record_refund(
    purchase: Purchase, *, external_id: str, amount: Decimal, reason: str = "", refunded_at: datetime
) -> tuple[Refund, bool]:
    """Record money given back once, and whether this was the first time. All of it back: the purchase is refunded.

    ValidationError: not an amount, or more than was paid. PurchaseConflict: the id stands for another amount.
    """
    if not amount.is_finite() or amount <= 0:
        raise ValidationError({"amount": ValidationError(_("A refund is more than zero."), "min_value")})
    locked = _locked(purchase)
    if standing := locked.refunds.filter(external_id=external_id).first():
        if standing.amount != amount:
            raise PurchaseConflict("amount", _("Another amount was refunded under the same id."))
        return standing, False
    total = amount + (locked.refunds.aggregate(total=Sum("amount"))["total"] or 0)
    if locked.amount is not None and total > locked.amount:
        message = _("More would be refunded than was paid.")
        raise ValidationError({"amount": ValidationError(message, "more_than_paid")})
    refund = locked.refunds.create(external_id=external_id, amount=amount, reason=reason, refunded_at=refunded_at)
    if locked.is_open and total == locked.amount:
        locked.state = Purchase.State.REFUNDED
        locked.save(update_fields=["state", "updated_at"])
    PurchaseChange.objects.create(purchase=locked)
    tell_refunded(locked.brand, [locked], refund)
    return refund, True


def _locked(purchase: Purchase) -> Purchase:
    """The row as it is now, kept from others: two refunds at once must not give back more than was paid."""
    related = Purchase.objects.select_related("brand", "customer", "product")
    return related.select_for_update(of=("self",), no_key=True).get(pk=purchase.pk)
