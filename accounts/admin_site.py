from allauth.account.decorators import secure_admin_login
from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _


class BrandAdminSite(AdminSite):
    """Django's own admin, as the desk of a brand's staff."""

    site_header = "Postventa"
    site_title = "Postventa"
    index_title = _("Desk")
    site_url = None
    enable_nav_sidebar = True

    def has_permission(self, request: HttpRequest) -> bool:
        user = request.user
        return bool(user.is_active and getattr(user, "is_staff", False))

    # The site's sign-in with its limits and second factor, not the admin's password-only one.
    login = secure_admin_login(AdminSite.login)  # type: ignore[assignment]
