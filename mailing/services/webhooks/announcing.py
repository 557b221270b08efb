"""An event is written down in the transaction of what it tells: both stand, or neither. Nothing is sent here."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from accounts.models import Brand
from accounts.statements import execute_planned
from mailing.models import OF_BRAND, Delivery, Endpoint, WebhookEvent

AT_ONCE = 1000  # rows written in one statement
# As `Endpoint.objects.listening`, asked with each purchase and each answer.
LISTENING = """
    SELECT id FROM mailing_endpoint
    WHERE brand_id = $1 AND events @> ARRAY[$2::text]::varchar[] AND audience = $3 AND state <> $4
"""


def audiences_of(brand: Brand, kind: str) -> set[str]:
    """Who listens for this kind of event. For whoever would have much to look up before there is anything to say."""
    return set(Endpoint.objects.listening(brand, kind).order_by().values_list("audience", flat=True))


@transaction.atomic(savepoint=False)  # nobody goes on after a failure in here
def announce(
    brand: Brand,
    kind: str,
    news: Iterable[Mapping[str, Any]],
    *,
    audience: str = OF_BRAND,
    at: datetime | None = None,
) -> int:
    """Tell every endpoint of the audience that listens; how many events. Where none does, `news` is not even read.

    `at`: not before, and as if it happened then, where the moment itself would tell too much.

    Each of `news` holds ids, codes, amounts and times: never a name, an address or words of a customer.
    """
    with connection.cursor() as cursor:
        execute_planned(cursor, LISTENING, [brand.pk, kind, audience, Endpoint.State.ENDED])
        endpoints = [endpoint for (endpoint,) in cursor.fetchall()]
    if not endpoints:
        return 0
    event_at, told_at = ({"occurred_at": at}, {"not_before": at}) if at else ({}, {})
    events = WebhookEvent.objects.bulk_create(
        [WebhookEvent(brand=brand, kind=kind, data=data, **event_at) for data in news], batch_size=AT_ONCE
    )
    deliveries = (Delivery(endpoint_id=endpoint, event=event, **told_at) for event in events for endpoint in endpoints)
    Delivery.objects.bulk_create(deliveries, batch_size=AT_ONCE)
    return len(events)
