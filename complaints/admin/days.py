"""Days on which a brand does not answer. Who takes one off or gives it back moves the deadlines of open cases."""

from datetime import date
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.admin import BrandModelAdmin
from accounts.models import Brand, Membership, User
from complaints.models import DayOff, Recount
from complaints.services.recounting import ask_recount

SHOWN = 3  # recounts, the newest


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
    change_list_template = "admin/complaints/days.html"

    def get_readonly_fields(self, request: HttpRequest, obj: DayOff | None = None) -> tuple[str, ...]:
        return ("brand",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: DayOff, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        self.recount(request, obj, since=min(filter(None, [obj.day, form.initial.get("day")])))

    def delete_model(self, request: HttpRequest, obj: DayOff) -> None:
        super().delete_model(request, obj)
        self.recount(request, obj, since=obj.day)

    def recount(self, request: HttpRequest, day_off: DayOff, *, since: date) -> None:
        assert isinstance(request.user, User)
        ask_recount(day_off.brand, since=since, by=request.user, now=timezone.now())

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """With how far the deadlines of open cases follow."""
        recounts = Recount.objects.visible_to(request.user).select_related("brand")[:SHOWN]
        answer: HttpResponse = super().changelist_view(request, {"recounts": recounts, **(extra_context or {})})
        return answer

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        brand = Brand.objects.visible_to(request.user).first()
        return {"brand": brand.pk if brand else None}
