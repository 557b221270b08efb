"""The portal: what an affiliate's customers say, shown to the affiliate, and to staff as the affiliate sees it."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language, pgettext
from django.views.decorators.http import require_GET, require_http_methods

from accounts.clock import database_now
from accounts.models import AccessLog, User
from accounts.services import record_access
from dashboards.forms import PeriodForm
from dashboards.pages import write_halves, write_home
from dashboards.selectors import Reader, facts_to_tell, find_reader
from dashboards.services import accept_terms
from insights.privacy import Insights, affiliate_insights, available_periods

Page = Callable[..., HttpResponse]


def affiliate_page(page: Page) -> Page:
    """Hand the page its reader. Whoever has not accepted the terms reads them first; a look by staff is recorded."""

    @wraps(page)
    def opened(request: HttpRequest, brand: str = "", code: str = "") -> HttpResponse:
        assert isinstance(request.user, User)
        reader = find_reader(request.user, brand, code)
        if reader is None:
            return nobodys_page(request, code)
        if reader.member is None:
            record_access(
                request.user,
                reader.brand,
                purpose=AccessLog.Purpose.IMPERSONATE,
                object_type="affiliate",
                object_id=str(reader.affiliate.pk),
            )
        elif reader.member.accepted_terms_at is None and page.__name__ != "terms":
            return redirect(reader.urls["terms"])
        return page(request, reader)

    return opened


def nobodys_page(request: HttpRequest, code: str) -> HttpResponse:
    if code:
        raise Http404
    return render(request, "dashboards/nobody.html")


@require_GET
@affiliate_page
def home(request: HttpRequest, reader: Reader) -> HttpResponse:
    form, insights = read_insights(request, reader)
    page = write_home(insights)
    facts = [] if page else facts_to_tell(reader.brand, language_of(reader))
    return show(
        request, reader, "home", form=form, insights=insights, page=page, facts=facts, halves=write_halves(insights)
    )


@require_http_methods(["GET", "POST"])
@affiliate_page
def terms(request: HttpRequest, reader: Reader) -> HttpResponse:
    if request.method == "POST":
        if reader.member:
            accept_terms(reader.member, now=database_now())
        return redirect(reader.urls["home"])
    return show(request, reader, "terms")


def read_insights(request: HttpRequest, reader: Reader) -> tuple[PeriodForm, Insights]:
    """What the chosen period tells. A period in which nothing was published has no page."""
    form = PeriodForm(
        {"period": request.GET.get("period", "all")}, periods=available_periods(reader.affiliate), label_suffix=""
    )
    if not form.is_valid():
        raise Http404
    period = form.cleaned_data["period"]
    return form, affiliate_insights(reader.affiliate, period=period, language=language_of(reader), now=database_now())


def language_of(reader: Reader) -> str:
    return get_language() or reader.brand.default_language


def show(request: HttpRequest, reader: Reader, current: str, **context: Any) -> HttpResponse:
    sections = [("home", pgettext("portal", "Home"))]
    nav = [{"label": label, "url": reader.urls[name], "is_current": name == current} for name, label in sections]
    context |= {"reader": reader, "brand": reader.brand, "nav": nav if current != "terms" else []}
    return render(request, f"dashboards/{current}.html", context)
