"""May this customer be asked about this purchase, when, and if not why? One rule, for planning and for sending.

Nothing here asks the database: what the rule must know beyond the rows themselves comes in as Facts.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from accounts.models import Brand
from affiliates.models import Purchase
from surveys.models import Invitation, Reason
from surveys.scheduling import due_at, is_open, share_of, spread, zone_for

State = Invitation.State


@dataclass(frozen=True)
class Verdict:
    """`scheduled_for`: when to ask, or, of somebody held, when to look again; None: when the cause ends."""

    state: Invitation.State
    reason: str = ""
    scheduled_for: datetime | None = None

    def is_now(self, now: datetime) -> bool:
        return self.state == State.PLANNED and self.scheduled_for is not None and self.scheduled_for <= now


@dataclass
class Facts:
    suppressed: dict[int, Reason] = field(default_factory=dict)  # by purchase
    rests_until: dict[int, datetime] = field(default_factory=dict)  # by purchase: its address failed too often
    on_hold: set[int] = field(default_factory=set)  # purchases
    asked: dict[int, dict[int, datetime]] = field(default_factory=dict)  # by customer, then purchase: when

    def count_as_asked(self, purchase: Purchase, at: datetime | None) -> None:
        """Let what was decided on one purchase count for the customer's others; None: not asked after all."""
        times = self.asked.setdefault(purchase.customer_id, {})
        if at:
            times[purchase.pk] = at
        else:
            times.pop(purchase.pk, None)

    def asked_about_others(self, purchase: Purchase) -> list[datetime]:
        times = self.asked.get(purchase.customer_id, {})
        return [at for other, at in times.items() if other != purchase.pk]


def judge(
    purchase: Purchase, *, brand: Brand, facts: Facts, now: datetime, planned_for: datetime | None = None
) -> Verdict:
    """The first reason that holds, in the order of how final it is.

    `planned_for` keeps a date once given, as long as it is still allowed.
    """
    if reason := reason_never_to_ask(purchase, brand=brand, facts=facts):
        return Verdict(State.CANCELLED, reason)
    received_at = purchase.received_at
    if received_at is None:
        return Verdict(State.WAITING, Reason.NO_DELIVERY)
    if received_at < now - timedelta(days=brand.max_age_days):
        return Verdict(State.CANCELLED, Reason.TOO_OLD)
    if purchase.pk in facts.on_hold:
        return Verdict(State.HELD, Reason.OPEN_COMPLAINT)
    earliest = received_at + brand.delay_for(purchase.kind)
    due = place(purchase, brand=brand, earliest=earliest, now=now, planned_for=planned_for)
    rests_until = facts.rests_until.get(purchase.pk)
    if rests_until and rests_until > due:
        return Verdict(State.HELD, Reason.BOUNCED, place(purchase, brand=brand, earliest=rests_until, now=now))
    rested = rested_at(due, facts.asked_about_others(purchase), timedelta(days=brand.fatigue_days))
    if rested > due:
        return Verdict(State.HELD, Reason.FATIGUE, place(purchase, brand=brand, earliest=rested, now=now))
    if brand.asking_paused_at:
        return Verdict(State.HELD, Reason.PAUSED)
    return Verdict(State.PLANNED, scheduled_for=due)


def reason_never_to_ask(purchase: Purchase, *, brand: Brand, facts: Facts) -> str:
    customer = purchase.customer
    was_told = brand.survey_notice_default if customer.survey_notice is None else customer.survey_notice
    if purchase.state == Purchase.State.CANCELLED:
        return Reason.CANCELLED
    if purchase.state == Purchase.State.REFUNDED:
        return Reason.REFUNDED
    if not customer.email:
        return Reason.NO_EMAIL
    if not was_told:
        return Reason.NO_NOTICE
    if not is_in_sample(purchase, percent=brand.sampling_percent):
        return Reason.SAMPLED_OUT
    return facts.suppressed.get(purchase.pk, "")


def is_in_sample(purchase: Purchase, *, percent: int) -> bool:
    """By the shop's own id, so that the same purchase is in or out however often it comes, and grows with percent."""
    return share_of(f"sample:{purchase.external_id}") * 100 < percent


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
