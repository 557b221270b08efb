"""Where an invitation stands, put together from what surveys decided, what the mail ledger did and who answered."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, F, FilteredRelation, OuterRef, Q, Subquery

from affiliates.models import Purchase
from mailing.models import MailEvent, OutgoingMail
from surveys.models import Invitation, InvitationMail, Reason, Response, Wave

MailState = OutgoingMail.State

# What a provider or the customer reported of a mail that was sent.
REASON_OF_EVENT = {
    MailEvent.Kind.BOUNCED: Reason.BOUNCED,
    MailEvent.Kind.REJECTED: Reason.BOUNCED,
    MailEvent.Kind.UNSUBSCRIBED: Reason.OPTED_OUT,
    MailEvent.Kind.COMPLAINED: Reason.SUPPRESSED,
}


@dataclass(frozen=True)
class SurveyState:
    """`state`: waiting, planned, held, queued, sent, answered, expired or cancelled, as the API says it."""

    state: str
    scheduled_for: datetime | None = None
    reason: str = ""


def survey_states(purchases: Iterable[Purchase | int], *, now: datetime) -> dict[int, SurveyState]:
    """The state of each purchase's first survey, by purchase id; one statement.

    A purchase of which nothing was decided yet is missing. Suspect answers are no answers.
    """
    ids = [purchase if isinstance(purchase, int) else purchase.pk for purchase in purchases]
    reported = MailEvent.objects.filter(mail=OuterRef("first__mail"), kind__in=REASON_OF_EVENT).order_by("-id")
    invitations = Invitation.objects.filter(wave=Wave.FIRST, purchase__in=ids).annotate(
        first=FilteredRelation("mails", condition=Q(mails__kind=InvitationMail.Kind.FIRST)),
        is_answered=Exists(Response.objects.counted().filter(invitation=OuterRef("pk"))),
        mail_state=F("first__mail__state"),
        mail_reason=F("first__mail__reason"),
        mail_sent_at=F("first__mail__sent_at"),
        reported=Subquery(reported.values("kind")[:1]),
        link_days=F("brand__link_days"),
    )
    return {invitation.purchase_id: state_of(invitation, now=now) for invitation in invitations}  # type: ignore[misc]


def state_of(invitation: Any, *, now: datetime) -> SurveyState:
    """The contract's state of an invitation annotated as in survey_states."""
    if invitation.is_answered:
        return SurveyState("answered", invitation.scheduled_for)
    if invitation.state != Invitation.State.QUEUED:
        return SurveyState(invitation.state, invitation.scheduled_for, invitation.reason)
    if invitation.sent_elsewhere_at:
        return SurveyState("sent", invitation.sent_elsewhere_at)
    state, reason = state_of_mail(invitation, now=now)
    return SurveyState(state, invitation.scheduled_for, reason)


def state_of_mail(invitation: Any, *, now: datetime) -> tuple[str, str]:
    mail_state = invitation.mail_state
    if mail_state == MailState.FAILED:
        return "cancelled", Reason.FAILED
    if mail_state == MailState.CANCELLED:
        return "cancelled", reason_of_cancelled_mail(invitation.mail_reason)
    if mail_state == MailState.EXPIRED:
        return "expired", Reason.FAILED
    if mail_state == MailState.UNCERTAIN:
        return "sent", Reason.UNCERTAIN
    if mail_state != MailState.SENT:
        return "queued", ""
    if reason := REASON_OF_EVENT.get(invitation.reported):
        return "sent", reason
    is_over = invitation.mail_sent_at + timedelta(days=invitation.link_days) <= now
    return ("expired" if is_over else "sent"), ""


def reason_of_cancelled_mail(reason: str) -> Reason:
    """The ledger cancels at its last look whom it must not write to, and says why in the words of suppression."""
    return Reason(reason) if reason in Reason.values else Reason.SUPPRESSED
