"""How an affiliate compares: with before, with the programme, with what its brand wants, and with the alternatives.

As insights.privacy, by whose means it reads: sums of published blocks alone, and of the programme what remains without
the affiliate, where no other one stands out in it. Staff look at the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Sum

from affiliates.models import Affiliate
from complaints.models import Complaint
from insights.changes import Change, latest_pair, period_before, read_changes
from insights.counts import ANSWERS, Counts, answered, tally
from insights.endings import SOLVED
from insights.findings import (
    PROMISE,
    PROMISE_KEPT,
    RATING,
    SATISFIED,
    Figure,
    Lens,
    is_enough,
    nps_groups,
    read_share,
    successes,
)
from insights.models import Alert, Standing, Target, Took
from insights.outcomes import today_of
from insights.privacy import (
    ALL,
    catalogue_of,
    day_of_newest_block,
    parse_period,
    programme_without,
    shown_counts,
    sum_counts,
)
from insights.statistics import nps_interval, nps_score, wilson_interval
from insights.targets import Progress, Reading

BETTER = ("1", "2")
AGAIN = ("4", "5")
PARTS = tuple(Complaint.Part.values)
CAUSES = tuple(Complaint.Cause.values)
ENDINGS = ("1", "2", "3")  # to whether a case was put right: no, in part, yes
PUT_RIGHT = str(SOLVED)
# An affiliate answers for what it says; all else is the brand's.
OF_AFFILIATE = Complaint.Part.SALE.value
# Targets an affiliate sees of itself: how many answer, and how quickly staff do, is nothing it can change.
OWN_TARGETS = ("csat", "nps", "missing", "promise_unmet")
NOTHING: Counts = {}


@dataclass(frozen=True)
class Place:
    """Satisfaction among all: beside the programme without the affiliate, and in which quarter of all, if told.

    `widening` is what the lines allow for beyond chance.
    """

    csat: Figure
    reference: float
    widening: float | None
    quarter: int | None

    @property
    def successes(self) -> int:
        return round(self.csat.value * self.csat.n)


@dataclass(frozen=True)
class PeriodChanges:
    """What changed from one calendar period to the next. No changes: one of them has fewer than 20 answers."""

    now: str
    before: str
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Alternatives:
    """What customers say months later: whether it is better than what else they know, and whether they would return.

    `counts` by answer from -2 to 2, of the `known`; the others know nothing to compare with.
    """

    better: Figure
    again: Figure | None
    counts: Mapping[str, int]
    known: int
    others: int


@dataclass(frozen=True)
class Parts:
    """Where it went wrong, and in how many nobody has said so yet."""

    counts: Mapping[str, int]
    n: int

    @property
    def known(self) -> int:
        return sum(self.counts.values())

    @property
    def of_affiliate(self) -> int:
        return self.counts[OF_AFFILIATE]


@dataclass(frozen=True)
class Aftercare:
    """How cases went: what lay behind them, how long they took, how they ended as their customers say.

    Each has the number of cases, or of customers, that it is known of; a question with fewer than k is empty.
    """

    causes: Mapping[str, int]
    judged: int
    took: Mapping[str, int]
    solved: int
    endings: Mapping[str, int]
    answered: int

    @property
    def put_right(self) -> int:
        return self.endings.get(PUT_RIGHT, 0)

    def within(self, *spans: str) -> int:
        return sum(self.took.get(span, 0) for span in spans)


@dataclass(frozen=True)
class Fall:
    """An alert with the name of what it is about; empty for satisfaction itself."""

    alert: Alert
    label: str
    owner: str


@dataclass(frozen=True)
class Comparison:
    """All of it for one affiliate and period. What has too few answers is None or empty."""

    as_of: date | None  # the day of the newest block
    labels: Mapping[str, str]  # of aspects, by code
    n: int
    place: Place | None
    changes: PeriodChanges | None
    targets: tuple[Progress, ...]
    alternatives: Alternatives | None
    alternatives_elsewhere: Alternatives | None
    said: Parts | None  # by customers who were not satisfied
    said_elsewhere: Parts | None
    found: Parts | None  # in their cases
    aftercare: Aftercare | None
    falls: tuple[Fall, ...]


def compare_affiliate(affiliate: Affiliate, *, period: str = "all", language: str = "es", now: datetime) -> Comparison:
    """Raises ValidationError for a bad period."""
    brand, months = affiliate.brand, parse_period(period)
    counts = sum_counts(months.of(shown_counts(brand, affiliate)))
    programme = programme_without(affiliate, months)
    lens, elsewhere = programme.lens(brand.k, shrinks=True), programme.counts or NOTHING
    labels = {code: aspect.label for code, aspect in catalogue_of(brand, language).aspects.items()}
    return Comparison(
        as_of=day_of_newest_block(affiliate),
        labels=labels,
        n=answered(counts, ANSWERS),
        place=_place(affiliate, counts, lens, today_of(brand, now).replace(day=1)),
        changes=_changes(affiliate, period, list(labels)),
        targets=tuple(
            Progress(target.figure, target.in_unit, read_target(counts, target.figure))
            for target in Target.objects.filter(brand=brand, figure__in=OWN_TARGETS)
        ),
        alternatives=read_alternatives(counts, brand.k),
        alternatives_elsewhere=read_alternatives(elsewhere, brand.k),
        said=read_parts(counts, "part", brand.k),
        said_elsewhere=read_parts(elsewhere, "part", brand.k),
        found=read_parts(counts, "cases", brand.k),
        aftercare=read_aftercare(counts, brand.k),
        falls=falls_of(affiliate, language),
    )


def falls_of(affiliate: Affiliate, language: str) -> tuple[Fall, ...]:
    """What stands fallen now, the newest first."""
    alerts = Alert.objects.standing().filter(brand=affiliate.brand, affiliate=affiliate)
    return named_falls(list(alerts), affiliate, language)


def recovered_since(affiliate: Affiliate, since: datetime, language: str) -> tuple[Fall, ...]:
    """What is as good again as before it fell."""
    alerts = Alert.objects.filter(brand=affiliate.brand, affiliate=affiliate, ended_at__gt=since)
    return named_falls(list(alerts), affiliate, language)


def named_falls(alerts: Sequence[Alert], affiliate: Affiliate, language: str) -> tuple[Fall, ...]:
    aspects = catalogue_of(affiliate.brand, language).aspects if alerts else {}
    return tuple(
        Fall(alert, aspects[alert.key].label, aspects[alert.key].owner)
        if alert.key in aspects
        else Fall(alert, "" if alert.key == Alert.SATISFACTION else alert.key, "both")
        for alert in alerts
    )


def _place(affiliate: Affiliate, counts: Counts, lens: Lens, this_month: date) -> Place | None:
    """From 20 answers on, where the programme may be told. An earlier month's quarter says nothing of this one."""
    csat = read_share(counts, "csat", RATING, SATISFIED, lens)
    if csat is None or csat.reference is None or not is_enough(csat.n):
        return None
    standing = Standing.objects.filter(brand=affiliate.brand, affiliate=affiliate, month=this_month).first()
    return Place(csat, csat.reference, lens.widening("csat"), standing.quarter if standing else None)


def _changes(affiliate: Affiliate, period: str, aspects: Sequence[str]) -> PeriodChanges | None:
    """Of all time the newest two quarters that can be compared; else the period and the one before it."""
    own = shown_counts(affiliate.brand, affiliate)
    if period == ALL.code:
        by_month = own.filter(question=ANSWERS).order_by().values_list("month").annotate(n=Sum("count"))
        pair = latest_pair(dict(by_month))
        if pair is None:
            return None
    else:
        pair = (period, period_before(period))
    now, before = (sum_counts(parse_period(code).of(own)) for code in pair)
    return PeriodChanges(*pair, read_changes(now, before, aspects))


def read_target(counts: Counts, figure: str) -> Reading | None:
    """What a target is held against, from 20 answers on: below that a raw figure would mislead."""
    if figure == "nps":
        groups = nps_groups(counts)
        value, interval = nps_score(*groups), nps_interval(*groups)
        if value is None or interval is None or not is_enough(sum(groups)):
            return None
        return Reading(value, *interval, sum(groups))
    scales: dict[str, tuple[Any, Any, Any]] = {
        "csat": ("csat", RATING, SATISFIED),
        "missing": ("missing", ("yes", "no"), ("yes",)),
        "promise_unmet": ("promise", PROMISE, [value for value in PROMISE if value not in PROMISE_KEPT]),
    }
    x, n = successes(counts, *scales[figure])
    interval = wilson_interval(x, n)
    return Reading(x / n, *interval, n) if interval and is_enough(n) else None


def read_alternatives(counts: Counts, k: int) -> Alternatives | None:
    """None with fewer than k who know something to compare with."""
    lens = Lens(k)
    better = read_share(counts, "alternatives", PROMISE, BETTER, lens)
    if better is None:
        return None
    return Alternatives(
        better,
        read_share(counts, "buy_again", RATING, AGAIN, lens),
        tally(counts, "alternatives", PROMISE),
        better.n,
        tally(counts, "alternatives", ["none"])["none"],
    )


def read_parts(counts: Counts, question: str, k: int) -> Parts | None:
    """None with fewer than k, or where nobody has said anything of any."""
    parts = Parts(tally(counts, question, PARTS), answered(counts, question))
    return parts if parts.n >= max(1, k) and parts.known else None


def read_aftercare(counts: Counts, k: int) -> Aftercare | None:
    """None where fewer than k are known of everything. A cause is named where k cases had it."""
    k = max(1, k)
    n = {question: answered(counts, question) for question in ("causes", "took", "solved")}
    n = {question: number if number >= k else 0 for question, number in n.items()}
    if not any(n.values()):
        return None
    causes = {cause: number for cause, number in tally(counts, "causes", CAUSES).items() if number >= k}
    return Aftercare(
        causes=dict(sorted(causes.items(), key=lambda item: -item[1])),
        judged=n["causes"],
        took=tally(counts, "took", Took.values) if n["took"] else {},
        solved=n["took"],
        endings=tally(counts, "solved", ENDINGS) if n["solved"] else {},
        answered=n["solved"],
    )
