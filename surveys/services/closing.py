"""How a closed case ended: asked of its customer once, apart from every question about purchases."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import Brand
from affiliates.models import Customer, Purchase
from mailing.models import OutgoingMail
from mailing.services import MailRequest, queue_mail, settle_called_back, want_again
from surveys.invitation_mail import closing_context, first_scales
from surveys.models import Invitation, InvitationMail, Reason, Survey, Wave
from surveys.scheduling import due_at, spread, zone_for
from surveys.services.planning import purchase_scope, take_back
from surveys.services.sending import MAIL_KEEPS_FOR, TEMPLATES, dedupe_key
from surveys.standard import publish_standard_survey

State, Kind = Invitation.State, InvitationMail.Kind


@dataclass(frozen=True, kw_only=True)
class ClosedCase:
    """What whoever keeps cases says of one. `occasion`: "case:5"; `number`: what its customer knows it by."""

    brand: Brand
    occasion: str
    number: str
    customer: Customer
    purchase: Purchase | None
    language: str


@transaction.atomic
def ask_about_case(case: ClosedCase, *, now: datetime) -> Invitation | None:
    """Ask how it ended, a day after its closing or as the brand has it. None: the brand does not ask.

    Once a case: whoever was asked is not asked again when it is closed a second time, unless the first question was
    taken back before it went out; one that a server has at that moment goes on as if it had never been taken back. It
    waits for nothing else: no rest between surveys, no sample, no reminder.
    """
    if case.brand.closing_question_after is None:
        return None
    survey = publish_standard_survey(case.brand, Wave.CLOSING)
    wanted = {"brand": case.brand, "survey": survey, "purchase": case.purchase}
    # As if taken back, until the mail is in the ledger.
    nobody_asked = {"state": State.CANCELLED, "reason": Reason.OPEN_COMPLAINT}
    invitation, _created = Invitation.objects.select_for_update(no_key=True).get_or_create(
        occasion=case.occasion, wave=Wave.CLOSING, defaults={**wanted, **nobody_asked}
    )
    if invitation.state == State.QUEUED and not has_come_back(invitation):
        return invitation
    if case.customer.email:
        ask_at = asked_at(case, case.brand.closing_question_after, now=now)
        queue_question(case, invitation, survey, ask_at=ask_at)
        invitation.state, invitation.reason, invitation.scheduled_for = State.QUEUED, "", ask_at
    else:
        invitation.reason = Reason.NO_EMAIL
    invitation.survey = survey
    invitation.save(update_fields=["survey", "state", "reason", "scheduled_for", "updated_at"])
    return invitation


def has_come_back(invitation: Invitation) -> bool:
    """Its question was taken back while a server had it, which did not take it. What a server still has is wanted."""
    firsts = InvitationMail.objects.filter(invitation=invitation, kind=Kind.FIRST)
    mails = list(firsts.values_list("mail", flat=True))
    want_again(mails)
    # Who has answered, or was stopped by hand, is not asked again.
    back = OutgoingMail.objects.called_back().filter(pk__in=mails, reason=OutgoingMail.Reason.TAKEN_BACK)
    return settle_called_back(list(back.values_list("pk", flat=True))) > 0


@transaction.atomic
def do_not_ask_about_case(occasion: str, *, now: datetime) -> bool:
    """It is open again: take the question back. False: it was not asked about, or the mail has gone out."""
    locked = Invitation.objects.select_for_update(no_key=True)
    asked = list(locked.filter(occasion=occasion, wave=Wave.CLOSING, state=State.QUEUED))
    taken_back = Invitation.objects.filter(pk__in=take_back(asked))
    return bool(
        taken_back.update(state=State.CANCELLED, reason=Reason.OPEN_COMPLAINT, scheduled_for=None, updated_at=now)
    )


def asked_at(case: ClosedCase, delay: timedelta, *, now: datetime) -> datetime:
    """Inside the brand's window on the customer's clock, spread as all questions are."""
    brand = case.brand
    wait = spread(case.occasion) if brand.is_spread else timedelta(0)
    zone = zone_for(case.customer.timezone, brand.timezone)
    return due_at(now + delay, zone=zone, start=brand.window_start, end=brand.window_end, wait=wait)


def queue_question(case: ClosedCase, invitation: Invitation, survey: Survey, *, ask_at: datetime) -> None:
    replaced = (
        InvitationMail.objects.filter(invitation=invitation, kind=Kind.FIRST).values_list("mail", flat=True).first()
    )
    scopes = (purchase_scope(case.purchase.pk),) if case.purchase else ()
    mail = queue_mail(
        MailRequest(
            brand=case.brand,
            template=TEMPLATES[Wave.CLOSING],
            to=case.customer.email or "",
            language=case.language,
            dedupe_key=dedupe_key(invitation, Kind.FIRST, replaced),
            context=closing_context(
                case.brand,
                case.customer,
                case.purchase,
                number=case.number,
                survey=survey,
                question=first_scales([survey.pk])[survey.pk],
                language=case.language,
            ),
            guarantee=OutgoingMail.Guarantee.AT_MOST_ONCE,
            scopes=(OutgoingMail.SURVEYS, *scopes),
            not_before=ask_at,
            expires_at=ask_at + MAIL_KEEPS_FOR,
        )
    )
    InvitationMail.objects.update_or_create(invitation=invitation, kind=Kind.FIRST, defaults={"mail": mail})
