from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    default = True
    name = "accounts"
    verbose_name = _("Brands and people")


class BrandAdminConfig(admin_apps.AdminConfig):
    """Django's own admin app with our site; named in INSTALLED_APPS, so never this module's default."""

    default = False
    default_site = "accounts.admin_site.BrandAdminSite"
