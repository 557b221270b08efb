"""What a shop's message says of one order, in the words of our API; each source's module reads its own shop's words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import parse_qs, urlsplit

from affiliates.destinations import CLICK_PARAMETER
from intake.models import InboundEvent

REFERRAL_PARAMETER = "pv_ref"
AFFILIATE_PARAMETER = "pv_affiliate"
EVIDENCE = {CLICK_PARAMETER: "click_id", REFERRAL_PARAMETER: "referral", AFFILIATE_PARAMETER: "affiliate"}


@dataclass(frozen=True)
class News:
    """`purchase` is the order as it was bought, where the message tells it whole; the rest is what happened to it.

    All values as the API takes them, unchecked. `refunds` may name their currency, which must be the purchase's.
    """

    order_id: str
    purchase: Mapping[str, Any] | None = None
    stages: Mapping[str, Any] = field(default_factory=dict)  # delivered_at, activated_at, state
    refunds: tuple[Mapping[str, Any], ...] = ()
    coupons: tuple[str, ...] = ()  # an order may have several; one of them may be an affiliate's
    is_terse: bool = False  # its source need not know amount and customer


class Ignored(Exception):
    """Nothing is to be done about this message, and why."""

    def __init__(self, reason: InboundEvent.Reason) -> None:
        super().__init__(reason)
        self.reason = reason


def an_object(value: Any) -> Mapping[str, Any]:
    """The object, or an empty one: what is not there says nothing."""
    return value if isinstance(value, Mapping) else {}


def objects(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def words(value: Any) -> str:
    """A text or whole number as text; anything else says nothing."""
    return str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""


def decimal(value: Any) -> Decimal:
    """A number as shops write it; anything else is nothing."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return Decimal(0)
    return number if number.is_finite() else Decimal(0)


def dearest(lines: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    """What an order is remembered by: the line with the highest price, the first of equals."""
    return max(lines, key=lambda line: decimal(line.get("price")), default={})


def full_name(person: Mapping[str, Any]) -> str:
    return " ".join(filter(None, (words(person.get("first_name")), words(person.get("last_name")))))


def moment(seconds: Any) -> str | None:
    """Seconds since 1970 as the API writes a time."""
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not 0 <= seconds < 10**11:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def evidence(attributes: Mapping[str, Any], *landing_pages: Any) -> dict[str, str]:
    """Who may have brought the customer: from what the shop attached to the order, else from where they came in."""
    arrived_with: dict[str, str] = {}
    for page in landing_pages:
        arrived_with |= _query_of(page)
    told = {ours: words(attributes.get(name)) or words(attributes.get(f"_{name}")) for name, ours in EVIDENCE.items()}
    found = {ours: told[ours] or arrived_with.get(name, "") for name, ours in EVIDENCE.items()}
    return {ours: value for ours, value in found.items() if value}


def _query_of(page: Any) -> dict[str, str]:
    try:
        query = parse_qs(urlsplit(words(page)).query, max_num_fields=100)
    except ValueError:  # no address, such as http://[
        return {}
    return {name: values[-1] for name, values in query.items()}
