"""Questions to the ledger that other apps ask."""

from collections.abc import Iterable

from accounts.models import Brand
from mailing.addresses import known_hashes, normalize_address
from mailing.models import Suppression

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
    address_of = {
        address_hash: normalize_address(address) for address in set(addresses) for address_hash in known_hashes(address)
    }
    standing = Suppression.objects.filter(
        brand=brand, address_hash__in=address_of, scope__in=[*scopes, Suppression.EVERYTHING]
    ).values_list("address_hash", "reason")
    weakest_first = sorted(standing, key=lambda row: STRONGEST_FIRST.index(Suppression.Reason(row[1])), reverse=True)
    return {address_of[bytes(address_hash)]: reason for address_hash, reason in weakest_first}
