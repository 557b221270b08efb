"""Staff decide who is credited with a purchase. What was decided before stays on record."""

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import AuditEntry, User
from accounts.services import record_change
from affiliates.attribution import CONFIDENCE, OUTRANKED
from affiliates.models import Affiliate, Attribution, Customer, Purchase, PurchaseChange
from affiliates.services.telling import tell_recredited

MANUAL = Attribution.Method.MANUAL


@transaction.atomic
def correct_attribution(
    purchase: Purchase, *, affiliate: Affiliate | None, by: User, note: str, now: datetime
) -> Attribution:
    """Credit a purchase to the affiliate, also one that is suspended, or to nobody; `note` says why.

    Who brought the customer changes with the very purchase by which they were brought, or where nobody had brought
    them; any other correction leaves it, and no other purchase is decided anew.
    ValidationError: no reason given, an affiliate of another brand, or nothing would change.
    """
    if not note.strip():
        raise ValidationError({"note": ValidationError(_("Say why: the reason stays on record."), "required")})
    if affiliate and affiliate.brand_id != purchase.brand_id:
        raise ValidationError({"affiliate": ValidationError(_("This affiliate belongs to another brand."), "other")})
    # In the order in which recording locks them: customers after purchases.
    locked = Purchase.objects.select_for_update(no_key=True).get(pk=purchase.pk)
    customer = Customer.objects.select_for_update(no_key=True).get(pk=locked.customer_id)
    standing = Attribution.objects.current().filter(purchase=locked).first()
    if standing and standing.affiliate_id == (affiliate.pk if affiliate else None):
        raise ValidationError({"affiliate": ValidationError(_("This is who is credited already."), "unchanged")})
    _correct_acquisition(locked, customer, standing, affiliate)
    Attribution.objects.current().filter(purchase=locked).update(is_current=False)
    corrected = Attribution.objects.create(
        purchase=locked,
        affiliate=affiliate,
        method=MANUAL,
        confidence=CONFIDENCE[MANUAL],
        reason=Attribution.Reason.MANUAL,
        acquiring_affiliate_id=customer.acquiring_affiliate_id,
        touches=[_decision_of_staff(affiliate, now), *_outranked(standing)],
        decided_at=now,
        decided_by=by,
        note=note.strip(),
    )
    PurchaseChange.objects.create(purchase=locked)
    tell_recredited(locked, standing, corrected)
    credited = [standing.affiliate_id if standing else None, affiliate.pk if affiliate else None]
    record_change(by, locked.brand_id, AuditEntry.Action.CREDITED, locked, affiliate=credited)
    return corrected


def _correct_acquisition(
    purchase: Purchase, customer: Customer, standing: Attribution | None, affiliate: Affiliate | None
) -> None:
    was_brought_by_it = (
        standing is not None
        and standing.affiliate_id is not None
        and customer.acquiring_affiliate_id == standing.affiliate_id
        and customer.acquired_at == purchase.purchased_at
    )
    if not was_brought_by_it and customer.acquiring_affiliate_id is not None:
        return
    customer.acquiring_affiliate = affiliate
    customer.acquired_at = purchase.purchased_at if affiliate else None
    customer.save(update_fields=["acquiring_affiliate", "acquired_at", "updated_at"])


def _decision_of_staff(affiliate: Affiliate | None, now: datetime) -> dict[str, Any]:
    code = affiliate.code if affiliate else None
    return {"method": MANUAL, "reason": MANUAL, "source": "", "affiliate": code, "at": now.isoformat(), "won": True}


def _outranked(standing: Attribution | None) -> list[dict[str, Any]]:
    """The evidence weighed before, with what became of it; an earlier decision of staff is a row of its own."""
    touches = standing.touches if standing else []
    return [
        touch | {"won": False, "reason": OUTRANKED} if touch["won"] else touch
        for touch in touches
        if touch["method"] != MANUAL
    ]
