"""Mail of customers as staff see it: how much is where, and which cases a mail may mean."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q

from accounts.models import Brand, User
from accounts.paging import Order, Page, page_of
from complaints.models import Complaint, IncomingMail
from complaints.models.incoming import IncomingMailQuerySet
from mailing.addresses import known_hashes

MOST_COUNTED = 999
OLDEST_FIRST = Order(("received_at", "id"), moments=("received_at",))
NEWEST_FIRST = Order(("received_at", "id"), moments=("received_at",), falls=True)


@dataclass(frozen=True)
class Tab:
    state: str
    label: str
    count: int
    is_more: bool
    is_current: bool


def tabs(mails: IncomingMailQuerySet, current: str) -> list[Tab]:
    """Every mail is in one of them: what was received is the sum. Counted to 999."""
    order = ("quarantined", "filed", "set_aside", "discarded", "received")
    counts = {state: mails.filter(state=state).order_by()[: MOST_COUNTED + 1].count() for state in order}
    labels = dict(IncomingMail.State.choices)
    return [
        Tab(state, str(labels[state]), min(count, MOST_COUNTED), count > MOST_COUNTED, state == current)
        for state, count in counts.items()
    ]


def mails_in(state: str, user: User, cursor: str) -> Page:
    """What waits, the oldest first; of the rest the newest first. A page costs the same however deep it is."""
    rows = IncomingMail.objects.visible_to(user).filter(state=state).select_related("brand", "complaint", "handled_by")
    order = OLDEST_FIRST if state == IncomingMail.State.QUARANTINED else NEWEST_FIRST
    if user.is_superuser:  # who sees what belongs to no brand too: there is an index of all
        return page_of(rows, order, cursor)
    brands = list(Brand.objects.visible_to(user).values_list("pk", flat=True))
    return page_of(rows.filter(brand__in=brands), order, cursor, apart=[Q(brand=brand) for brand in brands])


def open_cases_of(mail: IncomingMail) -> Sequence[Complaint]:
    """Those that it may be about: the one it seems to answer, and the open ones of its sender."""
    if mail.brand is None or mail.is_decided:
        return []
    theirs = Q(customer__email_hash__in=known_hashes(mail.sender)) if mail.sender else Q(pk__in=[])
    cases = Complaint.objects.open().filter(brand=mail.brand).filter(theirs | Q(pk=mail.complaint_id))
    return list(cases.select_related("customer").order_by("-opened_at", "-id")[:10])
