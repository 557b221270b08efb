"""Affiliates, their people, and their coupons."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.admin import ReadOnlyAdmin, ReadOnlyInline
from accounts.admin.decisions import DecidingAdmin, Decision
from accounts.models import AccessLog, Brand
from accounts.services import record_access
from affiliates.admin.adding import AddingAdmin
from affiliates.exports import write_affiliates
from affiliates.forms import (
    AffiliateForm,
    ApproveForm,
    GiveCouponForm,
    InviteMemberForm,
    MemberForm,
    MemberRoleForm,
    PassCouponForm,
    ReasonForm,
    SureForm,
)
from affiliates.models import (
    Affiliate,
    AffiliateEvent,
    AffiliateMember,
    Coupon,
    MemberInvitation,
)
from affiliates.services import (
    approve_affiliate,
    change_role,
    end_coupon,
    enter_affiliate,
    give_coupon,
    invite_member,
    reactivate_affiliate,
    remove_member,
    suspend_affiliate,
)


class MemberInline(ReadOnlyInline):
    model = AffiliateMember
    fields = readonly_fields = ("user", "role", "accepted_terms_at", "last_seen_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AffiliateMember]:
        return super().get_queryset(request).select_related("user")


class InvitationInline(ReadOnlyInline):
    model = MemberInvitation
    fields = readonly_fields = (
        "email",
        "role",
        "created_at",
        "expires_at",
        "accepted_at",
        "withdrawn_at",
        "invited_by",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[MemberInvitation]:
        return super().get_queryset(request).select_related("invited_by")


class EventInline(ReadOnlyInline):
    model = AffiliateEvent
    fields = readonly_fields = ("at", "kind", "by", "note")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AffiliateEvent]:
        return super().get_queryset(request).select_related("by")


@admin.register(Affiliate)
class AffiliateAdmin(DecidingAdmin, AddingAdmin):
    decisions = {
        "approve": Decision(
            _("Approve"),
            ApproveForm,
            lambda affiliate, given, **how: approve_affiliate(affiliate, code=given["code"], **how),
            _("The affiliate is active and gets a link by e-mail to sign in."),
            lambda affiliate: affiliate.status == Affiliate.Status.APPLIED,
        ),
        "decline": Decision(
            _("Decline"),
            ReasonForm,
            lambda affiliate, given, **how: suspend_affiliate(affiliate, note=given["note"], **how),
            _("The affiliate does not join."),
            lambda affiliate: affiliate.status in (Affiliate.Status.APPLIED, Affiliate.Status.INVITED),
        ),
        "suspend": Decision(
            _("Suspend"),
            ReasonForm,
            lambda affiliate, given, **how: suspend_affiliate(affiliate, note=given["note"], **how),
            _("Nothing more is credited to the affiliate."),
            lambda affiliate: affiliate.is_active,
        ),
        "reactivate": Decision(
            _("Reactivate"),
            SureForm,
            lambda affiliate, given, **how: reactivate_affiliate(affiliate, **how),
            _("The affiliate is active again."),
            lambda affiliate: affiliate.status == Affiliate.Status.SUSPENDED,
        ),
        "invite": Decision(
            _("Invite a person"),
            InviteMemberForm,
            lambda affiliate, given, **how: invite_member(affiliate, **given, **how),
            _("The invitation is on its way."),
            lambda affiliate: affiliate.status in (Affiliate.Status.ACTIVE, Affiliate.Status.INVITED),
        ),
        "role": Decision(
            _("Change a role"),
            MemberRoleForm,
            lambda affiliate, given, **how: change_role(given["member"], given["role"], **how),
            _("The role is changed."),
            lambda affiliate: affiliate.members.exists(),
        ),
        "remove": Decision(
            _("Remove a person"),
            MemberForm,
            lambda affiliate, given, **how: remove_member(given["member"], **how),
            _("This person signs in for the affiliate no more."),
            lambda affiliate: affiliate.members.exists(),
        ),
        "coupon": Decision(
            _("Give a coupon"),
            GiveCouponForm,
            lambda affiliate, given, **how: give_coupon(affiliate.brand, given["code"], affiliate, **how),
            _("The coupon is the affiliate’s from now on."),
        ),
    }
    form = AffiliateForm
    list_display = ("code", "name", "status", "email", "joined_at", "brand")
    list_select_related = ("brand",)
    list_filter = ("status", "brand")
    search_fields = ("^code", "^name", "email__iexact")
    search_help_text = _("The beginning of a code or name, or the whole e-mail address")
    ordering = ("code",)
    inlines = (MemberInline, InvitationInline, EventInline)
    actions = ("export",)

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> Any:
        """None where there is nothing to show yet."""
        return self.inlines if obj else ()

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        # Shops send the code with every sale: another one would be another affiliate.
        return ("brand", "code", "status", "joined_at", "portal") if obj else ()

    @admin.display(description=_("portal"))
    def portal(self, affiliate: Affiliate) -> str:
        """What the affiliate sees. The portal writes down who looked."""
        url = reverse("dashboards:home", kwargs={"brand": affiliate.brand.slug, "code": affiliate.code})
        return format_html('<a href="{}">{}</a>', url, _("See their portal"))

    def save_model(self, request: HttpRequest, obj: Affiliate, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
        else:
            enter_affiliate(obj, by=request.user, now=timezone.now())  # type: ignore[arg-type]

    @admin.action(description=_("Export as CSV"))
    def export(self, request: HttpRequest, queryset: QuerySet[Affiliate]) -> HttpResponse:
        """Those chosen, in the columns that import_affiliates reads; whoever takes addresses along is recorded."""
        for brand in Brand.objects.filter(pk__in=queryset.values("brand")):
            purpose, user = AccessLog.Purpose.EXPORT, request.user
            if not user.may_take_files_of(brand):  # type: ignore[union-attr]
                raise PermissionDenied
            record_access(user, brand, purpose=purpose, object_type="affiliate")  # type: ignore[arg-type]
        headers = {"Content-Disposition": 'attachment; filename="affiliates.csv"'}
        return HttpResponse(write_affiliates(queryset), content_type="text/csv; charset=utf-8", headers=headers)


def ends_later(coupon: Coupon) -> bool:
    return coupon.valid_until is None or coupon.valid_until > timezone.now()


@admin.register(Coupon)
class CouponAdmin(DecidingAdmin, ReadOnlyAdmin):
    """Coupons are given on the page of their affiliate; here they change hands or end."""

    decisions = {
        "pass": Decision(
            _("Give it to another affiliate"),
            PassCouponForm,
            lambda coupon, given, **how: give_coupon(coupon.brand, coupon.code, given["affiliate"], **how),
            _("The coupon has changed hands. Who had it before stays on record."),
            ends_later,
        ),
        "end": Decision(
            _("End it now"),
            SureForm,
            lambda coupon, given, **how: end_coupon(coupon, **how),
            _("The coupon stands for nobody from now on."),
            ends_later,
        ),
    }
    list_display = ("code", "affiliate", "valid_from", "valid_until", "given_by", "brand")
    list_select_related = ("affiliate", "brand", "given_by")
    list_filter = (("valid_until", admin.EmptyFieldListFilter),)
    search_fields = ("=code", "^affiliate__code")
    search_help_text = _("The whole coupon, or the beginning of the affiliate’s code")
    ordering = ("code", "-valid_from")
    fields = ("code", "brand", "affiliate", "valid_from", "valid_until", "given_by", "ended_by", "owners")
    readonly_fields = ("owners",)

    @admin.display(description=_("everybody who had it"))
    def owners(self, coupon: Coupon) -> SafeString:
        """The newest first, with who gave it and who took it away."""
        every = Coupon.objects.filter(brand=coupon.brand_id, code=coupon.code).order_by("-valid_from", "-pk")
        lines = map(in_words, every.select_related("affiliate", "given_by", "ended_by"))
        return format_html("<ol>{}</ol>", format_html_join("", "<li>{}</li>", ((line,) for line in lines)))


def in_words(coupon: Coupon) -> str:
    words = {
        "affiliate": coupon.affiliate,
        "since": moment(coupon.valid_from),
        "given_by": coupon.given_by or "—",
        "until": moment(coupon.valid_until) if coupon.valid_until else "",
        "ended_by": coupon.ended_by or "—",
    }
    if coupon.valid_until is None:
        return gettext("%(affiliate)s, since %(since)s (given by %(given_by)s)") % words
    return gettext("%(affiliate)s, from %(since)s (given by %(given_by)s) to %(until)s (ended by %(ended_by)s)") % words


def moment(at: datetime) -> str:
    return formats.date_format(timezone.localtime(at), "SHORT_DATETIME_FORMAT")
