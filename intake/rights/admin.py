"""What a brand's administrators do for a customer who asks: erase them, tell them, leave them in peace."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.admin import ReadOnlyAdmin
from accounts.models import Membership
from affiliates.admin import CustomerAdmin
from affiliates.models import Customer
from intake.models import Erasure, RetentionRun
from intake.rights.blocking import block_customer, unblock_customer
from intake.rights.claims import claims_to_block
from intake.rights.erasing import request_erasure
from intake.rights.exporting import archive_of, note_export
from intake.rights.holdings import HELD, cases_of, mails_about
from mailing.services.erasing import mails_of

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise


EXPORT = gettext_lazy(
    "A ZIP for the customer: what they bought, were asked and answered, what was written to them, and their cases with "
    "notes and files. Read the notes before you pass it on: they may speak of others. Taking it is noted in the access "
    "log."
)
BLOCK = (
    block_customer,
    gettext_lazy("Block"),
    gettext_lazy(
        "For a customer who wants their data left alone while something is settled. They are neither asked nor written "
        "to; who writes to us still gets an answer. All that is known stays as it is until you unblock them."
    ),
)
UNBLOCK = (
    unblock_customer,
    gettext_lazy("Unblock"),
    gettext_lazy("They may be asked and written to again, unless they have objected to it themselves."),
)


def standing_change(customer: Customer) -> tuple[Any, "StrPromise", "StrPromise"]:
    return UNBLOCK if customer.blocked_at else BLOCK


@dataclass(frozen=True)
class Foreseen:
    label: "StrPromise | str"
    count: int


class RightsAdmin(CustomerAdmin):
    """Customers, with what they have a right to."""

    change_form_template = "admin/decisions/change_form.html"
    readonly_fields = ("blocked_at", "erased_at")

    def get_urls(self) -> list[Any]:
        own = [
            path("<int:pk>/erase/", self.admin_site.admin_view(self.erase_view), name="intake_erase_customer"),
            path("<int:pk>/block/", self.admin_site.admin_view(self.block_view), name="intake_block_customer"),
            path("<int:pk>/export/", self.admin_site.admin_view(self.export_view), name="intake_export_customer"),
        ]
        return [*own, *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        customer = kwargs.get("obj")
        context["decisions"] = self._offered(request, customer) if customer else []
        return super().render_change_form(request, context, *args, **kwargs)

    def export_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """By POST: it is a copy of everything, and is noted."""
        customer = self._customer(request, pk)
        if request.method != "POST":
            context = self._page(request, customer, _("Everything held of this customer"))
            asked = {"text": EXPORT, "label": _("Take the copy")}
            return render(request, "admin/intake/ask_about_customer.html", context | asked)
        user: Any = request.user
        note_export(customer, by=user)
        response = HttpResponse(archive_of(customer, now=timezone.now()), content_type="application/zip")
        response["Content-Disposition"] = f'attachment; filename="customer-{customer.pk}.zip"'
        return response

    def block_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        customer = self._customer(request, pk)
        if standing := Erasure.objects.unfinished().filter(customer=customer).first():
            messages.info(request, _("The erasure has begun. This page says how far it is."))
            return redirect("admin:intake_erasure_change", standing.pk)
        change, label, text = standing_change(customer)
        if request.method == "POST":
            user: Any = request.user
            change(customer, by=user, now=timezone.now())
            return redirect("admin:affiliates_customer_change", customer.pk)
        context = self._page(request, customer, str(label)) | {"text": text, "label": label}
        return render(request, "admin/intake/ask_about_customer.html", context)

    def erase_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What goes and what stays, and then the button; a worker does it within the minute."""
        customer = self._customer(request, pk)
        if request.method == "POST":
            user: Any = request.user
            erasure = request_erasure(customer, door=Erasure.Door.STAFF, by=user, now=timezone.now())
            messages.success(request, _("The erasure has begun. This page says how far it is."))
            return redirect("admin:intake_erasure_change", erasure.pk)
        context = self._page(request, customer, _("Erase this customer"))
        context |= {
            "goes": goes_with(customer),
            "purchases": customer.purchases.count(),
            "is_blocked": claims_to_block(customer.pk, now=timezone.now()) is not None,
            "open_cases": list(cases_of(customer.pk).open().values_list("number", flat=True)),
        }
        return render(request, "admin/intake/erase_customer.html", context)

    def _offered(self, request: HttpRequest, customer: Customer) -> list[tuple[str, str]]:
        if customer.erased_at or not self._may(request, customer):
            return []
        return [
            (reverse("admin:intake_export_customer", args=[customer.pk]), _("Everything held of them")),
            (reverse("admin:intake_block_customer", args=[customer.pk]), str(standing_change(customer)[1])),
            (reverse("admin:intake_erase_customer", args=[customer.pk]), _("Erase")),
        ]

    def _customer(self, request: HttpRequest, pk: int) -> Customer:
        customer: Customer = get_object_or_404(
            self.get_queryset(request).select_related("brand"), pk=pk, erased_at=None
        )
        if not self._may(request, customer):
            raise PermissionDenied
        return customer

    def _may(self, request: HttpRequest, customer: Customer) -> bool:
        user: Any = request.user
        return bool(user.role_in(customer.brand) == Membership.Role.ADMIN)

    def _page(self, request: HttpRequest, customer: Customer, title: str) -> dict[str, Any]:
        self.note_view(request, customer)
        back = reverse("admin:affiliates_customer_change", args=[customer.pk])
        own = {"row": customer, "title": title, "opts": self.opts, "back": back}
        return self.admin_site.each_context(request) | own


def goes_with(customer: Customer) -> list[Foreseen]:
    """The rows that will be gone, by kind."""
    gone = [
        Foreseen(held.model._meta.verbose_name_plural or "", held.rows(customer.pk).count())
        for held in HELD
        if held.left is None and held.told
    ]
    mails = mails_of(customer.brand, address=customer.email or "", also=mails_about(customer.pk)).count()
    return [each for each in (Foreseen(gettext_lazy("mails"), mails), *gone) if each.count]


class ErasureAdmin(ReadOnlyAdmin):
    """Each is a certificate: when, by whom, how many rows of which tables. Nothing here says who it was."""

    list_display = ("requested_at", "brand", "door", "requested_by", "step", "finished_at")
    list_select_related = ("brand", "requested_by")
    list_filter = ("step", "door")
    fields = ("uuid", "brand", "door", "requested_by", "requested_at", "step", "finished_at", "rows")
    readonly_fields = ("uuid", "rows")
    ordering = ("-requested_at", "-pk")

    @admin.display(description=gettext_lazy("rows that went or were emptied"))
    def rows(self, erasure: Erasure) -> str:
        return ", ".join(f"{name}: {count}" for name, count in sorted(erasure.counts.items())) or "—"


class RetentionRunAdmin(ReadOnlyAdmin):
    """What went, night by night, of all brands together."""

    list_display = ("ran_at", "total", "rows")
    fields = readonly_fields = ("ran_at", "rows")
    list_display_links = None

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(super().has_view_permission(request, obj) and getattr(request.user, "is_superuser", False))

    @admin.display(description=gettext_lazy("rows that went or were emptied"))
    def rows(self, run: RetentionRun) -> str:
        return ", ".join(f"{kind}: {count}" for kind, count in run.counts.items() if count) or "—"

    @admin.display(description=gettext_lazy("total"))
    def total(self, run: RetentionRun) -> int:
        return run.total
