"""Who brought whom: affiliates, their links, the customers they brought, what was bought, and why it is credited."""

from affiliates.models.attributions import Attribution, Claim, Suspicion
from affiliates.models.customers import Customer
from affiliates.models.links import (
    CataloguePromise,
    Click,
    Coupon,
    LinkPromise,
    TrackingLink,
    VisitCount,
    click_public_id,
    month_of_click,
    random_code,
)
from affiliates.models.people import Affiliate, AffiliateEvent, AffiliateMember, MemberInvitation
from affiliates.models.purchases import Product, Purchase, PurchaseChange, Refund
from affiliates.models.staff import StaffInvitation

__all__ = [
    "Affiliate",
    "AffiliateEvent",
    "AffiliateMember",
    "Attribution",
    "CataloguePromise",
    "Claim",
    "Click",
    "Coupon",
    "Customer",
    "LinkPromise",
    "MemberInvitation",
    "Product",
    "Purchase",
    "PurchaseChange",
    "Refund",
    "StaffInvitation",
    "Suspicion",
    "TrackingLink",
    "VisitCount",
    "click_public_id",
    "month_of_click",
    "random_code",
]
