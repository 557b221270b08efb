"""How a case ended, as its customer sees it: asked once after it is closed. A bad answer opens it again for review."""

from datetime import datetime

from complaints.models import Complaint
from surveys.services.closing import ClosedCase, ask_about_case

PREFIX = "case:"


def occasion_of(complaint: Complaint) -> str:
    """The name under which surveys knows the closing of a case."""
    return f"{PREFIX}{complaint.pk}"


def case_of_occasion(occasion: str) -> int | None:
    """The id of the case whose closing this is; None for any other occasion."""
    number = occasion.removeprefix(PREFIX)
    return int(number) if number != occasion and number.isdecimal() else None


def ask_how_it_ended(complaint: Complaint, *, now: datetime) -> None:
    """Only whoever may be written to about the case: they asked for contact, or wrote to us."""
    if not complaint.can_be_written_to or complaint.customer is None:
        return
    closed = ClosedCase(
        brand=complaint.brand,
        occasion=occasion_of(complaint),
        number=complaint.number,
        customer=complaint.customer,
        purchase=complaint.purchase,
        language=complaint.mail_language,
    )
    ask_about_case(closed, now=now)
