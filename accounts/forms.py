from collections.abc import Callable
from itertools import groupby
from typing import Any
from zoneinfo import available_timezones

import structlog
from allauth.account.adapter import get_adapter
from allauth.account.forms import ResetPasswordForm
from allauth.core import context
from allauth.mfa.base import forms as second_factor
from allauth.mfa.webauthn import forms as webauthn
from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.sign_in import begin_attempt

log = structlog.get_logger(__name__)

CONTINENTS = {
    "Africa": _("Africa"),
    "America": _("America"),
    "Antarctica": _("Antarctica"),
    "Asia": _("Asia"),
    "Atlantic": _("Atlantic"),
    "Australia": _("Australia"),
    "Europe": _("Europe"),
    "Indian": _("Indian Ocean"),
    "Pacific": _("Pacific"),
}


def zones_by_continent() -> list[Any]:
    """All that the standard names by place, a group a continent."""
    zones = sorted(zone for zone in available_timezones() if zone.split("/")[0] in CONTINENTS)
    grouped = groupby(zones, key=lambda zone: zone.split("/")[0])
    places = [
        (CONTINENTS[continent], [(zone, zone.partition("/")[2].replace("_", " ").replace("/", " · ")) for zone in own])
        for continent, own in grouped
    ]
    return [("", _("The brand’s, or universal time")), *places]


class ResetForm(ResetPasswordForm):
    """Says and does the same for an address that nobody has."""

    def clean_email(self) -> str:
        email = User.objects.normalize_email(self.cleaned_data["email"])
        self.users = list(User.objects.filter(email=email, is_active=True))
        return email

    def save(self, request: HttpRequest, **kwargs: object) -> str:
        if self.users:
            return super().save(request, **kwargs)
        get_adapter().send_reset_to_nobody(self.cleaned_data["email"])
        return self.cleaned_data["email"]


class CodeForm(second_factor.AuthenticateForm):
    """The code of a second factor, at sign-in: guesses are counted as those at the password are."""

    def clean_code(self) -> str:
        return guarded_code(self, super().clean_code)


class CodeAgainForm(second_factor.ReauthenticateForm):
    def clean_code(self) -> str:
        return guarded_code(self, super().clean_code)


def guarded_code(form: second_factor.BaseAuthenticateForm, check: Callable[[], str]) -> str:
    attempt = begin_attempt(context.request, "code", form.user.email)
    if not attempt.is_allowed:
        log.warning("second_factor_refused", user=form.user.pk)
        raise ValidationError(_("Too many tries. Wait a quarter of an hour."), "too_many")
    try:
        code = check()
    except ValidationError:
        log.warning("second_factor_failed", user=form.user.pk)
        raise
    attempt.succeeded()
    return code


class AddWebAuthnForm(webauthn.AddWebAuthnForm):
    # allauth leaves this label untranslated.
    name = forms.CharField(label=_("Name of the key"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if alone := self.fields.get("passwordless"):
            alone.initial, alone.label = True, _("Sign in with it alone, without a password")
            alone.help_text = _("It asks for your fingerprint, face or PIN. Untick it for a key that cannot.")


class EditWebAuthnForm(webauthn.EditWebAuthnForm):
    name = forms.CharField(label=_("Name of the key"))


class ProfileForm(forms.ModelForm):
    language = forms.ChoiceField(
        label=_("Language"), required=False, choices=[("", _("As my browser says")), *settings.LANGUAGES]
    )
    timezone = forms.ChoiceField(label=_("Time zone"), required=False, choices=zones_by_continent)

    class Meta:
        model = User
        fields = ("name", "language", "timezone")
        widgets = {"name": forms.TextInput(attrs={"autocomplete": "name"})}


class EmailForm(forms.Form):
    """Another address to sign in with. The password once more: a screen left open must not be enough."""

    email = forms.EmailField(label=_("New address"), widget=forms.EmailInput(attrs={"autocomplete": "email"}))
    password = forms.CharField(
        label=_("Your password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, request: HttpRequest, data: Any = None) -> None:
        super().__init__(data, label_suffix="")
        self.request = request

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        if not get_adapter().reauthenticate(self.request.user, password):
            raise get_adapter().validation_error("incorrect_password")
        return password


def add_refusal(form: forms.Form, refusal: ValidationError) -> None:
    """What a service refused, at the fields that it names; what the form does not ask for, at the form as a whole."""
    if not hasattr(refusal, "error_dict"):
        form.add_error(None, refusal)
        return
    for name, errors in refusal.error_dict.items():
        form.add_error(name if name in form.fields else None, errors)
