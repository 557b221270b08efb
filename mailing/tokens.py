"""Secret links: 128 bits, recomputable for a retry, and only their hash in the database."""

import base64
import hashlib
import hmac
from uuid import UUID

from django.conf import settings

TOKEN_BYTES = 16
TOKEN_LENGTH = 22  # characters of base64url without padding


def current_key_version() -> int:
    return max(settings.LINK_KEYS)


def make_token(purpose: str, row: UUID, *, key_version: int) -> str:
    """The token of a row, the same at every call: HMAC-SHA-256 of purpose and uuid, cut to 128 bits.

    KeyError: the key of that version is no longer configured.
    """
    digest = hmac.digest(settings.LINK_KEYS[key_version].encode(), f"{purpose}:{row}".encode(), "sha256")
    return base64.urlsafe_b64encode(digest[:TOKEN_BYTES]).rstrip(b"=").decode()


def hash_token(token: str) -> bytes:
    """What the database keeps. A plain hash is enough: 128 random bits cannot be guessed offline."""
    return hashlib.sha256(token.encode(errors="replace")).digest()
