"""What an affiliate's customers say, as the affiliate reads it, and what it agrees to beforehand."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.clock import database_now
from accounts.replica import reads_replica
from dashboards.exports import write_csv
from dashboards.forms import OpinionsForm, PeriodForm, ReportForm
from dashboards.pages import write_effects, write_falls, write_halves, write_home, write_opinions
from dashboards.pages.opinions import OpinionRow
from dashboards.selectors import News, Reader, facts_to_tell, needs_tour, news_since
from dashboards.services import accept_terms, close_tour, note_visit
from dashboards.views.opening import affiliate_page, language_of, read_insights, show
from insights.comparing import falls_of
from insights.models import Finding, QuoteReport
from insights.privacy import Insights, programme_effects
from insights.sales import new_and_returning
from insights.services.reporting import decisions_on_words, find_quotes, report_quotes, was_reported

OPINIONS_A_PAGE = 25


@require_GET
@affiliate_page
@reads_replica
def home(request: HttpRequest, reader: Reader) -> HttpResponse:
    """Where it stands: a sentence, the boards, what to do at the next sale."""
    form, insights = read_insights(request, reader, PeriodForm)
    page = write_home(insights)
    facts = [] if page else facts_to_tell(reader.brand, language_of(reader))
    halves = write_halves(new_and_returning(reader.affiliate, period=insights.period))
    news = read_news(request, reader)
    falls = write_falls(falls_of(reader.affiliate, language_of(reader)))
    context = {"form": form, "insights": insights, "page": page, "facts": facts, "halves": halves, "news": news}
    context["tour"] = needs_tour(reader)
    return show(request, reader, "home", **context, falls=falls, effects=read_effects_of_programme(reader, insights))


@require_GET
@affiliate_page
@reads_replica
def opinions(request: HttpRequest, reader: Reader) -> HttpResponse:
    """What customers wrote, without their name."""
    form, insights = read_insights(request, reader, OpinionsForm)
    found = write_opinions(insights, theme=form.cleaned_data["theme"], words=form.cleaned_data["q"])
    page = Paginator(found, OPINIONS_A_PAGE).get_page(request.GET.get("page"))
    is_narrowed = any(form.cleaned_data[name] for name in ("theme", "q"))
    listed = with_reports(reader, page.object_list)
    context = {"form": form, "insights": insights, "page_obj": page, "listed": listed, "is_narrowed": is_narrowed}
    return show(request, reader, "opinions", **context)


@require_http_methods(["GET", "POST"])
@affiliate_page
def report_opinion(request: HttpRequest, reader: Reader, mark: str) -> HttpResponse:
    """Ask staff to look at somebody's words again. Staff who look on decide in the admin instead."""
    quotes = find_quotes(reader.affiliate, mark) if reader.member else []
    if request.method == "POST" and not quotes and reader.member and was_reported(reader.affiliate, mark):
        return redirect(reader.urls["opinions"])  # a second click: the first has done it
    if not quotes or not reader.member:
        raise Http404
    form = ReportForm(request.POST if request.method == "POST" else None, label_suffix="")
    if request.method == "POST" and form.is_valid():
        reason = form.cleaned_data["reason"]
        report_quotes(quotes, reason, by=reader.member.user, now=database_now())
        messages.success(request, reported_said(reader, reason))
        return redirect(reader.urls["opinions"])
    return show(request, reader, "report_opinion", form=form, quote=quotes[0])


@require_GET
@affiliate_page
@reads_replica
def export(request: HttpRequest, reader: Reader) -> HttpResponse:
    """What the home shows, as a table for a spreadsheet."""
    _form, insights = read_insights(request, reader, PeriodForm)
    name = f"{reader.affiliate.code}-{insights.period}.csv"
    return HttpResponse(
        write_csv(insights),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@require_POST
@affiliate_page
def put_tour_away(request: HttpRequest, reader: Reader) -> HttpResponse:
    """For this person and for good. Staff who look on have none."""
    if reader.member:
        close_tour(reader.member, now=database_now())
    return redirect(reader.urls["home"])


@require_http_methods(["GET", "POST"])
@affiliate_page
def terms(request: HttpRequest, reader: Reader) -> HttpResponse:
    """What everybody who reads customers' words agrees to, and what the pages are for."""
    if request.method == "POST":
        if reader.member:
            accept_terms(reader.member, now=database_now())
        return redirect(reader.urls["home"])
    return show(request, reader, "terms")


class Listed(NamedTuple):
    """Words, where to report them, what has become of a report, and where to talk of an expectation with the brand."""

    row: OpinionRow
    report_url: str
    state: str
    talk_url: str


def with_reports(reader: Reader, rows: Iterable[OpinionRow]) -> list[Listed]:
    """Staff only look."""
    decisions = decisions_on_words(reader.affiliate)
    said = {QuoteReport.Decision.PENDING: _("being checked"), QuoteReport.Decision.LEFT: _("checked: it stays")}
    listed = []
    for row in rows:
        state = said.get(decisions.get((row.question, row.text)), "")  # type: ignore[call-overload]
        url = reader.url_of_words(row.question, row.text) if reader.member and not state else ""
        listed.append(Listed(row, url, state, talk_url(reader, row)))
    return listed


def talk_url(reader: Reader, row: OpinionRow) -> str:
    is_expectation = row.question == Finding.Kind.EXPECTATION
    return reader.url_of_expectation(row.question, row.text) if is_expectation else ""


def reported_said(reader: Reader, reason: str) -> str:
    if reason == QuoteReport.Reason.REVEALS:
        return _("You do not see it any more. %(brand)s decides whether it comes back.") % {"brand": reader.brand}
    return _("%(brand)s checks whose customer wrote it. It stays here until then.") % {"brand": reader.brand}


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
