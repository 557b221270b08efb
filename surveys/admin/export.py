"""Staff take all answers out as one file, chosen by when, what and whom. Who did is recorded."""

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.http import StreamingHttpResponse
from django.utils.translation import gettext_lazy as _

from accounts.models import AccessLog, Brand, User
from accounts.services import record_access
from affiliates.models import Affiliate, Product
from surveys.models import Wave
from surveys.services.exporting import Wanted, csv_of_responses

DAY = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})  # the form that browsers ask for


class ExportForm(forms.Form):
    """Days are the brand's."""

    brand = forms.ModelChoiceField(Brand.objects.none(), label=_("Brand"), empty_label=None)
    first = forms.DateField(label=_("Answered from"), required=False, widget=DAY)
    last = forms.DateField(label=_("until, including"), required=False, widget=DAY)
    wave = forms.ChoiceField(label=_("Asked"), choices=[("", _("Always")), *Wave.choices], required=False)
    affiliate = forms.CharField(label=_("Only of the affiliate"), required=False, help_text=_("The whole code"))
    product = forms.CharField(label=_("Only about the product"), required=False, help_text=_("The whole SKU"))
    has_suspects = forms.BooleanField(label=_("Suspect answers too"), required=False, initial=True)

    def __init__(self, user: User, data: Any = None) -> None:
        super().__init__(data, label_suffix="")
        self.fields["brand"].queryset = Brand.objects.visible_to(user)  # type: ignore[attr-defined]
        self.initial["brand"] = Brand.objects.visible_to(user).first()

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        brand, code, sku = given.get("brand"), given.get("affiliate"), given.get("product")
        if brand and code and not Affiliate.objects.filter(brand=brand, code=code).exists():
            self.add_error("affiliate", _("There is no affiliate with this code."))
        if brand and sku and not Product.objects.filter(brand=brand, sku=sku).exists():
            self.add_error("product", _("There is no product with this SKU."))
        if given.get("first") and given.get("last") and given["first"] > given["last"]:
            self.add_error("last", _("This is before the first day."))
        return given

    @property
    def wanted(self) -> Wanted:
        """Only after `is_valid()`."""
        given, brand = self.cleaned_data, self.cleaned_data["brand"]
        return Wanted(
            brand,
            start=beginning_of(given["first"], brand) if given["first"] else None,
            end=beginning_of(given["last"] + timedelta(days=1), brand) if given["last"] else None,
            wave=given["wave"],
            affiliate=given["affiliate"],
            product=given["product"],
            has_suspects=given["has_suspects"],
        )


def beginning_of(day: date, brand: Brand) -> datetime:
    return datetime.combine(day, time(), tzinfo=ZoneInfo(brand.timezone))


def send_export(wanted: Wanted, *, to: User) -> StreamingHttpResponse:
    record_access(to, wanted.brand, purpose=AccessLog.Purpose.EXPORT, object_type="response")
    headers = {"Content-Disposition": f'attachment; filename="{wanted.brand.slug}-answers.csv"'}
    return StreamingHttpResponse(csv_of_responses(wanted), content_type="text/csv; charset=utf-8", headers=headers)
