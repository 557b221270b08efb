"""May this customer be asked about this purchase, when, and if not why? One rule, for planning and for sending.

Nothing here asks the database: what the rule must know beyond the rows themselves comes in as Facts.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from accounts.models import Brand
from affiliates.models import Purchase
from surveys.models import Invitation, Reason, Wave
from surveys.scheduling import due_at, is_open, share_of, spread, zone_for

State = Invitation.State
# Asked about a purchase; a closed case is an occasion of its own.
PURCHASE_WAVES = (Wave.FIRST, Wave.FOLLOW_UP)


class Verdict(NamedTuple):
    """`scheduled_for`: when to ask, or, of somebody held, when to look again; None: when the cause ends."""

    state: Invitation.State
    reason: str = ""
    scheduled_for: datetime | None = None

    def is_now(self, now: datetime) -> bool:
        return self.state == State.PLANNED and self.scheduled_for is not None and self.scheduled_for <= now


@dataclass
class Facts:
    surveys: dict[str, int] = field(default_factory=dict)  # by wave: what it is asked with now, where it is asked
    suppressed: dict[int, Reason] = field(default_factory=dict)  # by purchase
    rests_until: dict[int, datetime] = field(default_factory=dict)  # by purchase: its address failed too often
    on_hold: set[int] = field(default_factory=set)  # purchases
    asked: dict[int, dict[tuple[str, int], datetime]] = field(default_factory=dict)  # by customer, wave and purchase

    def count_as_asked(self, purchase: Purchase, wave: str, at: datetime | None) -> None:
        """Let what was decided on one purchase count for the customer's others; None: not asked after all."""
        if at:
            self.asked.setdefault(purchase.customer_id, {})[wave, purchase.pk] = at
        elif times := self.asked.get(purchase.customer_id):
            times.pop((wave, purchase.pk), None)

    def asked_besides(self, purchase: Purchase, wave: str) -> list[datetime]:
        """When else the customer is asked. A first wave minds first waves alone, a follow-up every question."""
        times = self.asked.get(purchase.customer_id)
        if not times:
            return []
        minded = (Wave.FIRST,) if wave == Wave.FIRST else PURCHASE_WAVES
        return [at for (other, about), at in times.items() if other in minded and (other, about) != (wave, purchase.pk)]


class Subject(NamedTuple):
    """A purchase, and what holds of it whatever the wave. `never`: why its customer is not asked; empty: may be."""

    purchase: Purchase
    received_at: datetime | None
    never: str


def subject_of(purchase: Purchase, *, brand: Brand, facts: Facts) -> Subject:
    return Subject(purchase, purchase.received_at, reason_never_to_ask(purchase, brand=brand, facts=facts))


def judge(
    subject: Subject, standing: Invitation | None, *, wave: str, brand: Brand, facts: Facts, now: datetime
) -> Verdict:
    """The first reason that holds, in the order of how final it is.

    `standing`: what was decided before. A date once given is kept, as long as it is still allowed.
    """
    purchase, received_at, never = subject
    if never:
        return Verdict(State.CANCELLED, never)
    if received_at is None:
        return Verdict(State.WAITING, Reason.NO_DELIVERY)
    if is_too_old(now - received_at, standing, wave=wave, brand=brand):
        return Verdict(State.CANCELLED, Reason.TOO_OLD)
    if purchase.pk in facts.on_hold:
        return Verdict(State.HELD, Reason.OPEN_COMPLAINT)
    delay = delay_before(wave, purchase, brand=brand, facts=facts)
    if delay is None:
        return Verdict(State.HELD, Reason.PAUSED)
    planned_for = standing.scheduled_for if standing and standing.state == State.PLANNED else None
    due = now
    if not purchase.is_test:  # whoever tries the way does not wait for it
        due = place(purchase, brand=brand, earliest=received_at + delay, now=now, planned_for=planned_for)
    rests_until = facts.rests_until.get(purchase.pk)
    if rests_until and rests_until > due:
        return Verdict(State.HELD, Reason.BOUNCED, place(purchase, brand=brand, earliest=rests_until, now=now))
    rested = rested_at(due, facts.asked_besides(purchase, wave), rest_before(wave, purchase, brand=brand))
    if rested > due:
        return Verdict(State.HELD, Reason.FATIGUE, place(purchase, brand=brand, earliest=rested, now=now))
    if brand.asking_paused_at:
        return Verdict(State.HELD, Reason.PAUSED)
    return Verdict(State.PLANNED, scheduled_for=due)


def is_too_old(age: timedelta, standing: Invitation | None, *, wave: str, brand: Brand) -> bool:
    """Was it received too long ago to be asked about?

    History does not mail, two months later either: what a follow-up adds counts only for what was known in time.
    """
    oldest = timedelta(days=brand.max_age_days)
    was_known = standing and standing.state != State.WAITING and standing.reason != Reason.TOO_OLD
    if wave == Wave.FOLLOW_UP and was_known:
        return brand.follow_up_after is not None and age > oldest + brand.follow_up_after
    return age > oldest


def may_have_been_asked(
    subject: Subject, standing: Invitation, *, wave: str, brand: Brand, facts: Facts, lost_until: datetime
) -> bool:
    """In a time of which a restored backup knows nothing (docs/operating.md, backup and restore).

    Their time had come by its end, and it is only since then that nothing stands against it, as far as is known here:
    perhaps it was so before.
    """
    delay = delay_before(wave, subject.purchase, brand=brand, facts=facts)
    if delay is None or subject.received_at is None:
        return False
    return standing.updated_at >= lost_until and subject.received_at + delay <= lost_until


def delay_before(wave: str, purchase: Purchase, *, brand: Brand, facts: Facts) -> timedelta | None:
    """From when it was received; None: this wave is not asked now."""
    if wave == Wave.FIRST:
        return brand.delay_for(purchase.kind)
    return brand.follow_up_after if wave in facts.surveys else None


def rest_before(wave: str, purchase: Purchase, *, brand: Brand) -> timedelta:
    if purchase.is_test:
        return timedelta(0)
    return timedelta(days=brand.fatigue_days if wave == Wave.FIRST else brand.follow_up_rest_days)


def reason_never_to_ask(purchase: Purchase, *, brand: Brand, facts: Facts) -> str:
    customer = purchase.customer
    was_told = brand.survey_notice_default if customer.survey_notice is None else customer.survey_notice
    if purchase.state == Purchase.State.CANCELLED:
        return Reason.CANCELLED
    if purchase.state == Purchase.State.REFUNDED:
        return Reason.REFUNDED
    if not customer.email:
        return Reason.NO_EMAIL
    if not was_told and not purchase.is_test:
        return Reason.NO_NOTICE
    if not purchase.is_test and not is_in_sample(purchase, percent=brand.sampling_percent):
        return Reason.SAMPLED_OUT
    if customer.blocked_at:
        return Reason.SUPPRESSED
    return facts.suppressed.get(purchase.pk, "")


def is_in_sample(purchase: Purchase, *, percent: int) -> bool:
    """By the shop's own id, so that the same purchase is in or out however often it comes, and grows with percent."""
    return percent >= 100 or share_of(f"sample:{purchase.external_id}") * 100 < percent


def place(
    purchase: Purchase, *, brand: Brand, earliest: datetime, now: datetime, planned_for: datetime | None = None
) -> datetime:
    """When to send, not before `earliest` nor `now`, inside the brand's window on the customer's clock."""
    zone = zone_of(purchase, brand)
    if planned_for and planned_for >= earliest:
        standing = max(planned_for, now)
        if is_open(standing, zone, brand.window_start, brand.window_end):
            return standing
    wait = spread(purchase.external_id) if brand.is_spread else timedelta(0)
    return due_at(max(earliest, now), zone=zone, start=brand.window_start, end=brand.window_end, wait=wait)


def zone_of(purchase: Purchase, brand: Brand) -> ZoneInfo:
    return zone_for(purchase.customer.timezone, brand.timezone)


def rested_at(due: datetime, asked: Iterable[datetime], rest: timedelta) -> datetime:
    """`due`, or the first later moment at least `rest` away from every time the customer is asked about another."""
    times = list(asked)
    while near := [at for at in times if abs(at - due) < rest]:
        due = max(near) + rest
    return due
