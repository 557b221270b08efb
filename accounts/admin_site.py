from typing import Any

from allauth.account.decorators import secure_admin_login
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _


class BrandAdminSite(AdminSite):
    """Django's own admin, as the desk of a brand's staff."""

    site_header = "Postventa"
    site_title = "Postventa"
    index_title = _("Desk")
    site_url = None

    def has_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and getattr(request.user, "is_staff", False))

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The site's sign-in with its limits and second factor, not the admin's password-only one."""
        sign_in: HttpResponse = secure_admin_login(super().login)(request, extra_context=extra_context)
        return sign_in
