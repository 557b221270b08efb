from affiliates.services.changes import PurchaseConflict, change_purchase, record_refund
from affiliates.services.claims import ClaimInput, accept_claim, decline_claim, file_claim, purchase_claimed
from affiliates.services.corrections import correct_attribution
from affiliates.services.coupons import end_coupon, give_coupon
from affiliates.services.declaring import (
    declare_affiliate,
    flag_declaration,
    lock_purchase,
    withdraw_declaration,
)
from affiliates.services.importing import AffiliateInput, ImportedAffiliate, import_affiliates
from affiliates.services.inputs import CustomerInput, FieldError, ProductInput, PurchaseInput, Recorded
from affiliates.services.links import (
    CodeTaken,
    change_promises,
    change_sub_ids,
    check_code,
    create_affiliate,
    create_link,
    destination_error,
    is_code,
    kind_of_visit,
    pause_link,
    record_click,
    resume_link,
    tick_promises,
)
from affiliates.services.members import (
    accept_invitation,
    change_role,
    invite_member,
    remove_member,
    withdraw_invitation,
)
from affiliates.services.programme import (
    apply_to_programme,
    approve_affiliate,
    enter_affiliate,
    reactivate_affiliate,
    suspend_affiliate,
)
from affiliates.services.recording import record_purchases
from affiliates.services.referrals import give_referral_code, offers_referrals
from affiliates.services.staff import (
    accept_staff_invitation,
    change_staff_role,
    deactivate_person,
    invite_staff,
    reactivate_person,
    remove_staff,
    withdraw_staff_invitation,
)
from affiliates.services.suspicions import decide_suspicion, flag_suspicions
from affiliates.services.trials import MADE_CUSTOMER, lock_test_purchase, remove_test_purchase

__all__ = [
    "MADE_CUSTOMER",
    "AffiliateInput",
    "ClaimInput",
    "CodeTaken",
    "CustomerInput",
    "FieldError",
    "ImportedAffiliate",
    "ProductInput",
    "PurchaseConflict",
    "PurchaseInput",
    "Recorded",
    "accept_claim",
    "accept_invitation",
    "accept_staff_invitation",
    "apply_to_programme",
    "approve_affiliate",
    "change_promises",
    "change_purchase",
    "change_role",
    "change_staff_role",
    "change_sub_ids",
    "check_code",
    "correct_attribution",
    "create_affiliate",
    "create_link",
    "deactivate_person",
    "decide_suspicion",
    "declare_affiliate",
    "decline_claim",
    "destination_error",
    "end_coupon",
    "enter_affiliate",
    "file_claim",
    "flag_declaration",
    "flag_suspicions",
    "give_coupon",
    "give_referral_code",
    "import_affiliates",
    "invite_member",
    "invite_staff",
    "is_code",
    "kind_of_visit",
    "lock_purchase",
    "lock_test_purchase",
    "offers_referrals",
    "pause_link",
    "purchase_claimed",
    "reactivate_affiliate",
    "reactivate_person",
    "record_click",
    "record_purchases",
    "record_refund",
    "remove_member",
    "remove_staff",
    "remove_test_purchase",
    "resume_link",
    "suspend_affiliate",
    "tick_promises",
    "withdraw_declaration",
    "withdraw_invitation",
    "withdraw_staff_invitation",
]
