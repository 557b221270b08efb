from datetime import datetime, timedelta

from affiliates.models import AffiliateMember

# Who comes back sooner goes on with the same visit: what was new stays marked as new.
VISIT_ENDS_AFTER = timedelta(minutes=30)


def accept_terms(member: AffiliateMember, *, now: datetime) -> None:
    """The day of the first time counts; accepting again changes nothing."""
    AffiliateMember.objects.filter(pk=member.pk, accepted_terms_at=None).update(accepted_terms_at=now)


def note_visit(member: AffiliateMember, *, now: datetime) -> datetime | None:
    """Write down that they were here. When their visit before this one ended, if a new one begins; else None."""
    before = member.last_seen_at
    AffiliateMember.objects.filter(pk=member.pk).update(last_seen_at=now)
    return before if before and now - before > VISIT_ENDS_AFTER else None
