"""After a backup was put back nobody here knows what went out since it was taken: nothing goes until somebody says so.

The hold is a trouble of all mail like any other (models/watching.py), so that the admin, /readyz, check_queue and a
mail to the operator tell of it.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Max, Q
from django.db.models.functions import Now

from mailing.models import Alarm, OutgoingMail
from mailing.services.claiming import FREED, in_line_again

State, Reason, Guarantee = OutgoingMail.State, OutgoingMail.Reason, OutgoingMail.Guarantee


@transaction.atomic
def hold_mail(*, now: datetime) -> None:
    """No mail and no webhook goes out from now on."""
    Alarm.objects.holding().update(ended_at=now)  # of a restore that is in the backup
    Alarm.objects.create(kind=Alarm.Kind.RESTORED, began_at=now)


def note_lost_time(since: datetime) -> None:
    """Nothing is known here of what happened from then, when the backup was taken, until mail was held."""
    Alarm.objects.holding().update(lost_since=since)


def lost_until() -> datetime | None:
    """The end of the last time of which a restored backup knew nothing; None: there is none to mind."""
    until: datetime | None = Alarm.objects.of_lost_time().aggregate(until=Max("began_at"))["until"]
    return until


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


def doubt_mails(mails: Iterable[int]) -> int:
    """Of these, which nobody else has seen yet, others were perhaps sent in a time that was lost; how many."""
    waiting = OutgoingMail.objects.filter(pk__in=mails, state=State.QUEUED)
    return waiting.update(state=State.UNCERTAIN, reason=Reason.RESTORED, updated_at=Now())


@transaction.atomic
def release_mail(*, asks_again: bool = False) -> bool:
    """Everything that waits may go. False: nothing was held.

    `asks_again`: whoever may have been asked in the lost time is asked when their time comes, some a second time.
    """
    if asks_again:
        Alarm.objects.of_lost_time().update(lost_since=None)
    return bool(Alarm.objects.holding().update(ended_at=Now()))
