"""The desk in the admin: an inbox of cases, and one page a case."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import path

from accounts.admin import BrandModelAdmin
from complaints.admin import casepage, inbox, newcase
from complaints.models import Complaint


@admin.register(Complaint)
class ComplaintAdmin(BrandModelAdmin):
    """Addresses and permissions; the pages are in the modules beside."""

    can_add = True

    def get_urls(self) -> list[Any]:
        ours = [
            self.path("bulk/", inbox.bulk_view, "bulk"),
            self.path("views/", inbox.save_view, "save_view"),
            self.path("views/<int:view_id>/remove/", inbox.remove_view, "remove_view"),
            self.path("<int:object_id>/looking/", casepage.looking_view, "looking"),
            self.path("<int:object_id>/answers/<int:answer_id>/", casepage.answer_view, "answer"),
            self.path("<int:object_id>/files/<uuid:uuid>/", casepage.file_view, "file"),
            self.path("<int:object_id>/receipt.pdf", newcase.receipt_view, "receipt"),
            self.path("<int:object_id>/<slug:name>/", casepage.act_view, "act"),
        ]
        standard = super().get_urls()
        # Before the last of Django's own, which sends every address unknown to it to the change page.
        return [*standard[:-1], *ours, standard[-1]]

    def path(self, route: str, view: Callable[..., HttpResponse], name: str) -> Any:
        return path(route, self.admin_site.admin_view(partial(view, self)), name=f"complaints_complaint_{name}")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return inbox.inbox_view(self, request)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return casepage.case_view(self, request, object_id)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return newcase.new_case_view(self, request)
