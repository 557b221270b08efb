"""Questions to the ledger that other apps ask."""

from collections.abc import Iterable, Mapping

from accounts.models import Brand
from mailing.addresses import known_hashes, normalize_address
from mailing.models import Suppression, scopes_against

# Where several reasons forbid the same, the one that explains most.
STRONGEST_FIRST = [
    Suppression.Reason.BOUNCED,
    Suppression.Reason.COMPLAINED,
    Suppression.Reason.OPTED_OUT,
    Suppression.Reason.MANUAL,
]


def suppressed_addresses(brand: Brand, addresses: Iterable[str], *, scopes: Iterable[str]) -> dict[str, str]:
    """Which of these must not be written to about any of these scopes, and why: normalised address → reason.

    One statement, however many addresses.
    """
    wanted = list(scopes)
    standing = standing_suppressions(brand, addresses)
    found = {address: strongest_reason(by_scope, wanted) for address, by_scope in standing.items()}
    return {address: reason for address, reason in found.items() if reason}


def standing_suppressions(brand: Brand, addresses: Iterable[str]) -> dict[str, dict[str, str]]:
    """All that these addresses must not be written to about: normalised address → scope → reason. One statement."""
    address_of = {
        address_hash: normalize_address(address) for address in set(addresses) for address_hash in known_hashes(address)
    }
    found = Suppression.objects.standing().filter(brand=brand, address_hash__in=address_of)
    standing: dict[str, dict[str, str]] = {}
    for address_hash, scope, reason in found.values_list("address_hash", "scope", "reason"):
        by_scope = standing.setdefault(address_of[bytes(address_hash)], {})
        by_scope[scope] = min(reason, by_scope.get(scope, reason), key=_weight)  # twice after a change of keys
    return standing


def strongest_reason(by_scope: Mapping[str, str], scopes: Iterable[str]) -> str:
    """Why not to write about any of these scopes; empty: nothing forbids it."""
    reasons = [by_scope[scope] for scope in scopes_against(scopes) if scope in by_scope]
    return min(reasons, key=_weight, default="")


def _weight(reason: str) -> int:
    return STRONGEST_FIRST.index(Suppression.Reason(reason))
