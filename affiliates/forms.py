from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand
from affiliates.destinations import is_allowed_destination
from affiliates.models import (
    Affiliate,
    AffiliateMember,
    CataloguePromise,
    Claim,
    Coupon,
    LinkPromise,
    Purchase,
    TrackingLink,
)
from affiliates.services import ClaimInput, check_code, destination_error
from affiliates.sub_ids import KEYS, LONGEST, read_sub_ids

BEGINNINGS = [
    (Affiliate.Status.INVITED.value, _("Invited: a mail brings them a link to choose a password")),
    (Affiliate.Status.ACTIVE.value, _("Active at once: their sales count, and nobody is written to")),
]


class AffiliateForm(forms.ModelForm):
    """A new affiliate, or the names and address of one; where it stands changes by decisions."""

    class Meta:
        model = Affiliate
        fields = ("brand", "code", "name", "public_name", "email", "status")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "status" in self.fields:
            self.initial["status"] = Affiliate.Status.INVITED
            self.fields["status"].choices = BEGINNINGS  # type: ignore[attr-defined]

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"].strip()
        check_code(code)
        return code

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if self.cleaned_data.get("status") == Affiliate.Status.INVITED and not self.cleaned_data.get("email"):
            self.add_error("email", ValidationError(_("An invitation needs an address."), "required"))
        return cleaned


class SubIdsWidget(forms.MultiWidget):
    template_name = "affiliates/_sub_ids.html"
    use_fieldset = True

    def __init__(self, attrs: Any = None) -> None:
        super().__init__({key: forms.TextInput(attrs={"maxlength": LONGEST}) for key in KEYS}, attrs)

    def decompress(self, value: Any) -> list[str]:
        return [(value or {}).get(key, "") for key in KEYS]


class SubIdsField(forms.MultiValueField):
    """What a link's clicks are marked with where they bring no sub-ids of their own."""

    widget = SubIdsWidget

    def __init__(self, **options: Any) -> None:
        fields = [forms.CharField(required=False, max_length=LONGEST) for _key in KEYS]
        super().__init__(fields, required=False, require_all_fields=False, **options)

    def compress(self, data_list: list[str]) -> dict[str, str]:
        return read_sub_ids(dict(zip(KEYS, data_list, strict=False)))


class TrackingLinkForm(forms.ModelForm):
    """A link, and which of its brand's catalogue is promised there. The admin sets the choice of `offered`."""

    destination = forms.URLField(
        label=_("destination"),
        max_length=2000,
        assume_scheme="https",
        widget=forms.URLInput(attrs={"class": "vURLField"}),
    )
    sub_ids = SubIdsField(label=_("sub-ids"), help_text=_("What a click is marked with that brings none of its own."))
    offered = forms.ModelMultipleChoiceField(
        CataloguePromise.objects.none(),
        label=_("promises of the catalogue"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = TrackingLink
        fields = ("affiliate", "destination", "campaign", "code", "sub_ids")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered: Any = self.fields["offered"]
        self.standing = list(self.instance.promises.standing()) if self.instance.pk else []
        texts = {promise.text for promise in self.standing}
        self.initial["offered"] = [each.pk for each in offered.queryset if texts.intersection(each.labels.values())]

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"].strip()
        check_code(code)
        return code

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        affiliate = self.cleaned_data.get("affiliate") or (self.instance.pk and self.instance.affiliate)
        destination = self.cleaned_data.get("destination")
        if affiliate and destination and not is_allowed_destination(destination, affiliate.brand.allowed_hosts):
            self.add_error("destination", destination_error(affiliate.brand))
        if affiliate and any(each.brand_id != affiliate.brand_id for each in self.cleaned_data.get("offered", ())):
            self.add_error("offered", ValidationError(_("This promise is another brand's."), "other"))
        return cleaned

    @property
    def newly_promised(self) -> list[str]:
        ticked = [each for each in self.cleaned_data["offered"] if each.pk not in self.initial["offered"]]
        return [each.said_in(each.brand.default_language) for each in ticked]

    @property
    def no_longer_promised(self) -> list[str]:
        kept = {each.pk for each in self.cleaned_data["offered"]}
        offered: Any = self.fields["offered"]
        gone = [each for each in offered.queryset if each.pk in self.initial["offered"] and each.pk not in kept]
        return [text for each in gone for text in each.labels.values()]


class CataloguePromiseForm(forms.ModelForm):
    """A sentence of the catalogue, with a field `label_…` for each language, which the admin adds."""

    class Meta:
        model = CataloguePromise
        fields = ("brand", "code", "position", "is_active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.languages = {name: name.removeprefix("label_") for name in self.fields if name.startswith("label_")}
        self.initial.update({name: self.instance.labels.get(code, "") for name, code in self.languages.items()})

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        labels = {language: given.get(name, "") for name, language in self.languages.items()}
        self.instance.labels = {code: text for code, text in (self.instance.labels | labels).items() if text}
        brand = given.get("brand") or (self.instance.brand if self.instance.pk else None)
        if brand and not self.instance.labels.get(brand.default_language):
            name = f"label_{brand.default_language}"
            message = _("In the brand's first language it has to be said.")
            self.add_error(name if name in self.fields else None, ValidationError(message, "required"))
        return given


class LinkPromiseForm(forms.ModelForm):
    """What was promised stays on record: a promise is withdrawn, never reworded."""

    is_withdrawn = forms.BooleanField(label=_("withdrawn"), required=False)

    class Meta:
        model = LinkPromise
        fields = ("text",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["text"].disabled = True
            self.fields["is_withdrawn"].initial = self.instance.withdrawn_at is not None

    def save(self, commit: bool = True) -> LinkPromise:
        is_withdrawn = self.cleaned_data["is_withdrawn"]
        if is_withdrawn != (self.instance.withdrawn_at is not None):
            self.instance.withdrawn_at = timezone.now() if is_withdrawn else None
        return super().save(commit)


class LinkPromiseFormSet(forms.BaseInlineFormSet):
    def clean(self) -> None:
        """Each stands once: the database refuses a second, and here is where somebody can be told."""
        super().clean()
        given = [form.cleaned_data for form in self.forms if getattr(form, "cleaned_data", None)]
        standing = [row["text"].strip() for row in given if row.get("text") and not row["is_withdrawn"]]
        if len(set(standing)) < len(standing):
            raise ValidationError(_("The same promise stands there twice."), "twice")


class AffiliateCodeField(forms.CharField):
    """An affiliate by code, since a list of thousands is no choice. `brand` is set by the form it stands in."""

    brand: Brand

    def __init__(self, *, required: bool = True) -> None:
        super().__init__(label=_("affiliate’s code"), max_length=60, required=required)

    def clean(self, value: Any) -> Affiliate | None:
        code = super().clean(value)
        named = Affiliate.objects.filter(brand=self.brand, code=code).first() if code else None
        if code and named is None:
            raise ValidationError(_("There is no affiliate with this code."), "unknown")
        return named


class GiveCouponForm(forms.Form):
    """Which coupon an affiliate gets."""

    code = forms.CharField(
        label=_("coupon"), max_length=60, help_text=_("Capitals do not matter. Whoever has it now loses it.")
    )

    def __init__(self, affiliate: Affiliate, data: Any = None) -> None:
        super().__init__(data)


class PassCouponForm(forms.Form):
    """Who gets a coupon."""

    affiliate = AffiliateCodeField()

    def __init__(self, coupon: Coupon, data: Any = None) -> None:
        super().__init__(data)
        self.fields["affiliate"].brand = coupon.brand  # type: ignore[attr-defined]


class SureForm(forms.Form):
    """Nothing to say but yes."""

    def __init__(self, row: Any, data: Any = None) -> None:
        super().__init__(data)


class CorrectionForm(forms.Form):
    """Whom to credit with a purchase. A code, since a list of thousands of affiliates is no choice."""

    affiliate = AffiliateCodeField(required=False)
    is_nobody = forms.BooleanField(label=_("Nobody is to be credited"), required=False)
    note = forms.CharField(
        label=_("reason"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("For colleagues. It stays on record."),
    )

    def __init__(self, purchase: Purchase, data: Any = None) -> None:
        super().__init__(data)
        self.fields["affiliate"].brand = purchase.brand  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any] | None:
        given = self.cleaned_data
        if "affiliate" in given and bool(given["affiliate"]) == given["is_nobody"]:
            self.add_error("affiliate", ValidationError(_("Name an affiliate, or tick that it is nobody."), "unclear"))
        return given


class ClaimForm(forms.Form):
    """A sale the affiliate misses. Nothing here asks who bought, and nothing is looked up."""

    order_reference = forms.CharField(label=_("order number"), max_length=120)
    purchased_on = forms.DateField(label=_("date of the purchase"), widget=forms.DateInput(attrs={"type": "date"}))
    amount = forms.DecimalField(label=_("amount"), min_value=0, max_digits=14, decimal_places=2)
    currency = forms.CharField(label=_("currency"), max_length=3, initial="EUR")
    text = forms.CharField(
        label=_("why it is yours"),
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("For instance which link or coupon was used. Do not write who bought."),
    )

    def as_input(self) -> ClaimInput:
        return ClaimInput(**self.cleaned_data)


class ClaimAnswerForm(forms.Form):
    answer = forms.CharField(
        label=_("answer to the affiliate"),
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("The affiliate reads it. Say nothing of the customer or of other affiliates."),
    )

    def __init__(self, claim: Claim, data: Any = None, **options: Any) -> None:
        super().__init__(data, **options)


class AcceptClaimForm(ClaimAnswerForm):
    order = forms.CharField(label=_("order number at the shop"), max_length=120)
    field_order = ("order", "answer")

    def __init__(self, claim: Claim, data: Any = None) -> None:
        super().__init__(claim, data, initial={"order": claim.order_reference})


class DeclineClaimForm(ClaimAnswerForm):
    reason = forms.ChoiceField(
        label=_("reason"), choices=[choice for choice in Claim.Reason.choices if choice[0] != Claim.Reason.CREDITED]
    )
    field_order = ("reason", "answer")


class ReasonForm(forms.Form):
    note = forms.CharField(
        label=_("reason"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("For colleagues. It stays on record."),
    )

    def __init__(self, row: Any, data: Any = None) -> None:
        super().__init__(data)


class OptionalReasonForm(ReasonForm):
    def __init__(self, row: Any, data: Any = None) -> None:
        super().__init__(row, data)
        self.fields["note"].required = False


class ApproveForm(forms.Form):
    code = forms.CharField(
        label=_("code"), max_length=60, help_text=_("Shops send it with every sale. It cannot be changed later.")
    )

    def __init__(self, affiliate: Affiliate, data: Any = None) -> None:
        super().__init__(data, initial={"code": affiliate.code})


class InviteMemberForm(forms.Form):
    email = forms.EmailField(label=_("e-mail"), max_length=254)
    role = forms.ChoiceField(label=_("role"), choices=AffiliateMember.Role.choices)

    def __init__(self, affiliate: Affiliate, data: Any = None) -> None:
        super().__init__(data, initial={"email": affiliate.email})


class MemberForm(forms.Form):
    """One of an affiliate's people."""

    member = forms.ModelChoiceField(label=_("person"), queryset=AffiliateMember.objects.none())

    def __init__(self, affiliate: Affiliate, data: Any = None) -> None:
        super().__init__(data)
        people = affiliate.members.select_related("user", "affiliate").order_by("pk")
        self.fields["member"].queryset = people  # type: ignore[attr-defined]


class MemberRoleForm(MemberForm):
    role = forms.ChoiceField(label=_("role"), choices=AffiliateMember.Role.choices)


class ApplicationForm(forms.Form):
    """Somebody asks to sell for a brand."""

    name = forms.CharField(label=_("Your name, or your site’s"), max_length=120)
    email = forms.EmailField(label=_("Your e-mail"), max_length=254)
    text = forms.CharField(
        label=_("How would you recommend us?"),
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 5}),
    )


class JoinForm(forms.Form):
    """For whoever has no account yet."""

    name = forms.CharField(label=_("Your name"), max_length=100, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("Ten characters or more."),
    )
