"""An affiliate's links: what they bring, and what is promised there."""

from collections.abc import Sequence
from io import BytesIO

import segno
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.clock import database_now
from accounts.forms import add_refusal
from accounts.replica import reads_replica
from affiliates.models import LinkPromise, TrackingLink
from affiliates.selectors import offered_promises
from affiliates.services import change_promises, change_sub_ids, create_link, pause_link, resume_link
from affiliates.sub_ids import LONGEST
from dashboards.forms import NewLinkForm, PeriodForm, PromisesForm, SubIdsForm
from dashboards.pages import address_of, write_links, write_places
from dashboards.selectors import Reader, find_link, links_of
from dashboards.views.opening import affiliate_page, language_of, read_insights, show
from insights.places import link_places
from insights.sales import link_traffic


@require_GET
@affiliate_page
@reads_replica
def links(request: HttpRequest, reader: Reader) -> HttpResponse:
    """Each link: who came, who bought, what those customers say, and what is promised there."""
    form, insights = read_insights(request, reader, PeriodForm)
    traffic = link_traffic(reader.affiliate, period=insights.period)
    rows = write_links(reader, links_of(reader), traffic, insights)
    return show(request, reader, "links", form=form, insights=insights, rows=rows)


@require_http_methods(["GET", "POST"])
@affiliate_page
def new_link(request: HttpRequest, reader: Reader) -> HttpResponse:
    """Make a link: where it leads, what it is for, what is promised there."""
    if not reader.may_change_links:
        raise PermissionDenied
    offers = offered_promises(reader.brand, language_of(reader))
    form = NewLinkForm(reader.affiliate, offers, request.POST if request.method == "POST" else None, label_suffix="")
    if form.is_valid():
        try:
            made = create_link(reader.affiliate, **form.cleaned_data)
        except ValidationError as refusal:
            add_refusal(form, refusal)
        else:
            messages.success(request, _("Your link is ready. Copy it, or take its QR code."))
            return redirect(reader.url_of("link", made))
    return show(request, reader, "new_link", form=form)


@require_http_methods(["GET", "POST"])
@affiliate_page
def link(request: HttpRequest, reader: Reader, link: str) -> HttpResponse:
    """One link: its address and QR code, and what is promised there."""
    own = own_link(reader, link, is_changed=request.method == "POST")
    promises = list(own.promises.all())
    standing = [promise.text for promise in promises if promise.withdrawn_at is None]
    offers = offered_promises(reader.brand, language_of(reader))
    form = PromisesForm(offers, request.POST if request.method == "POST" else None, standing=standing, label_suffix="")
    if form.is_valid():
        try:
            change_promises(own, form.cleaned_data["promises"], now=database_now())
        except ValidationError as refusal:
            add_refusal(form, refusal)
        else:
            messages.success(request, _("What you promise there is written down."))
            return redirect(reader.url_of("link", own))
    return show_link(request, reader, own, form=form, promises=promises)


@require_POST
@affiliate_page
def sub_ids(request: HttpRequest, reader: Reader, link: str) -> HttpResponse:
    """What visits of the link are marked with that bring no mark of their own."""
    own = own_link(reader, link, is_changed=True)
    form = SubIdsForm(request.POST, label_suffix="")
    if form.is_valid():
        change_sub_ids(own, form.cleaned_data["sub_ids"], now=database_now())
        messages.success(request, _("From the next minute on visits carry these words."))
    else:
        messages.error(request, _("A word has %(count)d characters at most. Nothing is changed.") % {"count": LONGEST})
    return redirect(reader.url_of("link", own))


def show_link(
    request: HttpRequest, reader: Reader, own: TrackingLink, *, form: PromisesForm, promises: Sequence[LinkPromise]
) -> HttpResponse:
    k = reader.brand.k
    context = {
        "form": form,
        "sub_ids_form": SubIdsForm(initial={"sub_ids": own.sub_ids}, label_suffix=""),
        "link": own,
        "address": address_of(own),
        "promises": promises,
        "places": write_places(link_places(own, k=k), k=k),
        "link_urls": {page: reader.url_of(page, own) for page in ("link", "run_link", "link_code", "sub_ids")},
    }
    return show(request, reader, "link", **context)


@require_POST
@affiliate_page
def run_link(request: HttpRequest, reader: Reader, link: str) -> HttpResponse:
    """Pause a link or let it run again, whichever the button said."""
    own = own_link(reader, link, is_changed=True)
    if request.POST.get("run") == "yes":
        resume_link(own, now=database_now())
        messages.success(request, _("The link leads to the shop again."))
    else:
        pause_link(own, now=database_now())
        messages.success(request, _("The link is paused: within a minute its visitors find a page that says so."))
    return redirect(reader.url_of("link", own))


@require_GET
@affiliate_page
def link_code(request: HttpRequest, reader: Reader, link: str) -> HttpResponse:
    """The link's QR code, dark on light in every theme: many readers take no other."""
    drawn = BytesIO()
    address = address_of(own_link(reader, link, is_changed=False))
    segno.make_qr(address, error="m").save(drawn, kind="svg", scale=8, dark="#000", light="#fff")
    return HttpResponse(drawn.getvalue(), content_type="image/svg+xml")


def own_link(reader: Reader, code: str, *, is_changed: bool) -> TrackingLink:
    """Somebody else's link is not there; and not everybody who sees one may change it."""
    if (own := find_link(reader, code)) is None:
        raise Http404
    if is_changed and not reader.may_change_links:
        raise PermissionDenied
    return own
