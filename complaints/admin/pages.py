"""What every page of the desk begins with: who asks, for which case, in whose time."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from accounts.models import User
from complaints.models import Complaint


def staff_of(page: "admin.ModelAdmin[Any]", request: HttpRequest) -> User:
    """Whoever asks. PermissionDenied: they are nobody's staff."""
    if not page.has_view_permission(request) or not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def case_of(user: User, object_id: str | int) -> Complaint:
    """Http404 also for a case of a brand that the user does not work for."""
    text = str(object_id)
    if not text.isdecimal() or len(text) > 18:
        raise Http404
    related = ("brand", "customer", "purchase__product", "purchase__brand", "assignee", "merged_into")
    return get_object_or_404(Complaint.objects.visible_to(user).select_related(*related), pk=text)


def page_context(page: "admin.ModelAdmin[Any]", request: HttpRequest) -> dict[str, Any]:
    return {**page.admin_site.each_context(request), "opts": page.opts, "has_view_permission": True}
