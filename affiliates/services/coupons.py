"""Discount codes that stand for an affiliate: one owner at a time, and who had one when stays on record."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.models import Brand, User
from affiliates.models import Affiliate, Coupon


@transaction.atomic
def give_coupon(brand: Brand, code: str, affiliate: Affiliate, *, by: User | None = None, now: datetime) -> Coupon:
    """The coupon is the affiliate's from now on; whoever had it had it until now. Theirs already: nothing changes.

    ValidationError: not a code, an affiliate of another brand, or the coupon begins later.
    """
    spelt = code.strip().lower()
    if affiliate.brand_id != brand.pk:
        raise ValidationError({"affiliate": ValidationError(_("This affiliate belongs to another brand."), "other")})
    Brand.objects.select_for_update(no_key=True).get(pk=brand.pk)  # no row stands for a coupon that nobody has yet
    standing = Coupon.objects.filter(Q(valid_until__isnull=True) | Q(valid_until__gt=now), brand=brand, code=spelt)
    owner = standing.order_by("valid_from").first()
    if owner and owner.affiliate_id == affiliate.pk and owner.valid_until is None:
        return owner
    if standing.filter(valid_from__gte=now).exists():
        message = _("This coupon begins later, or has just changed hands.")
        raise ValidationError({"code": ValidationError(message, "begins_later")})
    standing.update(valid_until=now, ended_by=by)
    coupon = Coupon(brand=brand, affiliate=affiliate, code=spelt, valid_from=now, given_by=by)
    coupon.full_clean(validate_constraints=False)
    coupon.save(force_insert=True)
    return coupon


def end_coupon(coupon: Coupon, *, by: User | None = None, now: datetime) -> bool:
    """It stands for nobody from now on. False: it has ended already, or begins later."""
    running = Coupon.objects.filter(Q(valid_until__isnull=True) | Q(valid_until__gt=now), valid_from__lt=now)
    return bool(running.filter(pk=coupon.pk).update(valid_until=now, ended_by=by))
