"""What an affiliate was told directly."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.clock import database_now
from accounts.forms import add_refusal
from accounts.models import User
from dashboards.forms import HeardForm
from dashboards.selectors import Reader, heard_by, labels_of_aspects
from dashboards.views.opening import affiliate_page, language_of, show
from insights.outcomes import today_of
from insights.services.hearing import forget_heard, write_heard

HEARD_A_PAGE = 25


@require_http_methods(["GET", "POST"])
@affiliate_page
def heard(request: HttpRequest, reader: Reader) -> HttpResponse:
    """All of it, the newest first, and a form for more."""
    now, labels = database_now(), labels_of_aspects(reader.brand, language_of(reader))
    data = request.POST if request.method == "POST" else None
    form = HeardForm(labels, data, initial={"heard_on": today_of(reader.brand, now)}, label_suffix="")
    if form.is_bound and form.is_valid():
        try:
            write_heard(reader.affiliate, form.as_heard(), by=writer_of(reader), now=now)
        except ValidationError as refusal:
            add_refusal(form, refusal)
        else:
            messages.success(request, _("Written down, apart from what customers answer."))
            return redirect(reader.urls["heard"])
    page = Paginator(heard_by(reader), HEARD_A_PAGE).get_page(request.GET.get("page"))
    rows = [(each, labels.get(each.theme, ""), reader.url_of_heard(each)) for each in page]
    return show(request, reader, "heard", form=form, page_obj=page, rows=rows)


@require_POST
@affiliate_page
def forget(request: HttpRequest, reader: Reader, heard: UUID) -> HttpResponse:
    """Take one away."""
    writer_of(reader)
    forget_heard(get_object_or_404(heard_by(reader), uuid=heard))
    messages.success(request, _("It is gone."))
    return redirect(reader.urls["heard"])


def writer_of(reader: Reader) -> User:
    if reader.member is None or not reader.may_change_links:
        raise PermissionDenied
    return reader.member.user
