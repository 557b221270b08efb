"""Customers who recommend the shop: everybody gets the same kind of link, and nobody's address is ever typed in."""

from django.db import connection

from accounts.models import Brand
from accounts.statements import execute_planned
from affiliates.models import Customer, random_code

TRIES = 5
# Looks for itself whether the code is free: a refusal would end the transaction in which the customer answers.
GIVE_CODE = """
    UPDATE affiliates_customer SET referral_code = $2::text, updated_at = statement_timestamp()
    WHERE id = $1 AND referral_code IS NULL AND NOT EXISTS (SELECT FROM affiliates_customer WHERE referral_code = $2)
    RETURNING referral_code
"""


def offers_referrals(brand: Brand) -> bool:
    """Does a recommendation lead anywhere, and does it count?"""
    return bool(brand.allowed_hosts) and "referral" in brand.attribution_order


def give_referral_code(customer: Customer) -> str:
    """The customer's own code, made at the first call and the same for ever; nothing where the brand offers none."""
    if customer.referral_code or not offers_referrals(customer.brand):
        return customer.referral_code or ""
    for _attempt in range(TRIES):
        with connection.cursor() as cursor:
            execute_planned(cursor, GIVE_CODE, [customer.pk, random_code()])
            given = cursor.fetchone()
        if given:
            customer.referral_code = given[0]
        else:  # somebody else has that code, or they got one at this moment
            customer.refresh_from_db(fields=["referral_code"])
        if customer.referral_code:
            return customer.referral_code
    raise RuntimeError(f"No free code for customer {customer.pk} in {TRIES} tries.")
