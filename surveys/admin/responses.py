"""What customers answered, and the suspects for staff to decide on."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.admin import ReadOnlyInline, has_role
from accounts.models import User
from surveys.admin.export import ExportForm, send_export
from surveys.admin.words import WordsAdmin
from surveys.models import Answer, GivenConsent, Response, ResponseRevision
from surveys.questionnaire import replies_in
from surveys.services.answering import judge_response


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


class ConsentInline(ReadOnlyInline):
    """To which words they agreed, and until when."""

    model = GivenConsent
    fields = readonly_fields = ("wording", "agreed_at", "withdrawn_at")


@admin.register(Response)
class ResponseAdmin(WordsAdmin):
    """What customers answered, and the suspects for staff to decide on."""

    list_display = ("purchase", "customer", "csat", "nps", "follow_up", "suspicions", "answered_at")
    list_select_related = ("invitation__purchase__customer",)
    list_filter = ("is_suspect", "follow_up", "source", ("brand", admin.RelatedOnlyFieldListFilter))
    ordering = ("-answered_at", "-pk")
    date_hierarchy = "answered_at"
    actions = ("let_count", "take_out")
    change_list_template = "admin/surveys/responses.html"
    inlines = (RevisionInline, ConsentInline)
    fields = readonly_fields = (
        *("purchase", "customer", "replies", "suspicions", "follow_up", "answered_at", "updated_at"),
        *("hides_comment", "publishes", "is_quotable", "language", "source", "external_id", "brand"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).annotate(csat_given=number_given("csat"), nps_given=number_given("nps"))

    def get_urls(self) -> list[Any]:
        export = path("export/", self.admin_site.admin_view(self.export_view), name="surveys_response_export")
        return [export, *super().get_urls()]

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Ask for what, and send it; by POST, since it is recorded."""
        user = request.user
        if not isinstance(user, User) or not self.has_view_permission(request):
            raise PermissionDenied
        form = ExportForm(user, request.POST if request.method == "POST" else None)
        if form.is_valid():
            return send_export(form.wanted, to=user)
        context = {"form": form, "opts": self.opts, "title": _("Export answers")}
        return render(request, "admin/surveys/export.html", self.admin_site.each_context(request) | context)

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

    @transaction.atomic
    def judge(self, request: HttpRequest, responses: QuerySet[Response], *, is_genuine: bool) -> None:
        now = timezone.now()
        judged = [response for response in responses if judge_response(response, is_genuine=is_genuine, now=now)]
        for response in judged:
            self.log_change(request, response, "let count" if is_genuine else "taken out")
        text = ngettext("%(count)s answer decided.", "%(count)s answers decided.", len(judged))
        messages.success(request, text % {"count": len(judged)})
