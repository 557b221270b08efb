"""A reading a minute: how long work has waited, and what has happened since the one before, added up.

Sums only grow, so that whoever misses readings misses nothing of what happened in between.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from accounts.models import Brand
from intake.models import Reading
from intake.operations.figures import take_figures

# What was written just now may not be committed everywhere: it is counted a minute later.
SETTLED_AFTER = timedelta(seconds=10)
KEPT_FOR = timedelta(days=8)
# Of each what it is added up from, in the order of `_HAPPENED`.
TOTALS = (
    *("mails_sent", "surveys_sent", "mails_failed", "mails_uncertain", "mails_expired", "mails_cancelled"),
    *("mails_bounced", "mails_complained", "mails_delivered"),
    *("webhooks_delivered", "webhook_tries_failed", "webhook_milliseconds"),
    *("webhooks_received", "answers", "purchases"),
)
_HAPPENED = """
WITH mails AS (
    SELECT count(*) FILTER (WHERE state = 'sent'),
           count(*) FILTER (WHERE state = 'sent' AND 'surveys' = ANY(scopes) AND NOT 'sample' = ANY(scopes)),
           count(*) FILTER (WHERE state = 'failed'), count(*) FILTER (WHERE state = 'uncertain'),
           count(*) FILTER (WHERE state = 'expired'), count(*) FILTER (WHERE state = 'cancelled')
      FROM mailing_outgoingmail
     WHERE brand_id = ANY(%(brands)s) AND state IN ('sent', 'failed', 'uncertain', 'expired', 'cancelled')
       AND updated_at > %(since)s AND updated_at <= %(until)s
), reports AS (
    SELECT count(*) FILTER (WHERE kind = 'bounced'), count(*) FILTER (WHERE kind = 'complained'),
           count(*) FILTER (WHERE kind = 'delivered')
      FROM mailing_mailevent WHERE id > %(mailing_mailevent)s AND id <= %(to_mailing_mailevent)s
), tries AS (
    SELECT count(*) FILTER (WHERE problem = ''), count(*) FILTER (WHERE problem <> ''),
           coalesce(sum(milliseconds), 0)::bigint
      FROM mailing_deliveryattempt WHERE id > %(mailing_deliveryattempt)s AND id <= %(to_mailing_deliveryattempt)s
), events AS (
    SELECT count(*) FROM intake_inboundevent WHERE id > %(intake_inboundevent)s AND id <= %(to_intake_inboundevent)s
), answers AS (
    SELECT count(*) FROM surveys_response
     WHERE brand_id = ANY(%(brands)s) AND answered_at > %(since)s AND answered_at <= %(until)s
), purchases AS (
    SELECT count(*) FROM affiliates_purchase WHERE id > %(affiliates_purchase)s AND id <= %(to_affiliates_purchase)s
)
SELECT * FROM mails, reports, tries, events, answers, purchases
"""
# Tables to which rows are only added, and when each row was: read on from the last one known.
GROWING = {
    "mailing_mailevent": "created_at",
    "mailing_deliveryattempt": "at",
    "intake_inboundevent": "received_at",
    "affiliates_purchase": "created_at",
}


def take_reading(*, now: datetime) -> bool:
    """One a minute, whoever else takes one. False: there is one of this minute."""
    minute = now.replace(second=0, microsecond=0)
    last = Reading.objects.order_by("-at").first()
    if last and last.at >= minute:
        return False
    until = now - SETTLED_AFTER
    seen = {table: _newest(table, at, until) for table, at in GROWING.items()}
    happened = _happened(last, seen, until=until) if last else dict.fromkeys(TOTALS, 0)
    known = last.totals if last else {}
    reading = Reading(
        at=minute,
        until=until,
        waits={name: [round(queue.age, 1), queue.size] for name, queue in take_figures().queues.items()},
        totals={name: known.get(name, 0) + count for name, count in happened.items()},
        seen=seen,
    )
    Reading.objects.bulk_create([reading], ignore_conflicts=True)
    Reading.objects.filter(at__lt=now - KEPT_FOR).delete()
    return True


def _happened(last: Reading, seen: Mapping[str, int], *, until: datetime) -> dict[str, int]:
    brands = list(Brand.objects.values_list("pk", flat=True))
    values: dict[str, Any] = {"brands": brands, "since": last.until, "until": until}
    values |= {table: last.seen.get(table, newest) for table, newest in seen.items()}
    values |= {f"to_{table}": newest for table, newest in seen.items()}
    with connection.cursor() as cursor:
        cursor.execute(_HAPPENED, values)
        return dict(zip(TOTALS, cursor.fetchone(), strict=True))


def _newest(table: str, at: str, until: datetime) -> int:
    """The last row before that moment, found from the end; 0 where there is none."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM {table} WHERE {at} <= %s ORDER BY id DESC LIMIT 1", [until])  # noqa: S608 - ours
        found = cursor.fetchone()
    return int(found[0]) if found else 0
