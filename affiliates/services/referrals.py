"""Customers who recommend the shop: everybody gets the same kind of link, and nobody's address is ever typed in."""

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from accounts.models import Brand
from affiliates.models import Customer, random_code

TRIES = 5


def offers_referrals(brand: Brand) -> bool:
    """Does a recommendation lead anywhere, and does it count?"""
    return bool(brand.allowed_hosts) and "referral" in brand.attribution_order


def give_referral_code(customer: Customer) -> str:
    """The customer's own code, made at the first call and the same for ever; nothing where the brand offers none."""
    if customer.referral_code or not offers_referrals(customer.brand):
        return customer.referral_code or ""
    unnamed = Customer.objects.filter(pk=customer.pk, referral_code__isnull=True)
    for attempt in range(1, TRIES + 1):
        code = random_code()
        try:
            with transaction.atomic():
                is_ours = unnamed.update(referral_code=code, updated_at=Now())
            break
        except IntegrityError:  # somebody else has that code
            if attempt == TRIES:
                raise
    if is_ours:
        customer.referral_code = code
    else:  # they got one at this moment
        customer.refresh_from_db(fields=["referral_code"])
    return customer.referral_code or ""
