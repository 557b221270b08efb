"""All that staff see of one case on its page: facts beside, the story from top to bottom."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from accounts.models import User
from complaints.casefile.deadlines import Deadline, deadlines_of
from complaints.casefile.facts import (
    Fact,
    affiliate_facts,
    answer_facts,
    cause_facts,
    closing_facts,
    customer_facts,
    detail_facts,
    earlier_cases,
    linked_cases,
    purchase_facts,
)
from complaints.casefile.making_good import RemedyLine, Warranty, remedies_of, warranty_of
from complaints.casefile.story import Entry, story_of
from complaints.models import Complaint
from complaints.services import WRITING_ROLES
from complaints.services.ending import occasion_of


@dataclass(frozen=True)
class CaseFile:
    """`before` and `after`: what the customer answered about the purchase, and about how the case ended."""

    case: Complaint
    deadlines: list[Deadline]
    story: list[Entry]
    customer: list[Fact]
    purchase: list[Fact]
    affiliate: list[Fact]
    details: list[Fact]
    warranty: Warranty | None
    remedies: Sequence[RemedyLine]
    before: list[Fact]
    after: list[Fact]
    earlier: Sequence[Complaint]
    linked: Sequence[Complaint]
    merged: Sequence[Complaint]
    can_write: bool


def case_file(complaint: Complaint, *, reader: User, now: datetime, zone: ZoneInfo) -> CaseFile:
    """In the reader's language and with the times of `zone`. The number of statements does not grow with the story."""
    purchase = complaint.purchase
    return CaseFile(
        case=complaint,
        deadlines=deadlines_of(complaint, now=now, zone=zone),
        story=story_of(complaint),
        customer=customer_facts(complaint),
        purchase=purchase_facts(purchase, zone) if purchase else [],
        affiliate=affiliate_facts(purchase) if purchase else [],
        details=detail_facts(complaint) + cause_facts(complaint),
        warranty=warranty_of(complaint),
        remedies=remedies_of(complaint),
        before=answer_facts(purchase) if purchase else [],
        after=closing_facts(occasion_of(complaint)),
        earlier=earlier_cases(complaint),
        linked=linked_cases(complaint),
        merged=list(complaint.merged.order_by("pk")),
        can_write=reader.role_in(complaint.brand) in WRITING_ROLES,
    )
