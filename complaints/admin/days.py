"""Days on which a brand does not answer. Who takes one off or gives it back moves the deadlines of open cases."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounts.admin import BrandModelAdmin
from accounts.models import Brand, Membership
from complaints.models import DayOff
from complaints.services.recounting import recount_clocks


@admin.register(DayOff)
class DayOffAdmin(BrandModelAdmin):
    """Holidays of the country and the region are known without being written down."""

    writing_roles = (Membership.Role.ADMIN,)
    can_add = True
    actions = None
    list_display = ("day", "name", "is_public", "brand")
    list_filter = ("is_public",)
    search_fields = ("name",)
    fields = ("brand", "day", "name", "is_public")

    def get_readonly_fields(self, request: HttpRequest, obj: DayOff | None = None) -> tuple[str, ...]:
        return ("brand",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: DayOff, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        recount_clocks(obj.brand, since=min(filter(None, [obj.day, form.initial.get("day")])))

    def delete_model(self, request: HttpRequest, obj: DayOff) -> None:
        super().delete_model(request, obj)
        recount_clocks(obj.brand, since=obj.day)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        brand = Brand.objects.visible_to(request.user).first()
        return {"brand": brand.pk if brand else None}
