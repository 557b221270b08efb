"""Mail of customers at the desk: what waits for a decision, and what became of all the rest."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.admin import BrandModelAdmin
from accounts.models import AccessLog, Brand, User
from accounts.services import record_access
from complaints.admin.forms import OtherCaseForm
from complaints.admin.pages import page_context, staff_of
from complaints.models import Complaint, IncomingMail, IncomingMailContent
from complaints.selectors.incoming import mails_in, open_cases_of, tabs
from complaints.services import WRITING_ROLES
from complaints.services.quarantine import accept_mail, discard_mail, open_from_mail

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise


class AcceptForm(OtherCaseForm):
    number = forms.CharField(label=gettext_lazy("Number of the case"), max_length=20)


class OpenForm(forms.Form):
    order = forms.CharField(
        label=gettext_lazy("Order, where it is about one of theirs"), max_length=120, required=False
    )


@admin.register(IncomingMail)
class IncomingMailAdmin(BrandModelAdmin):
    """Addresses and permissions; nothing is edited, only decided."""

    def get_urls(self) -> list[Any]:
        ours = [
            self.path("<int:object_id>/mail.eml", original_view, "original"),
            self.path("<int:object_id>/<slug:name>/", decide_view, "decide"),
        ]
        standard = super().get_urls()
        return [*standard[:-1], *ours, standard[-1]]

    def path(self, route: str, view: Callable[..., HttpResponse], name: str) -> Any:
        return path(route, self.admin_site.admin_view(partial(view, self)), name=f"complaints_incomingmail_{name}")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return list_view(self, request)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        user = staff_of(self, request)
        return render_mail(self, request, user, mail_of(user, object_id))


def list_view(page: IncomingMailAdmin, request: HttpRequest) -> HttpResponse:
    """Each state a list of its own."""
    user = staff_of(page, request)
    chosen = request.GET.get("state", "")
    state = chosen if chosen in IncomingMail.State.values else IncomingMail.State.QUARANTINED
    mails = mails_in(state, user, request.GET.get("at", ""))
    page.note_list(request, mails.rows)
    context = page_context(page, request) | {
        "tabs": tabs(IncomingMail.objects.visible_to(user), state),
        "mails": mails,
        "state": state,
    }
    with timezone.override(user.zone_for(Brand.objects.visible_to(user).first())):
        return render(request, "admin/complaints/mails.html", context)


def decide_view(page: IncomingMailAdmin, request: HttpRequest, object_id: int, name: str) -> HttpResponse:
    """Do what a button of the mail's page says; where that is refused, the page again with what was typed."""
    user = staff_of(page, request)
    mail = mail_of(user, object_id)
    if name not in DECISIONS:
        raise Http404
    if request.method != "POST":
        return redirect("admin:complaints_incomingmail_change", mail.pk)
    form = form_for(name, mail, request.POST)
    if form.is_valid():
        try:
            said, case = DECISIONS[name](mail, form.cleaned_data, user)
        except ValidationError as refusal:
            form.add_error(None, ValidationError(refusal.messages))
        else:
            messages.success(request, said)
            if case is not None:
                return redirect("admin:complaints_complaint_change", case.pk)
            return redirect("admin:complaints_incomingmail_changelist")
    return render_mail(page, request, user, mail, refused={name: form})


def original_view(page: IncomingMailAdmin, request: HttpRequest, object_id: int) -> HttpResponse:
    """The mail as it came, to be opened with a mail program: nothing of it runs here."""
    user = staff_of(page, request)
    contents = IncomingMailContent.objects.visible_to(user)
    content = get_object_or_404(contents.select_related("mail"), mail=object_id)
    page.note_view(request, content.mail)
    response = HttpResponse(bytes(content.data), content_type="application/octet-stream")
    response["Content-Disposition"] = content_disposition_header(True, f"{object_id}.eml") or "attachment"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response


# --- Decisions -----------------------------------------------------------------------------------------------------
def accept(mail: IncomingMail, given: dict[str, Any], by: User) -> "tuple[StrPromise | str, Complaint | None]":
    return _("The mail is in the case."), accept_mail(mail, given["number"], by=by, now=timezone.now())


def open_new(mail: IncomingMail, given: dict[str, Any], by: User) -> "tuple[StrPromise | str, Complaint | None]":
    case, is_new = open_from_mail(mail, order=given["order"].strip(), by=by, now=timezone.now())
    return (_("The case is open.") if is_new else _("This purchase had an open case: it was added there.")), case


def discard(mail: IncomingMail, given: dict[str, Any], by: User) -> "tuple[StrPromise | str, Complaint | None]":
    discard_mail(mail, by=by, now=timezone.now())
    return _("The mail is discarded."), None


DECISIONS = {"accept": accept, "open": open_new, "discard": discard}


def form_for(name: str, mail: IncomingMail, data: Any = None) -> forms.Form:
    if name == "accept":
        suggested = mail.complaint.number if mail.complaint else ""
        assert mail.brand is not None
        return AcceptForm(data, brand=mail.brand, auto_id="accept_%s", initial={"number": suggested})
    return OpenForm(data, auto_id="open_%s") if name == "open" else forms.Form(data)


def mail_of(user: User, object_id: str | int) -> IncomingMail:
    text = str(object_id)
    if not text.isdecimal() or len(text) > 18:
        raise Http404
    related = ("brand", "complaint", "customer", "handled_by", "answers")
    return get_object_or_404(IncomingMail.objects.visible_to(user).select_related(*related), pk=text)


def render_mail(
    page: IncomingMailAdmin,
    request: HttpRequest,
    user: User,
    mail: IncomingMail,
    *,
    refused: dict[str, forms.Form] | None = None,
) -> HttpResponse:
    may_decide = mail.brand is not None and not mail.is_decided and user.role_in(mail.brand) in WRITING_ROLES
    if mail.brand:
        purpose = AccessLog.Purpose.VIEW
        record_access(user, mail.brand, purpose=purpose, object_type="incoming_mail", object_id=str(mail.pk))
    fresh = {name: form_for(name, mail) for name in DECISIONS} if may_decide else {}
    context = page_context(page, request) | {
        "mail": mail,
        "has_original": IncomingMailContent.objects.filter(mail=mail).exists(),
        "cases": open_cases_of(mail),
        "forms": fresh | (refused or {}),
    }
    with timezone.override(user.zone_for(mail.brand)):
        return render(request, "admin/complaints/mail.html", context)
