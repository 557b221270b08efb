from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.admin import BrandModelAdmin
from complaints.models import CannedAnswer
from complaints.placeholders import PLACEHOLDERS


@admin.register(CannedAnswer)
class CannedAnswerAdmin(BrandModelAdmin):
    """Answers kept ready. One that is no longer used is put out of use, not removed."""

    can_add = True
    list_display = ("title", "language", "is_active", "updated_at")
    list_filter = ("is_active", "language")
    search_fields = ("title", "text")
    fields = ("brand", "title", "language", "text", "places", "is_active")
    readonly_fields = ("places",)

    @admin.display(description=gettext_lazy("places that the case fills in"))
    def places(self, answer: CannedAnswer) -> SafeString:
        rows = format_html_join("", "<li><code>{{{}}}</code> {}</li>", PLACEHOLDERS.items())
        return format_html("<ul>{}</ul><p>{}</p>", rows, _("One that a case cannot fill stays as it is."))

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        brand = self.get_queryset(request).model.brand.field.related_model.objects.visible_to(request.user).first()
        return {"brand": brand.pk if brand else None, "language": brand.default_language if brand else "es"}
