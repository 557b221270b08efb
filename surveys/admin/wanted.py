"""What staff type to choose answers: above the list of all, and before they take them out as a file."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils.functional import cached_property
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, User
from affiliates.models import Affiliate, Product, TrackingLink
from surveys.choosing import Suspects, Wanted, Wording
from surveys.drafting import language_name
from surveys.models import Aspect, Wave
from surveys.wording import in_language

DAY = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})  # the form that browsers ask for
ANY = ("", _("any"))
SCORES = {
    **{str(score): (score,) for score in range(1, 6)},
    "low": (1, 2),
    "high": (4, 5),
}


class WantedForm(forms.Form):
    """Days are the brand's. Of a code or number the whole is asked for: nobody leafs through thousands."""

    brand = forms.ModelChoiceField(Brand.objects.none(), label=_("Brand"), empty_label=None)
    q = forms.CharField(label=_("Order, e-mail or words"), max_length=200, required=False)
    first = forms.DateField(label=_("Answered from"), required=False, widget=DAY)
    last = forms.DateField(label=_("until, including"), required=False, widget=DAY)
    score = forms.ChoiceField(
        label=_("Overall"),
        choices=[ANY, ("low", _("1 or 2")), ("high", _("4 or 5")), *((str(n), str(n)) for n in range(1, 6))],
        required=False,
    )
    theme = forms.ChoiceField(label=_("About"), choices=[ANY], required=False)
    wording = forms.ChoiceField(label=_("Words"), choices=[ANY, *Wording.choices], required=False)
    suspects = forms.ChoiceField(label=_("Suspects"), choices=[ANY, *Suspects.choices], required=False)
    wave = forms.ChoiceField(label=_("Asked"), choices=[("", _("Always")), *Wave.choices], required=False)
    language = forms.ChoiceField(label=_("Language"), choices=[ANY], required=False)
    affiliate = forms.CharField(label=_("Only of the affiliate"), required=False, help_text=_("The whole code"))
    link = forms.CharField(label=_("Only by the link"), required=False, help_text=_("The whole code"))
    product = forms.CharField(label=_("Only about the product"), required=False, help_text=_("The whole SKU"))

    def __init__(self, user: User, data: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(data, label_suffix="", **kwargs)
        self.user = user
        brands = Brand.objects.visible_to(user).order_by("name")
        field: Any = self.fields["brand"]
        field.queryset = brands
        named = str((data if data is not None else self.initial).get("brand") or "")
        own = brands.filter(pk=named).first() if named.isdecimal() else None
        self.brand_chosen: Brand | None = own or brands.first()
        self.initial["brand"] = self.brand_chosen
        if self.brand_chosen:
            self._offer(self.brand_chosen)

    def _offer(self, brand: Brand) -> None:
        """What there is to choose from depends on the brand."""
        themes, languages = self.fields["theme"], self.fields["language"]
        reader = get_language() or ""
        labels = {
            a.code: in_language(a.labels, reader, brand.default_language) for a in Aspect.objects.filter(brand=brand)
        }
        themes.choices = [ANY, *((code, label or code) for code, label in labels.items())]  # type: ignore[attr-defined]
        languages.choices = [ANY, *((code, language_name(code)) for code in brand.languages)]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if self.brand_chosen:
            self._refuse_unknown(self.brand_chosen, given)
        if given.get("first") and given.get("last") and given["first"] > given["last"]:
            self.add_error("last", _("This is before the first day."))
        return given

    def _refuse_unknown(self, brand: Brand, given: Mapping[str, Any]) -> None:
        code, link, sku = (given.get(name) for name in ("affiliate", "link", "product"))
        if code and not Affiliate.objects.filter(brand=brand, code=code).exists():
            self.add_error("affiliate", _("There is no affiliate with this code."))
        if link and not TrackingLink.objects.filter(affiliate__brand=brand, code=link).exists():
            self.add_error("link", _("There is no link with this code."))
        if sku and not Product.objects.filter(brand=brand, sku=sku).exists():
            self.add_error("product", _("There is no product with this SKU."))

    @property
    def wanted(self) -> Wanted | None:
        """After `is_valid()`, also where it was not: what was not understood is left out. None: there is no brand."""
        if self.brand_chosen is None:
            return None
        given = self.cleaned_data
        first, last = given.get("first"), given.get("last")
        texts = ("wave", "affiliate", "link", "product", "language", "theme", "wording", "suspects")
        return Wanted(
            self.brand_chosen,
            start=beginning_of(first, self.brand_chosen) if first else None,
            end=beginning_of(last + timedelta(days=1), self.brand_chosen) if last else None,
            scores=SCORES.get(given.get("score") or "", ()),
            search=given.get("q") or "",
            finds_customers=self.knows_customers,
            **{name: given.get(name) or "" for name in texts},
        )

    @cached_property
    def knows_customers(self) -> bool:
        return self.brand_chosen is not None and self.user.knows_customers_of(self.brand_chosen)

    @property
    def filters(self) -> list[forms.BoundField]:
        """All but search and brand, which stand by themselves."""
        return [self[name] for name in self.fields if name not in ("q", "brand")]

    @property
    def chosen(self) -> int:
        """How many filters are set, also those that were not understood."""
        return sum(bool(self.data.get(field.name)) for field in self.filters)


def beginning_of(day: date, brand: Brand) -> datetime:
    return datetime.combine(day, time(), tzinfo=ZoneInfo(brand.timezone))
