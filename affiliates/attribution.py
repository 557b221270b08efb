"""Whom to credit with a purchase, and why: a pure function of the evidence, the brand's rules and the clock.

The rules, in words:

- Evidence is weighed in the brand's order of methods; a method that is not in the order is no evidence to the brand.
- The first evidence that stands wins. Evidence does not stand where its code is unknown, its window is over or its
  affiliate is not active: then the next is looked at.
- Where the evidence that would win points to the buyers themselves, nobody is credited: a self-referral does not
  hand the sale on to somebody else.
- Clicks: those that the shop handed back with the purchase, and earlier ones of the same visitor where the shop names
  its visitors. The last or the first inside the window counts, as the brand chose; ties by the lowest id.
- Whom the customers themselves name («¿quién te lo recomendó?») comes last, whatever the order: it may fill in where
  nothing else stands, and never overrules.
- Who was recommended by a customer is credited to that customer, so to no affiliate, unless the customer is one; who
  brought that customer is named apart, as indirect.
- Who brought a customer the first time stays so for ever, whoever is credited with later purchases.

Nothing depends on the order in which evidence arrived.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

# A click that the shop quotes came before its purchase whatever the clocks say: so much may a shop's clock be behind.
CLOCK_TOLERANCE = timedelta(minutes=5)

# How sure each method is. A click known only as an earlier one of the same visitor is "medium".
CONFIDENCE = {
    "manual": "high",
    "declared": "medium",
    "coupon": "high",
    "click": "high",
    "referral": "high",
    "customer": "low",
}
WINNING_REASON = {
    "manual": "manual",
    "declared": "declared_by_shop",
    "coupon": "coupon",
    "click": "click_in_window",
    "referral": "customer_referral",
    "customer": "acquired_before",
}
# Why nobody is credited: of all that failed, what a person would want to hear first.
FAILURES = ("self_referral", "affiliate_inactive", "window_over", "unknown_code")
OUTRANKED = "outranked"  # stronger evidence won
LATER_CLICK = "later_click"
EARLIER_CLICK = "earlier_click"
AFTER_PURCHASE = "after_purchase"
NOT_A_VISIT = "not_a_visit"  # a bot's click, or a header request


@dataclass(frozen=True)
class Party:
    """An affiliate, with the addresses (normalised) of everybody who belongs to it."""

    pk: int
    code: str
    is_active: bool = True
    emails: frozenset[str] = frozenset()


# What there is of each purchase is a tuple: a frozen dataclass takes three times as long, for each row of a file.
class CodeSeen(NamedTuple):
    """A code that the shop sent; `party` is None where it stands for nobody."""

    code: str
    party: Party | None = None


class ClickSeen(NamedTuple):
    """`is_quoted`: the shop named this very click; else it is known as another of the same visitor."""

    pk: int
    code: str
    at: datetime
    party: Party
    link: int
    is_quoted: bool = True
    is_visit: bool = True


class ReferralSeen(NamedTuple):
    """A customer's recommendation code. `party`: the affiliate that the customer is; `brought_by`: who brought them."""

    code: str
    is_known: bool = True
    is_customer_themselves: bool = False
    party: Party | None = None
    brought_by: Party | None = None


class Evidence(NamedTuple):
    purchased_at: datetime
    customer_email: str | None = None
    manual: CodeSeen | None = None
    declared: CodeSeen | None = None
    coupon: CodeSeen | None = None
    clicks: tuple[ClickSeen, ...] = ()
    unknown_clicks: tuple[str, ...] = ()
    referral: ReferralSeen | None = None
    acquired_by: Party | None = None
    acquired_at: datetime | None = None
    self_declared: CodeSeen | None = None  # the affiliate that the customer named, where the words name just one


@dataclass(frozen=True)
class Rules:
    order: tuple[str, ...] = ("manual", "declared", "coupon", "click", "referral", "customer")
    window: timedelta = timedelta(days=30)
    counts_last_click: bool = True


class Touch(NamedTuple):
    """One piece of evidence and what became of it."""

    method: str
    reason: str
    source: str = ""
    affiliate: str | None = None
    at: datetime | None = None
    won: bool = False


class Decision(NamedTuple):
    method: str
    reason: str
    confidence: str
    decided_at: datetime
    affiliate: Party | None = None
    link: int | None = None
    window_ends_at: datetime | None = None
    acquiring_affiliate: Party | None = None
    indirect_affiliate: Party | None = None
    touches: tuple[Touch, ...] = ()


class Candidate(NamedTuple):
    """Evidence while it is weighed. `failure` is empty where it stands."""

    method: str
    source: str
    party: Party | None = None
    failure: str = ""
    at: datetime | None = None
    click: ClickSeen | None = None
    window_ends_at: datetime | None = None
    indirect: Party | None = None
    is_self_declared: bool = False

    @property
    def decides(self) -> bool:
        return self.failure in ("", "self_referral")

    @property
    def winning_reason(self) -> str:
        return "self_declared" if self.is_self_declared else WINNING_REASON[self.method]


def attribute(evidence: Evidence, rules: Rules, *, now: datetime) -> Decision:
    candidates = list(_candidates(evidence, rules))
    deciding = next((candidate for candidate in candidates if candidate.decides), None)
    winner = deciding if deciding and not deciding.failure else None
    touches = tuple(_touch(candidate, winner, rules) for candidate in candidates)
    if winner is None:
        return Decision(
            method="none",
            reason=_failure_to_tell(candidates, deciding),
            confidence="none",
            decided_at=now,
            window_ends_at=_latest_window(candidates),
            acquiring_affiliate=evidence.acquired_by,
            touches=touches,
        )
    return Decision(
        method=winner.method,
        reason=winner.winning_reason,
        confidence=_confidence(winner),
        decided_at=now,
        affiliate=winner.party,
        link=winner.click.link if winner.click else None,
        window_ends_at=winner.window_ends_at,
        acquiring_affiliate=evidence.acquired_by or (None if winner.method == "referral" else winner.party),
        indirect_affiliate=winner.indirect,
        touches=touches,
    )


def _candidates(evidence: Evidence, rules: Rules) -> Iterator[Candidate]:
    """All evidence, strongest first."""
    for method in rules.order:
        yield from CANDIDATES[method](evidence, rules)
    if (seen := evidence.self_declared) and "declared" in rules.order:
        yield Candidate("declared", seen.code, seen.party, _failure(seen.party, evidence), is_self_declared=True)


def _manual(evidence: Evidence, _rules: Rules) -> Iterable[Candidate]:
    """What staff decided holds for whomever they chose."""
    seen = evidence.manual
    return [Candidate("manual", seen.code, seen.party)] if seen else ()


def _declared(evidence: Evidence, _rules: Rules) -> Iterable[Candidate]:
    seen = evidence.declared
    return [Candidate("declared", seen.code, seen.party, _failure(seen.party, evidence))] if seen else ()


def _coupon(evidence: Evidence, _rules: Rules) -> Iterable[Candidate]:
    seen = evidence.coupon
    return [Candidate("coupon", seen.code, seen.party, _failure(seen.party, evidence))] if seen else ()


def _clicks(evidence: Evidence, rules: Rules) -> Iterator[Candidate]:
    def preference(click: ClickSeen) -> tuple[timedelta, int]:
        age = evidence.purchased_at - _time_of(click, evidence)
        return (age if rules.counts_last_click else -age), click.pk

    for click in sorted(evidence.clicks, key=preference):
        at, ends_at = _time_of(click, evidence), click.at + rules.window
        if not click.is_visit:
            failure = NOT_A_VISIT
        elif at > evidence.purchased_at:
            failure = AFTER_PURCHASE
        elif ends_at < evidence.purchased_at:
            failure = "window_over"
        else:
            failure = _failure(click.party, evidence)
        yield Candidate("click", click.code, click.party, failure, click.at, click, ends_at)
    for code in sorted(evidence.unknown_clicks):
        yield Candidate("click", code, None, "unknown_code")


def _time_of(click: ClickSeen, evidence: Evidence) -> datetime:
    is_clock_apart = click.is_quoted and click.at - evidence.purchased_at <= CLOCK_TOLERANCE
    return min(click.at, evidence.purchased_at) if is_clock_apart else click.at


def _referral(evidence: Evidence, _rules: Rules) -> Iterable[Candidate]:
    seen = evidence.referral
    if seen is None:
        return ()
    party = seen.party if seen.party and seen.party.is_active else None
    brought_by = seen.brought_by if seen.brought_by and not _failure(seen.brought_by, evidence) else None
    if not seen.is_known:
        failure = "unknown_code"
    elif seen.is_customer_themselves or (party and _failure(party, evidence)):
        failure = "self_referral"
    else:
        failure = ""
    indirect = None if failure or brought_by == party else brought_by
    return [Candidate("referral", seen.code, party, failure, indirect=indirect)]


def _customer(evidence: Evidence, _rules: Rules) -> Iterable[Candidate]:
    """Whoever brought them before this purchase; a purchase made earlier but told later proves nothing."""
    party, at = evidence.acquired_by, evidence.acquired_at
    if party is None or at is None or at > evidence.purchased_at:
        return ()
    return [Candidate("customer", "", party, _failure(party, evidence), at)]


CANDIDATES: Mapping[str, Callable[[Evidence, Rules], Iterable[Candidate]]] = {
    "manual": _manual,
    "declared": _declared,
    "coupon": _coupon,
    "click": _clicks,
    "referral": _referral,
    "customer": _customer,
}


def _failure(party: Party | None, evidence: Evidence) -> str:
    if party is None:
        return "unknown_code"
    if not party.is_active:
        return "affiliate_inactive"
    return "self_referral" if evidence.customer_email in party.emails else ""


def _touch(candidate: Candidate, winner: Candidate | None, rules: Rules) -> Touch:
    reason = candidate.failure
    if candidate is winner:
        reason = candidate.winning_reason
    elif not reason and winner and winner.click and candidate.click:
        reason = LATER_CLICK if rules.counts_last_click else EARLIER_CLICK
    return Touch(
        method=candidate.method,
        reason=reason or OUTRANKED,
        source=candidate.source,
        affiliate=candidate.party.code if candidate.party else None,
        at=candidate.at,
        won=candidate is winner,
    )


def _failure_to_tell(candidates: list[Candidate], deciding: Candidate | None) -> str:
    if deciding:
        return deciding.failure
    failures = {candidate.failure for candidate in candidates}
    return next((failure for failure in FAILURES if failure in failures), "no_evidence")


def _latest_window(candidates: list[Candidate]) -> datetime | None:
    return max((c.window_ends_at for c in candidates if c.window_ends_at and c.failure == "window_over"), default=None)


def _confidence(winner: Candidate) -> str:
    if winner.is_self_declared:
        return "low"
    return "medium" if winner.click and not winner.click.is_quoted else CONFIDENCE[winner.method]
