"""Who looked at identified data, and who changed what: pages for a brand's administrators, which nobody can edit."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.admin.rules import AdministratorsAdmin
from accounts.models import AccessLog, AuditEntry


class KindFilter(admin.AllValuesFieldListFilter):
    """Kinds of objects by the names that pages give them."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        for choice in super().choices(changelist):
            yield {**choice, "display": kind_in_words(str(choice["display"]))}


class RecordsAdmin(AdministratorsAdmin):
    """Rows hold ids; what they are about is named by whoever may see it, on its own page."""

    is_log = True  # whose name has no number
    search_fields = ("object_id",)
    search_help_text = _("A person’s e-mail, or the number of a row")
    ordering = ("-at", "-pk")
    date_hierarchy = "at"
    list_display_links = None

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        return (queryset.filter(self.named_by(request, term)) if term else queryset), False

    def named_by(self, request: HttpRequest, term: str) -> Q:
        """What a search means. Apps above know more of what there is to look at."""
        return Q(user__email__iexact=term) | Q(object_id=term)

    @admin.display(description=_("object"), ordering="object_type")
    def about(self, row: Any) -> SafeString | str:
        model, label = model_called(row.object_type), kind_in_words(row.object_type)
        if not (model and row.object_id):
            return label
        try:
            url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[row.object_id])
        except NoReverseMatch:
            return f"{label} {row.object_id}"
        return format_html('<a href="{}">{} {}</a>', url, label, row.object_id)


class AccessLogAdmin(RecordsAdmin):
    list_display = ("at", "who", "purpose", "about", "extent")
    list_select_related = ("user", "api_key")
    list_filter = ("purpose", ("object_type", KindFilter))

    @admin.display(description=_("who"), ordering="user")
    def who(self, row: AccessLog) -> str:
        if row.user_id:
            return str(row.user) if row.user else gettext("A person who is gone")
        return f"{gettext('API key')} {row.api_key}" if row.api_key else "—"

    @admin.display(description=_("how much"))
    def extent(self, row: AccessLog) -> str:
        """Of a list: how many rows it showed, and whether they were looked for."""
        if row.rows is None:
            return ""
        said = ngettext("%(count)d row", "%(count)d rows", row.rows) % {"count": row.rows}
        if not row.criteria:
            return said
        chosen = ngettext("%(count)d criterion", "%(count)d criteria", row.criteria) % {"count": row.criteria}
        return f"{said} · {chosen}"


class AuditEntryAdmin(RecordsAdmin):
    list_display = ("at", "who", "action", "about", "details")
    list_select_related = ("user",)
    list_filter = ("action", ("object_type", KindFilter))

    @admin.display(description=_("who"), ordering="user")
    def who(self, row: AuditEntry) -> str:
        if row.user_id:
            return str(row.user) if row.user else gettext("A person who is gone")
        return gettext("API key") if "api_key" in row.data else "—"  # its number stands in the details

    @admin.display(description=_("details"))
    def details(self, row: AuditEntry) -> str:
        model = model_called(row.object_type)
        return " · ".join(in_words(model, name, value) for name, value in row.data.items()) or "—"


def in_words(model: type[Model] | None, name: str, value: Any) -> str:
    """`threshold: 5 → 7`, as the row's own page calls it; of a text only its name."""
    label, field = called(model, name) if model else (name, None)
    named = {str(code): str(text) for code, text in getattr(field, "flatchoices", [])}

    def say(each: Any) -> str:
        return "—" if each is None else named.get(str(each), str(each))

    if isinstance(value, list) and len(value) == 2:
        return f"{label}: {' → '.join(say(each) for each in value)}"
    return label if value is None else f"{label}: {say(value)}"


def called(model: type[Model], name: str) -> tuple[str, Any]:
    """A field of the row, or the kind of one of its own rows: `event` is the kind of one of a case's `events`."""
    rows = {relation.get_accessor_name(): relation.related_model for relation in model._meta.related_objects}
    try:
        if of_row := rows.get(f"{name}s"):
            return str(of_row._meta.verbose_name), of_row._meta.get_field("kind")
        field: Any = model._meta.get_field(name)
    except FieldDoesNotExist:
        return name, None
    return str(getattr(field, "verbose_name", name)), field


@cache
def model_called(kind: str) -> type[Model] | None:
    """`incoming_mail`, as a record names it."""
    named = (model for model in apps.get_models() if model._meta.model_name == kind.replace("_", ""))
    return next(named, None)


def kind_in_words(kind: str) -> str:
    model = model_called(kind)
    return str(model._meta.verbose_name) if model else kind


admin.site.register(AuditEntry, AuditEntryAdmin)
