"""How a page of the portal is opened: by whom, of which affiliate and period, and what stands around it."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from accounts.clock import database_now
from accounts.models import AccessLog, Brand, User
from accounts.services import record_access
from dashboards.forms import PeriodForm
from dashboards.selectors import Reader, brands_of, find_affiliates, find_brand, find_reader
from insights.conversations import unread_messages
from insights.privacy import Insights, affiliate_insights, available_periods

AFFILIATES_A_PAGE = 50
# A page under another one.
SECTION_OF = {
    **dict.fromkeys(("drivers", "report", "notifications"), "home"),
    **dict.fromkeys(("report_opinion", "heard"), "opinions"),
    **dict.fromkeys(("new_link", "link"), "links"),
    **dict.fromkeys(("sale", "indirect_sales", "claims", "claim"), "sales"),
    **dict.fromkeys(("new_action", "action", "edit_action", "conversations", "conversation"), "actions"),
    **dict.fromkeys(("remove_person", "webhook"), "people"),
    "customers_of_affiliate": "customers_of_brand",
    "drivers_of_affiliate": "drivers_of_brand",
}
TAB_OF = {
    "report_opinion": "opinions",
    **dict.fromkeys(("new_action", "action", "edit_action"), "actions"),
    "conversation": "conversations",
}
READING = ("GET", "HEAD", "OPTIONS")
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
            look_on(request, request.user, reader, page.__name__)
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
    brands = brands_of(user)
    context: dict[str, Any] = {"page_obj": found.get_page(request.GET.get("page")), "search": search, "brands": brands}
    if len(brands) == 1:
        context |= {"brand": brands[0], "nav": nav_of_brand(brands[0], "affiliates")}
    return render(request, "dashboards/affiliates.html", context)


def look_on(request: HttpRequest, user: User, reader: Reader, page: str) -> None:
    """Staff see what the affiliate sees, and it is recorded. Whatever a page would take, nothing is written as them."""
    is_file = page.endswith("export")
    if request.method not in READING or (is_file and not user.may_take_files_of(reader.brand)):
        raise PermissionDenied
    purpose = AccessLog.Purpose.EXPORT if is_file else AccessLog.Purpose.IMPERSONATE
    record_access(user, reader.brand, purpose=purpose, object_type="affiliate", object_id=str(reader.affiliate.pk))


def read_period(request: HttpRequest, reader: Reader, form_class: type[PeriodForm] = PeriodForm) -> PeriodForm:
    """The choice of a period, made. A period in which nothing was published has no page."""
    form = form_class(request.GET, periods=available_periods(reader.affiliate), label_suffix="")
    if not form.is_valid():
        raise Http404
    return form


def read_insights(request: HttpRequest, reader: Reader, form_class: type[PeriodForm]) -> tuple[PeriodForm, Insights]:
    """What the chosen period tells."""
    form = read_period(request, reader, form_class)
    period = form.cleaned_data["period"]
    return form, affiliate_insights(reader.affiliate, period=period, language=language_of(reader), now=database_now())


def language_of(reader: Reader) -> str:
    return reading_language(reader.brand)


def reading_language(brand: Brand) -> str:
    return get_language() or brand.default_language


def show(request: HttpRequest, reader: Reader, current: str, **context: Any) -> HttpResponse:
    sections = {
        "home": pgettext("portal", "Home"),
        "opinions": _("Opinions"),
        "comparison": _("Comparison"),
        "links": _("My links"),
        "sales": _("Sales and why"),
        "customers": _("Win and look after"),
        "actions": _("My actions"),
        "reputation": _("Reputation"),
        "people": _("People"),
    }
    section = SECTION_OF.get(current, current)
    unread = unread_messages(reader.affiliate)
    nav = [
        {
            "label": label,
            "url": reader.urls[name],
            "is_current": name == section,
            "unread": unread if name == "actions" else 0,
        }
        for name, label in sections.items()
    ]
    context |= {"reader": reader, "brand": reader.brand, "nav": [] if current == "terms" else nav}
    context["tabs"] = tabs_of(reader, section, current, unread)
    return render(request, f"dashboards/{current}.html", context)


def tabs_of(reader: Reader, section: str, current: str, unread: int) -> list[dict[str, Any]]:
    """The pages of a section that has several."""
    pages = {
        "opinions": {"opinions": pgettext("portal", "What they wrote"), "heard": _("What I was told")},
        "actions": {
            "actions": pgettext("portal", "What I change"),
            "conversations": _("With %(brand)s") % {"brand": reader.brand},
        },
    }.get(section, {})
    shown = TAB_OF.get(current, current)
    return [
        {
            "label": label,
            "url": reader.urls[name],
            "is_current": name == shown,
            "unread": unread if name == "conversations" else 0,
        }
        for name, label in pages.items()
    ]


# --- The programme, for its staff ------------------------------------------------------------------------------------
def brand_page(page: Page) -> Callable[..., HttpResponse]:
    """Hand the page its brand. With all counts, so for its staff only: to anybody else it is not there."""

    @wraps(page)
    def opened(request: HttpRequest, brand: str, **named: str) -> HttpResponse:
        assert isinstance(request.user, User)
        found = find_brand(request.user, brand)
        if found is None or not request.user.is_staff:
            raise Http404
        return page(request, found, **named)

    return never_cache(opened)


def show_of_brand(request: HttpRequest, brand: Brand, current: str, **context: Any) -> HttpResponse:
    return render(
        request, f"dashboards/{current}.html", {"brand": brand, "nav": nav_of_brand(brand, current), **context}
    )


def nav_of_brand(brand: Brand, current: str) -> list[dict[str, Any]]:
    sections = {
        "overview_of_brand": _("Overview"),
        "targets_of_brand": _("Targets"),
        "affiliates_compared": _("Affiliates compared"),
        "drivers_of_brand": _("What moves the score"),
        "customers_of_brand": _("Customers"),
        "alternatives_of_brand": _("Alternatives"),
        "cases_of_brand": pgettext("portal", "Cases"),
    }
    section = SECTION_OF.get(current, current)
    nav = [
        {"label": label, "url": reverse(f"dashboards:{name}", args=[brand.slug]), "is_current": name == section}
        for name, label in sections.items()
    ]
    answers = f"{reverse('admin:surveys_response_changelist')}?brand={brand.pk}"
    return [*nav, {"label": _("Answers"), "url": answers, "is_current": False}]
