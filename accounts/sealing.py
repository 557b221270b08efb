"""Secrets that we must read again, which a hash is no use for: sealed, so that a dump of the database tells none."""

import base64
import hmac

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class SealBroken(Exception):
    """The key it was sealed with is no longer among LINK_KEYS."""


def seal(text: str) -> bytes:
    return seal_bytes(text.encode())


def seal_bytes(data: bytes) -> bytes:
    return _keys().encrypt(data)


def unseal(sealed: bytes) -> str:
    """The text again, whichever of LINK_KEYS sealed it. SealBroken."""
    return unseal_bytes(sealed).decode()


def unseal_bytes(sealed: bytes) -> bytes:
    """SealBroken."""
    try:
        return _keys().decrypt(bytes(sealed))
    except InvalidToken:
        raise SealBroken from None


def reseal(sealed: bytes) -> bytes:
    """The same under the newest key. SealBroken."""
    try:
        return _keys().rotate(bytes(sealed))
    except InvalidToken:
        raise SealBroken from None


def _keys() -> MultiFernet:
    """The newest first: it seals, all unseal."""
    newest_first = (key for _version, key in sorted(settings.LINK_KEYS.items(), reverse=True))
    return MultiFernet([Fernet(_derived(key)) for key in newest_first])


def _derived(key: str) -> bytes:
    # The label stays as it was when intake alone sealed: what lies in databases was sealed under it.
    return base64.urlsafe_b64encode(hmac.digest(key.encode(), b"intake.sealing", "sha256"))
