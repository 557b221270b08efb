"""Changes become counts: claimed once, counted once, by as many workers as there are.

One transaction takes the changes of a brand, recounts what they touch and publishes what is then due. Whatever breaks
it off leaves the changes where they were, for the next.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db import connection, transaction

from accounts.in_turn import sum_in_turn
from accounts.models import Brand
from affiliates.models import PurchaseChange
from complaints.models import ComplaintChange
from insights.models import CountedCase, CountedResponse
from insights.services import counting
from insights.services.publishing import publish_blocks, purge_withdrawn_quotes
from insights.services.tallying import retally, tally_everything
from surveys.models import ResponseChange

BATCH = 5000  # changes a transaction
LOCK = 0x1F01D  # our number among advisory locks


def fold_changes(*, now: datetime) -> int:
    """Count what has changed since the last time and publish the blocks that are due; how many changes.

    Raises ExceptionGroup of the brands where it failed, once all have had their turn.
    """
    purge_withdrawn_quotes(now=now)
    return sum_in_turn(_brands_to_fold(), lambda brand: _fold_brand(brand, now=now))


@transaction.atomic
def rebuild_rollups(brand: Brand, *, now: datetime) -> None:
    """Count all of a brand's answers anew and publish what is due: after a bulk load, or a new time zone.

    What has been published stays as it is; a difference rides in the next block.
    """
    _lock(brand, waits=True)
    counting.recount_everything(brand)
    tally_everything(brand)
    counting.withdraw_stale_quotes(brand, now=now)
    publish_blocks(brand, now=now)


def _brands_to_fold() -> Iterable[Brand]:
    changed = (
        ResponseChange.objects.values("response__brand")
        .union(
            PurchaseChange.objects.values("purchase__brand"),
            ComplaintChange.objects.values("complaint__brand"),
            CountedResponse.objects.filter(response__isnull=True).values("brand"),
            CountedCase.objects.filter(complaint__isnull=True).values("brand"),
        )
        .values_list("response__brand", flat=True)
    )
    return Brand.objects.filter(pk__in=list(changed)).order_by("pk")


def _fold_brand(brand: Brand, *, now: datetime) -> int:
    folded, is_done = 0, False
    while not is_done:
        claimed, is_done = _fold_batch(brand, now=now)
        folded += claimed
    return folded


@transaction.atomic
def _fold_batch(brand: Brand, *, now: datetime) -> tuple[int, bool]:
    """How many changes, and whether they were the last. Blocks wait for these: a file's months are published whole."""
    if not _lock(brand, waits=False):
        return 0, True  # another worker is at it, and takes these changes too or leaves them for the next time
    changes = counting.claim_changes(brand, limit=BATCH, now=now)
    counting.recount(brand, changes.responses)
    retally(brand, changes.cases)
    counting.withdraw_stale_quotes(brand, changes.responses, now=now)
    if changes.are_all:
        publish_blocks(brand, now=now)
    return changes.count, changes.are_all


def _lock(brand: Brand, *, waits: bool) -> bool:
    """Two workers at one brand would each recount without the other's answers. Held until the transaction ends."""
    function = "pg_advisory_xact_lock" if waits else "pg_try_advisory_xact_lock"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s, %s)", [LOCK, brand.pk])
        return cursor.fetchone()[0] is not False
