"""What customers are worth beyond their first purchase: of one affiliate, and for staff of all."""

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET

from accounts.clock import database_now
from accounts.models import AccessLog, Brand, User
from accounts.replica import reads_replica
from accounts.services import record_access
from affiliates.models import Affiliate
from dashboards.exports import write_loyalty_csv, write_worth_csv
from dashboards.pages import write_advice, write_care, write_halves, write_home, write_loyalty, write_worth
from dashboards.selectors import Reader
from dashboards.views.opening import affiliate_page, brand_page, language_of, show, show_of_brand
from insights.attention import brand_attention, told_attention
from insights.loyalty import ORDERS, brand_loyalty, contributions_of, own_loyalty, programme_repeat, read_worth
from insights.privacy import affiliate_insights
from insights.sales import new_and_returning

AFFILIATES_A_PAGE = 50


@require_GET
@affiliate_page
@reads_replica
def customers(request: HttpRequest, reader: Reader) -> HttpResponse:
    """New customers and those there are, side by side: of all time, the same months and the same purchases."""
    affiliate = reader.affiliate
    page = write_loyalty(own_loyalty(affiliate), k=reader.brand.k)
    told = told_attention(affiliate)
    insights = affiliate_insights(affiliate, language=language_of(reader), now=database_now())
    context = {
        "page": page,
        "advice": None if told is None else write_advice(told),
        "programme_repeat": None if page else programme_repeat(affiliate),
        "halves": write_halves(new_and_returning(affiliate)),
        "said": write_home(insights) if insights.shown else None,
    }
    return show(request, reader, "customers", **context)


@require_GET
@affiliate_page
@reads_replica
def customers_export(request: HttpRequest, reader: Reader) -> HttpResponse:
    """The same figures for a spreadsheet."""
    return as_csv(write_loyalty_csv(own_loyalty(reader.affiliate)), f"{reader.affiliate.code}-customers.csv")


# --- For staff -------------------------------------------------------------------------------------------------------
@require_GET
@brand_page
@reads_replica
def customers_of_brand(request: HttpRequest, brand: Brand) -> HttpResponse:
    """The whole brand's customers, and every affiliate beside the others: volume and what came of it."""
    assert isinstance(request.user, User)
    knows = request.user.knows_customers_of(brand)
    found = brand_attention(brand, with_names=knows)
    care = None if found is None else write_care(found, sees_cases=knows)
    if any(group.rows for group in care or ()):
        record_access(request.user, brand, purpose=AccessLog.Purpose.VIEW, object_type="attention")
    order, search = request.GET.get("order", "customers"), request.GET.get("q", "").strip()
    pages = Paginator(contributions_of(brand, search=search, order=order), AFFILIATES_A_PAGE)
    page_obj = pages.get_page(request.GET.get("page"))
    context = {
        "page": write_loyalty(brand_loyalty(brand), k=1),
        "care": care,
        "rows": write_worth(read_worth(page_obj)),
        "page_obj": page_obj,
        "search": search,
        "order": order if order in ORDERS else "customers",
    }
    return show_of_brand(request, brand, "customers_of_brand", **context)


@require_GET
@brand_page
@reads_replica
def customers_of_affiliate(request: HttpRequest, brand: Brand, code: str) -> HttpResponse:
    """One affiliate's customers with all counts: what the affiliate itself is not told."""
    affiliate = get_object_or_404(Affiliate.objects.select_related("brand"), brand=brand, code=code)
    page = write_loyalty(own_loyalty(affiliate, view="staff"), k=1)
    return show_of_brand(request, brand, "customers_of_affiliate", affiliate=affiliate, page=page)


@require_GET
@brand_page
@reads_replica
def customers_of_brand_export(request: HttpRequest, brand: Brand) -> HttpResponse:
    """Every affiliate, for a spreadsheet."""
    assert isinstance(request.user, User)
    if not request.user.may_take_files_of(brand):
        raise PermissionDenied
    record_access(request.user, brand, purpose=AccessLog.Purpose.EXPORT, object_type="contribution")
    return as_csv(write_worth_csv(read_worth(contributions_of(brand))), f"{brand.slug}-customers.csv")


def as_csv(text: str, name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)
