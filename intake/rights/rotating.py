"""After a new key: what is kept under an older one, put under the newest.

PSEUDONYM_KEYS: fingerprints, where the address is known. LINK_KEYS: what is kept sealed.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import transaction
from django.db.models import Model, QuerySet

from accounts.sealing import SealBroken, reseal
from affiliates.models import Customer, Purchase
from complaints.models import Complaint
from intake.models import BlockedRecord, Hook
from mailing.addresses import hash_address, known_hashes
from mailing.models import Endpoint, OutgoingMail, Suppression
from mailing.services import suppress
from mailing.tokens import current_key_version

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


# Everything that is sealed under LINK_KEYS, but for second factors, which allauth keeps in a field of its own.
SEALED: tuple[tuple[type[Model], str], ...] = (
    (Endpoint, "sealed_secret"),
    (Endpoint, "sealed_previous"),
    (Hook, "sealed_secret"),
    (Hook, "sealed_previous"),
    (OutgoingMail, "sealed_context"),
    (BlockedRecord, "sealed"),
)
SEALED_FACTORS = ("secret", "seed")


@dataclass(frozen=True)
class Resealed:
    """How many secrets are under the newest key now, and how many links of mails and cases are of older ones."""

    secrets: int
    unreadable: int
    links_left: int


def reseal_everything() -> Resealed:
    """Each row a transaction of its own, locked: whoever changes it meanwhile is waited for. Again goes on."""
    done = Counter(_reseal(model, field, pk) for model, field in SEALED for pk in _ids(_sealed(model, field)))
    done += Counter(_reseal_factor(pk) for pk in _ids(Authenticator.objects.all()))
    return Resealed(done[True], done[False], _links_of_older_keys())


def _links_of_older_keys() -> int:
    """Those still to be written: of mails that go out yet, and of cases, which are written about again and again."""
    written = (OutgoingMail.State.SENT, OutgoingMail.State.CANCELLED, OutgoingMail.State.EXPIRED)
    rows = (OutgoingMail.objects.exclude(state__in=written), Complaint.objects.all())
    return sum(each.exclude(key_version=current_key_version()).count() for each in rows)


def _sealed(model: type[Model], field: str) -> QuerySet[Model]:
    return model._default_manager.exclude(**{field: None}).exclude(**{field: b""})


@transaction.atomic
def _reseal(model: type[Model], field: str, pk: int) -> bool | None:
    row = model._default_manager.select_for_update().filter(pk=pk).first()
    if row is None or not getattr(row, field):
        return None
    try:
        sealed = reseal(bytes(getattr(row, field)))
    except SealBroken:
        return False
    model._default_manager.filter(pk=pk).update(**{field: sealed})
    return True


@transaction.atomic
def _reseal_factor(pk: int) -> bool | None:
    """An app's secret, or the seed of recovery codes; a passkey has nothing to hide."""
    factor = Authenticator.objects.select_for_update().filter(pk=pk).first()
    if factor is None:  # its owner has taken it away meanwhile
        return None
    held = [name for name in SEALED_FACTORS if name in factor.data]
    try:
        factor.data |= {name: reseal(factor.data[name].encode()).decode() for name in held}
    except SealBroken:
        return False
    factor.save(update_fields=["data"])
    return True if held else None


def _older(rows: QuerySet, field: str) -> QuerySet:
    """Not under the newest key, whose number is the first byte."""
    newest = max(settings.PSEUDONYM_KEYS)
    start, end = bytes([newest]), bytes([newest + 1]) if newest < 255 else b"\xff" * 34
    return rows.exclude(**{f"{field}__gte": start, f"{field}__lt": end})


def _ids(rows: QuerySet) -> Iterator[int]:
    return chain.from_iterable(_batches(rows))


def _batches(rows: QuerySet) -> Iterator[list[int]]:
    """By id, a page in memory."""
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
        .order_by("pk")
    )
    for each in standing:
        until = each.expires_at
        suppress(each.brand, newest, scope=each.scope, reason=each.reason, now=each.created_at, expires_at=until)
    Suppression.objects.filter(pk__in=[each.pk for each in standing]).delete()
    return len(standing)
