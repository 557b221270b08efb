"""What is credited to an affiliate, and sales it misses."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.clock import database_now
from accounts.forms import add_refusal
from affiliates.forms import ClaimForm
from affiliates.selectors import claims_of
from affiliates.services import file_claim
from dashboards.forms import PeriodForm
from dashboards.pages import write_sales
from dashboards.selectors import Reader
from dashboards.views.opening import affiliate_page, read_insights, show
from insights.sales import credited_sales

CLAIMS_A_PAGE = 25


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
