"""The desk of the programme. Purchases are shown one floor up, with their surveys (intake)."""

from affiliates.admin.customers import CustomerAdmin, ProductAdmin
from affiliates.admin.programme import AffiliateAdmin, CouponAdmin, TrackingLinkAdmin

__all__ = ["AffiliateAdmin", "CouponAdmin", "CustomerAdmin", "ProductAdmin", "TrackingLinkAdmin"]
