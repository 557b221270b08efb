"""One message as it came, and what a source must know to take it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from intake.hooks.news import News
from intake.models import Source


@dataclass(frozen=True)
class Delivery:
    """`headers` are looked up whatever their capitals; `payload` is empty until the signature has been verified."""

    headers: Mapping[str, str]
    body: bytes
    payload: Mapping[str, Any] = field(default_factory=dict)

    def header(self, name: str) -> str:
        return self.headers.get(name, "").strip()

    @property
    def digest(self) -> str:
        return sha256(self.body).hexdigest()


def _never(delivery: Delivery) -> bool:
    return False


@dataclass(frozen=True)
class ShopHook:
    """What is particular to one shop system."""

    source: Source
    is_signed: Callable[[Delivery, Sequence[str], datetime], bool]
    identify: Callable[[Delivery], tuple[str, str]]  # its kind, and what makes it unique for the brand
    read: Callable[[str, Mapping[str, Any]], News]  # of a kind and a payload; raises Ignored
    is_sample: Callable[[Delivery], bool] = _never
    is_greeting: Callable[[Delivery], bool] = _never  # unsigned, says nothing, wants a 200
