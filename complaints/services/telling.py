"""What other systems are told of cases: that one was opened, opened again or resolved. Never what it is about."""

from collections.abc import Iterator, Mapping
from datetime import UTC
from typing import Any

from complaints.models import Complaint, ComplaintEvent
from mailing.models import WebhookEvent
from mailing.services.webhooks import announce

Event, State = ComplaintEvent.Kind, Complaint.State


def tell_of_case(complaint: Complaint, event: str, data: Mapping[str, Any]) -> None:
    """Of what was just recorded with the case, if it opened or ended it. `complaint` is as it will be saved.

    A case that is merged into another ends, unless it had ended before.
    """
    is_again = event == Event.STATE_CHANGED and data["before"] == State.RESOLVED
    if event == Event.OPENED or is_again:
        announce(complaint.brand, WebhookEvent.Kind.COMPLAINT_OPENED, _news(complaint, {"reopened": is_again}))
    was_open = data.get("was", State.RESOLVED) != State.RESOLVED
    if event == Event.RESOLVED or (event == Event.MERGED and was_open):
        more = {"resolved_at": complaint.resolved_at, "merged_into": data.get("into")}
        announce(complaint.brand, WebhookEvent.Kind.COMPLAINT_RESOLVED, _news(complaint, more))


def _news(complaint: Complaint, more: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    purchase = complaint.purchase
    if purchase and purchase.is_test:
        return
    yield {
        "number": complaint.number,
        "kind": complaint.kind,
        "state": complaint.state,
        "severity": complaint.severity,
        "purchase": purchase.external_id if purchase else None,
        "opened_at": complaint.opened_at,
        # Reckoned on the brand's clock; to others all moments are told in UTC.
        "legal_due_at": complaint.legal_due_at and complaint.legal_due_at.astimezone(UTC),
        "service_due_at": complaint.service_due_at,
        **more,
    }
