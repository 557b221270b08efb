"""The whole programme, for its staff: affiliates side by side, targets and whose part it was, the alternatives."""

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from accounts.clock import database_now
from accounts.models import Brand, User
from accounts.replica import reads_replica
from complaints.models import Complaint
from dashboards.forms import PeriodForm
from dashboards.pages import write_field, write_overview, write_programme, write_risks, write_rivalry
from dashboards.selectors import measured_at
from dashboards.views.opening import brand_page, reading_language, show_of_brand
from insights.asking import asking_of
from insights.at_risk import promises_at_risk
from insights.overview import (
    brand_changes,
    brand_figures,
    brand_findings,
    brand_progress,
    compare_affiliates,
    periods_of_brand,
    responsibility,
    rivalry,
    standing_alerts,
)
from insights.privacy import catalogue_of

AFFILIATES_A_PAGE = 50


@require_GET
@brand_page
@reads_replica
def overview_of_brand(request: HttpRequest, brand: Brand) -> HttpResponse:
    """What needs somebody first, then how the programme goes."""
    assert isinstance(request.user, User)
    now, language = database_now(), reading_language(brand)
    zone, cases = request.user.zone_for(brand), Complaint.objects.visible_to(request.user)
    page = write_overview(
        brand.slug,
        risks=write_risks(promises_at_risk(brand, cases, now=now), now=now, zone=zone),
        fallen=standing_alerts(brand),
        field=compare_affiliates(brand),
        figures=brand_figures(brand),
        findings=brand_findings(brand, language=language, now=now),
        asking=asking_of(brand, now=now),
        labels={code: aspect.label for code, aspect in catalogue_of(brand, language).aspects.items()},
    )
    context = {"page": page, "measured_at": measured_at(brand), "sees_cases": request.user.knows_customers_of(brand)}
    return show_of_brand(request, brand, "overview_of_brand", **context)


@require_GET
@brand_page
@reads_replica
def affiliates_compared(request: HttpRequest, brand: Brand) -> HttpResponse:
    """Who stands out by more than chance, either way, and the table of all."""
    form = read_period(request, brand)
    page = write_field(compare_affiliates(brand, period=form.cleaned_data["period"]), brand.slug)
    rows = Paginator(page.rows if page else [], AFFILIATES_A_PAGE).get_page(request.GET.get("page"))
    return show_of_brand(request, brand, "affiliates_compared", form=form, page=page, page_obj=rows)


@require_GET
@brand_page
@reads_replica
def targets_of_brand(request: HttpRequest, brand: Brand) -> HttpResponse:
    """Where the programme stands: what has fallen, its targets, what has changed, and whose part it was."""
    form = read_period(request, brand)
    page = write_programme(
        brand.slug,
        progress=brand_progress(brand),
        changes=brand_changes(brand),
        fallen=standing_alerts(brand),
        parts=responsibility(brand, period=form.cleaned_data["period"]),
        labels={code: aspect.label for code, aspect in catalogue_of(brand, reading_language(brand)).aspects.items()},
    )
    return show_of_brand(request, brand, "targets_of_brand", form=form, page=page, measured_at=measured_at(brand))


@require_GET
@brand_page
@reads_replica
def alternatives_of_brand(request: HttpRequest, brand: Brand) -> HttpResponse:
    """What customers say months later: better than what, why, and what they need next."""
    page = write_rivalry(rivalry(brand, language=reading_language(brand), now=database_now()), brand.name)
    return show_of_brand(request, brand, "alternatives_of_brand", page=page)


def read_period(request: HttpRequest, brand: Brand) -> PeriodForm:
    form = PeriodForm(request.GET, periods=periods_of_brand(brand), label_suffix="")
    if not form.is_valid():
        raise Http404
    return form
