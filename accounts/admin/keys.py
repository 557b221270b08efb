"""The keys of programs: made, changed for new ones, revoked. A key's text is shown once."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.admin.decisions import DecidingAdmin, Decision, Secret
from accounts.admin.rules import AdministratorsAdmin
from accounts.models import ApiKey, Brand, Scope, User
from accounts.services import create_api_key, revoke_api_key, rotate_api_key

COPY_IT = _("Give it to the program that calls us, by a way that nobody reads along. We keep but a hash of it.")
DAY = 24  # hours


class KeyForm(forms.ModelForm):
    scopes = forms.MultipleChoiceField(
        label=_("What it may do"),
        choices=Scope.choices,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("No more than the program needs: whoever gets hold of the key may do as much."),
    )
    lasts = forms.TypedChoiceField(
        label=_("Holds for"),
        choices=[(90, _("90 days")), (365, _("a year")), (0, _("until it is revoked"))],
        coerce=int,
        initial=365,
    )

    class Meta:
        model = ApiKey
        fields = ("brand", "name")


class RotateForm(forms.Form):
    hours = forms.TypedChoiceField(
        label=_("The key of now goes on holding for"),
        choices=[
            (0, _("no longer: it ends at once")),
            (DAY, _("24 hours")),
            (7 * DAY, _("7 days")),
            (30 * DAY, _("30 days")),
        ],
        coerce=int,
        initial=7 * DAY,
        help_text=_("So long both hold, and the program can change over without a gap."),
    )

    def __init__(self, key: ApiKey, data: Any = None) -> None:
        super().__init__(data)


class RevokeForm(forms.Form):
    sure = forms.BooleanField(label=_("Whatever calls with this key is refused from now on."))

    def __init__(self, key: ApiKey, data: Any = None) -> None:
        super().__init__(data)


def rotate(key: ApiKey, asked: dict[str, Any], *, by: User, now: datetime) -> Secret:
    _new, text = rotate_api_key(key, overlap=timedelta(hours=asked["hours"]), by=by, now=now)
    return Secret(text, COPY_IT)


def revoke(key: ApiKey, asked: dict[str, Any], *, by: User, now: datetime) -> None:
    revoke_api_key(key, by=by, now=now)


def holds(key: ApiKey) -> bool:
    return key.is_usable(timezone.now())


@admin.register(ApiKey)
class ApiKeyAdmin(DecidingAdmin, AdministratorsAdmin):
    can_add = True
    actions = None
    list_display = ("name", "brand", "begins_with", "state", "last_used_at", "expires_at")
    list_select_related = ("brand",)
    fields = (
        *("name", "brand", "begins_with", "state", "may"),
        *("created_at", "last_used_at", "expires_at", "revoked_at"),
    )
    decisions = {
        "rotate": Decision(_("Change for a new key"), RotateForm, rotate, COPY_IT, holds),
        "revoke": Decision(_("Revoke"), RevokeForm, revoke, _("The key is revoked."), holds),
    }

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        """What a key may do stays: whoever holds it would not know."""
        return [name for name in self.fields if name != "name"] if obj else ()

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        return self.fields if obj else ("brand", "name", "scopes", "lasts")

    def get_form(self, request: HttpRequest, obj: ApiKey | None = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **kwargs if obj else {**kwargs, "form": KeyForm})

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        [*brands] = Brand.objects.administered_by(request.user)[:2]
        return {"brand": brands[0]} if len(brands) == 1 else {}

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """One button: after a new key there is something to copy before anything else."""
        only = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().render_change_form(request, context | only, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        if change:
            obj.save(update_fields=["name"])
            return
        lasts = form.cleaned_data["lasts"]
        expires_at = timezone.now() + timedelta(days=lasts) if lasts else None
        scopes = form.cleaned_data["scopes"]
        key, text = create_api_key(obj.brand, name=obj.name, scopes=scopes, expires_at=expires_at)
        obj.pk, obj.prefix = key.pk, key.prefix
        request.made_key = text  # type: ignore[attr-defined]  # for response_add

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> HttpResponse:
        change_page = reverse("admin:accounts_apikey_change", args=[obj.pk])
        return self.show_once(request, Secret(request.made_key, COPY_IT), change_page)  # type: ignore[attr-defined]

    @admin.display(description=_("begins with"))
    def begins_with(self, key: ApiKey) -> str:
        return f"pv_{key.prefix}…"

    @admin.display(description=_("state"))
    def state(self, key: ApiKey) -> Any:
        if key.revoked_at:
            return pgettext_lazy("key", "Revoked")
        return pgettext_lazy("key", "Holds") if holds(key) else pgettext_lazy("key", "Expired")

    @admin.display(description=_("What it may do"))
    def may(self, key: ApiKey) -> str:
        return ", ".join(str(Scope(scope).label) for scope in key.scopes)
