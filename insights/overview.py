"""The whole programme for its staff: affiliates side by side, targets, whose part it was, and the alternatives.

Affiliates are compared by what has been published of them, which is what they can be spoken to about; cases and what
is said months later are counted of everybody.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import TruncMonth
from django.utils import translation

from accounts.models import Brand
from affiliates.models import Affiliate
from complaints.models import Complaint
from insights.changes import latest_pair, read_changes
from insights.comparing import BETTER, PARTS, Alternatives, Parts, PeriodChanges, read_alternatives, read_parts
from insights.counts import ANSWERS, answered
from insights.findings import PROMISE, Findings, Lens, TrendPoint, read_findings, successes, trend_of_shares
from insights.models import Alert, Block, BrandFigure, CaseCount, Measurement, Rollup, Target
from insights.outcomes import today_of
from insights.privacy import catalogue_of, next_month, parse_period, periods_within, shown_counts, sum_counts
from insights.quality import published_shares, strength_between
from insights.statistics import (
    ANSWERS_FOR_VERDICT,
    PRIOR_STRENGTH_DEFAULT,
    ExpectedVerdict,
    Interval,
    expected_verdict,
    wilson_interval,
)
from insights.targets import DAYS, Progress
from surveys.models import Answer, Question, Wave

NEWEST_WORDS = 40
OF_NOBODY = 0  # the key of cases of purchases that nobody is credited with


def periods_of_brand(brand: Brand) -> tuple[str, ...]:
    """Periods in which anything was published, the newest first."""
    return periods_within(Block.objects.filter(brand=brand).values_list("month", flat=True).distinct())


# --- Affiliates side by side -----------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Compared:
    """An affiliate beside the programme. No verdict with fewer than 20 answers."""

    code: str
    name: str
    satisfied: int
    n: int
    interval: Interval
    verdict: ExpectedVerdict | None

    @property
    def share(self) -> float:
        return self.satisfied / self.n


@dataclass(frozen=True)
class Field:
    """All affiliates with answers, those that stand out first; `widening` is what the lines allow beyond chance."""

    affiliates: tuple[Compared, ...]
    reference: float
    widening: float | None


ORDER = {"well_below": 0, "below": 1, "well_above": 3, "above": 2}


def compare_affiliates(brand: Brand, *, period: str = "all") -> Field | None:
    """By satisfaction, as published. None where nothing has been."""
    cells = published_shares(brand, parse_period(period))
    everybody = sum(n for _x, n in cells.values())
    if not everybody:
        return None
    reference = sum(x for x, _n in cells.values()) / everybody
    widening = strength_between(brand)
    names = Affiliate.objects.filter(brand=brand).in_bulk(list(cells))
    found = [_compared(names[each], *cell, reference, widening) for each, cell in cells.items() if each in names]
    found.sort(key=lambda each: (ORDER.get(each.verdict or "", 4), -each.n, each.name))
    return Field(tuple(found), reference, widening)


def _compared(affiliate: Affiliate, x: int, n: int, reference: float, widening: float | None) -> Compared:
    interval = wilson_interval(x, n)
    assert interval is not None
    verdict = expected_verdict(x, n, reference, strength=widening) if n >= ANSWERS_FOR_VERDICT else None
    return Compared(affiliate.code, str(affiliate), x, n, interval, verdict)


# --- Targets, changes, what has fallen -------------------------------------------------------------------------------
def brand_progress(brand: Brand) -> tuple[Progress, ...]:
    """The brand's targets beside its figures of the last 90 days, as of last night."""
    readings = {row.figure: row.reading for row in brand_figures(brand)}
    return tuple(
        Progress(target.figure, target.in_unit, readings.get(target.figure))
        for target in Target.objects.filter(brand=brand)
    )


def brand_figures(brand: Brand) -> QuerySet[BrandFigure]:
    return BrandFigure.objects.filter(brand=brand)


def rollups_of_last_days(brand: Brand, now: datetime) -> QuerySet[Rollup]:
    """Of the days over which the brand's own figures are taken."""
    today = today_of(brand, now)
    return Rollup.objects.filter(brand=brand, wave=Wave.FIRST, day__gt=today - timedelta(days=DAYS), day__lte=today)


def brand_findings(brand: Brand, *, language: str, now: datetime) -> Findings | None:
    """What everybody said in the same 90 days, published or not: as of last night, before the first one as of now."""
    counts = Measurement.objects.filter(brand=brand).values_list("counts", flat=True).first()
    if counts is None:
        counts = sum_counts(rollups_of_last_days(brand, now))
    if not answered(counts, ANSWERS):
        return None
    with translation.override(language):
        return read_findings(counts, catalogue_of(brand, language), Lens(k=1))


def brand_changes(brand: Brand) -> PeriodChanges | None:
    """Of the newest two quarters in which the programme had enough answers."""
    everybody = shown_counts(brand)
    by_month = everybody.filter(question=ANSWERS).order_by().values_list("month").annotate(n=Sum("count"))
    pair = latest_pair(dict(by_month))
    if pair is None:
        return None
    now, before = (sum_counts(parse_period(code).of(everybody)) for code in pair)
    return PeriodChanges(*pair, read_changes(now, before, list(catalogue_of(brand, brand.default_language).aspects)))


@dataclass(frozen=True)
class Fallen:
    """What has fallen and is not as good again: those to be told first, and how many there are."""

    alerts: tuple[Alert, ...]
    n: int

    @property
    def others(self) -> int:
        return self.n - len(self.alerts)


MOST_ALERTS = 25


def standing_alerts(brand: Brand) -> Fallen:
    """The programme's own first, then the affiliates', the newest first."""
    standing = Alert.objects.standing().filter(brand=brand)
    ordered = standing.alias(is_own=Q(affiliate=None)).order_by("-is_own", "-opened_at", "pk")
    return Fallen(tuple(ordered.select_related("affiliate", "brand")[:MOST_ALERTS]), standing.count())


# --- Whose part ------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class CasesOfAffiliate:
    name: str
    code: str
    parts: Parts


@dataclass(frozen=True)
class Responsibility:
    """What customers say went wrong, what staff found in their cases, and by kind and affiliate."""

    said: Parts | None
    found: Parts | None
    by_kind: tuple[tuple[str, Parts], ...]
    by_affiliate: tuple[CasesOfAffiliate, ...]


MOST_AFFILIATES = 25


def responsibility(brand: Brand, *, period: str = "all") -> Responsibility:
    months = parse_period(period)
    said = _counts_by_value(months.of(Rollup.objects.filter(brand=brand, question="part", wave=Wave.FIRST), "day"))
    kinds: defaultdict[str, Counter[str]] = defaultdict(Counter)
    affiliates: defaultdict[int, Counter[str]] = defaultdict(Counter)
    cases = months.of(CaseCount.objects.filter(brand=brand), "day")
    for affiliate, kind, part, n in cases.values_list("affiliate", "kind", "part").annotate(n=Sum("count")):
        kinds[kind][part] += n
        affiliates[affiliate or OF_NOBODY][part] += n
    everything = sum(kinds.values(), Counter())
    return Responsibility(
        said=read_parts({"part": said}, "part", 1),
        found=_parts(everything) if everything else None,
        by_kind=tuple((kind, _parts(kinds[kind])) for kind in Complaint.Kind.values if kind in kinds),
        by_affiliate=_of_affiliates(affiliates),
    )


def _of_affiliates(counts: dict[int, Counter[str]]) -> tuple[CasesOfAffiliate, ...]:
    """Those with the most cases of their own part first, then the most at all."""
    counts = {affiliate: parts for affiliate, parts in counts.items() if affiliate != OF_NOBODY}
    most = sorted(counts, key=lambda each: (-counts[each]["sale"], -counts[each].total(), each))[:MOST_AFFILIATES]
    names = Affiliate.objects.in_bulk(most)
    return tuple(
        CasesOfAffiliate(str(names[each]), names[each].code, _parts(counts[each])) for each in most if each in names
    )


def _parts(counts: Counter[str]) -> Parts:
    return Parts({part: counts[part] for part in PARTS}, counts.total())


def _counts_by_value(rows: QuerySet[Rollup]) -> dict[str, int]:
    return dict(rows.order_by().values_list("value").annotate(n=Sum("count")))


# --- The alternatives ------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Rivalry:
    """How customers say, months later, that the brand compares: how it goes, about what, and in which words."""

    alternatives: Alternatives | None
    trend: tuple[TrendPoint, ...]
    apart: tuple[tuple[str, int], ...]  # aspects in what sets it apart, the most named first
    described: int  # how many said what sets it apart
    words: tuple[str, ...]
    needs: tuple[str, ...]


def rivalry(brand: Brand, *, language: str, now: datetime) -> Rivalry:
    later = Rollup.objects.filter(brand=brand, wave=Wave.FOLLOW_UP)
    compared = later.filter(question__in=("alternatives", "buy_again"))
    counts: defaultdict[str, dict[str, int]] = defaultdict(dict)
    months: defaultdict[date, dict[str, int]] = defaultdict(dict)
    by_month = compared.order_by().annotate(month=TruncMonth("day")).values_list("question", "value", "month")
    rows = by_month.annotate(n=Sum("count"))
    for question, value, month, n in rows:
        counts[question][value] = counts[question].get(value, 0) + n
        if question == "alternatives":
            months[month][value] = n
    cells = {month: successes({"alternatives": of}, "alternatives", PROMISE, BETTER) for month, of in months.items()}
    apart = _counts_by_value(later.filter(question="distinction"))
    return Rivalry(
        alternatives=read_alternatives(counts, 1),
        trend=trend_of_shares(_until(cells, brand, now), next_month, mean=None, strength=PRIOR_STRENGTH_DEFAULT),
        apart=_named(brand, apart, language),
        described=apart.get("", 0),
        words=_newest_words(brand, "distinction"),
        needs=_newest_words(brand, "needs"),
    )


def _until(cells: dict[date, tuple[int, int]], brand: Brand, now: datetime) -> dict[date, tuple[int, int]]:
    """Nothing dated later than today, which a wrong import may be."""
    today = today_of(brand, now)
    return {month: cell for month, cell in cells.items() if month <= today}


def _named(brand: Brand, counts: dict[str, int], language: str) -> tuple[tuple[str, int], ...]:
    aspects = catalogue_of(brand, language).aspects
    found = [(aspects[code].label, n) for code, n in counts.items() if code in aspects]
    return tuple(sorted(found, key=lambda each: (-each[1], each[0])))


def _newest_words(brand: Brand, key: str) -> tuple[str, ...]:
    """Of the questions by their ids: PostgreSQL so knows how few they may be, and need not go through all waves."""
    questions = Question.objects.filter(survey__brand=brand, survey__wave=Wave.FOLLOW_UP, key=key)
    answers = Answer.objects.filter(
        question__in=list(questions.values_list("pk", flat=True)),
        response__brand=brand,
        response__is_suspect=False,
        redacted_text__gt="",
    )
    newest = answers.order_by("-response__answered_at", "-pk")
    return tuple(newest.values_list("redacted_text", flat=True)[:NEWEST_WORDS])
