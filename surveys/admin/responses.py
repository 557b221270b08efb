"""What customers answered, and the suspects for staff to decide on."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import path
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.admin import ReadOnlyInline, has_role
from accounts.models import User
from surveys.admin import answers
from surveys.admin.answers import suspicions_in_words
from surveys.admin.export import send_export
from surveys.admin.wanted import WantedForm
from surveys.admin.words import WordsAdmin
from surveys.models import GivenConsent, Response, ResponseRevision
from surveys.questionnaire import replies_in


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


class ConsentInline(ReadOnlyInline):
    """To which words they agreed, and until when."""

    model = GivenConsent
    fields = readonly_fields = ("wording", "agreed_at", "withdrawn_at")


@admin.register(Response)
class ResponseAdmin(WordsAdmin):
    """What customers answered, and the suspects for staff to decide on."""

    inlines = (RevisionInline, ConsentInline)
    fields = readonly_fields = (
        *("purchase", "customer", "replies", "suspicions", "follow_up", "answered_at", "updated_at"),
        *("hides_comment", "publishes", "is_quotable", "language", "source", "external_id", "brand"),
    )

    def get_urls(self) -> list[Any]:
        export = path("export/", self.admin_site.admin_view(self.export_view), name="surveys_response_export")
        return [export, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return answers.list_view(self, request)

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Ask for what, and send it; by POST, since it is recorded."""
        user = request.user
        if not isinstance(user, User) or not self.has_view_permission(request):
            raise PermissionDenied
        is_asked = request.method == "POST"
        form = WantedForm(user, request.POST if is_asked else None, initial=None if is_asked else request.GET.dict())
        if form.is_valid() and form.wanted:
            if not user.may_take_files_of(form.wanted.brand):
                raise PermissionDenied
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

    @admin.display(description=_("why suspect"))
    def suspicions(self, response: Response) -> str:
        return suspicions_in_words(response.suspect_reasons) if response.is_suspect else "—"

    @admin.display(description=_("what it says"))
    def replies(self, response: Response) -> SafeString:
        replies = replies_in(response, language=get_language() or "")
        rows = ((reply.question, reply.answer) for reply in replies)
        return format_html('<dl class="terms">{}</dl>', format_html_join("", "<dt>{}</dt><dd>{}</dd>", rows))
