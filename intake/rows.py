"""What a shop sends, JSON or a row of a file, becomes a PurchaseInput or all that is wrong with it.

One set of rules for the API, the webhooks and the imports. Empty and null count as absent. Unknown names are ignored
in files and hooks, which say more than we ask for; a program that calls the API is told.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from affiliates.models import Product, Purchase
from affiliates.services import CustomerInput, FieldError, ProductInput, PurchaseInput
from intake.values import (
    Unreadable,
    is_absent,
    is_storable,
    read_amount,
    read_bool,
    read_choice,
    read_click_ids,
    read_currency,
    read_day,
    read_email,
    read_language,
    read_metadata,
    read_moment,
    read_refunded_amount,
    read_text,
    read_timezone,
)

T = TypeVar("T")
Read = Callable[[Any], Any]
read_state = read_choice(Purchase.State.values)
read_kind = read_choice(Product.Kind.values)
RECEIVED = ("delivered_at", "activated_at")
# Shops' clocks differ, and some know only the day.
EARLY_TOLERANCE = timedelta(days=1)

MOST_STRANGE, LONGEST_NAME = 20, 100  # of unknown names, told back
READERS_OF_CUSTOMER: Mapping[str, Read] = {
    "email": read_email,
    "external_id": read_text(120),
    "name": read_text(200),
    "language": read_language,
    "timezone": read_timezone,
    "survey_notice": read_bool,
}
READERS_OF_PRODUCT: Mapping[str, Read] = {
    "sku": read_text(120),
    "name": read_text(250),
    "category": read_text(120),
    "kind": read_kind,
}
READERS_OF_CLICKS: Mapping[str, Read] = {"click_id": read_text(40), "click_ids": read_click_ids}


@cache
def readers_of_purchase(timezone: ZoneInfo | None) -> Mapping[str, Read]:
    """What can be read without looking at anything else; `timezone` is of times that name none."""
    moment = read_moment(timezone)
    return {
        "external_id": read_text(120),
        "purchased_at": moment,
        "delivered_at": moment,
        "activated_at": moment,
        "promised_on": read_day,
        "amount": read_amount,
        "currency": read_currency,
        "state": read_state,
        "coupon": read_text(60),
        "affiliate": read_text(60),
        "referral": read_text(20),
        "recommended_by": read_text(200),
        "metadata": read_metadata,
    }


NAMES_OF_PURCHASE = {*readers_of_purchase(None), *READERS_OF_CLICKS, "product", "customer"}
NAMES_OF_REFUND = {"external_id", "amount", "reason", "refunded_at"}

# Columns of a file, by the place they have in the API's JSON.
COLUMNS_OF_CUSTOMER = {
    "email": "email",
    "customer_id": "external_id",
    "customer_name": "name",
    "language": "language",
    "timezone": "timezone",
    "survey_notice": "survey_notice",
}
COLUMNS_OF_PRODUCT = {"sku": "sku", "product_name": "name", "category": "category", "kind": "kind"}
COLUMN_OF_FIELD = {
    **{f"customer.{field}": column for column, field in COLUMNS_OF_CUSTOMER.items()},
    **{f"product.{field}": column for column, field in COLUMNS_OF_PRODUCT.items()},
}


class Reader:
    """Takes named values out of a mapping and collects all that is wrong with them."""

    def __init__(self, values: Mapping[str, Any], errors: list[FieldError], prefix: str = "") -> None:
        self.values = values
        self.errors = errors
        self.prefix = prefix

    def take(self, name: str, read: Callable[[Any], T], default: T) -> T:
        """The value read; the default where it is absent or wrong."""
        value = self.values.get(name)
        if value is None or value == "" or is_absent(value):  # most are, and most of those are one of the two
            return default
        try:
            return read(value)
        except Unreadable as problem:
            self.errors.append(FieldError(self.prefix + name, problem.code, problem.message))
            return default

    def take_all(self, readers: Mapping[str, Read]) -> dict[str, Any]:
        """The values that are there and can be read, by name."""
        told: dict[str, Any] = {}
        for name, value in self.values.items():
            if value is None or value == "" or (read := readers.get(name)) is None or is_absent(value):
                continue
            try:
                told[name] = read(value)
            except Unreadable as problem:
                self.errors.append(FieldError(self.prefix + name, problem.code, problem.message))
        return told

    def require(self, *names: str) -> None:
        for name in names:
            if is_absent(self.values.get(name)):
                self.errors.append(FieldError(self.prefix + name, "required", _("This is needed.")))

    def know(self, names: Collection[str]) -> None:
        """Tell of every other name: a date under a misspelt one would be lost without a word."""
        strange = [name for name in self.values if name not in names]
        for name in strange[:MOST_STRANGE]:
            # The answer is kept for whoever repeats the request: what cannot be stored cannot be told back.
            told = name[:LONGEST_NAME] if is_storable(name) else ""
            self.errors.append(FieldError(self.prefix + told, "unknown_field", _("There is no such field.")))

    def within(self, name: str) -> "Reader":
        """A reader of the object under a name; of nothing where there is none."""
        value = self.values.get(name)
        if not is_absent(value) and not isinstance(value, Mapping):
            self.errors.append(FieldError(name, "not_an_object", _("This should be an object.")))
        return Reader(value if isinstance(value, Mapping) else {}, self.errors, f"{self.prefix}{name}.")


def parse_purchase(
    values: Any, *, timezone: ZoneInfo | None = None, is_from_file: bool = False, is_strict: bool = False
) -> PurchaseInput | list[FieldError]:
    """`timezone`: of times that name none; without it they are refused. Old files may not know an amount.

    `is_strict`: unknown names are errors.
    """
    if not isinstance(values, Mapping):
        return [FieldError("", "not_an_object", _("This should be an object."))]
    errors: list[FieldError] = []
    reader = Reader(values, errors)
    reader.require("external_id", "purchased_at", *(() if is_from_file else ("amount", "currency", "customer")))
    told = reader.take_all(readers_of_purchase(timezone))
    told["product"] = _product(reader)
    told["customer"] = CustomerInput(**reader.within("customer").take_all(READERS_OF_CUSTOMER))
    told["click_ids"] = _click_ids(reader)
    errors += _received_early(told)
    if is_strict:
        _know_all(reader)
    return errors or PurchaseInput(**told)


def _received_early(told: Mapping[str, Any]) -> list[FieldError]:
    """Nobody has what they have not bought yet."""
    purchased_at = told.get("purchased_at")
    if purchased_at is None:
        return []
    early = [name for name in RECEIVED if (at := told.get(name)) and at < purchased_at - EARLY_TOLERANCE]
    return [FieldError(name, "before_purchase", _("This is before the purchase itself.")) for name in early]


def _know_all(purchase: Reader) -> None:
    purchase.know(NAMES_OF_PURCHASE)
    for name, names in (("customer", READERS_OF_CUSTOMER), ("product", READERS_OF_PRODUCT)):
        if isinstance(value := purchase.values.get(name), Mapping):
            Reader(value, purchase.errors, f"{name}.").know(names)


def parse_row(row: Mapping[str, str], *, timezone: ZoneInfo) -> PurchaseInput | list[FieldError]:
    """A row of a file with our column names; what is wrong is told by column."""
    parsed = parse_purchase(nested(row), timezone=timezone, is_from_file=True)
    return parsed if isinstance(parsed, PurchaseInput) else by_column(parsed)


def nested(row: Mapping[str, str]) -> dict[str, Any]:
    """A row as the API's JSON would say it."""
    customer = {field: value for column, field in COLUMNS_OF_CUSTOMER.items() if (value := row.get(column))}
    product = None  # a name or category without SKU says nothing that could be kept
    if row.get("sku"):
        product = {field: row.get(column) for column, field in COLUMNS_OF_PRODUCT.items()}
    return {**row, "customer": customer, "product": product}


def by_column(errors: list[FieldError]) -> list[FieldError]:
    return [FieldError(COLUMN_OF_FIELD.get(e.field, e.field), e.code, e.message) for e in errors]


def parse_changes(values: Any, *, purchased_at: datetime | None = None) -> dict[str, Any] | list[FieldError]:
    """What is told of a purchase of then; null empties a date. What a purchase has but nobody changes is an error."""
    if not isinstance(values, Mapping):
        return [FieldError("", "not_an_object", _("This should be an object."))]
    errors: list[FieldError] = []
    reader = Reader(values, errors)
    moment = read_moment(None)
    read: dict[str, Callable[[str], Any]] = {
        "delivered_at": lambda name: reader.take(name, moment, None),
        "activated_at": lambda name: reader.take(name, moment, None),
        "promised_on": lambda name: reader.take(name, read_day, None),
        "state": lambda name: reader.take(name, read_state, None),
    }
    if "state" in values:
        reader.require("state")
    changes = {name: take(name) for name, take in read.items() if name in values}
    for name in sorted(NAMES_OF_PURCHASE.difference(read).intersection(values)):
        errors.append(FieldError(name, "read_only", _("This cannot be changed.")))
    reader.know(NAMES_OF_PURCHASE)
    errors += _received_early({"purchased_at": purchased_at, **changes})
    return errors or changes


def parse_refund(values: Any, *, now: datetime, is_strict: bool = False) -> dict[str, Any] | list[FieldError]:
    if not isinstance(values, Mapping):
        return [FieldError("", "not_an_object", _("This should be an object."))]
    errors: list[FieldError] = []
    reader = Reader(values, errors)
    reader.require("external_id", "amount")
    refund = {
        "external_id": reader.take("external_id", read_text(120), ""),
        "amount": reader.take("amount", read_refunded_amount, Decimal(0)),
        "reason": reader.take("reason", read_text(200), ""),
        "refunded_at": reader.take("refunded_at", read_moment(None), now),
    }
    if is_strict:
        reader.know(NAMES_OF_REFUND)
    return errors or refund


def _product(purchase: Reader) -> ProductInput | None:
    if is_absent(purchase.values.get("product")):
        return None
    reader = purchase.within("product")
    reader.require("sku")
    return ProductInput(**{"sku": "", **reader.take_all(READERS_OF_PRODUCT)})


def _click_ids(reader: Reader) -> tuple[str, ...]:
    told = reader.take_all(READERS_OF_CLICKS)
    if not told:
        return ()
    codes = (told.get("click_id", ""), *told.get("click_ids", ()))
    return tuple(dict.fromkeys(code for code in codes if code))
