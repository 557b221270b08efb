"""Is a fault under warranty? From the dates and the rule of the country. Plain arithmetic, without Django."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

from complaints.clocks import add_months

Outcome = Literal["in", "seller", "out", "doubt"]
GOODS, DIGITAL, SERVICE = "goods", "digital", "service"


@dataclass(frozen=True)
class Rule:
    """So many months from delivery for what was delivered between these days.

    For `burden_months` a fault is taken to have been there from the beginning, unless the seller shows otherwise.
    `is_law`: not a promise of the brand's own, which comes on top. `is_checked`: whoever answers for it has written it.
    """

    source: str
    months: int
    burden_months: int = 0
    delivered_from: date = date.min
    delivered_until: date = date.max
    suspends_on_repair: bool = True
    is_law: bool = True
    is_checked: bool = False


# As read in July 2026, from summaries of the laws: whoever runs this has them confirmed (docs/complaints.md). What a
# brand knows better it writes into its own rules, which replace these.
SINCE_2022, BEFORE_2022 = date(2022, 1, 1), date(2021, 12, 31)
OF_COUNTRY: dict[tuple[str, str], tuple[Rule, ...]] = {
    ("ES", GOODS): (
        Rule("TRLGDCU, art. 120 y 121", 36, 24, delivered_from=SINCE_2022),
        Rule("TRLGDCU, art. 123 (hasta 2021)", 24, 6, delivered_until=BEFORE_2022),
    ),
    ("ES", DIGITAL): (Rule("TRLGDCU, art. 120 y 121", 24, 12, delivered_from=SINCE_2022),),
    ("PT", GOODS): (Rule("Decreto-Lei 84/2021", 36, 24, delivered_from=SINCE_2022),),
    ("CL", GOODS): (Rule("Ley 21.398", 6, delivered_from=date(2022, 3, 24)),),
    ("AR", GOODS): (Rule("Ley 24.240, art. 11", 6),),
}
# The least that every state of the Union gives; some give more.
UNION = Rule("Directiva (UE) 2019/771", 24, 12, delivered_from=SINCE_2022, suspends_on_repair=False)
OF_THE_UNION = frozenset(
    {"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU"}
    | {"IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"}
)


@dataclass(frozen=True)
class Limit:
    """So many months from the day on which the fault showed it can be claimed at all, in term or not."""

    source: str
    months: int


LIMIT_OF_COUNTRY: dict[tuple[str, str], Limit] = {
    ("ES", GOODS): Limit("TRLGDCU, art. 124", 60),
    ("ES", DIGITAL): Limit("TRLGDCU, art. 124", 60),
    ("ES", SERVICE): Limit("Código Civil, art. 1964.2", 60),
}


@dataclass(frozen=True)
class Dates:
    """What is known. `showed_on`: when the fault appeared; `claimed_on`: when somebody asked for it to be put right.

    `repairs`: from handing it in to getting it back, if so.
    """

    showed_on: date
    delivered_on: date | None = None
    bought_on: date | None = None
    claimed_on: date | None = None
    repairs: Sequence[tuple[date, date | None]] = ()


@dataclass(frozen=True)
class Verdict:
    """`reason` says why it is in doubt: no_delivery, before_delivery, no_rule; or why it is out although the fault
    showed in time: claimed_late. `claim_until` is the last day for that, by `limit`; None: no law is known.
    """

    outcome: Outcome
    rule: Rule | None = None
    starts_on: date | None = None
    burden_until: date | None = None
    ends_on: date | None = None
    suspended_days: int = 0
    reason: str = ""
    is_earliest: bool = False  # reckoned from the purchase, as the delivery is not known
    limit: Limit | None = None
    claim_until: date | None = None


def rules_of_law(country: str, product_kind: str) -> tuple[Rule, ...]:
    found = OF_COUNTRY.get((country, product_kind), ())
    return (UNION,) if not found and country in OF_THE_UNION and product_kind != SERVICE else found


def limit_of_law(country: str, product_kind: str) -> Limit | None:
    return LIMIT_OF_COUNTRY.get((country, product_kind))


def judge(rules: Iterable[Rule], dates: Dates, limit: Limit | None = None) -> Verdict:
    """By the rule that is best for the customer. What nobody can know yet is in doubt, not out."""
    found = _judge(rules, dates)
    if limit is None:
        return found
    until = add_months(dates.showed_on, limit.months)
    if dates.claimed_on and dates.claimed_on > until:
        found = replace(found, outcome="out", reason="claimed_late")
    return replace(found, limit=limit, claim_until=until)


def _judge(rules: Iterable[Rule], dates: Dates) -> Verdict:
    start = dates.delivered_on or dates.bought_on
    if start is None:
        return Verdict("doubt", reason="no_delivery")
    verdicts = [_by(rule, start, dates) for rule in rules if rule.delivered_from <= start <= rule.delivered_until]
    if not verdicts:
        return Verdict("doubt", starts_on=start, reason="no_rule")
    best = max(verdicts, key=lambda found: (_RANK[found.outcome], found.ends_on or start))
    if dates.delivered_on is None:
        return _from_purchase(best)
    if dates.showed_on < start:
        return _but(best, "before_delivery")
    return best


_RANK: dict[Outcome, int] = {"out": 0, "doubt": 1, "in": 2, "seller": 3}


def _by(rule: Rule, start: date, dates: Dates) -> Verdict:
    repairs = dates.repairs if rule.suspends_on_repair else ()
    ends_on, suspended = _extended(add_months(start, rule.months), repairs, dates.showed_on)
    burden_until = None
    if rule.burden_months:
        burden_until, _days = _extended(add_months(start, rule.burden_months), repairs, dates.showed_on)
    outcome: Outcome = "out"
    if dates.showed_on <= ends_on:
        outcome = "seller" if burden_until and dates.showed_on <= burden_until else "in"
    return Verdict(outcome, rule, start, burden_until, ends_on, suspended)


def _extended(last: date, repairs: Sequence[tuple[date, date | None]], showed_on: date) -> tuple[date, int]:
    """A term stands while the thing is being repaired, if it had not run out by then; one under way counts till now.

    A day counts once, however many repairs were noted for it.
    """
    suspended, counted_until = 0, date.min
    for taken_on, back_on in sorted(repairs, key=lambda repair: repair[0]):
        begins, ends = max(taken_on, counted_until), back_on or max(showed_on, taken_on)
        if taken_on <= last and begins < ends:
            days = (ends - begins).days
            last, suspended, counted_until = last + timedelta(days=days), suspended + days, ends
    return last, suspended


def _from_purchase(verdict: Verdict) -> Verdict:
    """It was delivered on that day or later, so what is in by then is in; what would be out may be in."""
    found = verdict if verdict.outcome != "out" else _but(verdict, "no_delivery")
    return replace(found, is_earliest=True)


def _but(verdict: Verdict, reason: str) -> Verdict:
    return replace(verdict, outcome="doubt", reason=reason)
