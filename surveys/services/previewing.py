"""A survey's mail before anybody gets it: shown to staff as a customer would see it, or sent to themselves."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Brand, User
from affiliates.models import Purchase
from mailing.models import OutgoingMail
from mailing.rendering import Message, render
from mailing.selectors import suppressed_addresses
from mailing.services import MailRequest, queue_mail
from surveys.invitation_mail import closing_context, first_scales, mail_context
from surveys.models import InvitationMail, SampleMail, Survey, Wave
from surveys.services.sending import template_of

# Enough to try every wording in every language; not enough to fill somebody's mailbox by a script.
MOST_SAMPLES_AN_HOUR = 30
SAMPLE_KEEPS_FOR = timedelta(hours=1)


@dataclass(frozen=True)
class Look:
    """As whom to look at a survey's mail: the customer of a purchase of the same brand, in one of its languages."""

    survey: Survey
    purchase: Purchase
    language: str
    kind: str = InvitationMail.Kind.FIRST

    @property
    def brand(self) -> Brand:
        return self.survey.brand

    @property
    def template(self) -> str:
        return template_of(self.survey.wave, self.kind)

    def context(self, *, now: datetime) -> dict[str, Any]:
        """ValidationError: the survey has no question that a mail can ask."""
        question = first_scales([self.survey.pk]).get(self.survey.pk)
        if question is None:
            raise ValidationError(_("The mail asks the survey’s first scale, and this survey has none yet."))
        asking: dict[str, Any] = {"survey": self.survey, "question": question, "language": self.language}
        if self.survey.wave == Wave.CLOSING:  # as if the purchase had had a case
            number = f"{now:%Y}-000001"
            return closing_context(self.brand, self.purchase.customer, self.purchase, number=number, **asking)
        return mail_context(self.brand, self.purchase, now=now, **asking)


def preview_mail(look: Look, *, to: str, now: datetime) -> tuple[Message, str]:
    """The mail, and the token in its links, which lead nowhere: nothing is stored. ValidationError: see Look."""
    mail = OutgoingMail(
        brand=look.brand,
        template=look.template,
        context=look.context(now=now),
        language=look.language,
        to_address=to,
        scopes=[OutgoingMail.SURVEYS],
        message_id="<preview@localhost>",
    )
    return render(mail, now=now), mail.token


@transaction.atomic
def send_sample(look: Look, *, by: User, now: datetime) -> SampleMail:
    """Send it to the person's own address, by the way that all mail goes, also while asking is paused.

    PermissionDenied: they may not write for this brand. ValidationError: too many within the hour, or they asked for
    no more surveys themselves; and see Look.
    """
    if not by.may_write_for(look.brand) or look.purchase.brand_id != look.brand.pk:
        raise PermissionDenied
    User.objects.select_for_update(no_key=True).get(pk=by.pk)  # two at once would both be the last
    if SampleMail.objects.filter(sent_by=by, created_at__gt=now - timedelta(hours=1)).count() >= MOST_SAMPLES_AN_HOUR:
        raise ValidationError(
            _("That was %(most)d tests within an hour. Try again later."), params={"most": MOST_SAMPLES_AN_HOUR}
        )
    if suppressed_addresses(look.brand, [by.email], scopes=[OutgoingMail.SURVEYS]):
        raise ValidationError(
            _("%(address)s must not be sent surveys of %(brand)s, and so no tests of them either."),
            params={"address": by.email, "brand": look.brand},
        )
    mail = queue_mail(
        MailRequest(
            brand=look.brand,
            template=look.template,
            to=by.email,
            language=look.language,
            dedupe_key=f"sample:{uuid4()}",
            context={**look.context(now=now), "is_test": True},
            guarantee=OutgoingMail.Guarantee.AT_MOST_ONCE,
            scopes=(OutgoingMail.SURVEYS, OutgoingMail.SAMPLE),
            not_before=now,
            expires_at=now + SAMPLE_KEEPS_FOR,
        )
    )
    return SampleMail.objects.create(
        survey=look.survey, purchase=look.purchase, mail=mail, kind=look.kind, sent_by=by, created_at=now
    )
