"""What has demonstrably changed between two periods, and what merely looks so. Pure: counts in, verdicts out.

Satisfaction and recommendation are asked on purpose and judged one by one; everything else is looked at together, so
what many comparisons find by chance is allowed for.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from insights.counts import ANSWERS, Counts, answered, tally
from insights.findings import PROMISE, PROMISE_KEPT, RATING, SATISFIED, nps_groups, successes
from insights.statistics import (
    ANSWERS_FOR_VERDICT,
    CSAT_CHANGE,
    MENTIONS_FOR_VERDICT,
    NPS_CHANGE,
    ChangeRule,
    ChangeVerdict,
    Interval,
    benjamini_hochberg,
    change_verdict,
    newcombe_interval,
    nps_change_interval,
    nps_change_test,
    nps_score,
    two_proportion_test,
)

FALSE_FINDINGS = 0.10  # the share of them that is put up with among many
ASPECT_CHANGE = ChangeRule(minimum=CSAT_CHANGE.minimum, answers=MENTIONS_FOR_VERDICT)

Kind = Literal["csat", "nps", "promise", "affiliate_rating", "missing", "aspect"]
Cell = tuple[int, int]  # how many say so, of how many


@dataclass(frozen=True)
class Change:
    """A figure now and before, and whether the difference is more than chance. Shares 0..1, NPS in points.

    `verdict` knows which way is better: fewer who missed something is an improvement.
    """

    kind: Kind
    key: str  # the code of an aspect, else the same as `kind`
    before: float
    now: float
    n_before: int
    n_now: int
    difference: float
    interval: Interval
    p_value: float
    verdict: ChangeVerdict = "no_demonstrable_change"


def read_changes(now: Counts, before: Counts, aspects: Collection[str]) -> tuple[Change, ...]:
    """The demonstrated ones first, then in the order of the catalogue. None with fewer than 20 answers on a side."""
    if min(answered(now, ANSWERS), answered(before, ANSWERS)) < ANSWERS_FOR_VERDICT:
        return ()
    asked = [judge(each, _rule(each)) for each in _asked_on_purpose(now, before)]
    found = [*asked, *judge_together([*_figures(now, before), *_aspects(now, before, aspects)])]
    return tuple(sorted(found, key=lambda each: each.verdict == "no_demonstrable_change"))


def compare(kind: Kind, key: str, now: Cell, before: Cell) -> Change | None:
    """Two shares; None where one of them is of nobody."""
    tested, interval = two_proportion_test(*now, *before), newcombe_interval(*now, *before)
    if tested is None or interval is None:
        return None
    difference, _z, p_value = tested
    return Change(kind, key, before[0] / before[1], now[0] / now[1], before[1], now[1], difference, interval, p_value)


def judge(change: Change, rule: ChangeRule, *, p_value: float | None = None, alpha: float = 0.05) -> Change:
    """With the verdict on it; `p_value` where it has been adjusted for what else was looked at."""
    sign = -1 if change.kind == "missing" else 1
    verdict = change_verdict(
        sign * change.difference,
        change.p_value if p_value is None else p_value,
        n_now=change.n_now,
        n_before=change.n_before,
        rule=rule,
        alpha=alpha,
    )
    return replace(change, verdict=verdict)


def judge_together(changes: Sequence[Change]) -> list[Change]:
    """Only what can have a verdict counts among what was looked at."""
    tested = [change for change in changes if min(change.n_now, change.n_before) >= _rule(change).answers]
    adjusted = dict(zip(map(id, tested), benjamini_hochberg([change.p_value for change in tested]), strict=True))
    return [
        judge(change, _rule(change), p_value=float(adjusted[id(change)]), alpha=FALSE_FINDINGS)
        if id(change) in adjusted
        else change
        for change in changes
    ]


def _rule(change: Change) -> ChangeRule:
    return {"nps": NPS_CHANGE, "aspect": ASPECT_CHANGE}.get(change.kind, CSAT_CHANGE)


def _asked_on_purpose(now: Counts, before: Counts) -> Iterator[Change]:
    if satisfaction := compare(
        "csat", "csat", successes(now, "csat", RATING, SATISFIED), successes(before, "csat", RATING, SATISFIED)
    ):
        yield satisfaction
    if recommendation := _compare_nps(now, before):
        yield recommendation


def _compare_nps(now: Counts, before: Counts) -> Change | None:
    groups, earlier = nps_groups(now), nps_groups(before)
    tested, interval = nps_change_test(groups, earlier), nps_change_interval(groups, earlier)
    value, value_before = nps_score(*groups), nps_score(*earlier)
    if tested is None or interval is None or value is None or value_before is None:
        return None
    difference, _error, _z, p_value = tested
    return Change("nps", "nps", value_before, value, sum(earlier), sum(groups), difference, interval, p_value)


def _figures(now: Counts, before: Counts) -> Iterator[Change]:
    scales: Mapping[Kind, tuple[Collection[str], Collection[str]]] = {
        "promise": (PROMISE, PROMISE_KEPT),
        "affiliate_rating": (RATING, SATISFIED),
        "missing": (("yes", "no"), ("yes",)),
    }
    for kind, scale in scales.items():
        if change := compare(kind, kind, successes(now, kind, *scale), successes(before, kind, *scale)):
            yield change


def _aspects(now: Counts, before: Counts, aspects: Collection[str]) -> Iterator[Change]:
    for code in aspects:
        if change := compare("aspect", code, mentions(now, code), mentions(before, code)):
            yield change


def mentions(counts: Counts, code: str) -> Cell:
    """How many would keep an aspect, of those who mention it."""
    praise, complaint = (tally(counts, board, [code])[code] for board in ("keep", "improve"))
    return praise, praise + complaint


# --- Which periods are compared --------------------------------------------------------------------------------------
def quarter_of(month: date) -> str:
    return f"{month.year}-Q{(month.month + 2) // 3}"


def period_before(code: str) -> str:
    """The calendar period of the same length right before it: 2026-Q1 for 2026-Q2, 2025-12 for 2026-01."""
    year = int(code[:4])
    if len(code) == 4:
        return str(year - 1)
    part, marker, last = (int(code[6:]), "Q", 4) if "Q" in code else (int(code[5:]), "", 12)
    year, part = (year, part - 1) if part > 1 else (year - 1, last)
    return f"{year}-{marker}{part}" if marker else f"{year}-{part:02d}"


def latest_pair(answers: Mapping[date, int]) -> tuple[str, str] | None:
    """The newest quarter with 20 answers whose quarter before has them too; by months, as they were published."""
    quarters: dict[str, int] = {}
    for month, n in answers.items():
        quarters[quarter_of(month)] = quarters.get(quarter_of(month), 0) + n
    for quarter in sorted(quarters, reverse=True):
        before = period_before(quarter)
        if min(quarters[quarter], quarters.get(before, 0)) >= ANSWERS_FOR_VERDICT:
            return quarter, before
    return None
