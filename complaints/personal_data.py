"""What this app holds of a customer (accounts/personal_data.py). Cases go with all that was said in them."""

from accounts.personal_data import Held
from complaints.models import (
    Alarm,
    Attachment,
    AttachmentContent,
    Complaint,
    ComplaintChange,
    ComplaintEvent,
    ComplaintLink,
    ComplaintResponse,
    ComplaintWords,
    GuideQuestion,
    IncomingMail,
    IncomingMailContent,
    Pause,
    Remedy,
    WarrantyDecision,
)


def through(path: str) -> tuple[str, ...]:
    """A case is a customer's by itself or by its purchase."""
    return f"{path}customer", f"{path}purchase__customer"


HELD = [
    Held(model=GuideQuestion, of=through("complaint__")),
    Held(model=IncomingMailContent, of=("mail__customer", *through("mail__complaint__"))),
    Held(
        model=IncomingMail,
        of=("customer", *through("complaint__")),
        told=("sender", "sender_name", "subject", "text", "quoted", "received_at", "state"),
    ),
    Held(model=AttachmentContent, of=through("attachment__complaint__")),
    Held(
        model=Attachment,
        of=through("complaint__"),
        told=("complaint__number", "uuid", "name", "content_type", "size", "created_at"),
    ),
    Held(model=Alarm, of=through("complaint__")),
    Held(model=Pause, of=through("complaint__"), told=("complaint__number", "began_at", "ended_at")),
    Held(
        model=Remedy,
        of=through("complaint__"),
        told=("complaint__number", "kind", "state", "cost", "currency", "done_on", "note"),
    ),
    Held(
        model=WarrantyDecision,
        of=through("complaint__"),
        told=("complaint__number", "reckoned", "decided", "reason", "basis", "decided_at"),
    ),
    Held(model=ComplaintWords, of=through("complaint__")),
    Held(model=ComplaintLink, of=(*through("complaint__"), *through("other__"))),
    Held(model=ComplaintResponse, of=through("complaint__")),
    Held(model=ComplaintChange, of=through("complaint__")),
    Held(
        model=ComplaintEvent,
        of=through("complaint__"),
        told=("complaint__number", "kind", "text", "data", "at"),
    ),
    Held(
        model=Complaint,
        of=through(""),
        told=(
            "number",
            "kind",
            "state",
            "severity",
            "purchase__external_id",
            "subject",
            "text",
            "language",
            "part",
            "tags",
            "details",
            "wants_contact",
            "opened_at",
            "legal_due_at",
            "service_due_at",
            "answered_at",
            "resolved_at",
            "resolution",
        ),
    ),
]
