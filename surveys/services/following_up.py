"""A brand begins to ask again: whoever bought shortly before is asked again too."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from accounts.in_turn import sum_in_turn
from accounts.models import Brand
from affiliates.models import Purchase
from surveys.models import Invitation, Survey, Wave
from surveys.services.planning import plan_invitations

# A purchase may be in the hands of somebody who began before the publication and knows nothing of it: until then who
# has no follow-up is looked for again.
SETTLES_AFTER = timedelta(minutes=10)


def plan_missing_follow_ups(*, now: datetime) -> int:
    """Plan for who bought before their brand published its follow-up, once; how many."""
    begun = Survey.objects.filter(wave=Wave.FOLLOW_UP, status=Survey.Status.PUBLISHED)
    waiting = begun.filter(catching_up_after__isnull=False, brand__follow_up_after__isnull=False)
    return sum_in_turn(waiting.values_list("pk", flat=True), lambda pk: catch_up(pk, now=now))


def catch_up(survey_id: int, *, now: datetime) -> int:
    planned = 0
    while batch := catch_up_batch(survey_id, now=now):
        planned += batch
    return planned


@transaction.atomic
def catch_up_batch(survey_id: int, *, now: datetime) -> int:
    """By id, and how far it came is kept with it: whoever goes on after a worker's end begins where that one ended."""
    locked = Survey.objects.select_for_update(skip_locked=True, no_key=True, of=("self",)).select_related("brand")
    survey = locked.filter(pk=survey_id, catching_up_after__isnull=False).first()
    if survey is None:
        return 0
    purchases = without_follow_up(survey.brand, now=now).filter(pk__gt=survey.catching_up_after)
    page = list(purchases[: settings.PURCHASE_BATCH_SIZE])
    if page:
        plan_invitations(survey.brand, page, now=now)
        survey.catching_up_after = page[-1].pk
    else:
        is_settled = survey.published_at is None or now >= survey.published_at + SETTLES_AFTER
        survey.catching_up_after = None if is_settled else 0
    survey.save(update_fields=["catching_up_after"])
    return len(page)


def without_follow_up(brand: Brand, *, now: datetime) -> QuerySet[Purchase]:
    """Purchases recent enough to be asked about, as far as their date of sale tells."""
    invitations = Invitation.objects.filter(purchase=OuterRef("pk"))
    return (
        Purchase.objects.real()
        .filter(brand=brand, purchased_at__gt=now - timedelta(days=2 * brand.max_age_days))
        .filter(Exists(invitations.filter(wave=Wave.FIRST)), ~Exists(invitations.filter(wave=Wave.FOLLOW_UP)))
        .order_by("pk")
    )
