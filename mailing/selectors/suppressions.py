"""Questions to the ledger that other apps ask."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from accounts.models import Brand
from mailing.addresses import known_hashes, normalize_address
from mailing.models import Suppression, scopes_against

# Where several reasons forbid the same, the one that explains most.
STRONGEST_FIRST = [
    Suppression.Reason.BOUNCED,
    Suppression.Reason.COMPLAINED,
    Suppression.Reason.OPTED_OUT,
    Suppression.Reason.MANUAL,
    Suppression.Reason.ERASED,
]


STANDING = """
SELECT address_hash, scope, reason, expires_at FROM mailing_suppression
WHERE brand_id = %s AND address_hash = ANY(%s) AND (expires_at IS NULL OR expires_at > statement_timestamp())
"""


@dataclass(frozen=True)
class Objection:
    """Why not to write to an address; `until` for a while, None for good."""

    reason: str
    until: datetime | None = None


def suppressed_addresses(brand: Brand, addresses: Iterable[str], *, scopes: Iterable[str]) -> dict[str, str]:
    """Which of these must not be written to about any of these scopes, and why: normalised address → reason.

    One statement, however many addresses.
    """
    wanted = list(scopes)
    standing = standing_suppressions(brand, addresses)
    found = {address: strongest_objection(by_scope, wanted) for address, by_scope in standing.items()}
    return {address: objection.reason for address, objection in found.items() if objection}


def erased_addresses(brand: Brand, addresses: Iterable[str]) -> dict[str, datetime]:
    """Which of these were somebody's who was erased, and when that was asked for last: normalised address → when."""
    address_of = {digest: normalize_address(address) for address in set(addresses) for digest in known_hashes(address)}
    rows = Suppression.objects.filter(brand=brand, scope=Suppression.HISTORY, address_hash__in=list(address_of))
    erased: dict[str, datetime] = {}
    for digest, at in rows.order_by("created_at").values_list("address_hash", "created_at"):
        erased[address_of[bytes(digest)]] = at
    return erased


def standing_suppressions(brand: Brand, addresses: Iterable[str]) -> dict[str, dict[str, Objection]]:
    """All that these addresses must not be written to about: normalised address → scope → why. One statement."""
    address_of = {
        address_hash: normalize_address(address) for address in set(addresses) for address_hash in known_hashes(address)
    }
    if not address_of:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(STANDING, [brand.pk, list(address_of)])
        found = cursor.fetchall()
    standing: dict[str, dict[str, Objection]] = {}
    for address_hash, scope, reason, until in found:
        by_scope = standing.setdefault(address_of[bytes(address_hash)], {})
        objection = Objection(reason, until)
        by_scope[scope] = min(objection, by_scope.get(scope, objection), key=_weight)  # twice after a change of keys
    return standing


def strongest_objection(by_scope: Mapping[str, Objection], scopes: Iterable[str]) -> Objection | None:
    """Why not to write about any of these scopes; None: nothing forbids it."""
    objections = [by_scope[scope] for scope in scopes_against(scopes) if scope in by_scope]
    return min(objections, key=_weight, default=None)


def _weight(objection: Objection) -> tuple[bool, int, float]:
    """For good before for a while, and for long before for short."""
    until = objection.until
    strength = STRONGEST_FIRST.index(Suppression.Reason(objection.reason))
    return until is not None, strength, -until.timestamp() if until else 0
