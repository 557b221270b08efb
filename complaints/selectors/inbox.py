"""The desk's inbox: which cases are shown, in which order, and how many wait in each queue."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Q, QuerySet, TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Brand, User
from accounts.paging import Order, Page, page_of
from complaints.models import Complaint, ComplaintQuerySet
from complaints.selectors.searching import find
from complaints.wording import Clock, clock

URGENT_FIRST = Order(("urgency", "gravity", "id"), moments=("urgency",))
NEWEST_FIRST = Order(("opened_at", "id"), moments=("opened_at",), falls=True)
FOUND = Order(("id",), falls=True)
COUNTED = 999  # cases of a queue; of more only that there are more is said


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
class Look:
    """What somebody asks the inbox for. A search looks everywhere, whatever the queue."""

    queue: Queue = Queue.OPEN
    search: str = ""
    filters: Q = field(default_factory=Q)
    cursor: str = ""


@dataclass(frozen=True)
class Tab:
    queue: Queue
    count: int | None  # None: not counted, since it grows for ever
    is_more: bool  # than the count says
    is_current: bool


@dataclass(frozen=True)
class Row:
    case: Complaint
    clock: Clock | None


@dataclass(frozen=True)
class Inbox:
    tabs: list[Tab]
    rows: list[Row]
    page: Page
    brands: int  # how many the reader works for: with several, each row names its own
    is_exact: bool = False  # found by a number, an order or an address


def inbox(user: User, look: Look, *, now: datetime, zone: ZoneInfo) -> Inbox:
    """A page of the cases that the user may see: open ones by urgency, all or found ones newest first.

    As many statements for a million cases as for one, and none that looks at all of them.
    """
    brands = list(Brand.objects.visible_to(user).values_list("pk", flat=True))
    cases = Complaint.objects.filter(brand__in=brands)
    queues = queues_of(cases, user, now=now, zone=zone)
    found = find(cases, look.search, brands=brands) if look.search else None
    shown, order = (found.cases, FOUND) if found else (queues[look.queue], order_of(look.queue))
    related = shown.filter(look.filters).select_related("brand", "customer", "purchase", "assignee", "merged_into")
    page = page_of(related, order, look.cursor, apart=[] if found else [Q(brand=brand) for brand in brands])
    return Inbox(
        tabs=tabs_of(queues, current=None if look.search else look.queue) if brands else [],
        rows=[Row(case, clock_of(case, now=now, zone=zone)) for case in page.rows],
        page=page,
        brands=len(brands),
        is_exact=bool(found and found.is_exact),
    )


def order_of(queue: Queue) -> Order:
    return NEWEST_FIRST if queue == Queue.ALL else URGENT_FIRST


def queues_of(cases: ComplaintQuerySet, user: User, *, now: datetime, zone: ZoneInfo) -> dict[Queue, ComplaintQuerySet]:
    """What each queue holds. Each of open cases has an index of its own."""
    midnight = now.astimezone(zone).replace(hour=23, minute=59, second=59, microsecond=999_999)
    standing = cases.open().most_urgent_first()
    return {
        Queue.OPEN: standing,
        Queue.MINE: standing.filter(assignee=user),
        Queue.UNASSIGNED: standing.filter(assignee=None),
        Queue.TODAY: cases.open().due_after(now).due_by(midnight).most_urgent_first(),
        Queue.LATE: cases.open().due_by(now).most_urgent_first(),
        Queue.WAITING: cases.filter(state=Complaint.State.WAITING).most_urgent_first(),
        Queue.ALL: cases,
    }


def tabs_of(queues: Mapping[Queue, ComplaintQuerySet], *, current: Queue | None) -> list[Tab]:
    counted = [queue for queue in queues if queue != Queue.ALL]
    counts: dict[Queue, int] = dict(
        zip(counted, bounded_counts([queues[queue] for queue in counted], bound=COUNTED + 1), strict=True)
    )
    return [
        Tab(
            queue,
            min(counts[queue], COUNTED) if queue in counts else None,
            is_more=queue in counts and counts[queue] > COUNTED,
            is_current=queue == current,
        )
        for queue in queues
    ]


def bounded_counts(querysets: Sequence[QuerySet[Complaint]], *, bound: int) -> Sequence[int]:
    """How many rows each has, up to the bound: one statement, which never reads more than so many of each."""
    queries = [rows.order_by().values("pk")[:bound].query.sql_with_params() for rows in querysets]
    counts = ", ".join(f"(SELECT count(*) FROM ({sql}) AS counted)" for sql, _params in queries)  # noqa: S608 (Django's SQL)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {counts}", [param for _sql, params in queries for param in params])
        row: Sequence[int] = cursor.fetchone()
    return row


def clock_of(complaint: Complaint, *, now: datetime, zone: ZoneInfo) -> Clock | None:
    return clock(complaint.due_at, now=now, zone=zone) if complaint.due_at else None
