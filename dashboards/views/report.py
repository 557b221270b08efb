"""A month on paper: what the home tells, unfolded, with what was changed in it."""

from datetime import date

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from accounts.clock import database_now
from accounts.replica import reads_replica
from dashboards.forms import PeriodForm
from dashboards.pages import write_actions, write_falls, write_halves, write_home
from dashboards.pages.actions import ActionRow
from dashboards.selectors import Reader, actions_of
from dashboards.views.opening import affiliate_page, language_of, show
from dashboards.wording import name_of_period
from insights.comparing import falls_of
from insights.models import Action
from insights.outcomes import affiliate_outcomes, measurable, names_of, today_of
from insights.privacy import affiliate_insights, available_periods, parse_period
from insights.sales import new_and_returning

ACTIONS_OF_A_REPORT = 12


@require_GET
@affiliate_page
@reads_replica
def report(request: HttpRequest, reader: Reader) -> HttpResponse:
    """Of the newest month in which something was published, unless another period is asked for."""
    periods, language = available_periods(reader.affiliate), language_of(reader)
    asked = request.GET.get("period") or newest_month(periods)
    form = PeriodForm({"period": asked}, periods=periods, label_suffix="")
    if not form.is_valid():
        raise Http404
    insights = affiliate_insights(
        reader.affiliate, period=form.cleaned_data["period"], language=language, now=database_now()
    )
    falls = falls_of(reader.affiliate, language)
    context = {
        "form": form,
        "insights": insights,
        "page": write_home(insights),
        "period_name": name_of_period(insights.period),
        "halves": write_halves(new_and_returning(reader.affiliate, period=insights.period)),
        "falls": write_falls(falls if is_of_now(reader, insights.period) else ()),
        "rows": actions_within(reader, insights.period),
    }
    return show(request, reader, "report", **context)


def is_of_now(reader: Reader, period: str) -> bool:
    """What stands fallen today belongs to no report of the past."""
    after = parse_period(period).after
    return after is None or after > today_of(reader.brand, database_now())


def newest_month(periods: tuple[str, ...]) -> str:
    return next((code for code in periods if len(code) == len("2026-03") and "-Q" not in code), "all")


def actions_within(reader: Reader, period: str) -> list[ActionRow]:
    """What was changed by the end of it and is still measured, or was changed in it: the newest."""
    months = parse_period(period)
    shown = list(changed_by(actions_of(reader), months.first, months.after)[:ACTIONS_OF_A_REPORT])
    outcomes = affiliate_outcomes(reader.affiliate, shown, now=database_now())
    urls = {each.pk: reader.url_of_action("action", each) for each in shown}
    return write_actions(shown, outcomes, names_of(measurable(reader.brand, language_of(reader))), urls)


def changed_by(actions: QuerySet[Action], first: date | None, after: date | None) -> QuerySet[Action]:
    if first is None or after is None:
        return actions
    return actions.filter(changed_on__lt=after).exclude(closed_on__lt=first)
