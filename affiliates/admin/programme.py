"""Affiliates and what they share."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.admin import BrandModelAdmin, ReadOnlyAdmin, ReadOnlyInline
from affiliates.admin.decisions import DecidingAdmin, Decision
from affiliates.forms import (
    AffiliateForm,
    GiveCouponForm,
    LinkPromiseForm,
    PassCouponForm,
    SureForm,
    TrackingLinkForm,
)
from affiliates.models import Affiliate, AffiliateMember, Coupon, LinkPromise, TrackingLink
from affiliates.services import end_coupon, give_coupon


class MemberInline(ReadOnlyInline):
    model = AffiliateMember
    fields = readonly_fields = ("user", "role", "accepted_terms_at", "last_seen_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AffiliateMember]:
        return super().get_queryset(request).select_related("user")


@admin.register(Affiliate)
class AffiliateAdmin(DecidingAdmin):
    decisions = {
        "coupon": Decision(
            _("Give a coupon"),
            GiveCouponForm,
            lambda affiliate, given, by, now: give_coupon(affiliate.brand, given["code"], affiliate, now=now),
            _("The coupon is the affiliate’s from now on."),
        ),
    }
    form = AffiliateForm
    can_add = True
    list_display = ("code", "name", "status", "email", "joined_at", "brand")
    list_select_related = ("brand",)
    list_filter = ("status", "brand")
    search_fields = ("^code", "^name", "email__iexact")
    search_help_text = _("The beginning of a code or name, or the whole e-mail address")
    ordering = ("code",)
    inlines = (MemberInline,)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        # Shops send the code with every sale: another one would be another affiliate.
        return ("brand", "code", "joined_at") if obj else ()


class LinkPromiseInline(admin.TabularInline):
    model = LinkPromise
    form = LinkPromiseForm
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
class TrackingLinkAdmin(BrandModelAdmin):
    form = TrackingLinkForm
    can_add = True
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
        return ("affiliate", "code", "paused_at") if obj else ()

    @admin.action(description=_("Pause: visitors get a page instead of the shop"), permissions=["change"])
    def pause(self, request: HttpRequest, queryset: QuerySet[TrackingLink]) -> None:
        queryset.filter(paused_at__isnull=True).update(paused_at=timezone.now())

    @admin.action(description=_("Resume"), permissions=["change"])
    def resume(self, request: HttpRequest, queryset: QuerySet[TrackingLink]) -> None:
        queryset.update(paused_at=None)


def ends_later(coupon: Coupon) -> bool:
    return coupon.valid_until is None or coupon.valid_until > timezone.now()


@admin.register(Coupon)
class CouponAdmin(DecidingAdmin, ReadOnlyAdmin):
    """Coupons are given on the page of their affiliate; here they change hands or end."""

    decisions = {
        "pass": Decision(
            _("Give it to another affiliate"),
            PassCouponForm,
            lambda coupon, given, by, now: give_coupon(coupon.brand, coupon.code, given["affiliate"], now=now),
            _("The coupon has changed hands. Who had it before stays on record."),
            ends_later,
        ),
        "end": Decision(
            _("End it now"),
            SureForm,
            lambda coupon, given, by, now: end_coupon(coupon, now=now),
            _("The coupon stands for nobody from now on."),
            ends_later,
        ),
    }
    list_display = ("code", "affiliate", "valid_from", "valid_until", "brand")
    list_select_related = ("affiliate", "brand")
    list_filter = (("valid_until", admin.EmptyFieldListFilter),)
    search_fields = ("=code", "^affiliate__code")
    search_help_text = _("The whole coupon, or the beginning of the affiliate’s code")
    ordering = ("code", "-valid_from")
