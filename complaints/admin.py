"""The desk: an inbox of cases, and one page a case. Every action is a form, a service, a message and a redirect."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext_lazy

from accounts.admin import BrandModelAdmin
from accounts.models import AccessLog, Brand, User
from accounts.services import record_access
from complaints import services
from complaints.casefile import case_file
from complaints.forms import AssigneeForm, KindForm, NoteForm, PartForm, ReopenForm, ReplyForm, ResolveForm
from complaints.models import Complaint
from complaints.selectors import Look, Queue, inbox

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise


@dataclass(frozen=True)
class Action:
    """What staff can do with a case: `do` gets the case, the form's data, and by, now, version as keywords."""

    form: Callable[..., forms.Form]
    do: Callable[..., None]
    done: "StrPromise"


ACTIONS = {
    "take": Action(
        forms.Form,
        lambda case, given, **how: services.take_complaint(case, **how),
        gettext_lazy("The case is yours."),
    ),
    "assign": Action(
        AssigneeForm,
        lambda case, given, **how: services.assign_complaint(case, to=given["assignee"], **how),
        gettext_lazy("The owner is changed."),
    ),
    "kind": Action(
        KindForm,
        lambda case, given, **how: services.change_kind(case, kind=given["kind"], **how),
        gettext_lazy("The kind is changed."),
    ),
    "part": Action(
        PartForm,
        lambda case, given, **how: services.set_part(case, part=given["part"], **how),
        gettext_lazy("Noted whose part it was."),
    ),
    "wait": Action(
        forms.Form,
        lambda case, given, **how: services.set_state(case, state=Complaint.State.WAITING, **how),
        gettext_lazy("The case waits for the customer."),
    ),
    "continue": Action(
        forms.Form,
        lambda case, given, **how: services.set_state(case, state=Complaint.State.IN_PROGRESS, **how),
        gettext_lazy("The case goes on."),
    ),
    "reply": Action(
        ReplyForm,
        lambda case, given, **how: services.reply(case, text=given["text"], waits=given["waits"], **how),
        gettext_lazy("The answer is on its way to the customer."),
    ),
    "note": Action(
        NoteForm,
        lambda case, given, by, now, version: services.add_note(case, text=given["text"], by=by, now=now),
        gettext_lazy("The note is kept."),
    ),
    "resolve": Action(
        ResolveForm,
        lambda case, given, **how: services.resolve_complaint(case, resolution=given["resolution"], **how),
        gettext_lazy("The case is resolved."),
    ),
    "reopen": Action(
        ReopenForm,
        lambda case, given, **how: services.reopen_complaint(case, reason=given["reason"], **how),
        gettext_lazy("The case is open again."),
    ),
}


@admin.register(Complaint)
class ComplaintAdmin(BrandModelAdmin):
    def get_urls(self) -> list[Any]:
        act = path(
            "<int:object_id>/<slug:name>/", self.admin_site.admin_view(self.act_view), name="complaints_complaint_act"
        )
        standard = super().get_urls()
        # Before the last of Django's own, which sends every address unknown to it to the change page.
        return [*standard[:-1], act, standard[-1]]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The inbox."""
        user = staff_of(self, request)
        queue = request.GET.get("queue", "")
        search = request.GET.get("q", "").replace("\0", "").strip()[:200]
        zone = zone_for(user, Brand.objects.visible_to(user).first())
        shown = Queue(queue) if queue in Queue.values else Queue.OPEN
        look = Look(queue=shown, search=search, cursor=request.GET.get("at", ""))
        found = inbox(user, look, now=timezone.now(), zone=zone)
        context = self.page_context(request) | {"inbox": found, "queue": shown, "search": search}
        with timezone.override(zone):
            return render(request, "admin/complaints/inbox.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One case, from top to bottom. Whoever opens it is recorded."""
        user = staff_of(self, request)
        complaint = case_of(user, object_id)
        record_access(
            user,
            complaint.brand,
            purpose=AccessLog.Purpose.VIEW,
            object_type="complaint",
            object_id=str(complaint.pk),
        )
        return self.render_case(request, user, complaint)

    def act_view(self, request: HttpRequest, object_id: int, name: str) -> HttpResponse:
        """Do what a form of the case's page asks for; where that is refused, the page again with all that was typed."""
        user = staff_of(self, request)
        complaint = case_of(user, str(object_id))
        action = ACTIONS.get(name)
        if action is None:
            raise Http404
        if request.method != "POST":
            return redirect("admin:complaints_complaint_change", complaint.pk)
        form = form_for(name, complaint, request.POST)
        if form.is_valid():
            try:
                version = request.POST.get("version", "")
                action.do(complaint, form.cleaned_data, by=user, now=timezone.now(), version=version)
            except ValidationError as refusal:
                form.add_error(None, refusal)
            else:
                messages.success(request, action.done)
                return redirect("admin:complaints_complaint_change", complaint.pk)
        return self.render_case(request, user, case_of(user, str(object_id)), refused={name: form})

    def render_case(
        self, request: HttpRequest, user: User, complaint: Complaint, *, refused: dict[str, forms.Form] | None = None
    ) -> HttpResponse:
        zone = zone_for(user, complaint.brand)
        fresh = {name: form_for(name, complaint) for name in ACTIONS}
        context = self.page_context(request) | {
            "file": case_file(complaint, reader=user, now=timezone.now(), zone=zone),
            "case": complaint,
            "forms": fresh | (refused or {}),
            "refused": next(iter(refused or {}), ""),
        }
        with timezone.override(zone):
            return render(request, "admin/complaints/case.html", context)

    def page_context(self, request: HttpRequest) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "opts": self.opts, "has_view_permission": True}


def staff_of(page: ComplaintAdmin, request: HttpRequest) -> User:
    """Whoever asks. PermissionDenied: they are nobody's staff."""
    if not page.has_view_permission(request) or not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def case_of(user: User, object_id: str) -> Complaint:
    """Http404 also for a case of a brand that the user does not work for."""
    if not object_id.isdecimal() or len(object_id) > 18:
        raise Http404
    related = ("brand", "customer", "purchase__product", "purchase__brand", "assignee")
    return get_object_or_404(Complaint.objects.visible_to(user).select_related(*related), pk=object_id)


def form_for(name: str, complaint: Complaint, data: Any = None) -> forms.Form:
    """The form of an action, on what the case is now."""
    extra: dict[str, Any] = {"brand": complaint.brand} if name == "assign" else {}
    initial = {"kind": complaint.kind, "part": complaint.part, "assignee": complaint.assignee_id}
    return ACTIONS[name].form(data, auto_id=f"{name}_%s", initial=initial, **extra)


def zone_for(user: User, brand: Brand | None) -> ZoneInfo:
    """Where the reader is, or else the brand."""
    return ZoneInfo(user.timezone or (brand.timezone if brand else settings.TIME_ZONE))
