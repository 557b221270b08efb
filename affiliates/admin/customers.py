"""Who came by affiliates, and what they bought."""

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.admin import ReadOnlyAdmin
from affiliates.models import Customer, Product
from mailing.addresses import known_hashes


class CustomerAdmin(ReadOnlyAdmin):
    """Registered one floor up, with what customers have a right to (intake)."""

    list_display = ("__str__", "email", "external_id", "acquiring_affiliate", "created_at")
    list_select_related = ("acquiring_affiliate",)
    search_fields = ("email",)
    search_help_text = _("The whole e-mail address, or the shop’s id")
    ordering = ("-pk",)
    exclude = ("uuid",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Customer], search_term: str
    ) -> tuple[QuerySet[Customer], bool]:
        """Exactly, by index: nobody leafs through addresses by their beginnings."""
        term = search_term.strip()
        if not term:
            return queryset, False
        return queryset.filter(Q(email_hash__in=known_hashes(term)) | Q(external_id=term)), False


@admin.register(Product)
class ProductAdmin(ReadOnlyAdmin):
    list_display = ("sku", "name", "category", "kind")
    list_filter = ("kind",)
    search_fields = ("=sku", "^name")
    search_help_text = _("The whole SKU, or the beginning of the name")
    ordering = ("name", "sku")
