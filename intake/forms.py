from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, User
from affiliates.models import Product, TrackingLink
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
