"""Whether what somebody changed shows in what customers say. Pure: counts of before and after in, an outcome out.

Before and after last as long; what was answered around the change counts in neither. Beside it stands the rest of the
programme over the same time: what changed there as well did not come from here. Even so it is an association, no proof.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil, sqrt
from typing import Literal

from complaints.clocks import add_months
from insights.counts import ANSWERS, Counts, answered, tally
from insights.differences import Difference, answers_to_demonstrate, difference_of_differences
from insights.findings import (
    MENTIONS_TO_LIST,
    PROMISE,
    PROMISE_KEPT,
    RATING,
    SATISFIED,
    Figure,
    Lens,
    aspect_reference,
    estimate,
    nps_groups,
    read_nps,
    successes,
)
from insights.statistics import (
    ANSWERS_FOR_VERDICT,
    CSAT_CHANGE,
    MENTIONS_FOR_VERDICT,
    NPS_CHANGE,
    ChangeRule,
    ChangeVerdict,
    change_verdict,
    newcombe_interval,
    nps_change_interval,
    nps_change_test,
    two_proportion_test,
)

State = Literal["too_soon", "few_before", "few_after", "measured"]

MONTHS = 6  # the longest before and after that are compared
DAYS = 182


# --- What was to get better ------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Subject:
    """The figure that an action should move: a question's, an aspect's (praise of all mentions) or a missing fact's."""

    kind: str
    key: str

    @property
    def is_nps(self) -> bool:
        return self.kind == "figure" and self.key == "nps"

    @property
    def falls_when_better(self) -> bool:
        return self.kind == "fact" or self.key == "missing"

    @property
    def rule(self) -> ChangeRule:
        return NPS_CHANGE if self.is_nps else CSAT_CHANGE

    @property
    def code(self) -> str:
        """As a form says it: "csat", "aspect:entrega"."""
        return self.key if self.kind == "figure" else f"{self.kind}:{self.key}"


SHARES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "csat": (RATING, SATISFIED),
    "affiliate_rating": (RATING, SATISFIED),
    "promise": (PROMISE, PROMISE_KEPT),
    "missing": (("yes", "no"), ("yes",)),
}
FIGURES = (*SHARES, "nps")


def parse_subject(code: str) -> Subject | None:
    kind, _, key = code.rpartition(":")
    if not kind:
        return Subject("figure", key) if key in FIGURES else None
    return Subject(kind, key) if kind in ("aspect", "fact") and key else None


def share_of(subject: Subject, counts: Counts) -> tuple[int, int]:
    """How many of how many. Of an aspect: would keep it, of those who mention it."""
    if subject.kind == "aspect":
        praise, complaint = (tally(counts, board, [subject.key])[subject.key] for board in ("keep", "improve"))
        return praise, praise + complaint
    if subject.kind == "fact":
        asked = answered(counts, "missing")
        return min(asked, tally(counts, "missing_facts", [subject.key])[subject.key]), asked
    return successes(counts, subject.key, *SHARES[subject.key])


def answers_on(subject: Subject, counts: Counts) -> int:
    return sum(nps_groups(counts)) if subject.is_nps else share_of(subject, counts)[1]


def read_subject(subject: Subject, counts: Counts, lens: Lens) -> Figure | None:
    """The figure in these counts, seen through a lens; None with too few answers to show it."""
    if subject.is_nps:
        return read_nps(counts, lens)
    x, n = share_of(subject, counts)
    least = MENTIONS_TO_LIST if subject.kind == "aspect" else 1
    if n < max(least if lens.k > 1 else 1, lens.k):
        return None
    reference = reference_of(subject, lens)
    answers = answered(counts, ANSWERS) if subject.kind == "aspect" else n
    value, (low, high) = estimate(x, n, reference, lens, subject.key, answers=answers)
    return Figure(value, low, high, n, reference)


def reference_of(subject: Subject, lens: Lens) -> float | None:
    if subject.kind == "aspect":
        return aspect_reference(lens, subject.key)
    x, n = share_of(subject, lens.reference or {})
    return x / n if n else None


# --- When ------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Span:
    """From a day to before another."""

    first: date
    after: date


@dataclass(frozen=True)
class Spans:
    before: Span
    after: Span


def spans_by_month(changed_on: date, until: date) -> Spans | None:
    """Whole months, as many before the month of the change as after it, up to that of `until`; at most six.

    For what is published by month. The month of the change counts in neither: who answers in it may have bought before.
    """
    month = changed_on.replace(day=1)
    length = min(MONTHS, 12 * (until.year - month.year) + until.month - month.month)
    if length < 1:
        return None
    start = add_months(month, 1)
    return Spans(Span(add_months(month, -length), month), Span(start, add_months(start, length)))


def spans_by_day(changed_on: date, until: date) -> Spans | None:
    """As many days before the day of the change as have ended after it, before `until`; at most half a year."""
    length = min(DAYS, (until - changed_on).days - 1)
    if length < 1:
        return None
    days, start = timedelta(length), changed_on + timedelta(1)
    return Spans(Span(changed_on - days, changed_on), Span(start, start + days))


# --- What came of it -------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Pair:
    """Counts of before and of after."""

    before: Counts
    after: Counts


@dataclass(frozen=True)
class Outcome:
    """What came of an action. Differences are after minus before: shares 0..1, NPS in points.

    `effect` is the change less that of the rest of the programme, where that may be told, and the change itself where
    not. The verdict is about the effect. `answers_needed`: how many more it takes to know, and `purchases_needed` what
    usually brings them; None: that cannot be said.
    """

    state: State
    spans: Spans | None = None
    before: Figure | None = None
    after: Figure | None = None
    change: Difference | None = None
    rest_before: float | None = None
    rest_after: float | None = None
    rest: Difference | None = None
    effect: Difference | None = None
    verdict: ChangeVerdict | None = None
    answers_needed: int | None = None
    purchases_needed: int | None = None

    @property
    def is_compared(self) -> bool:
        return self.rest is not None


TOO_SOON = Outcome("too_soon")


def measure(
    subject: Subject, own: Pair, rest: Pair | None, *, spans: Spans, lens_of: Callable[[Counts | None], Lens]
) -> Outcome:
    """`rest`: the programme without whoever acted, over the same time; None where that may not be told."""
    before = read_subject(subject, own.before, lens_of(rest.before if rest else None))
    after = read_subject(subject, own.after, lens_of(rest.after if rest else None))
    if not has_enough(subject, own.before):
        return Outcome("few_before", spans, before, after)
    if not has_enough(subject, own.after):
        return Outcome("few_after", spans, before, after, answers_needed=answers_lacking(subject, own.after))
    compared = compare(subject, own)
    assert compared is not None
    change, p_value = compared
    others = compare(subject, rest) if rest and is_known(subject, rest) else None
    effect = difference_of_differences(change, others[0]) if others else change
    verdict = judge(subject, own, effect, p_value=None if others else p_value)
    return Outcome(
        "measured",
        spans,
        before,
        after,
        change,
        before.reference if before and others else None,
        after.reference if after and others else None,
        others[0] if others else None,
        effect,
        verdict,
        answers_missing(subject, own, effect) if verdict == "no_demonstrable_change" else None,
    )


def has_enough(subject: Subject, counts: Counts) -> bool:
    """For a verdict: 20 answers (30 for NPS), and of an aspect 10 mentions among 20 answers."""
    n = answers_on(subject, counts)
    if subject.kind == "aspect":
        return n >= MENTIONS_FOR_VERDICT and answered(counts, ANSWERS) >= ANSWERS_FOR_VERDICT
    return n >= subject.rule.answers


def is_known(subject: Subject, pair: Pair) -> bool:
    """Whether enough of the others speak of it to be a yardstick."""
    return min(answers_on(subject, pair.before), answers_on(subject, pair.after)) >= MENTIONS_FOR_VERDICT


def answers_lacking(subject: Subject, counts: Counts) -> int | None:
    """Until there are enough for a verdict; of an aspect that nobody mentions that cannot be said."""
    if subject.kind != "aspect":
        return subject.rule.answers - answers_on(subject, counts)
    answers, mentions = answered(counts, ANSWERS), answers_on(subject, counts)
    if not mentions:
        return None
    lacking = ceil((MENTIONS_FOR_VERDICT - mentions) * answers / mentions) if mentions < MENTIONS_FOR_VERDICT else 0
    return max(lacking, ANSWERS_FOR_VERDICT - answers)


def compare(subject: Subject, pair: Pair) -> tuple[Difference, float] | None:
    """After minus before with its interval, and p; None where either is empty."""
    if subject.is_nps:
        now, earlier = nps_groups(pair.after), nps_groups(pair.before)
        tested, between = nps_change_test(now, earlier), nps_change_interval(now, earlier)
        return (Difference(tested[0], *between), tested[3]) if tested and between else None
    shares = (*share_of(subject, pair.after), *share_of(subject, pair.before))
    compared, interval = two_proportion_test(*shares), newcombe_interval(*shares)
    return (Difference(compared[0], *interval), compared[2]) if compared and interval else None


def judge(subject: Subject, own: Pair, effect: Difference, *, p_value: float | None) -> ChangeVerdict:
    """By the p-value where there is nothing to compare with, else by whether the interval leaves nought out."""
    chance = p_value if p_value is not None else float(not effect.is_certain)
    better = -effect.value if subject.falls_when_better else effect.value
    n_now, n_before = answers_on(subject, own.after), answers_on(subject, own.before)
    rule = ChangeRule(subject.rule.minimum, MENTIONS_FOR_VERDICT) if subject.kind == "aspect" else subject.rule
    return change_verdict(better, chance, n_now=n_now, n_before=n_before, rule=rule)


def answers_missing(subject: Subject, own: Pair, effect: Difference) -> int | None:
    """How many more answers would show an effect of this size; None where it is too small to matter or to be shown."""
    if abs(effect.value) < subject.rule.minimum:
        return None
    n_before, n_after = answers_on(subject, own.before), answers_on(subject, own.after)
    error = sqrt(variance_of(subject, own.before) / n_before)
    needed = answers_to_demonstrate(effect.value, error_before=error, variance=variance_of(subject, own.after))
    if needed is None or needed <= n_after:
        return None
    spoken_of = n_after / max(1, answered(own.after, ANSWERS)) if subject.kind == "aspect" else 1.0
    return ceil((needed - n_after) / spoken_of)


def variance_of(subject: Subject, counts: Counts) -> float:
    """Of a single answer; with two made-up ones added, since all alike does not mean that the next is too."""
    if subject.is_nps:
        promoters, passives, detractors = nps_groups(counts)
        n = promoters + passives + detractors + 3
        up, down = (promoters + 0.75) / n, (detractors + 0.75) / n
        return 100**2 * (up + down - (up - down) ** 2)
    x, n = share_of(subject, counts)
    share = (x + 1) / (n + 2)
    return share * (1 - share)
