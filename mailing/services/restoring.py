"""After a backup was put back nobody here knows what went out since it was taken: nothing goes until somebody says so.

The hold is a trouble of all mail like any other (models/watching.py), so that the admin, /readyz, check_queue and a
mail to the operator tell of it.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from mailing.models import Alarm, OutgoingMail
from mailing.services.claiming import FREED, in_line_again

State, Reason, Guarantee = OutgoingMail.State, OutgoingMail.Reason, OutgoingMail.Guarantee


def hold_mail(*, now: datetime) -> None:
    """No mail and no webhook goes out from now on."""
    Alarm.objects.bulk_create([Alarm(kind=Alarm.Kind.RESTORED, began_at=now)], ignore_conflicts=True)


@transaction.atomic
def doubt_mail(*, now: datetime) -> int:
    """What was under way or due has perhaps been sent since the backup was taken; how many are uncertain now.

    What is to arrive at least once is sent, again perhaps: so it was promised when it was queued.
    """
    in_hands = Q(state__in=[State.CLAIMED, State.HANDING_OVER])
    perhaps_sent = OutgoingMail.objects.filter(in_hands | Q(state=State.QUEUED, not_before__lte=now))
    once = perhaps_sent.filter(guarantee=Guarantee.AT_MOST_ONCE)
    uncertain = once.update(state=State.UNCERTAIN, reason=Reason.RESTORED, **FREED)
    OutgoingMail.objects.filter(in_hands).update(**in_line_again())
    return uncertain


def release_mail() -> bool:
    """Everything that waits may go. False: nothing was held."""
    return bool(Alarm.objects.holding().update(ended_at=Now()))
