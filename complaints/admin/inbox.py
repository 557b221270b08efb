"""The inbox: queues, search, filters, views that people keep, and what is done to many cases at once."""

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Brand, User
from complaints.admin.actions import BULK, bulk_form
from complaints.admin.forms import LookForm, ViewForm
from complaints.admin.pages import page_context, staff_of
from complaints.models import Complaint, IncomingMail, SavedView
from complaints.selectors import inbox
from complaints.services import WRITING_ROLES
from complaints.services.bulk import MOST, BulkResult, do_to_each

if TYPE_CHECKING:
    from complaints.admin.desk import ComplaintAdmin

MOST_VIEWS = 20  # a person


def inbox_view(page: "ComplaintAdmin", request: HttpRequest) -> HttpResponse:
    user = staff_of(page, request)
    brands = list(Brand.objects.visible_to(user))
    form = LookForm(request.GET, brands=brands)
    zone = user.zone_for(brands[0] if brands else None)
    look = form.look
    found = inbox(user, look, now=timezone.now(), zone=zone)
    page.note_list(request, [row.case for row in found.rows])
    context = page_context(page, request) | {
        "inbox": found,
        "look": look,
        "form": form,
        "views": views_of(user, form),
        "bulk_forms": {name: bulk_form(name, brands) for name in BULK} if may_write(user) else {},
        "brands": brands,
        "may_add": page.has_add_permission(request),
        "mails_to_decide": IncomingMail.objects.visible_to(user).quarantined()[:100].count(),
    }
    with timezone.override(zone):
        return render(request, "admin/complaints/inbox.html", context)


def views_of(user: User, form: LookForm) -> list[dict[str, Any]]:
    return [{"view": view, "is_current": view.query == form.query} for view in SavedView.objects.visible_to(user)]


def may_write(user: User) -> bool:
    return user.is_superuser or user.memberships.filter(role__in=WRITING_ROLES).exists()


# --- Many at once --------------------------------------------------------------------------------------------------
def bulk_view(page: "ComplaintAdmin", request: HttpRequest) -> HttpResponse:
    """Do one thing to the cases that are ticked. Those that refuse are named with the reason."""
    user = staff_of(page, request)
    back = inbox_address(request.POST.get("back", ""))
    name = request.POST.get("action", "")
    if request.method != "POST":
        return redirect(back)
    if name not in BULK:
        raise Http404
    cases = ticked(user, request.POST)
    form = bulk_form(name, list(Brand.objects.visible_to(user)), request.POST)
    if not cases:
        messages.warning(request, _("Tick the cases first."))
    elif not form.is_valid():
        messages.error(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
    else:
        how = {"by": user, "now": timezone.now(), "version": ""}
        tell(request, do_to_each(cases, lambda case: BULK[name].do(case, form.cleaned_data, **how)))
    return redirect(back)


def ticked(user: User, data: QueryDict) -> list[Complaint]:
    """Of the user's brands alone, whatever was posted."""
    ids = [text for text in data.getlist("case")[:MOST] if text.isdecimal() and len(text) <= 18]
    return list(Complaint.objects.visible_to(user).filter(pk__in=ids).select_related("brand").order_by("pk"))


def tell(request: HttpRequest, result: BulkResult) -> None:
    if result.done:
        done = ngettext("Done with %(count)d case.", "Done with %(count)d cases.", result.done)
        messages.success(request, done % {"count": result.done})
    for reason, numbers in result.refused.items():
        refused = _("Not done with %(numbers)s: %(reason)s")
        messages.error(request, refused % {"numbers": ", ".join(numbers), "reason": reason})


# --- Views that people keep ----------------------------------------------------------------------------------------
def save_view(page: "ComplaintAdmin", request: HttpRequest) -> HttpResponse:
    """Keep what is shown under a name; the same name again replaces it."""
    user = staff_of(page, request)
    form = ViewForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return redirect(inbox_address(request.POST.get("query", "")))
    query = clean_query(user, form.cleaned_data["query"])
    try:
        keep_view(user, form.cleaned_data["name"].strip(), query)
        messages.success(request, _("The view is kept."))
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    return redirect(inbox_address(query))


def keep_view(user: User, name: str, query: str) -> None:
    """ValidationError: they keep too many already."""
    if SavedView.objects.visible_to(user).exclude(name=name).count() >= MOST_VIEWS:
        raise ValidationError(_("You keep %(count)d views already; remove one first."), params={"count": MOST_VIEWS})
    SavedView.objects.update_or_create(user=user, name=name, defaults={"query": query})


def remove_view(page: "ComplaintAdmin", request: HttpRequest, view_id: int) -> HttpResponse:
    user = staff_of(page, request)
    if request.method == "POST":
        SavedView.objects.visible_to(user).filter(pk=view_id).delete()
        messages.success(request, _("The view is removed."))
    return redirect(inbox_address(""))


def clean_query(user: User, text: str) -> str:
    """Only what the inbox understands is kept."""
    return LookForm(QueryDict(text), brands=list(Brand.objects.visible_to(user))).query


def inbox_address(query: str) -> str:
    """The inbox with this query: never another address, whatever was posted."""
    parsed = QueryDict(query[:2000])
    address = reverse("admin:complaints_complaint_changelist")
    return f"{address}?{parsed.urlencode()}" if parsed else address
