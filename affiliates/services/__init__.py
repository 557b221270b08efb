from affiliates.services.changes import PurchaseConflict, change_purchase, record_refund
from affiliates.services.claims import ClaimInput, accept_claim, decline_claim, file_claim, purchase_claimed
from affiliates.services.corrections import correct_attribution
from affiliates.services.coupons import end_coupon, give_coupon
from affiliates.services.inputs import CustomerInput, FieldError, ProductInput, PurchaseInput, Recorded
from affiliates.services.links import (
    CodeTaken,
    check_code,
    create_affiliate,
    create_link,
    destination_error,
    is_code,
    kind_of_visit,
    record_click,
)
from affiliates.services.recording import record_purchases
from affiliates.services.referrals import give_referral_code, offers_referrals

__all__ = [
    "ClaimInput",
    "CodeTaken",
    "CustomerInput",
    "FieldError",
    "ProductInput",
    "PurchaseConflict",
    "PurchaseInput",
    "Recorded",
    "accept_claim",
    "change_purchase",
    "check_code",
    "correct_attribution",
    "create_affiliate",
    "create_link",
    "decline_claim",
    "destination_error",
    "end_coupon",
    "file_claim",
    "give_coupon",
    "give_referral_code",
    "is_code",
    "kind_of_visit",
    "offers_referrals",
    "purchase_claimed",
    "record_click",
    "record_purchases",
    "record_refund",
]
