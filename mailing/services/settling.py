"""What became of a mail of which nobody knew: staff have asked, or looked into the server's log, and say so."""

from datetime import datetime
from enum import Enum

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from mailing.models import MailEvent, OutgoingMail
from mailing.services.queueing import retry_mail

State = OutgoingMail.State


class Settlement(Enum):
    ARRIVED = "arrived"
    NOT_ARRIVED = "not_arrived"  # and shall not be sent any more
    SEND_AGAIN = "send_again"  # it did not arrive


@transaction.atomic
def settle_mail(mail: OutgoingMail, outcome: Settlement, *, by: User, now: datetime) -> OutgoingMail:
    """Write down what became of an uncertain mail, and who says so.

    What is to arrive at most once is sent again too: the promise is kept by whoever knows that it did not arrive. It
    goes out under the same Message-ID, so that a mailbox which does have it may drop the copy.
    PermissionDenied; ValidationError: it is not uncertain (any more), or too late to be sent.
    """
    settled = OutgoingMail.objects.select_for_update(of=("self",)).select_related("brand").get(pk=mail.pk)
    if not by.may_write_for(settled.brand):
        raise PermissionDenied
    if settled.state != State.UNCERTAIN:
        raise _not_uncertain(settled)
    _note(settled, MailEvent.Kind.ARRIVED if outcome == Settlement.ARRIVED else MailEvent.Kind.NOT_ARRIVED, by, now)
    if outcome == Settlement.SEND_AGAIN:
        return retry_mail(settled, by=by, now=now)
    if outcome == Settlement.ARRIVED:
        settled.state, settled.reason, settled.sent_at = State.SENT, "", settled.handed_over_at or now
    else:
        settled.state, settled.reason = State.FAILED, OutgoingMail.Reason.NOT_ARRIVED
    settled.save(update_fields=["state", "reason", "sent_at", "updated_at"])
    return settled


def _not_uncertain(mail: OutgoingMail) -> ValidationError:
    """Two may have had the same list before them: who comes second is told who was first, and what they said."""
    settlements = [MailEvent.Kind.ARRIVED, MailEvent.Kind.NOT_ARRIVED]
    first = mail.events.filter(source="staff", kind__in=settlements).order_by("-pk").first()
    if first is None:
        return ValidationError(_("Only an uncertain mail can be settled."), "not_uncertain")
    told = {"who": first.detail, "what": first.get_kind_display()}
    return ValidationError(_("%(who)s has settled it already (%(what)s)."), "not_uncertain", told)


def _note(mail: OutgoingMail, kind: str, by: User, now: datetime) -> None:
    # A mail that was sent again can become uncertain, and be settled, once more.
    number = MailEvent.objects.filter(mail=mail, source="staff").count() + 1
    MailEvent.objects.create(
        brand=mail.brand,
        mail=mail,
        kind=kind,
        source="staff",
        event_id=f"{mail.uuid}:settled:{number}",
        detail=str(by),
        occurred_at=now,
    )
