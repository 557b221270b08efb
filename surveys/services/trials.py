"""What a test purchase left here, removed when it is undone."""

from django.db import transaction

from affiliates.models import Purchase
from affiliates.services import lock_test_purchase
from mailing.models import OutgoingMail
from mailing.services import cancel_mails, forget_wishes
from surveys.models import Hold, Invitation, InvitationMail, Response


@transaction.atomic
def remove_test_surveys(purchase: Purchase) -> None:
    """Delete the purchase's invitations and answers; their mails stay in the ledger, and none goes out any more.

    The links in a mail that has arrived then lead to the page for unknown ones, and whoever unsubscribed by one only
    tried the way out: they are asked again about what they really buy. ValidationError: a real purchase.
    """
    locked = lock_test_purchase(purchase)
    invitations = Invitation.objects.filter(purchase=locked)
    mails = list(InvitationMail.objects.filter(invitation__in=invitations).values_list("mail", flat=True))
    cancel_mails(mails, reason=OutgoingMail.Reason.TAKEN_BACK)
    forget_wishes(mails)
    Response.objects.filter(invitation__in=invitations).delete()
    invitations.delete()
    Hold.objects.filter(purchase=locked).delete()
