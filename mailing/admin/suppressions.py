"""Who must not be written to."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.admin import ReadOnlyAdmin
from mailing.addresses import known_hashes
from mailing.models import Suppression


@admin.register(Suppression)
class SuppressionAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "scope", "reason", "expires_at")
    list_filter = ("reason",)
    search_fields = ("address_hash",)
    search_help_text = _("The whole e-mail address: only a fingerprint of it is kept")
    fields = ("scope", "reason", "created_at", "expires_at")
    ordering = ("-created_at", "-pk")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Suppression], search_term: str
    ) -> tuple[QuerySet[Suppression], bool]:
        return (queryset.filter(address_hash__in=known_hashes(search_term)) if search_term.strip() else queryset), False
