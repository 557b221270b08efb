"""An invitation whose mail has been sent, and what its customer does with it."""

from datetime import timedelta
from typing import Any

from affiliates.models import Purchase
from mailing.models import OutgoingMail
from mailing.services import MailRequest, queue_mail
from surveys.models import Invitation, InvitationMail, Wave
from surveys.services.answering import AnswerData, Given
from surveys.standard import publish_standard_survey
from tests.factories import NOW

ASKED_AT = NOW - timedelta(hours=2)


def make_invitation(purchase: Purchase, **fields: Any) -> Invitation:
    """The first wave's invitation to the standard survey, handed to the mail ledger."""
    return Invitation.objects.create(
        **{
            "brand": purchase.brand,
            "survey": publish_standard_survey(purchase.brand),
            "wave": Wave.FIRST,
            "occasion": f"purchase:{purchase.pk}",
            "purchase": purchase,
            "state": Invitation.State.QUEUED,
            "scheduled_for": ASKED_AT,
            **fields,
        }
    )


def send_mail(
    invitation: Invitation, kind: str = InvitationMail.Kind.FIRST, *, language: str = "es", is_sent: bool = True
) -> OutgoingMail:
    """Its mail, in the ledger: sent two hours before NOW, or still waiting. `mail.token` is in its links."""
    mail = queue_mail(
        MailRequest(
            brand=invitation.brand,
            template=f"surveys/{kind}",
            to="carla@correo.example",
            language=language,
            dedupe_key=f"invitation:{invitation.pk}:{kind}",
            guarantee=OutgoingMail.Guarantee.AT_MOST_ONCE,
            not_before=ASKED_AT,
            scopes=("surveys",),
        )
    )
    if is_sent:
        mail.state, mail.sent_at, mail.handed_over_at = OutgoingMail.State.SENT, ASKED_AT, ASKED_AT
        mail.save()
    InvitationMail.objects.create(invitation=invitation, kind=kind, mail=mail)
    return mail


def said(**answers: Any) -> AnswerData:
    """AnswerData in a test's words: `said(csat=2, keep=["entrega"], keep_text="rápido", missing="no")`."""
    return AnswerData({key: _given(key, value) for key, value in answers.items()})


def _given(key: str, value: Any) -> Given:
    if isinstance(value, int):
        return Given(number=value)
    if isinstance(value, list):
        return Given(codes=tuple(value))
    return (
        Given(text=value)
        if key.endswith("_text") or key in ("expectation", "comment", "recommended_by", "remains")
        else Given(codes=(value,))
    )
