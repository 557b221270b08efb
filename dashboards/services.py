from datetime import datetime

from affiliates.models import AffiliateMember


def accept_terms(member: AffiliateMember, *, now: datetime) -> None:
    """The day of the first time counts; accepting again changes nothing."""
    AffiliateMember.objects.filter(pk=member.pk, accepted_terms_at=None).update(accepted_terms_at=now)
