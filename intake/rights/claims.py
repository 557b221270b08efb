"""What a claim may still need of who is erased: sealed before the rest goes, and destroyed when its time is over.

Spain wants such data blocked, not deleted: nobody reads it, until a court or an authority asks (LOPDGDD 32).
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from accounts.models import AuditEntry
from accounts.sealing import seal_bytes, unseal_bytes
from accounts.services import record_change
from affiliates.models import Customer
from complaints.models import Complaint
from intake.models import BlockedRecord, Erasure
from intake.rights.exporting import archive_of
from intake.rights.holdings import cases_of

Kind = Complaint.Kind
# Of which something can be claimed. Questions and ideas go at once, and so does what a bad answer alone began.
CLAIMS = (Kind.COMPLAINT, Kind.CLAIM, Kind.WARRANTY, Kind.RETURN)
NEEDED = ("affiliates.Customer", "affiliates.Purchase", "affiliates.Refund")


def block_for_claims(erasure: Erasure, *, now: datetime) -> BlockedRecord | None:
    """Their cases, with files, and what they bought. None: there is nothing of which a claim could come any more."""
    since = claims_to_block(erasure.customer_id, now=now)
    if since is None:
        return None
    customer = Customer.objects.select_related("brand").get(pk=erasure.customer_id)
    archive = archive_of(customer, now=now, is_told=lambda table: table.startswith("complaints.") or table in NEEDED)
    return BlockedRecord.objects.create(
        brand_id=erasure.brand_id, erasure=erasure, sealed=seal_bytes(archive), since=since
    )


def claims_to_block(customer_id: int, *, now: datetime) -> datetime | None:
    """When the last case was closed of which a claim can still come, an open one now; None: there is none."""
    closed = cases_of(customer_id).filter(kind__in=CLAIMS).values_list("resolved_at", flat=True)
    since = max((at or now for at in closed), default=None)
    days = settings.RETENTION_DAYS["blocked"]
    return since if since and days and since >= now - timedelta(days=days) else None


@transaction.atomic
def open_blocked(erasure: Erasure, *, reference: str) -> list[bytes]:
    """The archives, for a court or an authority; `reference`, by which they name their request, goes on record."""
    records = list(BlockedRecord.objects.filter(erasure=erasure).order_by("pk"))
    if records:
        record_change(None, erasure.brand_id, AuditEntry.Action.ERASURE, erasure, opened=reference)
    return [unseal_bytes(bytes(record.sealed)) for record in records]
