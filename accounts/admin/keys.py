"""The keys of programs."""

from django.contrib import admin

from accounts.admin.rules import AdministratorsAdmin
from accounts.models import ApiKey


@admin.register(ApiKey)
class ApiKeyAdmin(AdministratorsAdmin):
    list_display = ("name", "brand", "prefix", "last_used_at", "expires_at", "revoked_at")
    list_select_related = ("brand",)
    readonly_fields = ("brand", "prefix", "created_at", "last_used_at")
