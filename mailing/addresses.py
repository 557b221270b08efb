"""E-mail addresses as keys: one spelling, and a keyed hash that outlives the address itself."""

import contextlib
import hmac
import unicodedata

from django.conf import settings


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
    message = f"postventa:email:v1:{normalize_address(address)}".encode()
    return bytes([version]) + hmac.digest(settings.PSEUDONYM_KEYS[version].encode(), message, "sha256")


def known_hashes(address: str) -> list[bytes]:
    """The address under every key still configured, so that rotation loses nobody's objection."""
    return [hash_address(address, key_version=version) for version in settings.PSEUDONYM_KEYS]
