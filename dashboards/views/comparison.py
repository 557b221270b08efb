"""How an affiliate compares: with before, with all others, with what its brand wants, with the alternatives."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from accounts.clock import database_now
from accounts.replica import reads_replica
from dashboards.pages import write_comparison
from dashboards.selectors import Reader
from dashboards.views.opening import affiliate_page, language_of, read_period, show
from insights.comparing import compare_affiliate


@require_GET
@affiliate_page
@reads_replica
def comparison(request: HttpRequest, reader: Reader) -> HttpResponse:
    form = read_period(request, reader)
    period, language = form.cleaned_data["period"], language_of(reader)
    found = compare_affiliate(reader.affiliate, period=period, language=language, now=database_now())
    page = write_comparison(found, reader.brand.name)
    return show(request, reader, "comparison", form=form, insights=found, page=page)
