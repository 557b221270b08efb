"""A purchase on one page: what was told, who is credited and why, where its survey stands, what was given back."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import display_for_value
from django.core.exceptions import PermissionDenied
from django.db.models import F, FilteredRelation, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import formats, timezone
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _

from accounts.admin import WRITING_ROLES, ReadOnlyAdmin, ReadOnlyInline, has_role, may_name_customers
from accounts.admin.decisions import DecidingAdmin, Decision
from accounts.models import AccessLog
from affiliates import attribution as rules
from affiliates.forms import CorrectionForm, SureForm
from affiliates.models import Attribution, Customer, Purchase, Refund
from affiliates.services import correct_attribution
from complaints.models import Complaint
from intake.forms import TestPurchaseForm
from intake.hooks.admin import HookAdmin, InboundEventAdmin
from intake.imports.admin import ImportRunAdmin
from intake.mails.admin import MailAdmin
from intake.models import Erasure, Hook, ImportRun, InboundEvent, RetentionRun
from intake.rights.admin import ErasureAdmin, RetentionRunAdmin, RightsAdmin
from intake.rights.records import CustomersAccessLogAdmin
from intake.services import take_test_purchase, undo_test_purchase
from mailing.addresses import known_hashes
from mailing.models import OutgoingMail
from surveys.admin.invitations import NotAskedFilter
from surveys.explaining import explain
from surveys.models import Invitation, Reason, Wave
from surveys.selectors import Standing, SurveyState, survey_states

# Why evidence that stood did not win, beyond the reasons that a purchase can have.
LOSING_LABELS = {
    rules.OUTRANKED: _("stronger evidence won"),
    rules.LATER_CLICK: _("a later click won"),
    rules.EARLIER_CLICK: _("an earlier click won"),
    rules.AFTER_PURCHASE: _("later than the purchase"),
    rules.NOT_A_VISIT: _("not a person’s visit"),
}


class AttributionInline(ReadOnlyInline):
    """The history: the current one first, corrections below what they corrected."""

    model = Attribution
    fields = readonly_fields = (
        "affiliate",
        "method",
        "reason",
        "confidence",
        "evidence",
        "decided_at",
        "decided_by",
        "note",
    )
    ordering = ("-is_current", "-decided_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Attribution]:
        return super().get_queryset(request).select_related("affiliate", "decided_by")

    @admin.display(description=_("evidence weighed"))
    def evidence(self, row: Attribution) -> SafeString | str:
        lines = format_html_join("", "<li>{}</li>", ((_as_words(touch),) for touch in row.touches))
        return format_html("<ol>{}</ol>", lines) if lines else "—"


class RefundInline(ReadOnlyInline):
    model = Refund
    fields = readonly_fields = ("external_id", "amount", "reason", "refunded_at")
    ordering = ("refunded_at", "pk")


class NotAskedAboutFilter(NotAskedFilter):
    """The purchases whose first survey has this reason."""

    def narrow(self, queryset: QuerySet[Any], condition: Q) -> QuerySet[Any]:
        return queryset.filter(
            pk__in=Invitation.objects.filter(condition, wave=Wave.FIRST).order_by().values("purchase")
        )


@admin.register(Purchase)
class PurchaseAdmin(DecidingAdmin, ReadOnlyAdmin):
    decisions = {
        "correct": Decision(
            _("Correct who is credited"),
            CorrectionForm,
            lambda purchase, given, **how: correct_attribution(
                purchase, affiliate=given["affiliate"], note=given["note"], **how
            ),
            _("The purchase is credited otherwise from now on. What was decided before stays below."),
            is_offered=lambda purchase: not purchase.is_test,
        ),
        "undo": Decision(
            _("Undo the test"),
            SureForm,
            lambda purchase, given, **how: undo_test_purchase(purchase),
            _("The test purchase is gone, with its survey, its answers and its cases."),
            is_offered=lambda purchase: purchase.is_test,
            removes_row=True,
        ),
    }
    change_list_template = "admin/intake/purchases.html"
    list_display = ("order", "purchased_at", "customer", "credited", "paid_or_not", "survey")
    list_select_related = ("customer",)
    list_filter = ("state", NotAskedAboutFilter, "brand")
    search_fields = ("external_id",)
    search_help_text = _("The whole order number, or the customer’s whole e-mail address")
    ordering = ("-purchased_at", "-pk")
    show_facets = admin.ShowFacets.NEVER
    inlines = (AttributionInline, RefundInline)
    fieldsets = (
        (None, {"fields": ("external_id", "customer", "product", "paid", "state", "source")}),
        (_("When"), {"fields": ("purchased_at", "delivered_at", "activated_at", "promised_on", "created_at")}),
        (_("Who is credited, and why"), {"fields": ("credited", "why", "window_ends_at")}),
        (_("Survey"), {"fields": ("asked", "asked_again")}),
        (
            _("What the shop sent as evidence"),
            {
                "classes": ("collapse",),
                "fields": (
                    "click_ids",
                    "coupon_code",
                    "declared_affiliate",
                    "referral_code",
                    "recommended_by",
                    "metadata",
                ),
            },
        ),
    )
    readonly_fields = ("paid", "credited", "why", "window_ends_at", "asked", "asked_again")

    def get_urls(self) -> list[Any]:
        trial = path("test/", self.admin_site.admin_view(self.test_view), name="intake_test_purchase")
        return [trial, *super().get_urls()]

    def test_view(self, request: HttpRequest) -> HttpResponse:
        """«Send a test purchase»: the form, and then the purchase's own page, where its way can be followed."""
        if not has_role(request.user, *WRITING_ROLES):
            raise PermissionDenied
        user: Any = request.user
        form = TestPurchaseForm(user, request.POST if request.method == "POST" else None)
        if form.is_valid():
            brand = form.cleaned_data["brand"]
            taken = take_test_purchase(brand, form.as_trial(), by=user, now=timezone.now())
            purchase = taken.recorded.purchase
            if purchase is not None:
                messages.success(request, gettext("The test purchase is recorded; its survey goes out in seconds."))
                return redirect("admin:affiliates_purchase_change", purchase.pk)
            for error in taken.recorded.errors:
                form.add_error(None, error.message)
        context = {"form": form, "opts": self.opts, "title": gettext("Send a test purchase")}
        return render(request, "admin/intake/test_purchase.html", self.admin_site.each_context(request) | context)

    def get_object(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """With the case that is open on it, for who may read cases."""
        purchase = super().get_object(request, *args, **kwargs)
        if purchase:
            cases = Complaint.objects.visible_to(request.user).open()
            purchase.open_case = cases.filter(purchase=purchase).first()
        return purchase

    def get_queryset(self, request: HttpRequest) -> QuerySet[Purchase]:
        current = FilteredRelation("attributions", condition=Q(attributions__is_current=True))
        return (
            super()
            .get_queryset(request)
            .alias(current=current)
            .annotate(
                affiliate_code=F("current__affiliate__code"),
                credited_to=F("current__affiliate__name"),
                credited_by=F("current__method"),
                credited_for=F("current__reason"),
                credited_until=F("current__window_ends_at"),
            )
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Purchase], search_term: str
    ) -> tuple[QuerySet[Purchase], bool]:
        """Exactly, by index: nobody leafs through addresses by their beginnings."""
        term = search_term.strip()
        if not term:
            return queryset, False
        theirs = Q(customer__email_hash__in=known_hashes(term)) if may_name_customers(request.user) else Q(pk__in=[])
        return queryset.filter(Q(external_id=term) | theirs), False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        may_try = has_role(request.user, *WRITING_ROLES)
        return super().changelist_view(request, {**(extra_context or {}), "may_try": may_try})

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist = super().get_changelist_instance(request)
        states = survey_states(changelist.result_list, now=timezone.now())
        for purchase in changelist.result_list:
            purchase.survey_state = states.get(purchase.pk)
        return changelist

    @admin.display(description=_("order"), ordering="external_id")
    def order(self, purchase: Purchase) -> str:
        return f"{purchase.external_id} · {gettext('test')}" if purchase.is_test else purchase.external_id

    @admin.display(description=_("amount"), ordering="amount")
    def paid(self, purchase: Purchase) -> str:
        if purchase.amount is None:
            return "—"
        return f"{formats.number_format(purchase.amount, 2, force_grouping=True)} {purchase.currency}"

    @admin.display(description=_("amount"), ordering="amount")
    def paid_or_not(self, purchase: Purchase) -> str:
        """In the list the state is worth a word where it is not the usual one."""
        return self.paid(purchase) if purchase.is_open else f"{self.paid(purchase)} · {purchase.get_state_display()}"

    @admin.display(description=_("credited to"))
    def credited(self, purchase: Any) -> str:
        return purchase.credited_to or purchase.affiliate_code or gettext("Nobody")

    @admin.display(description=_("why"))
    def why(self, purchase: Any) -> str:
        if not purchase.credited_by:
            return "—"
        labels = (Attribution.Method(purchase.credited_by).label, Attribution.Reason(purchase.credited_for).label)
        return ": ".join(dict.fromkeys(map(str, labels)))  # what staff decided says the same twice

    @admin.display(description=_("window ends at"))
    def window_ends_at(self, purchase: Any) -> str:
        return display_for_value(purchase.credited_until, "—")

    @admin.display(description=_("survey"))
    def survey(self, purchase: Any) -> SafeString | str:
        """In the list: in a word or two."""
        state = purchase.survey_state
        if state is None:
            return "—"
        words = [str(Standing(state.state).label)]
        if state.reason and state.state != Standing.WAITING:  # which says why by itself
            words.append(str(Reason(state.reason).label))
        return leading_to_invitations(purchase, " · ".join(words))

    @admin.display(description=_("asked, or why not"))
    def asked(self, purchase: Any) -> SafeString:
        """On the page: in a sentence, with the date on which it becomes possible, and the case that holds it."""
        sentence = leading_to_invitations(purchase, explain(state_of_wave(purchase, Wave.FIRST)))
        if purchase.open_case is None:
            return sentence
        url = reverse("admin:complaints_complaint_change", args=[purchase.open_case.pk])
        return format_html('{} · <a href="{}">{}</a>', sentence, url, purchase.open_case)

    @admin.display(description=_("asked again, or why not"))
    def asked_again(self, purchase: Purchase) -> SafeString | str:
        state = state_of_wave(purchase, Wave.FOLLOW_UP)
        return (
            leading_to_invitations(purchase, explain(state)) if state else gettext("No follow-up was planned for it.")
        )


def state_of_wave(purchase: Purchase, wave: str) -> SurveyState | None:
    return survey_states([purchase], now=timezone.now(), wave=wave).get(purchase.pk)


def leading_to_invitations(purchase: Purchase, words: str) -> SafeString:
    url = reverse("admin:surveys_invitation_changelist", query={"q": purchase.external_id})
    return format_html('<a href="{}">{}</a>', url, words)


def _as_words(touch: dict[str, Any]) -> str:
    """`Click · Ana · 3 March 2026 10:00: a later click won`, as the evidence was weighed."""
    at = parse_datetime(touch["at"]) if touch.get("at") else None
    named = [
        str(Attribution.Method(touch["method"]).label),
        touch.get("affiliate") or "",
        touch.get("source") or "",
        formats.localize(timezone.localtime(at)) if at else "",
    ]
    reason = touch["reason"]
    label = LOSING_LABELS.get(reason) or Attribution.Reason(reason).label
    verdict = pgettext("evidence", "won") if touch["won"] else label
    return f"{' · '.join(filter(None, named))}: {verdict}"


admin.site.register(Hook, HookAdmin)
admin.site.register(ImportRun, ImportRunAdmin)
admin.site.register(OutgoingMail, MailAdmin)
admin.site.register(InboundEvent, InboundEventAdmin)
admin.site.register(Customer, RightsAdmin)
admin.site.register(Erasure, ErasureAdmin)
admin.site.register(AccessLog, CustomersAccessLogAdmin)
admin.site.register(RetentionRun, RetentionRunAdmin)
