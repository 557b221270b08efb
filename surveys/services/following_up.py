"""A brand begins to ask again: whoever bought shortly before is asked again too."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import Brand
from affiliates.models import Purchase
from surveys.models import Invitation, Survey, Wave
from surveys.services.planning import plan_invitations

# How long after a follow-up is published it is looked for those who have none: all of them at the first look, and
# again for whoever a worker's end left out.
LOOKED_FOR = timedelta(days=1)


def plan_missing_follow_ups(*, now: datetime) -> int:
    """Plan for the customers of brands that have just published a follow-up; how many."""
    published = Survey.objects.filter(wave=Wave.FOLLOW_UP, status=Survey.Status.PUBLISHED)
    lately = published.filter(published_at__gt=now - LOOKED_FOR, brand__follow_up_after__isnull=False)
    return sum(catch_up(survey.brand, now=now) for survey in lately.select_related("brand"))


def catch_up(brand: Brand, *, now: datetime) -> int:
    """By id, a batch a transaction: whoever is planned meanwhile by another is only judged once more."""
    planned, last = 0, 0
    while page := list(without_follow_up(brand, now=now).filter(pk__gt=last)[: settings.PURCHASE_BATCH_SIZE]):
        plan_invitations(brand, page, now=now)
        planned, last = planned + len(page), page[-1].pk
    return planned


def without_follow_up(brand: Brand, *, now: datetime) -> QuerySet[Purchase]:
    """Purchases recent enough to be asked about, as far as their date of sale tells."""
    invitations = Invitation.objects.filter(purchase=OuterRef("pk"))
    return (
        Purchase.objects.real()
        .filter(brand=brand, purchased_at__gt=now - timedelta(days=2 * brand.max_age_days))
        .filter(Exists(invitations.filter(wave=Wave.FIRST)), ~Exists(invitations.filter(wave=Wave.FOLLOW_UP)))
        .order_by("pk")
    )
