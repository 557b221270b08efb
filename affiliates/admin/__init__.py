"""The desk of the programme. Purchases are shown one floor up, with their surveys (intake)."""

from affiliates.admin.claims import ClaimAdmin
from affiliates.admin.clicks import ClickAdmin
from affiliates.admin.customers import CustomerAdmin, ProductAdmin
from affiliates.admin.links import CataloguePromiseAdmin, TrackingLinkAdmin
from affiliates.admin.programme import AffiliateAdmin, CouponAdmin
from affiliates.admin.staff import MembershipAdmin, StaffInvitationAdmin, UserAdmin
from affiliates.admin.suspicions import SuspicionAdmin
from affiliates.admin.webhooks import DeliveryAdmin, EndpointAdmin

__all__ = [
    "AffiliateAdmin",
    "CataloguePromiseAdmin",
    "ClaimAdmin",
    "ClickAdmin",
    "CouponAdmin",
    "CustomerAdmin",
    "DeliveryAdmin",
    "EndpointAdmin",
    "MembershipAdmin",
    "ProductAdmin",
    "StaffInvitationAdmin",
    "SuspicionAdmin",
    "TrackingLinkAdmin",
    "UserAdmin",
]
