"""Sub-ids: up to five words of an affiliate's own at a link, such as `?sub1=newsletter`, to tell its places apart."""

from collections.abc import Mapping
from typing import Any

KEYS = ("sub1", "sub2", "sub3", "sub4", "sub5")
LONGEST = 100


def read_sub_ids(given: Mapping[str, Any]) -> dict[str, str]:
    """Those that say something, in the order of the keys: what cannot be printed is left out, what is longer cut."""
    found = {key: _cleaned(given.get(key)) for key in KEYS}
    return {key: value for key, value in found.items() if value}


def _cleaned(value: Any) -> str:
    if not isinstance(value, str):
        return ""
    return "".join(letter for letter in value if letter.isprintable()).strip()[:LONGEST].strip()
