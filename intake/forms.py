import re
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.forms import zones_by_continent
from accounts.models import Brand, User
from affiliates.models import Product, TrackingLink
from intake.imports.kinds import ImportKind, affiliates, complaints, feedback, purchases
from intake.imports.uploading import MOST_BYTES, Upload
from intake.models import ImportRun
from intake.services import Trial


class TestPurchaseForm(forms.Form):
    """What to try: the mail goes to the staff member's own address unless they name another."""

    __test__ = False  # no test of pytest's

    brand = forms.ModelChoiceField(Brand.objects.none(), label=_("brand"), empty_label=None)
    email = forms.EmailField(label=_("the survey goes to"), max_length=320)
    sku = forms.CharField(
        label=_("product (SKU)"), required=False, max_length=120, help_text=_("Empty: a purchase of goods without one.")
    )
    link = forms.CharField(
        label=_("tracking link"), required=False, max_length=60, help_text=_("Its code. A visit to it is quoted.")
    )
    coupon = forms.CharField(label=_("coupon"), required=False, max_length=60)
    affiliate = forms.CharField(label=_("affiliate named by the shop"), required=False, max_length=60)

    def __init__(self, user: User, data: Any = None) -> None:
        super().__init__(data, initial={"email": user.email})
        brands = Brand.objects.visible_to(user)
        mine = [brand.pk for brand in brands if user.may_write_for(brand)]
        self.fields["brand"].queryset = brands.filter(pk__in=mine)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any] | None:
        """Codes nobody knows are a mistake here; a coupon or affiliate unknown to us is what a shop may send."""
        if brand := self.cleaned_data.get("brand"):
            self._look_up("sku", Product.objects.filter(brand=brand), "sku")
            self._look_up("link", TrackingLink.objects.filter(affiliate__brand=brand), "code")
        return self.cleaned_data

    def as_trial(self) -> Trial:
        given = self.cleaned_data
        return Trial(
            given["email"],
            product=given["sku"],
            link=given["link"],
            coupon=given["coupon"],
            affiliate=given["affiliate"],
        )

    def _look_up(self, name: str, rows: Any, column: str) -> None:
        code = (self.cleaned_data.get(name) or "").strip()
        row = rows.filter(**{column: code}).first() if code else None
        if code and row is None:
            self.add_error(name, ValidationError(_("The brand has none of this code."), "unknown"))
        self.cleaned_data[name] = row


class SetUpForm(forms.Form):
    """What a brand cannot begin without, and who runs it. Everything else has a default to be changed later."""

    brand_name = forms.CharField(label=_("Name of the brand, as customers know it"), max_length=100)
    host = forms.CharField(
        label=_("Address of its shop"),
        max_length=253,
        help_text=_("Such as lumbre.example. Tracking links may lead there only; more can be added."),
        widget=forms.TextInput(attrs={"autocapitalize": "off", "inputmode": "url"}),
    )
    sender = forms.EmailField(
        label=_("Sender of its mail"),
        max_length=254,
        help_text=_("Of a domain whose SPF and DKIM name your mail server; customers’ answers go there too."),
    )
    language = forms.ChoiceField(label=_("Its customers speak"), choices=settings.LANGUAGES)
    country = forms.CharField(
        label=_("Country"),
        max_length=2,
        help_text=_("Two letters, such as ES."),
        widget=forms.TextInput(attrs={"size": 2, "autocapitalize": "characters"}),
    )
    timezone = forms.ChoiceField(label=_("Time zone"), choices=lambda: zones_by_continent()[1:])
    name = forms.CharField(label=_("Your name"), max_length=100, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    email = forms.EmailField(
        label=_("Your e-mail"),
        max_length=254,
        help_text=_("You sign in with it."),
        widget=forms.EmailInput(attrs={"autocomplete": "username"}),
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        help_text=_("Ten characters or more."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    password_again = forms.CharField(
        label=_("The password once more"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    OF_BRAND = ("brand_name", "host", "sender", "language", "country", "timezone")

    def __init__(self, language: str, data: Any = None) -> None:
        begins = {"language": language, "country": "ES", "timezone": "Europe/Madrid"}
        super().__init__(data, initial=begins, label_suffix="")

    @property
    def of_brand(self) -> list[forms.BoundField]:
        return [field for field in self if field.name in self.OF_BRAND]

    @property
    def of_person(self) -> list[forms.BoundField]:
        return [field for field in self if field.name not in self.OF_BRAND]

    def clean_host(self) -> str:
        """The host of whatever was copied out of the browser."""
        given = self.cleaned_data["host"].strip().lower()
        host = urlsplit(given if "//" in given else f"//{given}").hostname or ""
        if not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", host):
            raise ValidationError(_("This is no address of a shop."), "invalid")
        return host

    def clean_country(self) -> str:
        country: str = self.cleaned_data["country"].upper()
        if not re.fullmatch("[A-Z]{2}", country):
            raise ValidationError(_("Two letters, such as ES."), "invalid")
        return country

    def clean(self) -> dict[str, Any] | None:
        given = self.cleaned_data
        if given.get("password") and given["password"] != given.get("password_again"):
            self.add_error("password_again", ValidationError(_("The two passwords differ."), "differ"))
        return given

    def brand_and_person(self) -> dict[str, Any]:
        """As `set_up_first_brand` takes them."""
        given = self.cleaned_data
        others = [code for code, _name in settings.LANGUAGES if code != given["language"]]
        return {
            "brand": {
                "name": given["brand_name"],
                "allowed_hosts": [given["host"]],
                "survey_sender": given["sender"],
                "service_sender": given["sender"],
                "reply_to": given["sender"],
                "languages": [given["language"], *others],
                "country": given["country"],
                "timezone": given["timezone"],
            },
            "email": given["email"],
            "name": given["name"],
            "password": given["password"],
        }


class UploadForm(forms.Form):
    """A file to take in, and what it holds. Only for whom a brand is theirs to administer."""

    brand = forms.ModelChoiceField(Brand.objects.none(), label=_("brand"), empty_label=None)
    kind = forms.ChoiceField(choices=ImportRun.Kind.choices, label=_("what is in it"))
    file = forms.FileField(
        label=_("file"),
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
        help_text=_("CSV in UTF-8, up to 5 MB; its first line names the columns, as they are listed below."),
    )
    creates_affiliates = forms.BooleanField(
        label=_("Of purchases: make the affiliates that are not known yet"), required=False
    )
    is_quotable = forms.BooleanField(
        label=_("Of answers: customers knew that affiliates may read their words, without their name"), required=False
    )

    def __init__(self, user: User, data: Any = None, files: Any = None) -> None:
        super().__init__(data, files)
        self.fields["brand"].queryset = Brand.objects.administered_by(user)  # type: ignore[attr-defined]

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise ValidationError(_("The file is larger than 5 MB. Upload it in parts."), "too_large")
        return file

    def as_upload(self) -> Upload:
        given = self.cleaned_data
        kinds: dict[str, ImportKind[Any]] = {
            ImportRun.Kind.PURCHASES: purchases(create_affiliates=given["creates_affiliates"]),
            ImportRun.Kind.FEEDBACK: feedback(quotable=given["is_quotable"]),
            ImportRun.Kind.COMPLAINTS: complaints(),
            ImportRun.Kind.AFFILIATES: affiliates(),
        }
        return Upload(kinds[given["kind"]], given["file"].name, given["file"].read())
