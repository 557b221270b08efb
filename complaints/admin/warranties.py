from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from accounts.admin import BrandModelAdmin
from accounts.models import Brand, Membership
from complaints.models import WarrantyRule
from complaints.selectors.law import law_of

MOST_LAWS = 5  # brands of one reader


@admin.register(WarrantyRule)
class WarrantyRuleAdmin(BrandModelAdmin):
    """What a brand promises, or knows of the law better than the table of countries. Put out of use, not removed."""

    writing_roles = (Membership.Role.ADMIN,)
    can_add = True
    list_display = ("source", "basis", "product_kind", "category", "sku", "months", "burden_months", "is_active")
    list_filter = ("is_active", "basis", "product_kind")
    search_fields = ("source", "sku", "category")
    change_list_template = "admin/complaints/warranties.html"
    fieldsets = (
        (None, {"fields": ("brand", "basis", "source", "is_active")}),
        (None, {"fields": ("product_kind", ("category", "sku"))}),
        (None, {"fields": (("months", "burden_months"), ("delivered_from", "delivered_until"), "suspends_on_repair")}),
    )

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Below what is taken for the law, which the rules replace or add to."""
        laws = [law_of(brand) for brand in Brand.objects.visible_to(request.user)[:MOST_LAWS]]
        answer: HttpResponse = super().changelist_view(request, {"laws": laws, **(extra_context or {})})
        return answer

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        brand = Brand.objects.visible_to(request.user).first()
        return {"brand": brand.pk if brand else None}
