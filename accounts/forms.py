from allauth.mfa.webauthn import forms as webauthn
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _


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
