"""Who followed links, one row a click, with the sub-ids it came with: for staff, since it carries exact times."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.translation import gettext_lazy as _

from accounts.admin import ReadOnlyAdmin
from accounts.models import AccessLog, Brand
from accounts.services import record_access
from affiliates.exports import write_clicks
from affiliates.models import Click


@admin.register(Click)
class ClickAdmin(ReadOnlyAdmin):
    list_display = ("occurred_at", "link", "affiliate", "kind", "labels")
    list_select_related = ("link__affiliate",)
    list_filter = ("kind", "occurred_at")
    search_fields = ("=link__code", "=public_id")
    search_help_text = _("The whole code of a link, or a whole click id")
    ordering = ("-pk",)
    fields = ("public_id", "link", "affiliate", "kind", "labels", "is_own_device", "occurred_at", "created_at")
    readonly_fields = ("affiliate", "labels")
    actions = ("export",)

    @admin.display(description=_("affiliate"))
    def affiliate(self, click: Click) -> str:
        return str(click.link.affiliate)

    @admin.display(description=_("sub-ids"))
    def labels(self, click: Click) -> str:
        return ", ".join(f"{key}: {value}" for key, value in sorted(click.sub_ids.items())) or "—"

    @admin.action(description=_("Export as CSV"))
    def export(self, request: HttpRequest, queryset: QuerySet[Click]) -> StreamingHttpResponse:
        """Those chosen, or all that were found, with a column for each sub-id; the export is on record."""
        for brand in Brand.objects.filter(pk__in=queryset.order_by().values("link__affiliate__brand")):
            if not request.user.may_take_files_of(brand):  # type: ignore[union-attr]
                raise PermissionDenied
            record_access(request.user, brand, purpose=AccessLog.Purpose.EXPORT, object_type="click")  # type: ignore[arg-type]
        headers = {"Content-Disposition": 'attachment; filename="clicks.csv"'}
        return StreamingHttpResponse(write_clicks(queryset), content_type="text/csv; charset=utf-8", headers=headers)
