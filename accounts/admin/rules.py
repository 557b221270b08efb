"""The rules that every admin page of the house follows."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.contrib.admin.views.main import IGNORED_PARAMS, PAGE_VAR, SEARCH_VAR
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import FieldDoesNotExist
from django.core.paginator import Paginator
from django.db.models import CharField, JSONField, Model, QuerySet, TextField
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.text import capfirst

from accounts.models import KNOWING_CUSTOMERS, AccessLog, AuditEntry, Brand, CustomersQuerySet, Membership
from accounts.services import record_access, record_change, record_list

WRITING_ROLES = (Membership.Role.ADMIN, Membership.Role.AGENT)
MOST_LISTED = 10_000
# Fields that say who a customer is: by name, or by what the shop sent along, whatever that is.
NAMING = ("customer", "metadata")
# What stands in an address behind the name of a field to filter by: `state`, `brand__id__exact`, `at__gte`.
ASKED_BY_FILTERS = re.compile(r"(__id)?(__(exact|in|isnull|isempty|gte?|lte?|year|month|day))?")

# What stands in the address of a list and chooses no rows: a page of it, its order, and what Django says to itself.
PLACES = {*IGNORED_PARAMS, PAGE_VAR, "at", "after"} - {SEARCH_VAR}


def roles_of(user: Any) -> dict[int, str]:
    """By brand. A page of the admin asks this of every model, so the answer is kept with the user of this request."""
    if not hasattr(user, "roles_held"):
        user.roles_held = dict(user.memberships.values_list("brand", "role"))
    roles: dict[int, str] = user.roles_held
    return roles


def has_role(user: Any, *roles: str) -> bool:
    """Does the user hold one of these roles in any brand? Which rows they see is `visible_to`'s business."""
    return bool(user.is_superuser or not set(roles).isdisjoint(roles_of(user).values()))


def may_name_customers(user: Any) -> bool:
    """Who only analyses for some brand is shown no names beside rows of several."""
    return bool(user.is_superuser or set(roles_of(user).values()) <= set(KNOWING_CUSTOMERS))


def brands_with_role(user: Any, *roles: str) -> QuerySet[Brand]:
    """Where the user holds one of these roles; a role in one brand gives none in another."""
    if user.is_superuser:
        return Brand.objects.visible_to(user)
    return Brand.objects.filter(pk__in=[brand for brand, role in roles_of(user).items() if role in roles])


def way_to_brand(model: type[Model]) -> str:
    """From a row to its brand, for filters; "" where a row has none, as a person has."""
    if issubclass(model, Brand):
        return "pk"
    names = {field.name for field in model._meta.fields}
    path: str = getattr(model._default_manager.all(), "brand_path", "")
    return path or ("brand" if "brand" in names else "affiliate__brand" if "affiliate" in names else "")


def the_only(brands: QuerySet[Brand]) -> Brand | None:
    """Whoever works for one brand need not say for which."""
    found = list(brands[:2])
    return found[0] if len(found) == 1 else None


def brand_id_of(row: Any) -> int | None:
    """None: it belongs to no brand."""
    *steps, last = way_to_brand(type(row)).split("__")
    for step in steps:
        row = getattr(row, step)
    return row.pk if last == "pk" else getattr(row, f"{last}_id", None)


def differences(form: Any) -> dict[str, Any]:
    """What a form changed, from and to; of texts, which may speak of people, only that."""
    return {
        name: [plain(form.initial.get(name)), plain(form.cleaned_data.get(name))]
        if is_setting(form.instance._meta.model, name)
        else None
        for name in form.changed_data
    }


def is_setting(model: type[Model], name: str) -> bool:
    """A number, a time or a code."""
    try:
        field: Any = model._meta.get_field(name)
    except FieldDoesNotExist:
        return False
    return bool(field.choices) or not isinstance(field, CharField | TextField | JSONField | ArrayField)


def may_open(request: HttpRequest, row: Model) -> bool:
    """Has the row a page in the admin, and is that one for whoever asks?"""
    if not admin.site.is_registered(type(row)):
        return False
    page = admin.site.get_model_admin(type(row))
    if not page.has_view_permission(request, row):
        return False
    # Of what belongs to no brand, as people do not, the page itself knows which are theirs.
    return brand_id_of(row) is not None or page.get_queryset(request).filter(pk=row.pk).exists()


def name_of_filter(told: Any) -> str:
    """As it stands in an address: told by a field, a field and a class, or a class of its own."""
    if isinstance(told, str | tuple | list):
        return told if isinstance(told, str) else str(told[0])
    return str(told.parameter_name)


def kind_of(model: type[Model]) -> str:
    """As the records call it: `incoming_mail`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", model.__name__).lower()


def plain(value: Any) -> Any:
    if isinstance(value, Model):
        return value.pk
    return value if isinstance(value, bool | int | float | None) else str(value)


class BoundedPaginator(Paginator):
    """Of millions nobody turns all pages, and counting them takes longer than showing one. The rest is searched."""

    @cached_property
    def count(self) -> int:
        return min(self._found, MOST_LISTED)

    @property
    def has_more(self) -> bool:
        return self._found > MOST_LISTED

    @cached_property
    def _found(self) -> int:
        """One too many says that there are more. In whatever order is quickest."""
        rows: Any = self.object_list
        return int(rows.order_by()[: MOST_LISTED + 1].count())


class BrandModelAdmin(admin.ModelAdmin):
    """Rows through `visible_to`; all staff read, `writing_roles` of a row's brand change it, nobody deletes.

    Choices offered in forms are rows of brands that the user may write for, and what is done to many leaves others out.
    """

    writing_roles: tuple[str, ...] = WRITING_ROLES
    can_add = False
    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        queryset: QuerySet[Any] = self.model._default_manager.visible_to(request.user)
        ordering = self.get_ordering(request)
        return queryset.order_by(*ordering) if ordering else queryset

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """A list is called by what is in it."""
        title = capfirst(self.opts.verbose_name_plural)
        response = super().changelist_view(request, {"title": title, **(extra_context or {})})
        if shown := (getattr(response, "context_data", None) or {}).get("cl"):
            self.note_list(request, shown.result_list)
        return response

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        if row := kwargs.get("obj"):
            self.note_view(request, row)
            if not self.has_change_permission(request, row):  # nothing to be done to it: it is called by what it is
                context["title"] = capfirst(self.opts.verbose_name)
        return super().render_change_form(request, context, *args, **kwargs)

    def history_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> Any:
        response = super().history_view(request, object_id, *args, **kwargs)
        if row := (getattr(response, "context_data", None) or {}).get("object"):  # whom its title names
            self.note_view(request, row)
        return response

    def note_view(self, request: HttpRequest, row: Any) -> None:
        """Whoever sees a customer is recorded, right before the page is shown."""
        user: Any = request.user
        if self.tells_of_customers and (brand := brand_id_of(row)) is not None:
            purpose = AccessLog.Purpose.VIEW
            record_access(user, brand, purpose=purpose, object_type=kind_of(self.model), object_id=str(row.pk))

    def note_list(self, request: HttpRequest, rows: Iterable[Any]) -> None:
        """The same of a page of a list; a list that is made in a way of its own says itself which rows it shows."""
        user: Any = request.user
        if not self.tells_of_customers:
            return
        shown = Counter(brand for row in rows if (brand := brand_id_of(row)) is not None)
        criteria = sum(bool(value) for name, value in request.GET.items() if name not in PLACES)
        record_list(user, shown, object_type=kind_of(self.model), criteria=criteria)

    @property
    def tells_of_customers(self) -> bool:
        """Does its list or a page of it say who a customer is?"""
        shown = {
            *map(str, self.list_display),
            *flatten_fieldsets(self.fieldsets or [(None, {"fields": self.fields or ()})]),
        }
        return self.names_customers or not shown.isdisjoint(NAMING)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """What the list's own filters ask, and no more.

        Django lets whoever sees a list ask how any column of it begins: letter by letter that tells a password's hash.
        """
        names = [name_of_filter(each) for each in self.get_list_filter(request)]
        names += [self.date_hierarchy] if self.date_hierarchy else []
        return any(ASKED_BY_FILTERS.fullmatch(lookup.removeprefix(name)) for name in names if lookup.startswith(name))

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        manager = db_field.remote_field.model._default_manager
        if "queryset" not in kwargs and hasattr(manager, "visible_to"):
            kwargs["queryset"] = self.own(request, manager.visible_to(request.user))
        if db_field.remote_field.model is Brand:
            kwargs.setdefault("initial", the_only(kwargs["queryset"]))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any) -> Any:
        """An action that asks for a permission is done to those rows alone that the user may change."""
        named = self.get_actions(request).get(request.POST.get("action", ""))
        if named and getattr(named[0], "allowed_permissions", None):
            queryset = self.own(request, queryset)
        return super().response_action(request, queryset, *args, **kwargs)

    def own(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Of these rows those of brands where the user holds a role that writes; all of what belongs to no brand."""
        path = way_to_brand(queryset.model)
        if not path or getattr(request.user, "is_superuser", False):
            return queryset
        return queryset.filter(**{f"{path}__in": brands_with_role(request.user, *self.writing_roles).values("pk")})

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.audited = differences(form) if change else {}
        super().save_model(request, obj, form, change)

    # Django's own history calls rows by their names, which may be customers'; ours is the audit log.
    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return self._log(request, obj, AuditEntry.Action.ADDED, super().log_addition(request, obj, message))

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return self._log(request, obj, AuditEntry.Action.CHANGED, super().log_change(request, obj, message))

    def _log(self, request: HttpRequest, obj: Any, action: AuditEntry.Action, entry: Any) -> Any:
        entry.object_repr = f"{self.opts.verbose_name} {obj.pk}"[:200]
        entry.save(update_fields=["object_repr"])
        if (brand := brand_id_of(obj)) is not None:
            user: Any = request.user
            said = {"said": entry.change_message} if not entry.change_message.startswith("[") else {}
            record_change(user, brand, action, obj, **getattr(obj, "audited", {}), **said)
        return entry

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        is_staff = bool(request.user.is_active and getattr(request.user, "is_staff", False))
        return is_staff and (not self.names_customers or has_role(request.user, *KNOWING_CUSTOMERS))

    @property
    def names_customers(self) -> bool:
        return isinstance(self.model._default_manager.all(), CustomersQuerySet)

    def get_list_display(self, request: HttpRequest) -> Any:
        shown = super().get_list_display(request)
        return shown if may_name_customers(request.user) else [name for name in shown if name not in NAMING]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Without customers' names for who is to know none."""
        sets = super().get_fieldsets(request, obj)
        if may_name_customers(request.user):
            return sets
        return [
            (title, {**said, "fields": [name for name in said["fields"] if name not in NAMING]}) for title, said in sets
        ]

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_view_permission(request, obj) and self.holds_writing_role(request, obj)

    def holds_writing_role(self, request: HttpRequest, obj: Model | None) -> bool:
        """In the row's brand; where no row is asked about, in any."""
        user: Any = request.user
        brand = brand_id_of(obj) if obj is not None else None
        if brand is None or user.is_superuser:
            return has_role(user, *self.writing_roles)
        return roles_of(user).get(brand) in self.writing_roles

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.can_add and self.has_change_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ReadOnlyAdmin(BrandModelAdmin):
    """Tables that only services write."""

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ReadOnlyInline(admin.TabularInline):
    """Rows of the object whose page this is: whoever sees it sees them."""

    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True


class AdministratorsAdmin(BrandModelAdmin):
    """What only a brand's administrators may see and change."""

    writing_roles = (Membership.Role.ADMIN,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return self.own(request, super().get_queryset(request))

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_view_permission(request) and self.holds_writing_role(request, obj)
