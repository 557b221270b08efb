"""The imports that there were, and a page on which an administrator uploads a file."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext

from accounts.admin import ReadOnlyAdmin
from accounts.models import Brand
from intake.forms import UploadForm
from intake.imports.kinds import affiliates, complaints, feedback, purchases
from intake.imports.mapping import ImportRefused
from intake.imports.uploading import Taken, take_upload, try_upload


class ImportRunAdmin(ReadOnlyAdmin):
    change_list_template = "admin/intake/imports.html"
    list_display = ("started_at", "kind", "file_name", "imported", "updated", "duplicate", "rejected", "finished_at")
    list_filter = ("kind", "brand")
    ordering = ("-started_at",)

    def get_urls(self) -> list[Any]:
        upload = path("upload/", self.admin_site.admin_view(self.upload_view), name="intake_upload")
        return [upload, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        extra = {"may_upload": Brand.objects.administered_by(request.user).exists()}
        return super().changelist_view(request, {**(extra_context or {}), **extra})

    def upload_view(self, request: HttpRequest) -> HttpResponse:
        """The form and, once a file was sent, what became of its rows above it. To send it again does nothing twice."""
        user: Any = request.user
        if not Brand.objects.administered_by(user).exists():
            raise PermissionDenied
        is_sent = request.method == "POST"
        form = UploadForm(user, request.POST if is_sent else None, request.FILES if is_sent else None)
        is_trial = "try" in request.POST
        taken = work_on(form, user, is_trial=is_trial) if form.is_valid() else None
        context: dict[str, Any] = {"form": form, "taken": taken, "is_trial": is_trial, "columns": columns_by_kind()}
        context |= {"opts": self.opts, "title": gettext("Import a file")}
        return render(request, "admin/intake/upload.html", self.admin_site.each_context(request) | context)


def work_on(form: UploadForm, user: Any, *, is_trial: bool) -> Taken | None:
    """None: the form says why not."""
    brand, upload, now = form.cleaned_data["brand"], form.as_upload(), timezone.now()
    try:
        return try_upload(brand, upload, now=now) if is_trial else take_upload(brand, upload, by=user, now=now)
    except ImportRefused as refusal:
        form.add_error("file", str(refusal))
        return None


def columns_by_kind() -> list[tuple[str, list[tuple[str, bool]]]]:
    """The columns of each kind of file, and which of them are needed."""
    kinds = (purchases(), feedback(), complaints(), affiliates())
    return [(str(kind.name.label), [(name, name in kind.required) for name in kind.columns]) for kind in kinds]
