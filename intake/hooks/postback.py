"""Postbacks: networks that can only call an address. A GET that writes, which is why it must be signed.

Parameters: `order_id`, `event`, `ts` (seconds since 1970), `sig`, and those of a purchase by the names of our imports'
columns. A repeat is recognised by order and event, however late it comes; `ts` bounds the first sight alone.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _

from affiliates.models import Purchase
from affiliates.services import FieldError, PurchaseInput
from intake.hooks.news import EVIDENCE, News, moment
from intake.hooks.signatures import is_near
from intake.rows import Reader, by_column, nested, parse_changes, parse_purchase, parse_refund
from intake.values import read_text

TOLERANCE = timedelta(minutes=10)
NAMES = {"order_id": "external_id", **EVIDENCE}  # what we call it, where that is not what they do
STAGES = ("delivered_at", "activated_at", "state")
# What networks call it, by what it is.
EVENTS = {
    **dict.fromkeys(("", "sale", "purchase", "order", "conversion"), "sale"),
    "delivered": "delivered",
    "activated": "activated",
    **dict.fromkeys(("cancelled", "canceled", "cancel", "rejected", "reversed"), "cancelled"),
    **dict.fromkeys(("refunded", "refund"), "refunded"),
}


def is_fresh(parameters: Mapping[str, str], *, now: datetime) -> bool:
    return is_near(parameters.get("ts", ""), now=now, tolerance=TOLERANCE)


def identify(parameters: Mapping[str, str]) -> tuple[str, str]:
    """Event and id. Of one order there is one of each, but for partial refunds, which say which by `refund_id`."""
    given = parameters.get("event", "").strip().lower()
    event = EVENTS.get(given, given)
    return event, ":".join((event, parameters.get("refund_id", ""), parameters.get("order_id", "").strip()))


def read(event: str, parameters: Mapping[str, str]) -> News:
    """What the parameters say, of an event that `errors_in` found nothing wrong with."""
    columns = {NAMES.get(name, name): value for name, value in parameters.items()}
    at = moment(int(parameters["ts"]))
    order_id = columns.get("external_id", "").strip()
    stages: dict[str, Any] = {name: columns[name] for name in STAGES if columns.get(name)}
    if event == "sale":
        bought = {name: value for name, value in columns.items() if name not in STAGES}
        return News(order_id, nested({"purchased_at": at or "", **bought}), stages, is_terse=True)
    if event == "refunded" and columns.get("amount"):
        refund = {"external_id": columns.get("refund_id") or "postback", "amount": columns["amount"]}
        more = {"reason": columns.get("reason", "")[:200], "currency": columns.get("currency", ""), "refunded_at": at}
        return News(order_id, refunds=({**refund, **more},))
    if event in Purchase.State.values:
        return News(order_id, stages={"state": event})
    return News(order_id, stages={f"{event}_at": columns.get(f"{event}_at") or at})


def errors_in(parameters: Mapping[str, str], *, now: datetime) -> list[FieldError]:
    """All that is wrong with what was told: said at the door, where the network sees it."""
    event, _event_id = identify(parameters)
    if event not in EVENTS.values():
        known = ", ".join(dict.fromkeys(EVENTS.values()))
        return [FieldError("event", "invalid_choice", _("One of: %(choices)s.") % {"choices": known})]
    news = read(event, parameters)
    errors: list[FieldError] = []
    order = Reader(parameters, errors)
    order.require("order_id")
    order.take("order_id", read_text(120), "")
    if news.purchase is not None:
        parsed = parse_purchase({**news.purchase, **news.stages}, is_from_file=True)
        errors += [] if isinstance(parsed, PurchaseInput) else by_column(parsed)
        if parameters.get("amount") and not parameters.get("currency"):
            errors.append(FieldError("currency", "required", _("An amount needs its currency.")))
    for refund in news.refunds:
        given = parse_refund(refund, now=now)
        errors += given if isinstance(given, list) else []
    changes = parse_changes(news.stages) if news.purchase is None else {}
    errors += changes if isinstance(changes, list) else []
    return [error for error in errors if error.field != "external_id"]
