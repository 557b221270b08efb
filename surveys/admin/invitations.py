"""Who was asked, and why somebody was not."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import display_for_value
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.admin import AdministratorsAdmin, ReadOnlyAdmin, ReadOnlyInline, may_name_customers
from accounts.models import Brand
from mailing.addresses import known_hashes
from surveys.explaining import explain, in_words
from surveys.models import Asking, Hold, Invitation, InvitationMail, Reason
from surveys.selectors import Standing, state_of, with_ledger, with_reason
from surveys.services.holding import pause_asking, resume_asking


class InvitationMailInline(ReadOnlyInline):
    model = InvitationMail
    fields = readonly_fields = ("kind", "state", "sent_at", "story")

    def get_queryset(self, request: HttpRequest) -> QuerySet[InvitationMail]:
        return super().get_queryset(request).select_related("mail")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A mail tells its address."""
        return self.fields if may_name_customers(request.user) else [name for name in self.fields if name != "story"]

    @admin.display(description=_("state"))
    def state(self, row: InvitationMail) -> str:
        return " · ".join(filter(None, [row.mail.get_state_display(), row.mail.reason_label]))

    @admin.display(description=_("sent at"))
    def sent_at(self, row: InvitationMail) -> str:
        return display_for_value(row.mail.sent_at, "—")

    @admin.display(description=_("its story"))
    def story(self, row: InvitationMail) -> SafeString:
        url = reverse("admin:mailing_outgoingmail_change", args=[row.mail_id])
        return format_html('<a href="{}">{}</a>', url, gettext("From the queue to the mailbox"))


class NotAskedFilter(admin.SimpleListFilter):
    title = _("not asked because")
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(reason.value, reason.label) for reason in Reason]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        reason = self.value()
        return self.narrow(queryset, with_reason(reason)) if reason in Reason.values else queryset

    def narrow(self, queryset: QuerySet[Any], condition: Q) -> QuerySet[Any]:
        return queryset.filter(condition)


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    """“Why was this customer not asked?”: every purchase has an answer here."""

    list_display = ("purchase", "customer", "standing", "why", "scheduled_for", "wave")
    list_select_related = ("purchase__customer",)
    list_filter = ("state", NotAskedFilter, "wave", ("brand", admin.RelatedOnlyFieldListFilter))
    search_fields = ("purchase__external_id",)
    search_help_text = _("The whole order number, or the customer’s whole e-mail address")
    ordering = ("-pk",)
    show_facets = admin.ShowFacets.NEVER
    inlines = (InvitationMailInline,)
    fields = (
        *("purchase", "customer", "explained", "scheduled_for", "remind_at", "holds"),
        *("brand", "survey", "wave", "sent_elsewhere_at", "created_at", "updated_at"),
    )
    readonly_fields = ("customer", "explained", "holds")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return with_ledger(super().get_queryset(request))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Invitation], search_term: str
    ) -> tuple[QuerySet[Invitation], bool]:
        """Exactly, by index: nobody leafs through addresses by their beginnings."""
        term = search_term.strip()
        if not term:
            return queryset, False
        if "@" in term and may_name_customers(request.user):
            return queryset.filter(purchase__customer__email_hash__in=known_hashes(term)), False
        return queryset.filter(purchase__external_id=term), False

    @admin.display(description=_("customer"))
    def customer(self, invitation: Invitation) -> str:
        return str(invitation.purchase.customer) if invitation.purchase else "—"

    @admin.display(description=_("state"))
    def standing(self, invitation: Invitation) -> str:
        return str(Standing(state_of(invitation, now=timezone.now()).state).label)

    @admin.display(description=_("why"))
    def why(self, invitation: Invitation) -> str:
        reason = state_of(invitation, now=timezone.now()).reason
        return str(Reason(reason).label) if reason else "—"

    @admin.display(description=_("asked, or why not"))
    def explained(self, invitation: Invitation) -> str:
        return explain(state_of(invitation, now=timezone.now()))

    @admin.display(description=_("held by"))
    def holds(self, invitation: Invitation) -> str:
        standing = Hold.objects.standing().filter(purchase=invitation.purchase_id).order_by("pk")
        return " · ".join(f"{hold}, {in_words(hold.created_at)}" for hold in standing) or "—"


def count_in(state: str) -> Coalesce:
    """By the index of what is due, however many were asked long ago."""
    waiting = Invitation.objects.filter(brand=OuterRef("pk"), state=state).order_by().values("brand")
    return Coalesce(Subquery(waiting.annotate(count=Count("pk")).values("count")), 0)


@admin.register(Asking)
class AskingAdmin(AdministratorsAdmin):
    """Pause and resume asking, and see how many wait for it."""

    list_display = ("name", "asking_paused_at", "planned", "held")
    fields = readonly_fields = ("name", "asking_paused_at")
    actions = ("pause", "resume")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return (
            super()
            .get_queryset(request)
            .annotate(planned_count=count_in(Invitation.State.PLANNED), held_count=count_in(Invitation.State.HELD))
        )

    @admin.display(description=_("planned"))
    def planned(self, brand: Any) -> int:
        return int(brand.planned_count)

    @admin.display(description=_("held"))
    def held(self, brand: Any) -> int:
        return int(brand.held_count)

    @admin.action(description=_("Pause asking"), permissions=["change"])
    def pause(self, request: HttpRequest, brands: QuerySet[Brand]) -> None:
        done = self.each(request, brands, pause_asking)
        text = ngettext("Asking is paused for %(count)s brand.", "Asking is paused for %(count)s brands.", done)
        messages.success(request, text % {"count": done})

    @admin.action(description=_("Resume asking"), permissions=["change"])
    def resume(self, request: HttpRequest, brands: QuerySet[Brand]) -> None:
        done = self.each(request, brands, resume_asking)
        text = ngettext("Asking goes on for %(count)s brand.", "Asking goes on for %(count)s brands.", done)
        messages.success(request, text % {"count": done})

    def each(self, request: HttpRequest, brands: QuerySet[Brand], service: Callable[..., bool]) -> int:
        now = timezone.now()
        return sum(service(brand, now=now, by=request.user) for brand in brands)
