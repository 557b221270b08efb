from allauth.mfa.webauthn import forms as webauthn
from django import forms
from django.utils.translation import gettext_lazy as _


class AddWebAuthnForm(webauthn.AddWebAuthnForm):
    # allauth leaves this label untranslated.
    name = forms.CharField(label=_("Name of the key"), required=False)


class EditWebAuthnForm(webauthn.EditWebAuthnForm):
    name = forms.CharField(label=_("Name of the key"))
