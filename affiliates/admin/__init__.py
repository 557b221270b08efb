"""The desk of the programme. Purchases are shown one floor up, with their surveys (intake)."""

from affiliates.admin.claims import ClaimAdmin
from affiliates.admin.clicks import ClickAdmin
from affiliates.admin.customers import CustomerAdmin, ProductAdmin
from affiliates.admin.programme import AffiliateAdmin, CouponAdmin, TrackingLinkAdmin
from affiliates.admin.suspicions import SuspicionAdmin

__all__ = [
    "AffiliateAdmin",
    "ClaimAdmin",
    "ClickAdmin",
    "CouponAdmin",
    "CustomerAdmin",
    "ProductAdmin",
    "SuspicionAdmin",
    "TrackingLinkAdmin",
]
