"""Who must not be written to."""

from datetime import datetime

from django.db import transaction

from accounts.models import Brand
from mailing.addresses import hash_address
from mailing.models import MailEvent, OutgoingMail, Suppression


def suppress(brand: Brand, address: str | bytes, *, scope: str, reason: str, now: datetime) -> None:
    """Do not write to this address about `scope` again ("surveys", "purchase:17", or Suppression.EVERYTHING).

    `address` may be its keyed hash where the address itself is no longer known. Saying it twice keeps the first.
    """
    address_hash = address if isinstance(address, bytes) else hash_address(address)
    Suppression.objects.bulk_create(
        [Suppression(brand=brand, address_hash=address_hash, scope=scope, reason=reason, created_at=now)],
        ignore_conflicts=True,
    )


@transaction.atomic
def unsubscribe(mail: OutgoingMail, *, scope: str, source: str, now: datetime) -> None:
    """The recipient of this mail wants no more about `scope`. What is queued is stopped when it is handed over."""
    suppress(mail.brand, mail.to_address, scope=scope, reason=Suppression.Reason.OPTED_OUT, now=now)
    MailEvent.objects.bulk_create(
        [
            MailEvent(
                brand_id=mail.brand_id,
                mail=mail,
                kind=MailEvent.Kind.UNSUBSCRIBED,
                source=source,
                event_id=f"{mail.uuid}:{scope}",
                detail=scope,
                occurred_at=now,
            )
        ],
        ignore_conflicts=True,
    )
