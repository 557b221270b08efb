"""A case that staff open by hand, and the receipt that any case has."""

from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _

from accounts.models import Brand
from complaints.admin.casepage import record_view
from complaints.admin.forms import NewCaseForm
from complaints.admin.pages import case_of, page_context, staff_of
from complaints.models import Complaint
from complaints.receipts import receipt
from complaints.services import open_by_hand

if TYPE_CHECKING:
    from complaints.admin.desk import ComplaintAdmin


def new_case_view(page: "ComplaintAdmin", request: HttpRequest) -> HttpResponse:
    """What was typed is never lost; a purchase with an open case leads there, with this added."""
    user = staff_of(page, request)
    if not page.has_add_permission(request):
        raise PermissionDenied
    brands = list(Brand.objects.visible_to(user))
    form = NewCaseForm(request.POST if request.method == "POST" else None, brands=brands)
    if form.is_valid():
        given = form.cleaned_data
        who = {"order": given["order"].strip(), "email": given["email"]}
        try:
            complaint, is_new = open_by_hand(given["brand"], form.problem, **who, by=user, now=timezone.now())
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            messages.success(request, told_of(complaint, is_new=is_new))
            return redirect("admin:complaints_complaint_change", complaint.pk)
    context = page_context(page, request) | {"form": form, "brands": len(brands)}
    return render(request, "admin/complaints/new.html", context)


def told_of(complaint: Complaint, *, is_new: bool) -> str:
    if is_new:
        return _("The case is open.")
    if complaint.purchase_id:
        return _("This purchase had an open case: it was added there.")
    return _("You opened this case a moment ago.")


def receipt_view(page: "ComplaintAdmin", request: HttpRequest, object_id: int) -> HttpResponse:
    user = staff_of(page, request)
    complaint = case_of(user, object_id)
    record_view(user, complaint)
    response = HttpResponse(receipt(complaint, now=timezone.now()), content_type="application/pdf")
    response["Content-Disposition"] = content_disposition_header(True, f"{complaint.number}.pdf") or "attachment"
    return response
