"""Clicks by the month: room for those to come, and the old ones gone, of which only how many there were stays."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import structlog
from django.db import connection, transaction
from django.db.utils import OperationalError

from accounts.partitions import (
    PATIENCE,
    Partition,
    drop_partition,
    make_partitions,
    month_of,
    partitions_of,
    strays,
)
from affiliates.models import Click

TABLE = Click._meta.db_table
BATCH = 2000
# Months as the brand counts them. `gone`: what is about to go.
COUNT = """
    WITH gone AS ({gone}), counted AS (
        INSERT INTO affiliates_visitcount AS told (link_id, month, visits)
        SELECT gone.link_id, date_trunc('month', gone.occurred_at AT TIME ZONE brand.timezone)::date, count(*)
        FROM gone
        JOIN affiliates_trackinglink link ON link.id = gone.link_id
        JOIN affiliates_affiliate affiliate ON affiliate.id = link.affiliate_id
        JOIN accounts_brand brand ON brand.id = affiliate.brand_id
        WHERE gone.kind = 'visit' GROUP BY 1, 2
        ON CONFLICT (link_id, month) DO UPDATE SET visits = told.visits + excluded.visits
    )
    SELECT count(*) FROM gone
"""
OF_PARTITION = "SELECT link_id, occurred_at, kind FROM {piece}"
# Of a piece that holds younger ones too: by an index that only it has, what is nobody's waits for the others.
SOME = """
    DELETE FROM affiliates_click WHERE (id, occurred_at) IN (
        SELECT id, occurred_at FROM affiliates_click WHERE occurred_at < %s AND NOT visitor = ''
        ORDER BY occurred_at LIMIT %s
    )
    RETURNING link_id, occurred_at, kind
"""
# What shops told of late, after its month had gone.
STRAYS = """
    DELETE FROM affiliates_click_other WHERE ctid IN (
        SELECT ctid FROM affiliates_click_other WHERE occurred_at < %s LIMIT %s
    )
    RETURNING link_id, occurred_at, kind
"""

log = structlog.get_logger(__name__)


def make_room_for_clicks(*, now: datetime) -> list[str]:
    """The months that were missing."""
    return make_partitions(TABLE, key="occurred_at", now=now)


def room_for_clicks_until() -> datetime:
    return partitions_of(TABLE)[-1].after


def clicks_without_month() -> int:
    return strays(TABLE)


def forget_clicks(before: datetime) -> int:
    """What was clicked before the month of `before`: a whole month of it, or a batch; how many.

    Within the caller's transaction, which must end at once. 0: there are no more, or others were busy with the table.
    """
    until = month_of(before)
    oldest = next(iter(partitions_of(TABLE)), None)
    if oldest is None or oldest.after > until:
        return _count(SOME, [until, BATCH]) or _count(STRAYS, [until, BATCH])
    try:
        with transaction.atomic():
            return _forget_month(oldest)
    except OperationalError as error:
        log.warning("partition_busy", partition=oldest.name, error=str(error))
        return 0


def _forget_month(month: Partition) -> int:
    with connection.cursor() as cursor:
        # Whoever writes to that month waits, lest a click come late and not be counted.
        cursor.execute(f"{PATIENCE}; LOCK TABLE {month.name} IN SHARE MODE")
    count = _count(OF_PARTITION.format(piece=month.name), [])
    drop_partition(month)
    return count


def _count(gone: str, values: Sequence[Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(COUNT.format(gone=gone), values)
        return int(cursor.fetchone()[0])
