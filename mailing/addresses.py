"""E-mail addresses as keys: one spelling, and a keyed hash that outlives the address itself."""

import contextlib
import hmac
import re
import unicodedata
from functools import lru_cache

from django.conf import settings

LONGEST_PLAIN = 100  # characters: longer ones are read with all care
# Addresses that are their own spelling, as most are: small letters, digits and the signs below, in proper labels.
PLAIN = re.compile(r"[a-z0-9_+-]+(\.[a-z0-9_+-]+)*@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")


_MAILBOX = re.compile(r"[^\s<>@]+@")


def unnamed(said: str) -> str:
    """A server's words without the mailbox they were said of: such words outlive the mail, and others read them."""
    return _MAILBOX.sub("…@", said)


def abridged(address: str) -> str:
    """`a…@correo.example`, for a history that stays: whoever knows the person knows whom it means."""
    return f"{address[:1]}…@{address.rpartition('@')[2]}"


def is_plain(address: str) -> bool:
    """Is it surely an address, and normalised already? False says nothing: look closer."""
    return len(address) <= LONGEST_PLAIN and PLAIN.fullmatch(address) is not None


@lru_cache(maxsize=10_000)  # a batch asks for each of its addresses several times
def normalize_address(address: str) -> str:
    """Trimmed, NFKC, lower case, domain in IDNA. Tags (`+shop`) and dots stay: they may be another person."""
    if is_plain(address):
        return address
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
    return list(_hashes(normalize_address(address), tuple(settings.PSEUDONYM_KEYS.items())))


@lru_cache(maxsize=10_000)
def _hashes(address: str, keys: tuple[tuple[int, str], ...]) -> tuple[bytes, ...]:
    return tuple(bytes([version]) + _digest(key, address) for version, key in keys)
