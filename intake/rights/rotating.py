"""After a new PSEUDONYM_KEYS: what is kept under an older key, put under the newest where the address is known."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from affiliates.models import Customer, Purchase
from mailing.addresses import hash_address, known_hashes
from mailing.models import Suppression
from mailing.services import suppress

BATCH = 1000


@dataclass(frozen=True)
class Rotated:
    """How many were put under the newest key, and what stays under older ones, whose keys must stay too."""

    customers: int
    objections: int
    objections_left: int
    identities_left: int

    @property
    def needs_old_keys(self) -> bool:
        """Without its key an objection protects nobody; an identity is only no longer compared."""
        return self.objections_left > 0


def rotate_pseudonyms() -> Rotated:
    """In batches, each a transaction; again after an interruption goes on where it was."""
    customers = objections = 0
    for batch in _batches(_older(Customer.objects.exclude(email=None), "email_hash")):
        moved, copied = _move(batch)
        customers += moved
        objections += copied
    return Rotated(
        customers,
        objections,
        _older(Suppression.objects.all(), "address_hash").count(),
        _older(Purchase.objects.exclude(identity_hash=None), "identity_hash").count(),
    )


def _older(rows: QuerySet, field: str) -> QuerySet:
    """Not under the newest key, whose number is the first byte."""
    newest = max(settings.PSEUDONYM_KEYS)
    start, end = bytes([newest]), bytes([newest + 1]) if newest < 255 else b"\xff" * 34
    return rows.exclude(**{f"{field}__gte": start, f"{field}__lt": end})


def _batches(rows: QuerySet) -> Iterator[list[int]]:
    last = 0
    while ids := list(rows.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:BATCH]):
        yield ids
        last = ids[-1]


@transaction.atomic
def _move(ids: list[int]) -> tuple[int, int]:
    locked = Customer.objects.filter(pk__in=ids).exclude(email=None).order_by("pk").select_for_update(no_key=True)
    customers = list(locked)
    objections = sum(_move_objections(customer) for customer in customers)
    for customer in customers:
        customer.email_hash = hash_address(customer.email or "")
    Customer.objects.bulk_update(customers, ["email_hash"])
    return len(customers), objections


def _move_objections(customer: Customer) -> int:
    """Under the newest key, where what lasts longer stands; the older row goes."""
    newest = hash_address(customer.email or "")
    older = [digest for digest in known_hashes(customer.email or "") if digest != newest]
    standing = list(
        Suppression.objects.filter(brand=customer.brand_id, address_hash__in=older)
        .select_related("brand")
        .select_for_update(of=("self",))
    )
    for each in standing:
        until = each.expires_at
        suppress(each.brand, newest, scope=each.scope, reason=each.reason, now=each.created_at, expires_at=until)
    Suppression.objects.filter(pk__in=[each.pk for each in standing]).delete()
    return len(standing)
