from typing import Any

from allauth.account.decorators import secure_admin_login
from django.contrib.admin import AdminSite, FieldListFilter, RelatedFieldListFilter
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _


class BrandAdminSite(AdminSite):
    """Django's own admin, as the desk of a brand's staff."""

    site_header = "Postventa"
    site_title = "Postventa"
    index_title = _("Desk")
    site_url = None

    def has_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and getattr(request.user, "is_staff", False))

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Ours alone, which say whose role writes: pages that libraries bring ask nobody's and leave no record."""
        if hasattr(admin_class, "writing_roles"):
            super().register(model_or_iterable, admin_class, **options)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """What waits for an answer first; the rest by name."""
        return sorted(super().get_app_list(request, app_label), key=lambda app: app["app_label"] != "complaints")

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The site's sign-in with its limits and second factor, not the admin's password-only one."""
        sign_in: HttpResponse = secure_admin_login(super().login)(request, extra_context=extra_context)
        return sign_in

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The site's, which counts guesses and writes to the owner; the admin's own does neither."""
        return redirect("account_change_password")


class VisibleRelatedFilter(RelatedFieldListFilter):
    """Django's own would name every brand to every brand's staff: here only rows that the reader may see."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[Any]:
        choices = super().field_choices(field, request, model_admin)
        manager = field.remote_field.model._default_manager
        if not hasattr(manager, "visible_to"):
            return choices
        visible = set(manager.visible_to(request.user).values_list("pk", flat=True))
        return [(pk, name) for pk, name in choices if pk in visible]


FieldListFilter.register(lambda field: field.remote_field is not None, VisibleRelatedFilter, take_priority=True)
