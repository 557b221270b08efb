"""What an affiliate's customers say, as the affiliate reads it, and what it agrees to beforehand."""

from datetime import datetime

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods

from accounts.clock import database_now
from dashboards.exports import write_csv
from dashboards.forms import OpinionsForm, PeriodForm
from dashboards.pages import write_effects, write_falls, write_halves, write_home, write_opinions
from dashboards.selectors import News, Reader, facts_to_tell, news_since
from dashboards.services import accept_terms, note_visit
from dashboards.views.opening import affiliate_page, language_of, read_insights, show
from insights.comparing import falls_of
from insights.privacy import Insights, programme_effects
from insights.sales import new_and_returning

OPINIONS_A_PAGE = 25


@require_GET
@affiliate_page
def home(request: HttpRequest, reader: Reader) -> HttpResponse:
    """Where it stands: a sentence, the boards, what to do at the next sale."""
    form, insights = read_insights(request, reader, PeriodForm)
    page = write_home(insights)
    facts = [] if page else facts_to_tell(reader.brand, language_of(reader))
    halves = write_halves(new_and_returning(reader.affiliate, period=insights.period))
    news = read_news(request, reader)
    falls = write_falls(falls_of(reader.affiliate, language_of(reader)))
    context = {"form": form, "insights": insights, "page": page, "facts": facts, "halves": halves, "news": news}
    return show(request, reader, "home", **context, falls=falls, effects=read_effects_of_programme(reader, insights))


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


def read_effects_of_programme(reader: Reader, insights: Insights) -> list[str]:
    """For whoever has too few answers of their own: what goes with the score everywhere."""
    return [] if insights.shown else write_effects(programme_effects(reader.brand)).sentences


def read_news(request: HttpRequest, reader: Reader) -> News | None:
    """What has come since the visit before this one. Nothing at a first visit, nor for staff."""
    if reader.member is None:
        return None
    key = f"seen-{reader.member.pk}"
    if ended := note_visit(reader.member, now=database_now()):
        request.session[key] = ended.isoformat()
    since = request.session.get(key)
    return news_since(reader.affiliate, datetime.fromisoformat(since), language_of(reader)) if since else None
