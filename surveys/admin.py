"""What staff see of asking: the questionnaire, who was asked, and why somebody was not."""

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import display_for_value
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.admin import AdministratorsAdmin, ReadOnlyAdmin, has_role
from accounts.models import Brand
from mailing.addresses import known_hashes
from surveys.models import (
    Answer,
    Asking,
    Aspect,
    Fact,
    Hold,
    Invitation,
    InvitationMail,
    Question,
    Reason,
    Response,
    ResponseRevision,
    Survey,
)
from surveys.questionnaire import replies_in
from surveys.selectors import Standing, state_of, with_ledger
from surveys.services.answering import judge_response
from surveys.services.holding import pause_asking, resume_asking
from surveys.wording import in_language


class ReadOnlyInline(admin.TabularInline):
    """Rows of the object whose page this is: whoever sees it sees them."""

    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True


class Labelled:
    @admin.display(description=_("label"))
    def label(self, row: Fact | Aspect) -> str:
        return in_language(row.labels, row.brand.default_language) or row.code


@admin.register(Fact)
class FactAdmin(Labelled, ReadOnlyAdmin):
    list_display = ("label", "code", "brand", "is_active")
    list_select_related = ("brand",)
    list_filter = ("is_active",)


@admin.register(Aspect)
class AspectAdmin(Labelled, ReadOnlyAdmin):
    list_display = ("label", "code", "brand", "stage", "owner", "is_active")
    list_select_related = ("brand",)
    list_filter = ("stage", "owner", "is_active")


class QuestionInline(ReadOnlyInline):
    model = Question
    fields = readonly_fields = ("text", "key", "kind", "is_required")
    ordering = ("position",)

    @admin.display(description=_("question"))
    def text(self, question: Question) -> str:
        return in_language(question.texts, question.survey.brand.default_language)


@admin.register(Survey)
class SurveyAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "brand", "wave", "version", "status", "published_at")
    list_select_related = ("brand",)
    list_filter = ("status", "wave")
    ordering = ("brand", "wave", "-version")
    inlines = (QuestionInline,)


class InvitationMailInline(ReadOnlyInline):
    model = InvitationMail
    fields = readonly_fields = ("kind", "mail", "state", "sent_at")
    show_change_link = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[InvitationMail]:
        return super().get_queryset(request).select_related("mail")

    @admin.display(description=_("state"))
    def state(self, row: InvitationMail) -> str:
        return " · ".join(filter(None, [row.mail.get_state_display(), row.mail.reason_label]))

    @admin.display(description=_("sent at"))
    def sent_at(self, row: InvitationMail) -> str:
        return display_for_value(row.mail.sent_at, "—")


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    """“Why was this customer not asked?”: every purchase has an answer here."""

    list_display = ("purchase", "customer", "standing", "why", "scheduled_for", "wave")
    list_select_related = ("purchase__customer",)
    list_filter = ("state", "reason", "wave", ("brand", admin.RelatedOnlyFieldListFilter))
    search_fields = ("purchase__external_id",)
    search_help_text = _("The whole order number, or the customer’s whole e-mail address")
    ordering = ("-pk",)
    show_facets = admin.ShowFacets.NEVER
    inlines = (InvitationMailInline,)
    fields = (
        *("purchase", "customer", "standing", "why", "scheduled_for", "remind_at", "holds"),
        *("brand", "survey", "wave", "sent_elsewhere_at", "created_at", "updated_at"),
    )
    readonly_fields = ("customer", "standing", "why", "holds")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return with_ledger(super().get_queryset(request))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Invitation], search_term: str
    ) -> tuple[QuerySet[Invitation], bool]:
        """Exactly, by index: nobody leafs through addresses by their beginnings."""
        term = search_term.strip()
        if not term:
            return queryset, False
        if "@" in term:
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

    @admin.display(description=_("held by"))
    def holds(self, invitation: Invitation) -> str:
        standing = Hold.objects.standing().filter(purchase=invitation.purchase_id)
        return ", ".join(standing.values_list("cause", flat=True)) or "—"


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
        done = self.each(brands, pause_asking)
        text = ngettext("Asking is paused for %(count)s brand.", "Asking is paused for %(count)s brands.", done)
        messages.success(request, text % {"count": done})

    @admin.action(description=_("Resume asking"), permissions=["change"])
    def resume(self, request: HttpRequest, brands: QuerySet[Brand]) -> None:
        done = self.each(brands, resume_asking)
        text = ngettext("Asking goes on for %(count)s brand.", "Asking goes on for %(count)s brands.", done)
        messages.success(request, text % {"count": done})

    def each(self, brands: QuerySet[Brand], service: Callable[..., bool]) -> int:
        now = timezone.now()
        return sum(service(brand, now=now) for brand in brands)


class RevisionInline(ReadOnlyInline):
    model = ResponseRevision
    fields = readonly_fields = ("answered_at", "replaced_at", "said", "suspicions")
    ordering = ("-pk",)

    @admin.display(description=_("what it said"))
    def said(self, revision: ResponseRevision) -> str:
        return format_html_join("\n", "<p>{}: {}</p>", revision.answers.get("given", {}).items())

    @admin.display(description=_("why suspect"))
    def suspicions(self, revision: ResponseRevision) -> str:
        return suspicions_in_words(revision.answers.get("suspect_reasons", []))


SUSPICIONS = {
    "too_fast": _("answered faster than anybody reads"),
    "honeypot": _("filled in a box that people do not see"),
    "many_from_one_address": _("many customers answered from one address"),
    "scanner": _("opened every link of the mail at once"),
    "own_device": _("an affiliate was signed in in the same browser"),
    "staff": _("taken out by staff"),
}


def suspicions_in_words(reasons: Iterable[str]) -> str:
    return ", ".join(str(SUSPICIONS.get(reason, reason)) for reason in reasons) or "—"


def number_given(key: str) -> Subquery:
    return Subquery(Answer.objects.filter(response=OuterRef("pk"), question__key=key).values("number")[:1])


@admin.register(Response)
class ResponseAdmin(ReadOnlyAdmin):
    """What customers answered, and the suspects for staff to decide on."""

    list_display = ("purchase", "customer", "csat", "nps", "follow_up", "suspicions", "answered_at")
    list_select_related = ("invitation__purchase__customer",)
    list_filter = ("is_suspect", "follow_up", "source", ("brand", admin.RelatedOnlyFieldListFilter))
    ordering = ("-answered_at", "-pk")
    date_hierarchy = "answered_at"
    actions = ("let_count", "take_out")
    inlines = (RevisionInline,)
    fields = readonly_fields = (
        *("purchase", "customer", "replies", "suspicions", "follow_up", "answered_at", "updated_at"),
        *("hides_comment", "publishes", "is_quotable", "language", "source", "external_id", "brand"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).annotate(csat_given=number_given("csat"), nps_given=number_given("nps"))

    def has_judge_permission(self, request: HttpRequest) -> bool:
        return has_role(request.user, *self.writing_roles)

    @admin.display(description=_("purchase"))
    def purchase(self, response: Response) -> str:
        return str(response.invitation.purchase or "—")

    @admin.display(description=_("customer"))
    def customer(self, response: Response) -> str:
        purchase = response.invitation.purchase
        return str(purchase.customer) if purchase else "—"

    @admin.display(description=_("overall"), ordering="csat_given")
    def csat(self, response: Any) -> int | None:
        return response.csat_given

    @admin.display(description=_("would recommend"), ordering="nps_given")
    def nps(self, response: Any) -> int | None:
        return response.nps_given

    @admin.display(description=_("why suspect"), ordering="is_suspect")
    def suspicions(self, response: Response) -> str:
        return suspicions_in_words(response.suspect_reasons) if response.is_suspect else "—"

    @admin.display(description=_("what it says"))
    def replies(self, response: Response) -> SafeString:
        replies = replies_in(response, language=get_language() or "")
        rows = ((reply.question, reply.answer) for reply in replies)
        return format_html('<dl class="terms">{}</dl>', format_html_join("", "<dt>{}</dt><dd>{}</dd>", rows))

    @admin.action(description=_("It is genuine: let it count"), permissions=["judge"])
    def let_count(self, request: HttpRequest, responses: QuerySet[Response]) -> None:
        self.judge(request, responses, is_genuine=True)

    @admin.action(description=_("It is not genuine: take it out"), permissions=["judge"])
    def take_out(self, request: HttpRequest, responses: QuerySet[Response]) -> None:
        self.judge(request, responses, is_genuine=False)

    def judge(self, request: HttpRequest, responses: QuerySet[Response], *, is_genuine: bool) -> None:
        now = timezone.now()
        judged = [response for response in responses if judge_response(response, is_genuine=is_genuine, now=now)]
        for response in judged:
            self.log_change(request, response, "let count" if is_genuine else "taken out")
        text = ngettext("%(count)s answer decided.", "%(count)s answers decided.", len(judged))
        messages.success(request, text % {"count": len(judged)})
