"""What a stored event sets in motion. The row is the work: it is claimed by its lock, and a crash leaves it undone.

Messages come in any order and more than once. So an order that is known is never told anew, only moved on; what is
about an order that is not known waits for it; and whatever can be taken of a message is, even if the rest cannot.
"""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from affiliates.models import Coupon, Purchase
from affiliates.services import FieldError, PurchaseConflict, PurchaseInput
from intake.hooks.mail import record_reports
from intake.hooks.news import Ignored, News
from intake.hooks.sources import READERS
from intake.models import InboundEvent, Source
from intake.rows import parse_changes, parse_purchase, parse_refund
from intake.services import take_change, take_purchases, take_refund
from intake.values import is_storable
from mailing.backoff import backoff

State, Reason = InboundEvent.State, InboundEvent.Reason
RUN_SECONDS = 20.0  # how long one run goes on while events are due
LOCK_SECONDS = 3  # a shop waits five for its answer; what cannot be had by then is left to the next run
# Without these there is no purchase; what else cannot be read is left out of it.
NEEDED = {"", "external_id", "purchased_at", "amount", "currency"}

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Outcome:
    state: InboundEvent.State
    reason: str = ""
    error: str = ""


class Refused(Exception):
    """It can never be recorded as it is."""


def process_due_events(*, now: datetime, seconds: float = RUN_SECONDS) -> int:
    """Work what is due, oldest first, until nothing is left or the time is over; how many."""
    deadline, count = time.monotonic() + seconds, 0
    while time.monotonic() < deadline and _process_one(InboundEvent.objects.due(now).order_by("try_at", "id"), now=now):
        count += 1
    return count


def process_event(event: InboundEvent, *, now: datetime) -> None:
    """Work this one, unless somebody is at it or it is done. Whatever goes wrong is left to the next run."""
    try:
        _process_one(InboundEvent.objects.due(now).filter(pk=event.pk), now=now)
    except Exception:
        log.exception("inbound_event_left_for_later", inbound=event.pk)


def replay_event(event: InboundEvent, *, now: datetime) -> None:
    """Work an event anew, whatever became of it before: what is recorded stays recorded once."""
    fresh = {"state": State.RECEIVED, "reason": "", "error": "", "attempts": 0, "try_at": now, "processed_at": None}
    InboundEvent.objects.filter(pk=event.pk).update(**fresh)
    process_event(event, now=now)


@transaction.atomic
def _process_one(events: Any, *, now: datetime) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{LOCK_SECONDS}s"])
    event = events.select_related("brand").select_for_update(of=("self",), skip_locked=True).first()
    if event is None:
        return False
    news, outcome = _work(event, now=now)
    _record(event, news, outcome, now=now)
    return True


def _work(event: InboundEvent, *, now: datetime) -> tuple[News | None, Outcome]:
    news = None
    try:
        with transaction.atomic():
            if event.source == Source.MAIL:
                return None, Outcome(*record_reports(event, now=now))
            news = READERS[event.source](event.kind, json.loads(bytes(event.body)))
            return news, _apply(event, news, now=now)
    except Ignored as ignored:
        return news, Outcome(State.IGNORED, ignored.reason)
    except Refused as refused:
        return news, Outcome(State.FAILED, Reason.INVALID, str(refused))
    except Exception as error:  # one message must not stop the others
        log.exception("inbound_event_fault", inbound=event.pk)
        is_last = event.attempts + 1 >= settings.HOOK_MAX_ATTEMPTS
        return news, Outcome(State.FAILED if is_last else State.RECEIVED, Reason.FAULT, type(error).__name__)


def _record(event: InboundEvent, news: News | None, outcome: Outcome, *, now: datetime) -> None:
    is_over = outcome.state == State.WAITING and now - event.received_at > timedelta(days=settings.HOOK_WAIT_DAYS)
    event.state = State.FAILED if is_over else outcome.state
    event.reason, event.error = outcome.reason, outcome.error
    event.order_id = news.order_id if news and _names_an_order(news) else ""
    event.attempts = min(event.attempts + 1, 32767)
    is_open = event.state in (State.RECEIVED, State.WAITING)
    event.processed_at = None if is_open else now
    event.try_at = now + backoff(event.attempts) if is_open else event.try_at
    event.save(update_fields=["state", "reason", "error", "order_id", "attempts", "processed_at", "try_at"])


def _apply(event: InboundEvent, news: News, *, now: datetime) -> Outcome:
    """Refused: there is no purchase to be made of it."""
    if not _names_an_order(news):
        raise Refused("external_id: invalid")
    purchase, problems = _find_or_take(event, news, now=now)
    if purchase is None:
        return Outcome(State.WAITING, Reason.WAITING_FOR_PURCHASE)
    refused = _move_on(purchase, news.stages, now=now)
    refused += [problem for refund in news.refunds for problem in _give_back(purchase, refund, now=now)]
    if refused:
        return Outcome(State.FAILED, Reason.INVALID, "; ".join(refused))
    reason, details = next(((reason, text) for reason, text in problems if text), ("", ""))
    return Outcome(State.DONE, reason, details)


def _names_an_order(news: News) -> bool:
    return 0 < len(news.order_id) <= 120 and is_storable(news.order_id)


def _find_or_take(event: InboundEvent, news: News, *, now: datetime) -> tuple[Purchase | None, list[tuple[str, str]]]:
    """The purchase the news is about, recorded if need be, and what was not taken over."""
    assert event.brand is not None  # as of every shop
    purchase = Purchase.objects.filter(brand=event.brand, external_id=news.order_id).first()
    if news.purchase is None:
        return purchase, []
    told = {**news.purchase, **({} if purchase else news.stages)}
    if news.coupons:
        told["coupon"] = _coupon(event, news, purchase)
    given, left_out = _read(told, is_terse=news.is_terse)
    [taken] = take_purchases(event.brand, [given], now=now, source=event.source)
    recorded = taken.recorded
    if recorded.purchase is None:
        raise Refused(_as_text(recorded.errors))
    if recorded.status == "created":
        _wake(event, news, now=now)
    differing = recorded.errors if recorded.status == "conflict" else ()
    return recorded.purchase, [(Reason.DIFFERS, _as_text(differing)), (Reason.INCOMPLETE, _as_text(left_out))]


def _read(told: Mapping[str, Any], *, is_terse: bool) -> tuple[PurchaseInput, list[FieldError]]:
    """The purchase as told, without what cannot be read: a shop's bad address must not cost the sale. Refused."""
    parsed = parse_purchase(told, is_from_file=is_terse)
    if isinstance(parsed, PurchaseInput):
        return parsed, []
    errors = parsed
    if any(error.field in NEEDED for error in errors):
        raise Refused(_as_text(errors))
    parsed = parse_purchase(_without(told, [error.field for error in errors]), is_from_file=is_terse)
    if isinstance(parsed, PurchaseInput):
        return parsed, errors
    raise Refused(_as_text(parsed))


def _without(told: Mapping[str, Any], fields: Iterable[str]) -> dict[str, Any]:
    """`product.sku` takes the whole product, which is nothing without; `customer.email` the address alone."""
    kept = {**told, "customer": dict(told["customer"])}
    for field in fields:
        top, _dot, below = field.partition(".")
        if top == "customer" and below:
            kept["customer"].pop(below, None)
        else:
            kept.pop(top, None)
    return kept


def _coupon(event: InboundEvent, news: News, purchase: Purchase | None) -> str:
    """Of several codes the one that counted before, else an affiliate's, else the first."""
    codes = list(dict.fromkeys(code.lower()[:60] for code in news.coupons))
    if len(codes) < 2:
        return codes[0] if codes else ""
    if purchase and purchase.coupon_code in codes:
        return purchase.coupon_code
    known = set(Coupon.objects.filter(brand=event.brand, code__in=codes).values_list("code", flat=True))
    return next((code for code in codes if code in known), codes[0])


def _move_on(purchase: Purchase, stages: Mapping[str, Any], *, now: datetime) -> list[str]:
    """Tell what it had not reached yet: of two accounts of one delivery the first stands. What is wrong with them."""
    told = {name: value for name, value in stages.items() if value}
    changes = parse_changes(told, purchased_at=purchase.purchased_at)
    errors = changes if isinstance(changes, list) else []
    if isinstance(changes, list):
        wrong = {error.field for error in errors}
        changes = parse_changes({name: value for name, value in told.items() if name not in wrong})
        assert not isinstance(changes, list)
    purchase.refresh_from_db()
    if not purchase.is_open:
        changes.pop("state", None)
    news = {name: value for name, value in changes.items() if name == "state" or getattr(purchase, name) is None}
    if news:
        take_change(purchase, news, now=now)
    return [_as_text(errors)] if errors else []


def _give_back(purchase: Purchase, refund: Mapping[str, Any], *, now: datetime) -> list[str]:
    """Record a refund; what is wrong with it."""
    given = parse_refund(refund, now=now)
    if isinstance(given, list):
        return [f"refund: {_as_text(given)}"]
    named = f"refund {given['external_id']}"
    if (refund.get("currency") or purchase.currency).upper() != purchase.currency:
        return [f"{named}: currency differs"]
    try:
        take_refund(purchase, **given, now=now)
    except ValidationError as error:
        codes = [str(each.code) for errors in error.error_dict.values() for each in errors]
        return [f"{named}: {', '.join(codes)}"]
    except PurchaseConflict:
        return [f"{named}: another amount before"]
    return []


def _wake(event: InboundEvent, news: News, *, now: datetime) -> None:
    """What waited for this purchase need not wait longer."""
    waiting = InboundEvent.objects.filter(brand=event.brand, order_id=news.order_id, state=State.WAITING)
    waiting.update(try_at=now)


def _as_text(errors: Iterable[FieldError]) -> str:
    return "; ".join(f"{error.field or 'body'}: {error.code}" for error in errors)
