from collections.abc import Callable

from allauth.account.adapter import get_adapter
from allauth.account.forms import ResetPasswordForm
from allauth.core import context
from allauth.mfa.base import forms as second_factor
from allauth.mfa.webauthn import forms as webauthn
from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.sign_in import begin_attempt


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
        raise ValidationError(_("Too many tries. Wait a quarter of an hour."), "too_many")
    code = check()
    attempt.succeeded()
    return code


class AddWebAuthnForm(webauthn.AddWebAuthnForm):
    # allauth leaves this label untranslated.
    name = forms.CharField(label=_("Name of the key"), required=False)


class EditWebAuthnForm(webauthn.EditWebAuthnForm):
    name = forms.CharField(label=_("Name of the key"))


def add_refusal(form: forms.Form, refusal: ValidationError) -> None:
    """What a service refused, at the fields that it names; what the form does not ask for, at the form as a whole."""
    if not hasattr(refusal, "error_dict"):
        form.add_error(None, refusal)
        return
    for name, errors in refusal.error_dict.items():
        form.add_error(name if name in form.fields else None, errors)
