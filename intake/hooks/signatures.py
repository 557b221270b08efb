"""Whether a message comes from who shares our secret. Over the raw bytes, before anything is parsed. Pure.

Every secret is tried to its end, and where there is none a made-up one is: right, wrong and unknown take as long.
"""

import base64
import hmac
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from mailing.signing import PREFIX, signature

TOLERANCE = timedelta(minutes=5)  # of the time in a Stripe signature, either way; Stripe's own default
SHORTEST_KEY = 24  # bytes, as Standard Webhooks has it
NOBODYS_SECRET = "nobody's"  # noqa: S105 (signs for no one: what it matches is refused)


def is_base64_hmac(given: str, message: bytes, secrets: Sequence[str]) -> bool:
    """Shopify's and WooCommerce's: base64 of the HMAC-SHA-256 of the body."""
    return _any_matches([given], message, secrets, base64.b64encode)


def is_stripe_signed(header: str, body: bytes, secrets: Sequence[str], *, now: datetime) -> bool:
    """`t=<seconds>,v1=<hex>[,v1=<hex>]`, the HMAC-SHA-256 of `<t>.<body>`; other schemes in it count for nothing."""
    parts = [part.strip().partition("=") for part in header.split(",")]
    stamp = next((value for name, _equals, value in parts if name == "t"), "")
    given = [value for name, _equals, value in parts if name == "v1"]
    matches = _any_matches(given, stamp.encode() + b"." + body, secrets, _hex)
    return matches and is_near(stamp, now=now, tolerance=TOLERANCE)


def is_standard_signed(
    given: str, message_id: str, stamp: str, body: bytes, secrets: Sequence[str], *, now: datetime
) -> bool:
    """Standard Webhooks: `v1,<base64>`, several with blanks between, the HMAC-SHA-256 of `<id>.<time>.<body>`.

    A secret that is none, or too short to be one, signs nothing.
    """
    at = moment_of(stamp)
    if at is None or abs(now - at) > TOLERANCE:
        return False
    right = [
        signature(secret, event_id=message_id, timestamp=int(stamp), body=body)
        for secret in secrets
        if is_standard_secret(secret)
    ]
    found = [hmac.compare_digest(each.encode(), ours.encode()) for each in given.split() for ours in right]
    return any(found)


def is_standard_secret(secret: str) -> bool:
    try:
        return len(base64.b64decode(secret.removeprefix(PREFIX), validate=True)) >= SHORTEST_KEY
    except ValueError:
        return False


def is_query_signed(given: str, parameters: Iterable[tuple[str, str]], secrets: Sequence[str]) -> bool:
    """A postback's: the HMAC-SHA-256, in hex, of all parameters but the signature."""
    return _any_matches([given.lower()], canonical_query(parameters).encode(), secrets, _hex)


def canonical_query(parameters: Iterable[tuple[str, str]]) -> str:
    """Sorted by name, then value; each percent-encoded as RFC 3986 says (a blank is %20); joined by `&`."""
    return "&".join(f"{_encoded(name)}={_encoded(value)}" for name, value in sorted(parameters))


def is_near(stamp: str, *, now: datetime, tolerance: timedelta) -> bool:
    """Is it a time in seconds since 1970 that lies within the tolerance of now?"""
    at = moment_of(stamp)
    return at is not None and abs(now - at) <= tolerance


def moment_of(stamp: str) -> datetime | None:
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 11):
        return None
    return datetime.fromtimestamp(int(stamp), UTC)


def _any_matches(given: Sequence[str], message: bytes, secrets: Sequence[str], encode: object) -> bool:
    assert callable(encode)
    right = [encode(hmac.digest(secret.encode(), message, "sha256")) for secret in secrets or [NOBODYS_SECRET]]
    found = [hmac.compare_digest(each.strip().encode(), digest) for each in given for digest in right]
    return bool(secrets) and any(found)


def _hex(digest: bytes) -> bytes:
    return digest.hex().encode()


def _encoded(text: str) -> str:
    return quote(text, safe="-._~", errors="surrogatepass")
