"""Mail of customers as staff see it: how much is where, and which cases a mail may mean."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q

from complaints.models import Complaint, IncomingMail
from complaints.models.incoming import IncomingMailQuerySet
from mailing.addresses import known_hashes

MOST_COUNTED = 999


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


def open_cases_of(mail: IncomingMail) -> Sequence[Complaint]:
    """Those that it may be about: the one it seems to answer, and the open ones of its sender."""
    if mail.brand is None or mail.is_decided:
        return []
    theirs = Q(customer__email_hash__in=known_hashes(mail.sender)) if mail.sender else Q(pk__in=[])
    cases = Complaint.objects.open().filter(brand=mail.brand).filter(theirs | Q(pk=mail.complaint_id))
    return list(cases.select_related("customer").order_by("-opened_at", "-id")[:10])
