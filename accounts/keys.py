"""The text of an API key: `pv_<prefix>_<secret>`."""

import hashlib
import secrets

SCHEME = "pv_"


def hash_secret(secret: str) -> bytes:
    """A plain hash is enough for 256 random bits, and fast at every request."""
    return hashlib.sha256(secret.encode()).digest()


def new_key() -> tuple[str, str, str]:
    """A new key: its public prefix, its secret, and the text that carries both."""
    prefix, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
    return prefix, secret, f"{SCHEME}{prefix}_{secret}"


def split_key(text: str) -> tuple[str, str]:
    """Prefix and secret of a key's text; of any other text, something that matches no key."""
    prefix, _underscore, secret = text.strip().removeprefix(SCHEME).partition("_")
    return prefix, secret
