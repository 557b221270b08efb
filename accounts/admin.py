"""The admin for brands, people and keys, and the rules that every admin page of the house follows."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.dates import WEEKDAYS
from django.utils.functional import cached_property
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from accounts.models import AccessLog, ApiKey, Brand, Membership, User

WRITING_ROLES = (Membership.Role.ADMIN, Membership.Role.AGENT)
MOST_LISTED = 10_000


def has_role(user: Any, *roles: str) -> bool:
    """Does the user hold one of these roles in any brand? Which rows they see is `visible_to`'s business.

    A page of the admin asks this of every model, so the answer is kept with the user of this request.
    """
    if not hasattr(user, "roles_held"):
        user.roles_held = set(user.memberships.values_list("role", flat=True))
    return bool(user.is_superuser or user.roles_held.intersection(roles))


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
    """Rows through `visible_to`; reading for all staff; changing for `writing_roles`; never deleting.

    Choices offered in forms pass through `visible_to` too, so that no other brand's row can be picked.
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
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        manager = db_field.remote_field.model._default_manager
        if "queryset" not in kwargs and hasattr(manager, "visible_to"):
            kwargs["queryset"] = manager.visible_to(request.user)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(request.user.is_active and getattr(request.user, "is_staff", False))

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_view_permission(request) and has_role(request.user, *self.writing_roles)

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

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_view_permission(request) and has_role(request.user, *self.writing_roles)


@admin.register(Brand)
class BrandAdmin(AdministratorsAdmin):
    list_display = ("name", "slug", "country", "timezone", "asking_paused_at")
    readonly_fields = ("slug", "asking_paused_at", "created_at", "updated_at")
    fieldsets = (
        (None, {"fields": ("name", "slug", "country", "timezone", "languages", "color", "formality", "allowed_hosts")}),
        (
            _("Sender"),
            {
                "fields": (
                    "sender_name",
                    "survey_sender",
                    "service_sender",
                    "reply_to",
                    "is_discreet",
                    "discreet_name",
                    "public_review_url",
                )
            },
        ),
        (
            _("Asking"),
            {
                "fields": (
                    ("delay_goods", "delay_digital", "delay_service"),
                    ("reminder_after", "follow_up_after", "closing_question_after"),
                    ("window_start", "window_end", "is_spread"),
                    ("fatigue_days", "follow_up_rest_days", "max_age_days", "sampling_percent"),
                    "survey_notice_default",
                    ("link_days", "edit_days"),
                    "asking_paused_at",
                )
            },
        ),
        (
            _("Affiliates"),
            {
                "fields": (
                    "attribution_order",
                    "attribution_model",
                    "attribution_window_days",
                    "claim_answer_days",
                    "accepts_applications",
                )
            },
        ),
        (
            _("Trust"),
            {
                "fields": (
                    "k",
                    ("min_form_seconds", "max_posts_per_address"),
                    "checks_own_device",
                    ("suspect_seconds_after_click", "suspect_purchases_an_hour", "suspect_customers_a_domain"),
                )
            },
        ),
        (
            _("Care"),
            {
                "fields": (
                    ("legal_regime", "region"),
                    ("first_answer_hours", "solution_hours"),
                    ("service_opens", "service_closes"),
                    "service_weekdays",
                    ("warning_hours", "legal_warning_days"),
                    "requires_second_factor",
                )
            },
        ),
        (None, {"fields": ("created_at", "updated_at")}),
    )

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "service_weekdays":
            return weekdays_field(db_field.verbose_name)
        return super().formfield_for_dbfield(db_field, request, **kwargs)


def weekdays_field(label: Any) -> forms.Field:
    """Days of the week to tick, Monday being 0."""
    return forms.TypedMultipleChoiceField(
        label=capfirst(label), choices=list(WEEKDAYS.items()), coerce=int, widget=forms.CheckboxSelectMultiple
    )


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


@admin.register(ApiKey)
class ApiKeyAdmin(AdministratorsAdmin):
    list_display = ("name", "brand", "prefix", "last_used_at", "expires_at", "revoked_at")
    list_select_related = ("brand",)
    readonly_fields = ("brand", "prefix", "created_at", "last_used_at")


@admin.register(AccessLog)
class AccessLogAdmin(ReadOnlyAdmin):
    list_display = ("at", "user", "purpose", "object_type", "object_id")
    list_select_related = ("user",)
    list_filter = ("purpose", "object_type")
    ordering = ("-at",)
