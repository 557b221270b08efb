"""Guides at the desk: written side by side by language, and what customers' questions say about them."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from accounts.admin import BrandModelAdmin, brands_with_role
from accounts.models import Brand, User
from affiliates.models import Product
from complaints.markdown import html_of
from complaints.models import Guide
from complaints.selectors.guides import asked_often, counted, text_for
from complaints.services.guides import FREQUENT, Words, propose_fact, write_guide
from surveys.drafting import language_name


class GuideForm(forms.ModelForm):
    """Its boxes for titles and texts, one of each a language, are made by `guide_form` for one brand."""

    brand: Brand

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["product"].queryset = Product.objects.filter(brand=self.brand)  # type: ignore[attr-defined]
        for text in self.instance.texts.all() if self.instance.pk else ():
            self.initial[f"title.{text.language}"] = text.title
            self.initial[f"body.{text.language}"] = text.body

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for language in self.brand.languages:
            if bool(cleaned.get(f"title.{language}")) != bool(cleaned.get(f"body.{language}")):
                self.add_error(f"title.{language}", _("A language has both a title and a text, or neither."))
        if not any(cleaned.get(f"title.{language}") for language in self.brand.languages):
            self.add_error(f"title.{self.brand.default_language}", _("Write it in one language at least."))
        if cleaned.get("product") and cleaned.get("category"):
            self.add_error("category", _("A guide is about a product or about a category."))
        return cleaned

    @property
    def texts(self) -> dict[str, Words]:
        given = self.cleaned_data
        return {code: Words(given[f"title.{code}"], given[f"body.{code}"]) for code in self.brand.languages}


def guide_form(brand: Brand) -> type[GuideForm]:
    boxes: dict[str, Any] = {"brand": brand}
    for language in brand.languages:
        name, attrs = language_name(language), {"lang": language, "dir": "auto"}
        title, body = _("Title in %(language)s") % {"language": name}, _("Text in %(language)s") % {"language": name}
        boxes[f"title.{language}"] = forms.CharField(
            label=title, max_length=120, required=False, widget=forms.TextInput({**attrs, "size": 60})
        )
        boxes[f"body.{language}"] = forms.CharField(
            label=body,
            max_length=20_000,
            required=False,
            widget=forms.Textarea({**attrs, "rows": 16, "cols": 90}),
            help_text=_("Markdown: **bold**, - lists, ## headings, [links](https://…)."),
        )
    return type("GuideFormOfBrand", (GuideForm,), boxes)


@admin.register(Guide)
class GuideAdmin(BrandModelAdmin):
    can_add = True
    list_display = ("title", "about", "is_published", "verdicts", "asked", "before_the_sale")
    search_fields = ("texts__title", "texts__body", "slug")
    list_select_related = ("brand", "product", "fact")
    change_list_template = "admin/complaints/guides.html"

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.propose_view)
        standard = super().get_urls()
        ours = path("<int:object_id>/propose/", view, name="complaints_guide_propose")
        return [*standard[:-1], ours, standard[-1]]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        guides = Guide.objects.filter(pk__in=super().get_queryset(request).values("pk"))
        return counted(guides, now=timezone.now()).prefetch_related("texts").order_by("position", "id")

    @admin.display(description=gettext_lazy("title"))
    def title(self, guide: Guide) -> str:
        text = text_for(guide, guide.brand, get_language() or "")
        return text.title if text else guide.slug

    @admin.display(description=gettext_lazy("about"))
    def about(self, guide: Guide) -> str:
        return str(guide.product or guide.category or _("everything"))

    @admin.display(description=gettext_lazy("asked all the same, 90 days"), ordering="asked")
    def asked(self, guide: Any) -> int:
        return guide.asked or 0

    @admin.display(description=gettext_lazy("helped / did not"), ordering="helped")
    def verdicts(self, guide: Any) -> str:
        return f"{guide.helped or 0} / {guide.not_helped or 0}"

    @admin.display(description=gettext_lazy("before the sale"))
    def before_the_sale(self, guide: Any) -> str:
        if guide.fact:
            return str(_("in the catalogue"))
        return str(_("worth telling")) if (guide.asked or 0) >= FREQUENT else "—"

    @admin.display(description=gettext_lazy("page"))
    def page(self, guide: Guide) -> SafeString:
        return format_html('<a href="{}">{}</a>', guide.get_absolute_url(), _("See it as customers do"))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        assert isinstance(request.user, User)
        often = asked_often(request.user, now=timezone.now())
        answer: HttpResponse = super().changelist_view(request, {"asked_often": often, **(extra_context or {})})
        return answer

    @admin.display(description=gettext_lazy("what customers read"))
    def words(self, guide: Guide) -> SafeString:
        """For who may not write: every language below the other."""
        texts = ((text.language, text.title, html_of(text.body)) for text in guide.texts.all())
        return format_html_join("", '<article lang="{}"><h2>{}</h2>{}</article>', texts)

    def get_form(self, request: HttpRequest, obj: Guide | None = None, change: bool = False, **kwargs: Any) -> Any:
        if not self.has_change_permission(request, obj):
            return super().get_form(request, obj, change, **kwargs)
        kwargs["form"] = guide_form(self._brand_of(request, obj))
        kwargs["fields"] = ("product", "category", "position", "is_published")
        return super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Guide | None = None) -> Any:
        if not self.has_change_permission(request, obj):
            return [(None, {"fields": ("words", "product", "category", "position", "is_published", "page")})]
        brand = self._brand_of(request, obj)
        titles, bodies = (tuple(f"{box}.{code}" for code in brand.languages) for box in ("title", "body"))
        written = [(_("What customers read"), {"fields": [titles, bodies]})]
        place: list[Any] = ["product", "category", "position", "is_published"]
        return [*written, (_("Where it belongs"), {"fields": [*place, "page"] if obj else place})]

    def get_readonly_fields(self, request: HttpRequest, obj: Guide | None = None) -> Any:
        return ("page",) if obj else ()

    def save_model(self, request: HttpRequest, obj: Guide, form: Any, change: bool) -> None:
        if not change:
            obj.brand = form.brand
        write_guide(obj, form.texts)

    def propose_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Take it into the catalogue of what sellers should tell."""
        guide = get_object_or_404(Guide.objects.visible_to(request.user), pk=object_id)
        if request.method == "POST" and isinstance(request.user, User):
            try:
                propose_fact(guide, by=request.user)
            except ValidationError as refusal:
                messages.error(request, " ".join(refusal.messages))
            else:
                messages.success(
                    request, _("It is in the catalogue: customers can tick it, and affiliates see how many do.")
                )
        return redirect("admin:complaints_guide_change", object_id)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """With what its readers say of it."""
        counts = self.get_queryset(request).filter(pk=object_id).first() if object_id.isdecimal() else None
        context = {"counts": counts, "frequent": FREQUENT, **(extra_context or {})}
        answer: HttpResponse = super().change_view(request, object_id, form_url, context)
        return answer

    change_form_template = "admin/complaints/guide.html"

    def _brand_of(self, request: HttpRequest, obj: Guide | None) -> Brand:
        """The guide's; of a new one that of the product it is asked for, or the first that one may write for."""
        if obj is not None:
            return obj.brand
        mine = brands_with_role(request.user, *self.writing_roles).order_by("slug")
        product = request.GET.get("product", "")
        asked = mine.filter(products=int(product)).first() if product.isdecimal() and len(product) < 19 else None
        brand = asked or mine.first()
        if brand is None:
            raise PermissionDenied
        return brand
