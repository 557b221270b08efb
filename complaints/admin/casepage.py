"""One case on one page, and all that is done there. Every action is a form, a service, a message and a redirect."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from accounts.models import AccessLog, User
from accounts.services import record_access
from complaints.admin.actions import ACTIONS, form_for
from complaints.admin.pages import case_of, page_context, staff_of
from complaints.answers import answers_for, filled
from complaints.casefile import case_file
from complaints.looking import mark_looking
from complaints.models import Attachment, Complaint
from complaints.serving import as_download

if TYPE_CHECKING:
    from complaints.admin.desk import ComplaintAdmin


def case_view(page: "ComplaintAdmin", request: HttpRequest, object_id: str) -> HttpResponse:
    """One case, from top to bottom. Whoever opens it is recorded."""
    user = staff_of(page, request)
    complaint = case_of(user, object_id)
    record_view(user, complaint)
    return render_case(page, request, user, complaint)


def act_view(page: "ComplaintAdmin", request: HttpRequest, object_id: int, name: str) -> HttpResponse:
    """Do what a form of the case's page asks for; where that is refused, the page again with all that was typed."""
    user = staff_of(page, request)
    complaint = case_of(user, object_id)
    action = ACTIONS.get(name)
    if action is None:
        raise Http404
    if request.method != "POST":
        return redirect("admin:complaints_complaint_change", complaint.pk)
    form = form_for(name, complaint, request.POST, files=request.FILES)
    if form.is_valid():
        try:
            version = request.POST.get("version", "")
            action.do(complaint, form.cleaned_data, by=user, now=timezone.now(), version=version)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            messages.success(request, action.done)
            return redirect("admin:complaints_complaint_change", complaint.pk)
    return render_case(page, request, user, case_of(user, object_id), refused={name: form})


def looking_view(page: "ComplaintAdmin", request: HttpRequest, object_id: int) -> HttpResponse:
    """Who else has it open, and its version, so that an open page can say that it has changed."""
    user = staff_of(page, request)
    complaint = case_of(user, object_id)
    others = mark_looking(complaint, user, now=timezone.now().timestamp())
    return JsonResponse({"others": others, "version": complaint.version})


def answer_view(page: "ComplaintAdmin", request: HttpRequest, object_id: int, answer_id: int) -> HttpResponse:
    """A ready answer, filled in for this case."""
    user = staff_of(page, request)
    complaint = case_of(user, object_id)
    answer = next((answer for answer in answers_for(complaint) if answer.pk == answer_id), None)
    if answer is None:
        raise Http404
    return HttpResponse(
        filled(answer, complaint, by=user, now=timezone.now()), content_type="text/plain; charset=utf-8"
    )


def file_view(page: "ComplaintAdmin", request: HttpRequest, object_id: int, uuid: UUID) -> HttpResponse:
    user = staff_of(page, request)
    complaint = case_of(user, object_id)
    record_view(user, complaint)
    stories = [complaint.pk, *complaint.merged.values_list("pk", flat=True)]
    files = Attachment.objects.visible_to(user).filter(complaint__in=stories).select_related("content")
    return as_download(get_object_or_404(files, uuid=uuid))


def render_case(
    page: "ComplaintAdmin",
    request: HttpRequest,
    user: User,
    complaint: Complaint,
    *,
    refused: dict[str, forms.Form] | None = None,
) -> HttpResponse:
    zone, now = user.zone_for(complaint.brand), timezone.now()
    ready = answers_for(complaint)
    file = case_file(complaint, reader=user, now=now, zone=zone)
    initial = {
        "reply": {"text": chosen_answer(request, ready, complaint, by=user)},
        "warranty": {"outcome": file.warranty.applies if file.warranty else ""},
    }
    fresh = {name: form_for(name, complaint, initial=initial.get(name)) for name in ACTIONS}
    context = page_context(page, request) | {
        "file": file,
        "case": complaint,
        "forms": fresh | (refused or {}),
        "refused": next(iter(refused or {}), ""),
        "answers": ready,
        "others": mark_looking(complaint, user, now=now.timestamp()),
    }
    with timezone.override(zone):
        return render(request, "admin/complaints/case.html", context)


def chosen_answer(request: HttpRequest, ready: list[Any], complaint: Complaint, *, by: User) -> str:
    """The ready answer that the address names: how one is taken without script."""
    chosen = next((answer for answer in ready if str(answer.pk) == request.GET.get("answer")), None)
    return filled(chosen, complaint, by=by, now=timezone.now()) if chosen else ""


def record_view(user: User, complaint: Complaint) -> None:
    record_access(
        user, complaint.brand, purpose=AccessLog.Purpose.VIEW, object_type="complaint", object_id=str(complaint.pk)
    )
