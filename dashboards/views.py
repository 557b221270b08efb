"""The portal: what an affiliate's customers say, shown to the affiliate, and to staff as the affiliate sees it."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import wraps
from io import BytesIO
from typing import Any

import segno
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.clock import database_now
from accounts.forms import add_refusal
from accounts.models import AccessLog, User
from accounts.services import record_access
from affiliates.forms import ClaimForm
from affiliates.models import LinkPromise, TrackingLink
from affiliates.selectors import claims_of, offered_promises
from affiliates.services import change_promises, change_sub_ids, create_link, file_claim, pause_link, resume_link
from affiliates.sub_ids import LONGEST
from dashboards.exports import write_csv
from dashboards.forms import NewLinkForm, OpinionsForm, PeriodForm, PromisesForm, SubIdsForm
from dashboards.pages import (
    address_of,
    write_halves,
    write_home,
    write_links,
    write_opinions,
    write_places,
    write_sales,
)
from dashboards.selectors import (
    News,
    Reader,
    facts_to_tell,
    find_affiliates,
    find_link,
    find_reader,
    links_of,
    news_since,
)
from dashboards.services import accept_terms, note_visit
from insights.places import link_places
from insights.privacy import Insights, affiliate_insights, available_periods
from insights.sales import credited_sales, link_traffic, new_and_returning

OPINIONS_A_PAGE = 25
AFFILIATES_A_PAGE = 50
CLAIMS_A_PAGE = 25
SECTION_OF = {"new_link": "links", "link": "links", "claims": "sales"}  # a page under another one

Page = Callable[..., HttpResponse]  # takes the request, the reader, and what else the address names


def affiliate_page(page: Page) -> Callable[..., HttpResponse]:
    """Hand the page its reader. Whoever has not accepted the terms reads them first; a look by staff is recorded."""

    @wraps(page)
    def opened(request: HttpRequest, brand: str = "", code: str = "", **named: str) -> HttpResponse:
        assert isinstance(request.user, User)
        reader = find_reader(request.user, brand, code)
        if reader is None:
            return without_affiliate(request, request.user, code)
        if reader.member is None:
            record_look(request.user, reader, page.__name__)
        elif reader.member.accepted_terms_at is None and page.__name__ != "terms":
            return redirect(reader.urls["terms"])
        return page(request, reader, **named)

    # Nobody who comes to this machine after a sign-out should read it by going back.
    return never_cache(opened)


def without_affiliate(request: HttpRequest, user: User, code: str) -> HttpResponse:
    """Somebody else's affiliate is not there. Whoever has none of their own may, as staff, choose one to look at."""
    if code:
        raise Http404
    if not user.is_staff:
        return render(request, "dashboards/nobody.html")
    search = request.GET.get("q", "").strip()
    found = Paginator(find_affiliates(user, search), AFFILIATES_A_PAGE)
    context = {"page_obj": found.get_page(request.GET.get("page")), "search": search}
    return render(request, "dashboards/affiliates.html", context)


def record_look(user: User, reader: Reader, page: str) -> None:
    purpose = AccessLog.Purpose.EXPORT if page == "export" else AccessLog.Purpose.IMPERSONATE
    record_access(user, reader.brand, purpose=purpose, object_type="affiliate", object_id=str(reader.affiliate.pk))


@require_GET
@affiliate_page
def home(request: HttpRequest, reader: Reader) -> HttpResponse:
    """Where it stands: a sentence, the boards, what to do at the next sale."""
    form, insights = read_insights(request, reader, PeriodForm)
    page = write_home(insights)
    facts = [] if page else facts_to_tell(reader.brand, language_of(reader))
    halves = write_halves(new_and_returning(reader.affiliate, period=insights.period))
    news = read_news(request, reader)
    context = {"form": form, "insights": insights, "page": page, "facts": facts, "halves": halves, "news": news}
    return show(request, reader, "home", **context)


@require_GET
@affiliate_page
def opinions(request: HttpRequest, reader: Reader) -> HttpResponse:
    """What customers wrote, without their name."""
    form, insights = read_insights(request, reader, OpinionsForm)
    found = write_opinions(insights, theme=form.cleaned_data["theme"], words=form.cleaned_data["q"])
    page = Paginator(found, OPINIONS_A_PAGE).get_page(request.GET.get("page"))
    is_narrowed = any(form.cleaned_data[name] for name in ("theme", "q"))
    return show(request, reader, "opinions", form=form, insights=insights, page_obj=page, is_narrowed=is_narrowed)


@require_GET
@affiliate_page
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


@require_GET
@affiliate_page
def sales(request: HttpRequest, reader: Reader) -> HttpResponse:
    """What is credited to the affiliate, and why."""
    form, insights = read_insights(request, reader, PeriodForm)
    page = write_sales(credited_sales(reader.affiliate, period=insights.period), reader.brand)
    return show(request, reader, "sales", form=form, insights=insights, page=page)


@require_http_methods(["GET", "POST"])
@affiliate_page
def claims(request: HttpRequest, reader: Reader) -> HttpResponse:
    """Claim a sale that is missing, and read what was answered. Nothing here tells whether there is such an order."""
    is_filing = request.method == "POST"
    if is_filing and reader.member is None:
        raise PermissionDenied
    form = ClaimForm(request.POST if is_filing else None, label_suffix="")
    if form.is_valid() and reader.member:
        try:
            _claim, is_new = file_claim(reader.affiliate, form.as_input(), by=reader.member.user, now=database_now())
        except ValidationError as refusal:
            add_refusal(form, refusal)
        else:
            say_filed(request, is_new=is_new)
            return redirect(reader.urls["claims"])
    page = Paginator(claims_of(reader.affiliate), CLAIMS_A_PAGE).get_page(request.GET.get("page"))
    return show(request, reader, "claims", form=form, page_obj=page)


def say_filed(request: HttpRequest, *, is_new: bool) -> None:
    if is_new:
        messages.success(request, _("Your claim is filed. The answer will stand here."))
    else:
        messages.info(request, _("You have claimed this order already. That claim stands as it was."))


@require_GET
@affiliate_page
def export(request: HttpRequest, reader: Reader) -> HttpResponse:
    """What the home shows, as a table for a spreadsheet."""
    _form, insights = read_insights(request, reader, PeriodForm)
    name = f"{reader.affiliate.code}-{insights.period}.csv"
    return HttpResponse(
        write_csv(insights),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@require_http_methods(["GET", "POST"])
@affiliate_page
def terms(request: HttpRequest, reader: Reader) -> HttpResponse:
    """What everybody who reads customers' words agrees to, and what the pages are for."""
    if request.method == "POST":
        if reader.member:
            accept_terms(reader.member, now=database_now())
        return redirect(reader.urls["home"])
    return show(request, reader, "terms")


def read_insights(request: HttpRequest, reader: Reader, form_class: type[PeriodForm]) -> tuple[PeriodForm, Insights]:
    """What the chosen period tells. A period in which nothing was published has no page."""
    form = form_class(request.GET, periods=available_periods(reader.affiliate), label_suffix="")
    if not form.is_valid():
        raise Http404
    period = form.cleaned_data["period"]
    return form, affiliate_insights(reader.affiliate, period=period, language=language_of(reader), now=database_now())


def read_news(request: HttpRequest, reader: Reader) -> News | None:
    """What has come since the visit before this one. Nothing at a first visit, nor for staff."""
    if reader.member is None:
        return None
    key = f"seen-{reader.member.pk}"
    if ended := note_visit(reader.member, now=database_now()):
        request.session[key] = ended.isoformat()
    since = request.session.get(key)
    return news_since(reader.affiliate, datetime.fromisoformat(since)) if since else None


def language_of(reader: Reader) -> str:
    return get_language() or reader.brand.default_language


def show(request: HttpRequest, reader: Reader, current: str, **context: Any) -> HttpResponse:
    sections = {
        "home": pgettext("portal", "Home"),
        "opinions": _("Opinions"),
        "links": _("My links"),
        "sales": _("Sales and why"),
    }
    nav = [
        {"label": label, "url": reader.urls[name], "is_current": name == SECTION_OF.get(current, current)}
        for name, label in sections.items()
    ]
    context |= {"reader": reader, "brand": reader.brand, "nav": [] if current == "terms" else nav}
    return render(request, f"dashboards/{current}.html", context)
