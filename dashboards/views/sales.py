"""What is credited to an affiliate, and sales it misses."""

from datetime import date

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.clock import database_now
from accounts.forms import add_refusal
from accounts.replica import reads_replica
from affiliates.forms import ClaimForm
from affiliates.selectors import FiledClaim, as_filed, claims_of, find_claim
from affiliates.services import file_claim
from dashboards.forms import PeriodForm
from dashboards.pages import write_sale_row, write_sales, write_why
from dashboards.selectors import Reader
from dashboards.views.opening import affiliate_page, read_insights, show
from insights.loyalty import indirect_purchases
from insights.reasons import as_sales, explain_claim, explain_sale, sales_of
from insights.sales import credited_sales

BY_CUSTOMERS = "customers"
CLAIMS_A_PAGE = 25
SALES_A_PAGE = 25


@require_GET
@affiliate_page
@reads_replica
def sales(request: HttpRequest, reader: Reader) -> HttpResponse:
    """What is credited to the affiliate, and why; or what its customers' recommendations brought."""
    if request.GET.get("by") == BY_CUSTOMERS:
        brought = indirect_purchases(reader.affiliate)
        return show(request, reader, "indirect_sales", brought=brought, k=reader.brand.k)
    form, insights = read_insights(request, reader, PeriodForm)
    page = write_sales(credited_sales(reader.affiliate, period=insights.period), reader.brand)
    found = Paginator(sales_of(reader.affiliate, period=insights.period), SALES_A_PAGE)
    found.count = page.total  # counted already
    page_obj = found.get_page(request.GET.get("page"))
    listed = as_sales(reader.affiliate, list(page_obj))
    rows = [write_sale_row(sale, reader.url_of_sale(sale.on, sale.mark)) for sale in listed]
    context = {"form": form, "insights": insights, "page": page, "page_obj": page_obj, "rows": rows}
    return show(request, reader, "sales", **context)


@require_GET
@affiliate_page
def sale(request: HttpRequest, reader: Reader, day: str, mark: str) -> HttpResponse:
    """Why one sale is the affiliate's. What is not its own is not there."""
    try:
        explained = explain_sale(reader.affiliate, date.fromisoformat(day), mark)
    except (ValueError, OverflowError):
        raise Http404 from None
    if explained is None:
        raise Http404
    return show(request, reader, "sale", why=write_why(explained, reader.brand))


@require_GET
@affiliate_page
def claim(request: HttpRequest, reader: Reader, mark: str) -> HttpResponse:
    """What was answered to a claim, and why: as much of it as may be told."""
    claimed = find_claim(reader.affiliate, mark)
    if claimed is None:
        raise Http404
    explained = explain_claim(claimed)
    why = write_why(explained, reader.brand) if explained else None
    return show(request, reader, "claim", claim=as_filed(claimed), why=why)


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
            filed, is_new = file_claim(reader.affiliate, form.as_input(), by=reader.member.user, now=database_now())
        except ValidationError as refusal:
            add_refusal(form, refusal)
        else:
            say_filed(request, as_filed(filed), is_new=is_new)
            return redirect(reader.urls["claims"] if is_new else f"{reader.urls['claims']}{as_filed(filed).mark}/")
    page = Paginator(claims_of(reader.affiliate), CLAIMS_A_PAGE).get_page(request.GET.get("page"))
    return show(request, reader, "claims", form=form, page_obj=page)


def say_filed(request: HttpRequest, claim: FiledClaim, *, is_new: bool) -> None:
    if is_new:
        messages.success(request, _("Your claim is filed. The answer will stand here."))
        return
    messages.info(
        request,
        _(
            "You claimed order %(order)s already, on %(filed)s. "
            "That claim stands as it was; you get an answer by %(due)s."
        )
        % {
            "order": claim.order_reference,
            "filed": date_format(timezone.localtime(claim.filed_at), "DATE_FORMAT"),
            "due": date_format(claim.due_on, "DATE_FORMAT"),
        },
    )
