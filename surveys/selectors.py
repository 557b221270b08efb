"""Where an invitation stands, put together from what surveys decided, what the mail ledger did and who answered."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import Count, Exists, F, FilteredRelation, OuterRef, Q, QuerySet, Subquery
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand
from affiliates.models import Purchase
from mailing.models import MailEvent, OutgoingMail
from surveys.asking import PURCHASE_WAVES, Verdict
from surveys.models import Invitation, InvitationMail, Reason, Response, Wave

MailState = OutgoingMail.State

NO_SUCH_ADDRESS = dict.fromkeys((OutgoingMail.Reason.BOUNCED, OutgoingMail.Reason.ADDRESS), Reason.BOUNCED)
# Put aside by the ledger at its last look, and decided anew within the minute.
PASSING = {OutgoingMail.Reason.RESTS: Reason.BOUNCED, OutgoingMail.Reason.PAUSED: Reason.PAUSED}
# What a provider or the customer reported of a mail that was sent.
REASON_OF_EVENT = {
    MailEvent.Kind.BOUNCED: Reason.BOUNCED,
    MailEvent.Kind.REJECTED: Reason.BOUNCED,
    MailEvent.Kind.UNSUBSCRIBED: Reason.OPTED_OUT,
    MailEvent.Kind.COMPLAINED: Reason.SUPPRESSED,
}


class Standing(models.TextChoices):
    """What the API says of a survey."""

    WAITING = "waiting", _("Waiting for delivery")
    PLANNED = "planned", _("Planned")
    HELD = "held", _("Held")
    QUEUED = "queued", _("Queued")
    SENT = "sent", _("Sent")
    ANSWERED = "answered", _("Answered")
    EXPIRED = "expired", _("Over without an answer")
    CANCELLED = "cancelled", _("Not asked")


@dataclass(frozen=True)
class SurveyState:
    """`scheduled_for`: when to ask, when to look again, or when the customer was asked."""

    state: str
    scheduled_for: datetime | None = None
    reason: str = ""


def survey_states(
    purchases: Iterable[Purchase | int], *, now: datetime, wave: str = Wave.FIRST
) -> dict[int, SurveyState]:
    """The state of each purchase's survey of the wave, by purchase id; one statement.

    A purchase of which nothing was decided yet is missing. Suspect answers are no answers.
    """
    ids = [purchase if isinstance(purchase, int) else purchase.pk for purchase in purchases]
    if not ids:
        return {}
    invitations = with_ledger(Invitation.objects.filter(wave=wave, purchase__in=ids))
    return {invitation.purchase_id: state_of(invitation, now=now) for invitation in invitations}


def state_of_new(verdict: Verdict) -> SurveyState:
    """The same of a purchase first decided on in this transaction: it has no mail and no answer yet."""
    return SurveyState(Standing(verdict.state), verdict.scheduled_for, verdict.reason)


def with_ledger(invitations: QuerySet[Invitation]) -> QuerySet[Any]:
    """The same invitations with what state_of must know of their first mail and their answer."""
    reported = MailEvent.objects.filter(mail=OuterRef("first__mail"), kind__in=REASON_OF_EVENT).order_by("-id")
    return invitations.annotate(
        first=FilteredRelation("mails", condition=Q(mails__kind=InvitationMail.Kind.FIRST)),
        is_answered=Exists(Response.objects.counted().filter(invitation=OuterRef("pk"))),
        mail_state=F("first__mail__state"),
        mail_reason=F("first__mail__reason"),
        mail_sent_at=F("first__mail__sent_at"),
        reported=Subquery(reported.values("kind")[:1]),
        link_days=F("brand__link_days"),
    )


def state_of(invitation: Any, *, now: datetime) -> SurveyState:
    """Where an invitation of `with_ledger` stands."""
    if invitation.is_answered or invitation.was_answered:
        return SurveyState(Standing.ANSWERED, invitation.scheduled_for)
    if invitation.state != Invitation.State.QUEUED:
        return SurveyState(Standing(invitation.state), invitation.scheduled_for, invitation.reason)
    if invitation.sent_elsewhere_at:
        return SurveyState(Standing.SENT, invitation.sent_elsewhere_at)
    state, reason = state_of_mail(invitation, now=now)
    return SurveyState(state, None if state == Standing.HELD else invitation.scheduled_for, reason)


def state_of_mail(invitation: Any, *, now: datetime) -> tuple[Standing, str]:
    if invitation.mail_state == MailState.FAILED:
        return Standing.CANCELLED, NO_SUCH_ADDRESS.get(invitation.mail_reason, Reason.FAILED)
    if invitation.mail_state == MailState.CANCELLED and invitation.mail_reason in PASSING:
        return Standing.HELD, PASSING[invitation.mail_reason]
    if invitation.mail_state == MailState.CANCELLED and invitation.mail_reason == OutgoingMail.Reason.TAKEN_BACK:
        return Standing.QUEUED, ""  # it was with a server when it was taken back: decided anew within the minute
    if invitation.mail_state == MailState.CANCELLED:
        return Standing.CANCELLED, reason_of_cancelled_mail(invitation.mail_reason)
    if invitation.mail_state == MailState.EXPIRED:
        return Standing.EXPIRED, Reason.FAILED
    if invitation.mail_state == MailState.UNCERTAIN:
        return Standing.SENT, Reason.UNCERTAIN
    if invitation.mail_state != MailState.SENT:
        return Standing.QUEUED, ""
    if reason := REASON_OF_EVENT.get(invitation.reported):
        return Standing.SENT, reason
    is_over = invitation.mail_sent_at + timedelta(days=invitation.link_days) <= now
    return (Standing.EXPIRED if is_over else Standing.SENT), ""


def reason_of_cancelled_mail(reason: str) -> Reason:
    """The ledger cancels at its last look whom it must not write to, and says why in the words of suppression."""
    return Reason(reason) if reason in Reason.values else Reason.SUPPRESSED


# The other way round, for whoever looks for all that have a reason: what the ledger says in which words of its own.
REASONS_OF_FAILED = {Reason.BOUNCED: list(NO_SUCH_ADDRESS)}
REASONS_OF_CANCELLED = {
    Reason.BOUNCED: [OutgoingMail.Reason.BOUNCED, OutgoingMail.Reason.RESTS],
    Reason.OPTED_OUT: [OutgoingMail.Reason.OPTED_OUT],
    Reason.SUPPRESSED: [OutgoingMail.Reason.COMPLAINED, OutgoingMail.Reason.MANUAL],
    Reason.PAUSED: [OutgoingMail.Reason.PAUSED],
}


def with_reason(reason: str) -> Q:
    """The invitations that `state_of` gives this reason: decided by surveys, or told by the ledger of their mail."""
    decided = ~Q(state=Invitation.State.QUEUED) & Q(reason=reason)
    mails = Q(mail__state=MailState.CANCELLED, mail__reason__in=REASONS_OF_CANCELLED.get(Reason(reason), []))
    if reason == Reason.FAILED:
        refused = Q(mail__state=MailState.FAILED) & ~Q(mail__reason__in=NO_SUCH_ADDRESS)
        mails |= refused | Q(mail__state=MailState.EXPIRED)
    elif reason == Reason.UNCERTAIN:
        mails |= Q(mail__state=MailState.UNCERTAIN)
    else:
        kinds = [kind for kind, told in REASON_OF_EVENT.items() if told == reason]
        mails |= Q(mail__state=MailState.FAILED, mail__reason__in=REASONS_OF_FAILED.get(Reason(reason), []))
        mails |= Q(mail__state=MailState.SENT, mail__events__kind__in=kinds)
    told = InvitationMail.objects.filter(mails, kind=InvitationMail.Kind.FIRST, invitation__state="queued")
    is_answered = Exists(Response.objects.counted().filter(invitation=OuterRef("pk")))
    return (decided | Q(pk__in=told.values("invitation"))) & ~Q(is_answered)


def held_without_date(*, since: datetime) -> Counter[str]:
    """How many stood like this then, by the reason: asked when its cause ends. Of those who wait for a delivery the
    ones who bought lately enough to be asked at all."""
    found: Counter[str] = Counter()
    for brand in Brand.objects.order_by("pk"):
        lately = Q(purchase__purchased_at__gt=since - timedelta(days=2 * brand.max_age_days))
        undated = Q(state=Invitation.State.HELD, scheduled_for=None) | Q(state=Invitation.State.WAITING) & lately
        held = Invitation.objects.filter(undated, brand=brand, wave__in=PURCHASE_WAVES, created_at__lt=since)
        found.update(dict(held.order_by().values_list("reason").annotate(count=Count("pk"))))
    return found
