"""Sales that affiliates miss, the most urgent first."""

from datetime import date
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.admin import ReadOnlyAdmin
from accounts.admin.decisions import DecidingAdmin, Decision, UndecidedFilter
from accounts.models import Brand
from affiliates.forms import AcceptClaimForm, DeclineClaimForm
from affiliates.models import Attribution, Claim
from affiliates.services import accept_claim, decline_claim, purchase_claimed


class ClaimStateFilter(UndecidedFilter):
    undecided = Claim.State.OPEN
    choices_of = Claim.State.choices


@admin.register(Claim)
class ClaimAdmin(DecidingAdmin, ReadOnlyAdmin):
    decisions = {
        "accept": Decision(
            _("Accept"),
            AcceptClaimForm,
            lambda claim, given, **how: accept_claim(claim, order=given["order"], answer=given["answer"], **how),
            _("The sale is the affiliate’s from now on."),
            lambda claim: claim.is_open,
        ),
        "decline": Decision(
            _("Decline"),
            DeclineClaimForm,
            lambda claim, given, **how: decline_claim(claim, reason=given["reason"], answer=given["answer"], **how),
            _("The claim is declined; the affiliate reads why."),
            lambda claim: claim.is_open,
        ),
    }
    list_display = ("order_reference", "affiliate", "purchased_on", "claimed", "due", "state", "reason")
    list_select_related = ("affiliate__brand",)
    list_filter = (ClaimStateFilter, "affiliate__brand")
    search_fields = ("=order_reference", "^affiliate__code")
    search_help_text = _("The whole order number, or the beginning of the affiliate’s code")
    ordering = ("due_on", "pk")
    fieldsets = (
        (None, {"fields": ("affiliate", "order_reference", "purchased_on", "claimed", "text", "filed_by", "filed_at")}),
        (_("What we have under this order number"), {"fields": ("known", "rivals")}),
        (_("Answer"), {"fields": ("due", "state", "reason", "reply", "answered_by", "answered_at", "purchase")}),
    )
    readonly_fields = ("claimed", "known", "rivals", "due", "reply")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Claim]:
        """For the brand's staff: to whom a claim is visible as its affiliate, the page would say too much."""
        claims: QuerySet[Claim] = super().get_queryset(request)
        return claims.filter(affiliate__brand__in=Brand.objects.visible_to(request.user))

    @admin.display(description=_("amount"), ordering="amount")
    def claimed(self, claim: Claim) -> str:
        return f"{formats.number_format(claim.amount, 2, force_grouping=True)} {claim.currency}"

    @admin.display(description=_("answer due on"), ordering="due_on")
    def due(self, claim: Claim) -> str:
        day = formats.date_format(claim.due_on)
        return gettext("%(day)s, overdue") % {"day": day} if is_overdue(claim) else day

    @admin.display(description=_("answer to the affiliate"))
    def reply(self, claim: Claim) -> str:
        return claim.answer

    @admin.display(description=_("purchase"))
    def known(self, claim: Claim) -> SafeString | str:
        """What is stored under that number, and who is credited with it."""
        purchase = purchase_claimed(claim)
        if purchase is None:
            return gettext("There is no purchase with this order number.")
        current = Attribution.objects.current().filter(purchase=purchase).select_related("affiliate").first()
        facts: list[Any] = [
            formats.date_format(timezone.localtime(purchase.purchased_at)),
            f"{formats.number_format(purchase.amount, 2)} {purchase.currency}" if purchase.amount is not None else "—",
            str(current.affiliate or gettext("Nobody")) if current else gettext("Nobody"),
            str(current.get_reason_display()) if current else "",
        ]
        url = reverse("admin:affiliates_purchase_change", args=[purchase.pk])
        return format_html('<a href="{}">{}</a> · {}', url, purchase, " · ".join(filter(None, facts)))

    @admin.display(description=_("others who claim it"))
    def rivals(self, claim: Claim) -> str:
        others = Claim.objects.filter(
            affiliate__brand=claim.brand, order_reference__iexact=claim.order_reference
        ).exclude(affiliate=claim.affiliate_id)
        return ", ".join(sorted({str(other.affiliate) for other in others.select_related("affiliate")})) or "—"


def is_overdue(claim: Claim) -> bool:
    today: date = timezone.localdate()
    return claim.is_open and claim.due_on < today
