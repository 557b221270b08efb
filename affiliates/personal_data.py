"""What this app holds of a customer (accounts/personal_data.py)."""

from accounts.personal_data import Held
from affiliates.models import Attribution, Claim, Customer, Purchase, Refund, Suspicion

# Of a purchase its number, sums and dates stay, as of any entry in the books; by its number a repeat is known, which
# would bring the customer back otherwise. Who is credited stays too, without the evidence.
HELD = [
    Held(model=Suspicion, of=("purchase__customer",), told=("kind", "found_at", "state")),
    Held(model=Claim, of=("purchase__customer",), left={"text": "", "answer": ""}),
    Held(
        model=Attribution,
        of=("purchase__customer",),
        told=("purchase__external_id", "affiliate__code", "method", "reason", "touches", "decided_at", "note"),
        left={"touches": [], "note": ""},
    ),
    Held(
        model=Refund,
        of=("purchase__customer",),
        told=("purchase__external_id", "external_id", "amount", "reason", "refunded_at"),
        left={"reason": ""},
    ),
    Held(
        model=Purchase,
        of=("customer",),
        told=(
            "external_id",
            "product__name",
            "purchased_at",
            "delivered_at",
            "activated_at",
            "promised_on",
            "amount",
            "currency",
            "state",
            "click_ids",
            "coupon_code",
            "declared_affiliate",
            "referral_code",
            "recommended_by",
            "metadata",
            "source",
        ),
        left={
            "click_ids": [],
            "coupon_code": "",
            "declared_affiliate": "",
            "referral_code": "",
            "recommended_by": "",
            "identity_hash": None,
            "metadata": {},
        },
    ),
    Held(
        model=Customer,
        of=("pk",),
        told=(
            "external_id",
            "email",
            "name",
            "language",
            "timezone",
            "survey_notice",
            "acquiring_affiliate__code",
            "acquired_at",
            "referral_code",
            "created_at",
        ),
        left={
            "external_id": None,
            "email": None,
            "email_hash": None,
            "name": "",
            "language": "",
            "timezone": "",
            "survey_notice": False,
            "referral_code": None,
        },
    ),
]
