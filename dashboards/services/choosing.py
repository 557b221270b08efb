"""What a person wants of their pages."""

from datetime import datetime

from django.db import transaction

from affiliates.models import AffiliateMember
from insights.models import Preference
from mailing.models import OutgoingMail
from mailing.services import resubscribe


@transaction.atomic
def choose_rhythm(member: AffiliateMember, rhythm: str) -> None:
    """How often they are sent a summary. Whoever had left them by a link gets them again."""
    Preference.objects.update_or_create(member=member, defaults={"rhythm": rhythm})
    if rhythm != Preference.Rhythm.NEVER:
        resubscribe(member.affiliate.brand, member.user.email, scope=OutgoingMail.DIGEST)


def close_tour(member: AffiliateMember, *, now: datetime) -> None:
    """It has been taken, or is not wanted."""
    Preference.objects.update_or_create(member=member, defaults={"toured_at": now})
