"""What affiliates share: links, and the catalogue of what may be promised there."""

from copy import copy
from typing import Any

from django import forms
from django.conf import settings
from django.conf.locale import LANG_INFO
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from accounts.models import Brand, User
from affiliates.admin.adding import AddingAdmin
from affiliates.forms import CataloguePromiseForm, LinkPromiseForm, LinkPromiseFormSet, TrackingLinkForm
from affiliates.models import CataloguePromise, LinkPromise, TrackingLink
from affiliates.services import pause_link, resume_link, tick_promises
from affiliates.standard import missing_promises, offer_standard_promises


class LinkPromiseInline(admin.TabularInline):
    model = LinkPromise
    form = LinkPromiseForm
    formset = LinkPromiseFormSet
    extra = 1
    can_delete = False
    ordering = ("pk",)

    # Who may change the link may say what is promised there.
    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return TrackingLinkAdmin(TrackingLink, self.admin_site).has_change_permission(request)


@admin.register(TrackingLink)
class TrackingLinkAdmin(AddingAdmin):
    form = TrackingLinkForm
    list_display = ("code", "affiliate", "campaign", "destination", "paused_at")
    list_select_related = ("affiliate",)
    list_filter = (("paused_at", admin.EmptyFieldListFilter),)
    search_fields = ("=code", "^campaign", "^affiliate__code")
    search_help_text = _("The whole code, or the beginning of a campaign or of the affiliate’s code")
    ordering = ("-pk",)
    inlines = (LinkPromiseInline,)
    actions = ("pause", "resume")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        # A code that is out there must go on meaning the same affiliate.
        return ("address", "affiliate", "code", "paused_at") if obj else ()

    def view_on_site(self, obj: TrackingLink) -> str:
        """Where it leads, and not by the link itself: staff who look must not count as visitors."""
        return obj.destination

    @admin.display(description=_("address"))
    def address(self, link: TrackingLink) -> SafeString:
        """What is copied, and what is printed."""
        affiliate = link.affiliate
        where = {"brand": affiliate.brand.slug, "code": affiliate.code, "link": link.code}
        picture = reverse("dashboards:link_code", kwargs=where)
        url = settings.BASE_URL + link.get_absolute_url()
        return format_html('{} · <a href="{}">{}</a>', url, picture, gettext("QR code"))

    @admin.action(description=_("Pause: visitors get a page instead of the shop"), permissions=["change"])
    def pause(self, request: HttpRequest, queryset: QuerySet[TrackingLink]) -> None:
        now = timezone.now()
        for link in queryset:
            pause_link(link, now=now)

    @admin.action(description=_("Resume"), permissions=["change"])
    def resume(self, request: HttpRequest, queryset: QuerySet[TrackingLink]) -> None:
        now = timezone.now()
        for link in queryset:
            resume_link(link, now=now)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> type[Any]:
        form: type[Any] = super().get_form(request, obj, change, **kwargs)
        if "offered" in form.base_fields:
            # A field of this form class alone: what may be chosen differs from one reader to the next.
            form.base_fields["offered"] = copy(form.base_fields["offered"])
            form.base_fields["offered"].queryset = self.offers(request, obj)
        return form

    def offers(self, request: HttpRequest, obj: TrackingLink | None) -> QuerySet[CataloguePromise]:
        offered = CataloguePromise.objects.visible_to(request.user).filter(is_active=True).select_related("brand")
        return offered.filter(brand=obj.affiliate.brand_id) if obj else offered

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """After the sentences typed in, those ticked: what is not touched stays as it is."""
        super().save_related(request, form, formsets, change)
        if form.newly_promised or form.no_longer_promised:
            tick_promises(
                form.instance, added=form.newly_promised, withdrawn=form.no_longer_promised, now=timezone.now()
            )


def wording_field(language: str) -> forms.CharField:
    name = LANG_INFO.get(language, {}).get("name_local", language)
    widget = forms.TextInput(attrs={"class": "vLargeTextField", "lang": language})
    return forms.CharField(label=capfirst(name), required=False, max_length=200, widget=widget)


@admin.register(CataloguePromise)
class CataloguePromiseAdmin(AddingAdmin):
    """What affiliates are offered to promise. Links keep the words they were given."""

    change_list_template = "admin/affiliates/promises.html"
    form = CataloguePromiseForm
    list_display = ("__str__", "code", "brand", "position", "is_active")
    list_select_related = ("brand",)
    list_filter = ("is_active",)
    ordering = ("brand", "position", "code")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> type[Any]:
        brands = [obj.brand] if obj else Brand.objects.visible_to(request.user)
        languages = dict.fromkeys(language for brand in brands for language in brand.languages)
        fields = {f"label_{code}": wording_field(code) for code in languages}
        kwargs["form"] = type("CataloguePromiseForm", (self.form,), fields)
        return super().get_form(request, obj, change, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("brand", "code") if obj else ()

    def get_urls(self) -> list[Any]:
        standard = path(
            "standard/", self.admin_site.admin_view(self.standard_view), name="affiliates_cataloguepromise_standard"
        )
        return [standard, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Brands older than the catalogue have none of it; so have those that lack what was added later."""
        missing = [(brand, missing_promises(brand)) for brand in brands_written_for(request)]
        offers = [(brand, count) for brand, count in missing if count]
        return super().changelist_view(request, {"offers": offers, **(extra_context or {})})

    @method_decorator(require_POST)
    def standard_view(self, request: HttpRequest) -> HttpResponse:
        wanted = request.POST.get("brand", "")
        brand = next((brand for brand in brands_written_for(request) if brand.slug == wanted), None)
        if brand is None:
            raise PermissionDenied
        count = offer_standard_promises(brand)
        told = ngettext("%(count)d promise was added.", "%(count)d promises were added.", count) % {"count": count}
        messages.success(request, told)
        return redirect("admin:affiliates_cataloguepromise_changelist")


def brands_written_for(request: HttpRequest) -> list[Brand]:
    user = request.user
    brands = Brand.objects.visible_to(user).order_by("name")
    return [brand for brand in brands if isinstance(user, User) and user.may_write_for(brand)]
