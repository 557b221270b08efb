"""What staff do about findings, and the record of what affiliates have been shown."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.admin import BrandModelAdmin, ReadOnlyAdmin
from insights.models import Block, Finding


@admin.register(Finding)
class FindingAdmin(BrandModelAdmin):
    list_display = ("about", "kind", "affiliate", "owner", "status", "updated_at")
    list_display_links = ("about",)
    list_filter = ("status", "kind", "owner")
    list_select_related = ("affiliate", "quote")
    search_fields = ("key", "quote__text", "affiliate__code", "affiliate__name")
    ordering = ("-updated_at", "-pk")
    fields = ("affiliate", "kind", "about", "status", "owner", "created_at", "updated_at")
    readonly_fields = ("affiliate", "kind", "about", "created_at", "updated_at")

    @admin.display(description=_("about"))
    def about(self, finding: Finding) -> str:
        """The customer's words, or the code of what it is about."""
        return finding.quote.text if finding.quote else finding.key


@admin.register(Block)
class BlockAdmin(ReadOnlyAdmin):
    list_display = ("affiliate", "sequence", "month", "n", "published_at")
    list_select_related = ("affiliate",)
    list_filter = ("month",)
    search_fields = ("affiliate__code", "affiliate__name")
    ordering = ("-published_at", "-pk")
    fields = ("affiliate", "sequence", "month", "n", "counts", "splits", "published_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Block]:
        return super().get_queryset(request).defer("context")
