"""Who looked at identified data."""

from django.contrib import admin

from accounts.admin.rules import ReadOnlyAdmin
from accounts.models import AccessLog


@admin.register(AccessLog)
class AccessLogAdmin(ReadOnlyAdmin):
    list_display = ("at", "user", "purpose", "object_type", "object_id")
    list_select_related = ("user",)
    list_filter = ("purpose", "object_type")
    ordering = ("-at",)
