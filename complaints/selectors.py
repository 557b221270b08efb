"""What pages about cases show, put together from several tables."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.db.models import Count, Q, TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Brand, User
from affiliates.models import Customer, Purchase
from complaints.models import Complaint, ComplaintEvent
from complaints.wording import Clock, clock
from mailing.addresses import known_hashes
from mailing.models import OutgoingMail

if TYPE_CHECKING:
    from complaints.models import ComplaintQuerySet

Event = ComplaintEvent.Kind
PAGE_SIZE = 50


# --- For customers -------------------------------------------------------------------------------------------------
def case_for(token: str) -> Complaint | None:
    """The case that this secret opens: its own, or that of a mail that was written about it."""
    cases = Complaint.objects.select_related("brand", "customer", "purchase")
    if own := cases.with_token(token).first():
        return own
    mail = OutgoingMail.objects.with_token(token).filter(template__startswith="complaints/").first()
    return cases.filter(uuid=mail.context.get("complaint"), brand=mail.brand_id).first() if mail else None


@dataclass(frozen=True)
class Message:
    """A thing said between customer and brand."""

    is_ours: bool
    text: str
    at: datetime


def thread_of(complaint: Complaint) -> list[Message]:
    """What customer and brand said to each other, oldest first. Notes among colleagues are not in it."""
    ours = {Event.REPLIED, Event.RESOLVED}
    shown: Iterable[ComplaintEvent] = complaint.events.filter(kind__in=[*ComplaintEvent.FROM_CUSTOMER, *ours])
    return [Message(event.kind in ours, event.text, event.at) for event in shown if event.text]


# --- The desk's inbox ----------------------------------------------------------------------------------------------
class Queue(TextChoices):
    """Ways to look at the inbox. All but the last hold open cases alone."""

    OPEN = "open", pgettext_lazy("cases", "Open")
    MINE = "mine", _("Mine")
    UNASSIGNED = "unassigned", _("Unassigned")
    TODAY = "today", _("Due today")
    LATE = "late", _("Late")
    WAITING = "waiting", _("Waiting for the customer")
    ALL = "all", _("All")


@dataclass(frozen=True)
class Tab:
    queue: Queue
    count: int | None  # None: not counted, since it grows for ever
    is_current: bool


@dataclass(frozen=True)
class Row:
    case: Complaint
    clock: Clock | None


@dataclass(frozen=True)
class Inbox:
    tabs: list[Tab]
    rows: list[Row]
    has_next: bool
    brands: int  # how many the reader works for: with several, each row names its own


def inbox(user: User, *, queue: Queue, search: str, page: int, now: datetime, zone: ZoneInfo) -> Inbox:
    """A page of the cases that the user may see: open ones by urgency, all or found ones newest first.

    A search looks everywhere, whatever the queue. No total is counted of what grows for ever.
    """
    brands = list(Brand.objects.visible_to(user).values_list("pk", flat=True))
    cases = Complaint.objects.filter(brand__in=brands)
    conditions = conditions_for(user, now=now, zone=zone)
    if search:
        shown = cases.filter(matching(search, brands))
    elif queue == Queue.ALL:
        shown = cases
    else:
        shown = cases.open().most_urgent_first().filter(conditions[queue])
    start = (page - 1) * PAGE_SIZE
    related = shown.select_related("brand", "customer", "purchase", "assignee")
    found = list(related[start : start + PAGE_SIZE + 1])
    return Inbox(
        tabs=tabs_of(cases, conditions, current=None if search else queue),
        rows=[Row(case, clock_of(case, now=now, zone=zone)) for case in found[:PAGE_SIZE]],
        has_next=len(found) > PAGE_SIZE,
        brands=len(brands),
    )


def matching(text: str, brands: Sequence[int]) -> Q:
    """Cases by the whole of their number, of their order or of their customer's address."""
    if "@" in text:
        return Q(customer__in=list(Customer.objects.filter(brand__in=brands, email_hash__in=known_hashes(text))))
    return Q(number=text) | Q(purchase__in=list(Purchase.objects.filter(brand__in=brands, external_id=text)))


def conditions_for(user: User, *, now: datetime, zone: ZoneInfo) -> dict[Queue, Q]:
    """What makes an open case, with its `due`, belong to each queue."""
    today = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return {
        Queue.OPEN: Q(),
        Queue.MINE: Q(assignee=user),
        Queue.UNASSIGNED: Q(assignee=None),
        Queue.TODAY: Q(due__gt=now, due__lt=today + timedelta(days=1)),
        Queue.LATE: Q(due__lte=now),
        Queue.WAITING: Q(state=Complaint.State.WAITING),
    }


def tabs_of(cases: "ComplaintQuerySet", conditions: dict[Queue, Q], *, current: Queue | None) -> list[Tab]:
    """One statement over open cases counts them all."""
    counts = (
        cases.open()
        .with_due()
        .aggregate(**{queue.value: Count("pk", filter=condition) for queue, condition in conditions.items()})
    )
    return [Tab(queue, counts.get(queue.value), queue == current) for queue in Queue]


def clock_of(complaint: Complaint, *, now: datetime, zone: ZoneInfo) -> Clock | None:
    return clock(complaint.due_at, now=now, zone=zone) if complaint.due_at else None
