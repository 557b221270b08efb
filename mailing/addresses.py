"""E-mail addresses as keys: one spelling, and a keyed hash that outlives the address itself."""

import contextlib
import hmac
import unicodedata
from functools import lru_cache

from django.conf import settings


@lru_cache(maxsize=10_000)  # a batch asks for each of its addresses several times
def normalize_address(address: str) -> str:
    """Trimmed, NFKC, lower case, domain in IDNA. Tags (`+shop`) and dots stay: they may be another person."""
    local, at, domain = unicodedata.normalize("NFKC", address).strip().lower().rpartition("@")
    with contextlib.suppress(UnicodeError):  # not a domain: whoever validates says so
        domain = domain.encode("idna").decode()
    return f"{local}{at}{domain}"


def hash_address(address: str, *, key_version: int | None = None) -> bytes:
    """HMAC-SHA-256 of the normalised address behind one byte naming the key: 33 bytes.

    A plain hash of an address can be guessed; this cannot without the key, which is not in the database.
    """
    version = key_version or max(settings.PSEUDONYM_KEYS)
    return bytes([version]) + _digest(settings.PSEUDONYM_KEYS[version], normalize_address(address))


@lru_cache(maxsize=10_000)
def _digest(key: str, address: str) -> bytes:
    return hmac.digest(key.encode(), f"postventa:email:v1:{address}".encode(), "sha256")


def known_hashes(address: str) -> list[bytes]:
    """The address under every key still configured, so that rotation loses nobody's objection."""
    return [hash_address(address, key_version=version) for version in settings.PSEUDONYM_KEYS]
