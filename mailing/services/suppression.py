"""Who must not be written to."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from accounts.models import Brand
from mailing.addresses import hash_address, known_hashes
from mailing.models import MailEvent, OutgoingMail, Suppression

AT_ONCE = timedelta(seconds=10)  # between a report and what follows from it, which are one transaction


@transaction.atomic
def suppress(
    brand: Brand,
    address: str | bytes,
    *,
    scope: str,
    reason: str,
    now: datetime,
    expires_at: datetime | None = None,
) -> None:
    """Do not write to this address about `scope` ("surveys", "purchase:17", Suppression.UNASKED or EVERYTHING).

    `address` may be its keyed hash where the address itself is no longer known. For good unless `expires_at` says
    until when. Saying it twice keeps the first; what is for good or longer replaces what ends.
    """
    address_hash = address if isinstance(address, bytes) else hash_address(address)
    said = {"reason": reason, "created_at": now, "expires_at": expires_at}
    Suppression.objects.bulk_create(
        [Suppression(brand=brand, address_hash=address_hash, scope=scope, **said)], ignore_conflicts=True
    )
    ending = Suppression.objects.filter(brand=brand, address_hash=address_hash, scope=scope, expires_at__isnull=False)
    (ending.filter(expires_at__lt=expires_at) if expires_at else ending).update(**said)


def remember_erased(brand: Brand, address: str, *, now: datetime) -> None:
    """Its owner is erased: what they said until now does not come back with an old file (`erased_addresses`)."""
    said: dict[str, Any] = {"reason": Suppression.Reason.ERASED, "created_at": now}
    Suppression.objects.update_or_create(
        brand=brand, address_hash=hash_address(address), scope=Suppression.HISTORY, defaults=said
    )


def lift(brand: Brand, address: str, *, scope: str, reason: str) -> None:
    """Take back what was said for this very reason; others that stand against the same scope stay."""
    standing = Suppression.objects.filter(brand=brand, scope=scope, reason=reason)
    standing.filter(address_hash__in=known_hashes(address)).delete()


def resubscribe(brand: Brand, address: str, *, scope: str) -> None:
    """They ask for `scope` again, signed in. Only their own wish is lifted: no bounce, no complaint, no staff word."""
    own_wish = Suppression.objects.filter(brand=brand, scope=scope, reason=Suppression.Reason.OPTED_OUT)
    own_wish.filter(address_hash__in=known_hashes(address)).delete()


@transaction.atomic
def forget_wishes(mails: Iterable[int]) -> None:
    """Lift what was opted out of by these very mails: they were tests, which are undone.

    A wish that stood before stays, and so does every other reason, a complaint about the test among them.
    """
    told = MailEvent.objects.filter(mail__in=mails, kind=MailEvent.Kind.UNSUBSCRIBED).select_related("mail")
    for event in told:
        assert event.mail is not None  # it was found by it
        reported = (event.created_at - AT_ONCE, event.created_at + AT_ONCE)
        Suppression.objects.filter(
            Q(created_at=event.occurred_at) | Q(created_at__range=reported),
            brand=event.brand_id,
            address_hash__in=known_hashes(event.mail.to_address),
            scope__in=event.mail.scopes,
            reason=Suppression.Reason.OPTED_OUT,
        ).delete()


@transaction.atomic
def unsubscribe(mail: OutgoingMail, *, scope: str, source: str, now: datetime) -> bool:
    """The recipient of this mail wants no more about `scope`. What is queued is stopped when it is handed over.

    False: it was a test, whose recipient only tried the link.
    """
    if mail.is_sample:
        return False
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
    return True
