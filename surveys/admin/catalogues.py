"""The brand's catalogues: what a seller should tell, and what an opinion is about. Words side by side by language."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Max
from django.http import HttpRequest
from django.utils.text import slugify
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.admin import BrandModelAdmin
from accounts.models import Brand, User
from affiliates.models import Product
from surveys.admin.editor import clean, read_texts, shown
from surveys.drafting import LONGEST_LABEL, LONGEST_QUESTION, faults_of_braces, language_name, said_in
from surveys.models import Aspect, Fact
from surveys.wording import in_language

Entry: TypeAlias = Fact | Aspect
LABEL, ADVICE = "label.", "advice."


class EntryForm(forms.ModelForm):
    """Its boxes for words, one a language and kind of product, are made by `entry_form` for one brand."""

    brand: Brand

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, texts in self._texts().items():
            for form in (box.removeprefix(name) for box in self.fields if box.startswith(name)):
                self.initial[f"{name}{form}"] = shown(texts, form)

    def _texts(self) -> dict[str, Mapping[str, str]]:
        return {LABEL: self.instance.labels, ADVICE: getattr(self.instance, "advice", {})}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name in [name for name in self.fields if name.startswith((LABEL, ADVICE))]:
            for fault in faults_of_braces(cleaned.get(name, ""), ()):
                self.add_error(name, fault)
        for language in self.brand.languages:
            self._check_label(language, f"{LABEL}{self.brand.voice(language)}", cleaned)
        return cleaned

    def _check_label(self, language: str, name: str, cleaned: Mapping[str, Any]) -> None:
        """Customers choose between labels: no two may read the same."""
        label = clean(cleaned.get(name, ""))
        others = type(self.instance).objects.filter(brand=self.brand, is_active=True).exclude(pk=self.instance.pk)
        if label and label.casefold() in {said_in(o.labels, self.brand, language).casefold() for o in others}:
            self.add_error(name, _("Another row has the same words."))

    def save(self, commit: bool = True) -> Any:
        entry = self.instance
        entry.labels = read_texts(self.cleaned_data, entry.labels, LABEL, self.brand)  # type: ignore[arg-type]
        if isinstance(entry, Fact):
            words = {code: clean(self.cleaned_data[f"{ADVICE}{code}"]) for code in self.brand.languages}
            entry.advice = {code: text for code, text in (entry.advice | words).items() if text}
        if entry.pk is None:
            entry.brand = self.brand
            entry.code = free_code(entry)
            rows = type(entry).objects.filter(brand=self.brand)
            entry.position = (rows.aggregate(last=Max("position"))["last"] or 0) + 1
        return super().save(commit)


def entry_form(model: type[Entry], brand: Brand) -> type[EntryForm]:
    boxes: dict[str, Any] = {"brand": brand}
    for language in brand.languages:
        for kind in ("", *Product.Kind.values):
            form = f"{brand.voice(language)}.{kind}" if kind else brand.voice(language)
            boxes[f"{LABEL}{form}"] = words_field(language, forms.TextInput, LONGEST_LABEL, required=not kind)
        if model is Fact:
            boxes[f"{ADVICE}{language}"] = words_field(language, forms.Textarea, LONGEST_QUESTION)
    return type(f"{model.__name__}Form", (EntryForm,), boxes)


def words_field(language: str, widget: type[forms.Widget], room: int, *, required: bool = False) -> forms.CharField:
    attrs = {"lang": language, "dir": "auto", **({"rows": 3} if widget is forms.Textarea else {})}
    return forms.CharField(
        label=language_name(language).capitalize(), max_length=room, required=required, widget=widget(attrs=attrs)
    )


def free_code(entry: Entry) -> str:
    """What answers are counted under for ever: made once, from its words."""
    stem = slugify(in_language(entry.labels, entry.brand.default_language)).replace("-", "_")[:36] or "row"
    taken = set(type(entry).objects.filter(brand=entry.brand).values_list("code", flat=True))
    return next(code for n in range(len(taken) + 1) if (code := f"{stem}_{n + 1}" if n else stem) not in taken)


class ListForm(forms.ModelForm):
    """A row of the list: its boxes have no label of their own beside them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        row = in_language(self.instance.labels, get_language() or "")
        for field in self.fields.values():
            field.widget.attrs["aria-label"] = f"{row}: {field.label}"


class CatalogueAdmin(BrandModelAdmin):
    """Rows are switched off, never deleted: answers name them."""

    can_add = True
    list_display_links = ("label",)
    list_editable = ("position", "is_active")
    list_select_related = ("brand",)
    ordering = ("brand", "position", "code")
    plain_fields: tuple[str, ...] = ("is_active",)

    @admin.display(description=_("label"))
    def label(self, row: Entry) -> str:
        return in_language(row.labels, row.brand.voice(row.brand.default_language)) or row.code

    def get_form(self, request: HttpRequest, obj: Entry | None = None, change: bool = False, **kwargs: Any) -> Any:
        kwargs["form"] = entry_form(self.model, self._brand_of(request, obj))
        return super().get_form(request, obj, change, **kwargs)

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        return super().get_changelist_form(request, **{**kwargs, "form": ListForm})

    def get_fieldsets(self, request: HttpRequest, obj: Entry | None = None) -> Any:
        brand = self._brand_of(request, obj)
        voices = [brand.voice(language) for language in brand.languages]
        kinds = [tuple(f"{LABEL}{voice}.{kind}" for voice in voices) for kind in Product.Kind.values]
        words = [(_("What customers read"), {"fields": [tuple(f"{LABEL}{voice}" for voice in voices)]})]
        if self.model is Fact:
            advice = tuple(f"{ADVICE}{language}" for language in brand.languages)
            words.append((_("What an affiliate should do about it"), {"fields": [advice]}))
        by_kind = [
            (
                _("Other words for: %(kind)s") % {"kind": Product.Kind(kind).label},
                {"fields": [row], "classes": ["collapse"]},
            )
            for kind, row in zip(Product.Kind.values, kinds, strict=True)
        ]
        return [*words, (None, {"fields": self.plain_fields}), *by_kind]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A role in another brand gives none in this one."""
        if not super().has_change_permission(request, obj):
            return False
        return obj is None or (isinstance(request.user, User) and request.user.may_write_for(obj.brand))

    def save_model(self, request: HttpRequest, obj: Entry, form: Any, change: bool) -> None:
        if not self.has_change_permission(request, obj):  # the list saves rows without asking about each
            raise PermissionDenied
        super().save_model(request, obj, form, change)

    def _brand_of(self, request: HttpRequest, obj: Entry | None) -> Brand:
        """Whoever works for several brands says for which a row is by `?brand=`; the first is offered."""
        if obj:
            return obj.brand
        brands = [brand for brand in Brand.objects.visible_to(request.user) if self._may_write_for(request, brand)]
        if not brands:
            raise PermissionDenied
        return next((brand for brand in brands if brand.slug == request.GET.get("brand")), brands[0])

    def _may_write_for(self, request: HttpRequest, brand: Brand) -> bool:
        return isinstance(request.user, User) and request.user.may_write_for(brand)


@admin.register(Fact)
class FactAdmin(CatalogueAdmin):
    list_display = ("label", "brand", "position", "is_active")
    list_filter = ("is_active",)


@admin.register(Aspect)
class AspectAdmin(CatalogueAdmin):
    list_display = ("label", "stage", "owner", "brand", "position", "is_active")
    list_filter = ("stage", "owner", "is_active")
    plain_fields = ("stage", "owner", "is_active")
