"""What this app holds of a customer (accounts/personal_data.py).

Answers do not simply go: see services/erasing.py. What was asked about a closed case without a purchase is found by
whoever keeps cases.
"""

from accounts.personal_data import Held
from surveys.models import (
    Answer,
    GivenConsent,
    Hold,
    Invitation,
    InvitationMail,
    Response,
    ResponseChange,
    ResponseRevision,
    SampleMail,
)

HELD = [
    Held(model=SampleMail, of=("purchase__customer",)),
    Held(model=Hold, of=("purchase__customer",), told=("purchase__external_id", "cause", "created_at", "lifted_at")),
    Held(
        model=ResponseRevision,
        of=("response__invitation__purchase__customer",),
        told=("answers", "answered_at", "replaced_at"),
    ),
    Held(
        model=Answer,
        of=("response__invitation__purchase__customer",),
        told=("response_id", "question__key", "number", "codes", "text"),
    ),
    Held(
        model=GivenConsent,
        of=("response__invitation__purchase__customer",),
        told=("response_id", "wording__text", "agreed_at", "withdrawn_at"),
    ),
    Held(model=ResponseChange, of=("response__invitation__purchase__customer",)),
    Held(
        model=Response,
        of=("invitation__purchase__customer",),
        told=(
            "id",
            "invitation__purchase__external_id",
            "invitation__wave",
            "external_id",
            "source",
            "language",
            "answered_at",
            "updated_at",
            "is_suspect",
            "hides_comment",
            "publishes",
        ),
    ),
    Held(model=InvitationMail, of=("invitation__purchase__customer",), told=("kind", "mail__message_id")),
    Held(
        model=Invitation,
        of=("purchase__customer",),
        told=("purchase__external_id", "wave", "state", "reason", "scheduled_for", "sent_elsewhere_at", "created_at"),
    ),
]
