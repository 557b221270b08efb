"""The brand's catalogues: what a seller should tell, and what an opinion is about."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from accounts.admin import ReadOnlyAdmin
from surveys.models import Aspect, Fact
from surveys.wording import in_language


class Labelled:
    @admin.display(description=_("label"))
    def label(self, row: Fact | Aspect) -> str:
        return in_language(row.labels, row.brand.default_language) or row.code


@admin.register(Fact)
class FactAdmin(Labelled, ReadOnlyAdmin):
    list_display = ("label", "code", "brand", "is_active")
    list_select_related = ("brand",)
    list_filter = ("is_active",)


@admin.register(Aspect)
class AspectAdmin(Labelled, ReadOnlyAdmin):
    list_display = ("label", "code", "brand", "stage", "owner", "is_active")
    list_select_related = ("brand",)
    list_filter = ("stage", "owner", "is_active")
