"""Who works for a brand."""

from django.contrib import admin

from accounts.admin.rules import AdministratorsAdmin
from accounts.models import Membership, User


@admin.register(User)
class UserAdmin(AdministratorsAdmin):
    list_display = ("email", "name", "is_active", "last_login")
    search_fields = ("email", "name")
    fields = ("email", "name", "language", "timezone", "is_active", "last_login", "date_joined")
    readonly_fields = ("email", "last_login", "date_joined")
    ordering = ("email",)


@admin.register(Membership)
class MembershipAdmin(AdministratorsAdmin):
    list_display = ("user", "brand", "role")
    list_select_related = ("user", "brand")
    list_filter = ("role",)
