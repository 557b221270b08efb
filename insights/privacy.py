"""The one module through which all that an affiliate learns of its customers passes: page, CSV, API and digest.

An affiliate is shown sums of published blocks (ShownCount) and published words (Quote), never rollups or answers:
every figure and every difference between two of them is about k answers or more. Of the programme it is shown what
remains without itself, and only where no other affiliate stands out in it. Staff may see everything.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db.models import Max, Min, QuerySet, Sum
from django.db.models.functions import TruncMonth
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.models import Brand
from affiliates.models import Affiliate, TrackingLink
from complaints.clocks import add_months
from insights import statistics
from insights.circumstances import Effect, read_effects
from insights.counts import ANSWERS, Counts, answered, by_question, less, total
from insights.findings import (
    AspectEntry,
    Catalogue,
    FactEntry,
    Findings,
    Lens,
    State,
    TrendPoint,
    read_findings,
    read_trend,
    state_of,
)
from insights.importance import Weights
from insights.models import (
    AffiliateWord,
    Block,
    Circumstance,
    CountedResponse,
    Finding,
    PublishedCount,
    Quote,
    Rollup,
    SalesCount,
    ShownCount,
    Weighing,
)
from insights.sold import brought_by
from surveys.models import Answer, Aspect, Fact, ResponseChange, Wave

View = Literal["affiliate", "staff"]

PERIOD = re.compile(r"(?P<year>(?:19|20)\d\d)(?:-Q(?P<quarter>[1-4])|-(?P<month>0[1-9]|1[0-2]))?")
# What e-mailed surveys usually bring (12 to 15 %), until the brand's own rate is known.
USUAL_RESPONSE_RATE = 0.15
COMMENTS = ("keep_text", "improve_text", "comment")
LONGEST_LIST = 100  # quotes


@dataclass(frozen=True)
class Period:
    """Calendar months from `first` to before `after`; both None is all time."""

    code: str
    first: date | None = None
    after: date | None = None

    @property
    def span(self) -> str:
        """How long it is, as in SalesCount."""
        if self.first is None:
            return SalesCount.Span.ALL
        return {4: SalesCount.Span.YEAR, 7: SalesCount.Span.QUARTER if "Q" in self.code else SalesCount.Span.MONTH}[
            len(self.code)
        ]

    def of(self, rows: QuerySet[Any], column: str = "month") -> QuerySet[Any]:
        if self.first is None:
            return rows
        return rows.filter(**{f"{column}__gte": self.first, f"{column}__lt": self.after})


ALL = Period("all")


@dataclass(frozen=True)
class Expectation:
    """What somebody expected and did not get, and what has become of it."""

    text: str
    status: str
    status_label: str


@dataclass(frozen=True)
class QuoteView:
    question: str
    text: str


@dataclass(frozen=True)
class LinkFindings:
    """What the customers of one tracking link say."""

    code: str
    campaign: str
    findings: Findings


@dataclass(frozen=True)
class Insights:
    """What one affiliate's customers say in a period. Not shown: fewer than k answers, then the programme speaks."""

    affiliate: str
    period: str
    view: View
    as_of: date | None  # for affiliates the day of the last block; for staff until when answers are counted
    state: State
    own: Findings | None
    programme: Findings | None  # where there is no `own`, unless even the programme has too few
    expectations: tuple[Expectation, ...] = ()
    quotes: tuple[QuoteView, ...] = ()
    trend: tuple[TrendPoint, ...] = ()
    links: tuple[LinkFindings, ...] = ()
    purchases: int = 0
    customers: int = 0
    purchases_needed: int | None = None  # to expect k answers; where there is no `own`

    @property
    def shown(self) -> bool:
        return self.own is not None

    @property
    def is_indicative(self) -> bool:
        """«Orientativo»: enough to show, too few to conclude."""
        return self.state == "some"

    @property
    def findings(self) -> Findings | None:
        """What a page tells: the affiliate's own, else the programme's."""
        return self.own or self.programme


@dataclass(frozen=True)
class ProgrammeWithout:
    """The programme as one affiliate may know it: without itself. No counts: not even that much may be told."""

    counts: Counts | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    published_at: datetime | None = None

    @property
    def strengths(self) -> Mapping[str, float]:
        return self.context.get("strength", {})

    @property
    def overdispersed(self) -> frozenset[str]:
        """Questions by which affiliates differ so much that chance alone is the wrong yardstick."""
        return frozenset(self.context.get("overdispersed", ()))

    @property
    def response_rate(self) -> float:
        return self.context.get("response_rate") or USUAL_RESPONSE_RATE

    def lens(self, k: int, *, shrinks: bool = False) -> Lens:
        """What is compared with it is seen through this."""
        return Lens(k, shrinks, self.counts, self.strengths, self.overdispersed)


def affiliate_insights(
    affiliate: Affiliate, *, period: str = "all", view: View = "affiliate", language: str = "es", now: datetime
) -> Insights:
    """All that `view` may see of what this affiliate's customers say. Raises ValidationError for a bad period."""
    months = parse_period(period)
    with translation.override(language):
        if view == "staff":
            return _for_staff(affiliate, months, language, now)
        return _for_affiliate(affiliate, months, language)


def programme_findings(brand: Brand, *, period: str = "all", language: str = "es") -> Findings | None:
    """The whole programme, nobody left out: for staff only. None with too few answers for a block."""
    counts = sum_counts(parse_period(period).of(shown_counts(brand)))
    if not answered(counts, ANSWERS):
        return None
    with translation.override(language):
        return read_findings(counts, catalogue_of(brand, language), Lens(k=1))


def programme_effects(brand: Brand, *, view: View = "affiliate") -> tuple[Effect, ...]:
    """What facts about purchases go with in the whole programme, of all time, as last measured.

    Affiliates know of facts behind which no single affiliate stands out, and of each only what at least k answers
    moved since. A page tells them rounded figures and no counts.
    """
    audience = Circumstance.Audience.STAFF if view == "staff" else Circumstance.Audience.PROGRAMME
    cells = Circumstance.objects.filter(brand=brand).cells(audience)
    return read_effects(cells, only_common=view == "affiliate")


def programme_weights(brand: Brand, *, view: View = "affiliate") -> Weights | None:
    """How much each opinion weighs in the score of the whole programme, as last worked out.

    Affiliates know it of aspects that enough affiliates' customers speak of, and anew only with as many answers as a
    block of the programme takes. A page tells them rounded figures and no counts.
    """
    audience = Circumstance.Audience.STAFF if view == "staff" else Circumstance.Audience.PROGRAMME
    weighing = Weighing.objects.filter(brand=brand, audience=audience).first()
    return weighing.result if weighing else None


def own_words(affiliate: Affiliate) -> tuple[AffiliateWord, ...]:
    """Words of the affiliate's published comments that stand in the others' clearly less, the most telling first."""
    return tuple(AffiliateWord.objects.filter(affiliate=affiliate, is_published=True, side=AffiliateWord.Side.OWN))


def available_periods(affiliate: Affiliate) -> tuple[str, ...]:
    """Periods with something published, for a choice: all, then years, quarters and months, the newest first."""
    return periods_within(shown_counts(affiliate.brand, affiliate).values_list("month", flat=True))


def periods_within(months: Iterable[date]) -> tuple[str, ...]:
    newest_first = sorted(set(months), reverse=True)
    years = dict.fromkeys(f"{m.year}" for m in newest_first)
    quarters = dict.fromkeys(f"{m.year}-Q{(m.month + 2) // 3}" for m in newest_first)
    return ("all", *years, *quarters, *(f"{m:%Y-%m}" for m in newest_first))


def parse_period(code: str) -> Period:
    """all, YYYY, YYYY-Qn or YYYY-MM: fixed calendar periods and no other, since free dates would single answers out."""
    if code == "all":
        return ALL
    found = PERIOD.fullmatch(code)
    if not found:
        raise ValidationError({"period": _("A period is “all”, a year 2026, a quarter 2026-Q1 or a month 2026-03.")})
    year = int(found["year"])
    if found["quarter"]:
        start, length = 3 * int(found["quarter"]) - 2, 3
    else:
        start, length = (int(found["month"]), 1) if found["month"] else (1, 12)
    end = start + length
    return Period(code, date(year, start, 1), date(year + (end > 12), end - 12 if end > 12 else end, 1))


# --- What an affiliate sees ------------------------------------------------------------------------------------------
def _for_affiliate(affiliate: Affiliate, period: Period, language: str) -> Insights:
    brand = affiliate.brand
    by_link = _sums_by_link(period.of(ShownCount.objects.filter(brand=brand, affiliate=affiliate)))
    counts = by_link.pop(None, {})
    programme = programme_without(affiliate, period)
    catalogue = catalogue_of(brand, language)
    weights = _weights_of_aspects(brand, "affiliate")
    lens = replace(programme.lens(brand.k, shrinks=True), weights=weights)
    purchases, customers = _brought(affiliate, period)
    state = state_of(answered(counts, ANSWERS), brand.k)
    insights = Insights(
        affiliate.code, period.code, "affiliate", None, state, None, None, purchases=purchases, customers=customers
    )
    if state == "few":
        return replace(
            insights,
            as_of=_day(programme.published_at, brand),
            programme=_read_programme(programme, catalogue, Lens(brand.k, weights=weights)),
            purchases_needed=statistics.invitations_needed(brand.k, programme.response_rate),
        )
    return replace(
        insights,
        as_of=day_of_newest_block(affiliate),
        own=read_findings(counts, catalogue, lens),
        expectations=tuple(map(_expectation, _quotes(affiliate, period, ["expectation"]))),
        quotes=tuple(QuoteView(q.question, q.text) for q in _quotes(affiliate, period, COMMENTS)),
        trend=_trend(_by_month(shown_counts(brand, affiliate)), lens) if state == "many" else (),
        links=_links(by_link, catalogue, lens),
    )


def day_of_newest_block(affiliate: Affiliate) -> date | None:
    blocks = Block.objects.filter(brand=affiliate.brand, affiliate=affiliate)
    return _day(blocks.aggregate(at=Max("published_at"))["at"], affiliate.brand)


def shown_counts(brand: Brand, affiliate: Affiliate | None = None) -> QuerySet[ShownCount]:
    return ShownCount.objects.filter(brand=brand, affiliate=affiliate, link=None)


def programme_without(affiliate: Affiliate, period: Period) -> ProgrammeWithout:
    """The programme's published counts less the affiliate's part: of the period, else of all time, else none."""
    brand = affiliate.brand
    latest = Block.objects.filter(brand=brand, affiliate=None).order_by("-sequence").first()
    if latest is None:
        return ProgrammeWithout()
    parts = PublishedCount.objects.filter(brand=brand, audience=PublishedCount.Audience.PROGRAMME)
    for months in dict.fromkeys((period, ALL)):
        others = months.of(parts.filter(question=ANSWERS)).exclude(affiliate=affiliate)
        answers = others.values("affiliate").annotate(n=Sum("count")).values_list("n", flat=True)
        if statistics.may_show_reference([max(0, n) for n in answers]):
            own = sum_counts(months.of(parts.filter(affiliate=affiliate)))
            everybody = sum_counts(months.of(shown_counts(brand)))
            return ProgrammeWithout(less(everybody, own), latest.context, latest.published_at)
    return ProgrammeWithout(context=latest.context)


def _read_programme(programme: ProgrammeWithout, catalogue: Catalogue, lens: Lens) -> Findings | None:
    return None if programme.counts is None else read_findings(programme.counts, catalogue, lens)


def _weights_of_aspects(brand: Brand, view: View) -> Mapping[str, float]:
    weights = programme_weights(brand, view=view)
    return weights.of_aspects if weights else {}


def _quotes(affiliate: Affiliate, period: Period, questions: Sequence[str]) -> QuerySet[Quote]:
    """The newest block first; within a block in the order they were shuffled into."""
    quotes = Quote.objects.filter(affiliate=affiliate, question__in=questions, hidden_at=None).select_related("finding")
    return period.of(quotes, "block__month").order_by("-block__sequence", "pk")[:LONGEST_LIST]


def _expectation(quote: Quote) -> Expectation:
    finding = getattr(quote, "finding", None)
    status = Finding.Status(finding.status if finding else Finding.Status.OPEN)
    return Expectation(quote.text, status.value, str(status.label))


# --- What staff see --------------------------------------------------------------------------------------------------
def _for_staff(affiliate: Affiliate, period: Period, language: str, now: datetime) -> Insights:
    brand = affiliate.brand
    rollups = Rollup.objects.filter(brand=brand, affiliate=affiliate, wave=Wave.FIRST)
    by_link = _sums_by_link(period.of(rollups, "day"))
    counts = total(by_link.values())
    by_link.pop(None, None)
    programme = programme_without(affiliate, period)
    catalogue = catalogue_of(brand, language)
    lens = replace(programme.lens(k=1), weights=_weights_of_aspects(brand, "staff"))
    n = answered(counts, ANSWERS)
    purchases, customers = _brought(affiliate, period)
    return Insights(
        affiliate=affiliate.code,
        period=period.code,
        view="staff",
        as_of=_counted_until(brand, now),
        state=state_of(n, brand.k),
        own=read_findings(counts, catalogue, lens) if n else None,
        programme=None if n else _read_programme(programme, catalogue, Lens(k=1)),
        expectations=tuple(
            Expectation(text, Finding.Status.OPEN.value, str(Finding.Status.OPEN.label))
            for _question, text in _words(affiliate, period, ["expectation"])
        ),
        quotes=tuple(QuoteView(question, text) for question, text in _words(affiliate, period, COMMENTS)),
        trend=_trend(_by_month(rollups.annotate(month=TruncMonth("day"))), lens),
        links=_links(by_link, catalogue, lens),
        purchases=purchases,
        customers=customers,
    )


def _words(affiliate: Affiliate, period: Period, questions: Sequence[str]) -> Iterable[tuple[str, str]]:
    counted = CountedResponse.objects.filter(brand=affiliate.brand, affiliate=affiliate, wave=Wave.FIRST)
    return (
        Answer.objects.filter(response__in=period.of(counted, "day").values("response"))
        .filter(question__key__in=questions)
        .exclude(redacted_text="")
        .order_by("-response__answered_at", "pk")
        .values_list("question__key", "redacted_text")[:LONGEST_LIST]
    )


def _counted_until(brand: Brand, now: datetime) -> date | None:
    waiting = ResponseChange.objects.filter(response__brand=brand).aggregate(since=Min("created_at"))["since"]
    return _day(min(waiting or now, now), brand)


# --- Both ------------------------------------------------------------------------------------------------------------
def sum_counts(rows: QuerySet[Any]) -> Counts:
    """Summed over days, months, links or parts by the database."""
    return by_question(rows.order_by().values_list("question", "value").annotate(n=Sum("count")))


def _sums_by_link(rows: QuerySet[Any]) -> dict[int | None, Counts]:
    """In ShownCount no link means all of them."""
    sums: defaultdict[int | None, defaultdict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    for link, question, value, n in rows.order_by().values_list("link", "question", "value").annotate(n=Sum("count")):
        sums[link][question][value] = n
    return dict(sums)


def _by_month(rows: QuerySet[Any]) -> dict[date, Counts]:
    """Satisfaction alone, for its trend."""
    months: defaultdict[date, dict[str, int]] = defaultdict(dict)
    for month, value, n in (
        rows.filter(question="csat").order_by().values_list("month", "value").annotate(n=Sum("count"))
    ):
        months[month][value] = n
    return {month: {"csat": values} for month, values in months.items()}


def _trend(months: Mapping[date, Counts], lens: Lens) -> tuple[TrendPoint, ...]:
    return read_trend(months, lens, next_month)


def next_month(month: date) -> date:
    return add_months(month, 1)


def _links(by_link: Mapping[int | None, Counts], catalogue: Catalogue, lens: Lens) -> tuple[LinkFindings, ...]:
    links = TrackingLink.objects.in_bulk([link for link in by_link if link is not None])
    found = [
        LinkFindings(links[link].code, links[link].campaign, read_findings(counts, catalogue, lens))
        for link, counts in by_link.items()
        if link is not None
    ]
    return tuple(sorted(found, key=lambda each: (-each.findings.n, each.code)))


def catalogue_of(brand: Brand, language: str) -> Catalogue:
    """Retired entries too: what customers named then still has a name."""

    def say(texts: Mapping[str, str], fallback: str) -> str:
        return texts.get(language) or texts.get(brand.default_language) or fallback

    return Catalogue(
        {a.code: AspectEntry(say(a.labels, a.code), a.owner) for a in Aspect.objects.filter(brand=brand)},
        {
            f.code: FactEntry(say(f.labels, f.code), f.advice.get(language, ""))
            for f in Fact.objects.filter(brand=brand)
        },
    )


def _brought(affiliate: Affiliate, period: Period) -> tuple[int, int]:
    """Purchases credited to the affiliate, and of how many customers: its own sales, which it may count."""
    return brought_by(affiliate, period.span, first=period.first, after=period.after)


def _day(at: datetime | None, brand: Brand) -> date | None:
    """A day and no hour: the hour of a block would tell when somebody answered."""
    return at.astimezone(ZoneInfo(brand.timezone)).date() if at else None
