"""What staff do about findings, and the record of what affiliates have been shown."""

from django.contrib import admin
from django.db.models import Model, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.admin import BrandModelAdmin, ReadOnlyAdmin
from accounts.templatetags.components import percent, percent_range
from insights.models import Alert, Block, Finding, Target
from insights.statistics import newcombe_interval
from surveys.models import Aspect
from surveys.wording import in_language


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


@admin.register(Target)
class TargetAdmin(BrandModelAdmin):
    """One figure, one aim. Whoever may change it may also drop it: what was aimed at before is nowhere counted."""

    can_add = True
    list_display = ("figure", "aim", "updated_at")
    fields = ("brand", "figure", "aim")

    def get_readonly_fields(self, request: HttpRequest, obj: Target | None = None) -> tuple[str, ...]:
        return ("brand", "figure") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_change_permission(request, obj)


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin):
    list_display = ("about", "affiliate", "from_to", "since", "opened_at", "ended_at")
    list_display_links = ("about",)
    list_filter = (("ended_at", admin.EmptyFieldListFilter), "opened_at")
    list_select_related = ("affiliate", "brand")
    search_fields = ("key", "affiliate__code", "affiliate__name")
    ordering = ("-opened_at", "-pk")
    fields = ("about", "affiliate", "from_to", "interval", "has_to_improve", "since", "opened_at", "ended_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Alert]:
        aspect = Aspect.objects.filter(brand=OuterRef("brand"), code=OuterRef("key"))
        return super().get_queryset(request).annotate(labels=Subquery(aspect.values("labels")))

    @admin.display(description=_("about"))
    def about(self, alert: Alert) -> str:
        if alert.key == Alert.SATISFACTION:
            return str(_("Satisfied customers"))
        labels = getattr(alert, "labels", None) or {}
        return in_language(labels, get_language() or "", alert.brand.default_language) or alert.key

    @admin.display(description=_("fell from"))
    def from_to(self, alert: Alert) -> str:
        figures = {"before": percent(alert.before), "now": percent(alert.now)}
        sizes = {"n_before": alert.n_before, "n_now": alert.n_now}
        return _("%(before)s of %(n_before)s to %(now)s of %(n_now)s") % {**figures, **sizes}

    @admin.display(description=_("by, with 95% confidence"))
    def interval(self, alert: Alert) -> str:
        by = newcombe_interval(alert.good_before, alert.n_before, alert.good_now, alert.n_now)
        return percent_range(*by) if by else ""
