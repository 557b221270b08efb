"""Who works for a brand, in which role; who is invited; who is let go."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import display_for_value
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.admin import AdministratorsAdmin, brands_with_role
from accounts.admin.decisions import DecidingAdmin, Decision
from accounts.forms import add_refusal
from accounts.models import Brand, Membership, Role, User
from affiliates.models import StaffInvitation
from affiliates.services import (
    change_staff_role,
    deactivate_person,
    forget_second_factor,
    invite_staff,
    reactivate_person,
    remove_staff,
    withdraw_staff_invitation,
)


class RoleForm(forms.Form):
    role = forms.ChoiceField(label=_("role"), choices=Role.choices)

    def __init__(self, membership: Membership, data: Any = None) -> None:
        super().__init__(data, initial={"role": membership.role})


class SureForm(forms.Form):
    def __init__(self, row: Any, data: Any = None) -> None:
        super().__init__(data)


def asking_for_role(membership: Membership, asked: dict[str, Any], *, by: User, now: datetime) -> None:
    change_staff_role(membership, asked["role"], by=by, now=now)


def asking_nothing(service: Callable[..., None]) -> Callable[..., None]:
    def do(row: Any, asked: dict[str, Any], *, by: User, now: datetime) -> None:
        service(row, by=by, now=now)

    return do


class ReadingAdmin(DecidingAdmin, AdministratorsAdmin):
    """Nothing is typed over here: what may be done is a decision."""

    actions = None

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Membership)
class MembershipAdmin(ReadingAdmin):
    list_display = ("user", "role", "brand", "second_factor", "last_login", "is_active")
    list_select_related = ("user", "brand")
    list_filter = ("role",)
    search_fields = ("user__email", "user__name")
    fields = readonly_fields = ("user", "email", "brand", "role", "second_factor", "last_login", "created_at")
    ordering = ("brand", "user__name", "user__email")
    decisions = {
        "role": Decision(_("Change the role"), RoleForm, asking_for_role, _("The role is changed.")),
        "remove": Decision(
            _("Take away the role"),
            SureForm,
            asking_nothing(remove_staff),
            _("They work for the brand no more."),
            removes_row=True,
        ),
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        return super().get_queryset(request).prefetch_related("user__authenticator_set")

    @admin.display(description=_("e-mail"))
    def email(self, membership: Membership) -> str:
        return membership.user.email

    @admin.display(description=_("second factor"), boolean=True)
    def second_factor(self, membership: Membership) -> bool:
        return has_second_factor(membership.user)

    @admin.display(description=_("last sign-in"), ordering="user__last_login")
    def last_login(self, membership: Membership) -> str:
        return display_for_value(membership.user.last_login, "—")

    @admin.display(description=_("active"), boolean=True, ordering="user__is_active")
    def is_active(self, membership: Membership) -> bool:
        return membership.user.is_active


@admin.register(User)
class UserAdmin(ReadingAdmin):
    list_display = ("email", "name", "is_active", "last_login")
    search_fields = ("email", "name")
    fields = readonly_fields = (
        *("email", "name", "language", "timezone", "second_factor", "is_active", "last_login", "date_joined"),
    )
    ordering = ("email",)
    decisions = {
        "close": Decision(
            _("Close the account"),
            SureForm,
            asking_nothing(deactivate_person),
            _("They are signed out everywhere and cannot sign in."),
            is_offered=lambda user: user.is_active,
        ),
        "open": Decision(
            _("Open the account again"),
            SureForm,
            asking_nothing(reactivate_person),
            _("They can sign in again."),
            is_offered=lambda user: not user.is_active,
        ),
        "second_factor": Decision(
            _("Take away the second factor"),
            SureForm,
            asking_nothing(forget_second_factor),
            _("They are signed out everywhere, sign in with their password and set up another one."),
            is_offered=lambda user: has_second_factor(user),
        ),
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Whoever works for a brand that the reader administers; of other brands' people nothing."""
        own = brands_with_role(request.user, *self.writing_roles)
        people = super().get_queryset(request)
        return people if getattr(request.user, "is_superuser", False) else people.filter(memberships__brand__in=own)

    @admin.display(description=_("second factor"), boolean=True)
    def second_factor(self, user: User) -> bool:
        return has_second_factor(user)

    def _may_decide(self, request: HttpRequest, row: User) -> bool:
        """Anybody who sees this page; the service refuses where others need the person."""
        return self.has_view_permission(request, row)


class InvitationForm(forms.Form):
    brand = forms.ModelChoiceField(Brand.objects.none(), label=_("brand"), empty_label=None)
    email = forms.EmailField(label=_("e-mail"))
    role = forms.ChoiceField(label=_("role"), choices=Role.choices, initial=Role.AGENT)

    def __init__(self, brands: QuerySet[Brand], data: Any = None) -> None:
        super().__init__(data)
        self.fields["brand"].queryset = brands  # type: ignore[attr-defined]


@admin.register(StaffInvitation)
class StaffInvitationAdmin(ReadingAdmin):
    can_add = True
    list_display = ("email", "role", "brand", "state", "invited_by", "created_at", "expires_at")
    list_select_related = ("brand", "invited_by")
    search_fields = ("email",)
    fields = readonly_fields = (
        *("email", "role", "brand", "state", "invited_by", "created_at", "expires_at"),
        *("accepted_at", "withdrawn_at"),
    )
    decisions = {
        "withdraw": Decision(
            _("Withdraw the invitation"),
            SureForm,
            asking_nothing(withdraw_staff_invitation),
            _("The link in the mail opens nothing any more."),
            is_offered=lambda invitation: invitation.is_pending,
        ),
    }

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """A mail goes out, by the service: there is no row to type."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        user: Any = request.user
        form = InvitationForm(Brand.objects.administered_by(user), request.POST if request.method == "POST" else None)
        listed = reverse("admin:affiliates_staffinvitation_changelist")
        if form.is_valid():
            given = form.cleaned_data
            try:
                invite_staff(given["brand"], given["email"], role=given["role"], by=user, now=timezone.now())
            except ValidationError as refusal:
                add_refusal(form, refusal)
            else:
                messages.success(request, _("The invitation is on its way: its link works once, for a week."))
                return redirect(listed)
        context = {"decision": {"label": _("Invite somebody")}, "form": form, "opts": self.opts, "change_page": listed}
        return render(request, "admin/decisions/decide.html", self.admin_site.each_context(request) | context)

    @admin.display(description=_("state"))
    def state(self, invitation: StaffInvitation) -> Any:
        if invitation.accepted_at:
            return pgettext_lazy("invitation", "Accepted")
        if invitation.withdrawn_at:
            return pgettext_lazy("invitation", "Withdrawn")
        is_usable = invitation.is_usable(timezone.now())
        return pgettext_lazy("invitation", "Waiting") if is_usable else pgettext_lazy("invitation", "Run out")


def has_second_factor(user: User) -> bool:
    every: Any = user.authenticator_set  # type: ignore[attr-defined]  # allauth's, without a name of its own
    return any(each.type != Authenticator.Type.RECOVERY_CODES for each in every.all())
