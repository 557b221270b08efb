"""What a shop sends, JSON or a row of a file, becomes a PurchaseInput or all that is wrong with it.

One set of rules for the API, the webhooks and the imports. Empty and null count as absent. Unknown names are ignored
in files and hooks, which say more than we ask for; a program that calls the API is told.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
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
read_state = read_choice(Purchase.State.values)
read_kind = read_choice(Product.Kind.values)
RECEIVED = ("delivered_at", "activated_at")
# Shops' clocks differ, and some know only the day.
EARLY_TOLERANCE = timedelta(days=1)

MOST_STRANGE, LONGEST_NAME = 20, 100  # of unknown names, told back
NAMES_OF_PURCHASE = {
    *("external_id", "purchased_at", "delivered_at", "activated_at", "promised_on", "amount", "currency", "state"),
    *("product", "customer", "click_id", "click_ids", "coupon", "affiliate", "referral", "recommended_by", "metadata"),
}
NAMES_OF_CUSTOMER = {"email", "external_id", "name", "language", "timezone", "survey_notice"}
NAMES_OF_PRODUCT = {"sku", "name", "category", "kind"}
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
    moment = read_moment(timezone)
    purchase = PurchaseInput(
        external_id=reader.take("external_id", read_text(120), ""),
        purchased_at=reader.take("purchased_at", moment, datetime.min.replace(tzinfo=UTC)),
        delivered_at=reader.take("delivered_at", moment, None),
        activated_at=reader.take("activated_at", moment, None),
        promised_on=reader.take("promised_on", read_day, None),
        amount=reader.take("amount", read_amount, None),
        currency=reader.take("currency", read_currency, ""),
        state=reader.take("state", read_state, Purchase.State.OPEN),
        product=_product(reader),
        customer=_customer(reader.within("customer")),
        click_ids=_click_ids(reader),
        coupon=reader.take("coupon", read_text(60), ""),
        affiliate=reader.take("affiliate", read_text(60), ""),
        referral=reader.take("referral", read_text(20), ""),
        recommended_by=reader.take("recommended_by", read_text(200), ""),
        metadata=reader.take("metadata", read_metadata, {}),
    )
    errors += _received_early(purchase.purchased_at, {name: getattr(purchase, name) for name in RECEIVED})
    if is_strict:
        _know_all(reader)
    return errors or purchase


def _received_early(purchased_at: datetime, stages: Mapping[str, Any]) -> list[FieldError]:
    """Nobody has what they have not bought yet."""
    early = [name for name in RECEIVED if (at := stages.get(name)) and at + EARLY_TOLERANCE < purchased_at]
    return [FieldError(name, "before_purchase", _("This is before the purchase itself.")) for name in early]


def _know_all(purchase: Reader) -> None:
    purchase.know(NAMES_OF_PURCHASE)
    for name, names in (("customer", NAMES_OF_CUSTOMER), ("product", NAMES_OF_PRODUCT)):
        if isinstance(value := purchase.values.get(name), Mapping):
            Reader(value, purchase.errors, f"{name}.").know(names)


def parse_row(row: Mapping[str, str], *, timezone: ZoneInfo) -> PurchaseInput | list[FieldError]:
    """A row of a file with our column names; what is wrong is told by column."""
    parsed = parse_purchase(nested(row), timezone=timezone, is_from_file=True)
    return parsed if isinstance(parsed, PurchaseInput) else by_column(parsed)


def nested(row: Mapping[str, str]) -> dict[str, Any]:
    """A row as the API's JSON would say it."""
    values: dict[str, Any] = {
        **row,
        "customer": {field: row.get(column) for column, field in COLUMNS_OF_CUSTOMER.items()},
        "product": {field: row.get(column) for column, field in COLUMNS_OF_PRODUCT.items()},
    }
    if not row.get("sku"):
        values["product"] = None  # a name or category without SKU says nothing that could be kept
    return values


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
    if purchased_at:
        errors += _received_early(purchased_at, {name: changes.get(name) for name in RECEIVED})
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


def _customer(reader: Reader) -> CustomerInput:
    return CustomerInput(
        email=reader.take("email", read_email, None),
        external_id=reader.take("external_id", read_text(120), None),
        name=reader.take("name", read_text(200), ""),
        language=reader.take("language", read_language, ""),
        timezone=reader.take("timezone", read_timezone, ""),
        survey_notice=reader.take("survey_notice", read_bool, None),
    )


def _product(purchase: Reader) -> ProductInput | None:
    if is_absent(purchase.values.get("product")):
        return None
    reader = purchase.within("product")
    reader.require("sku")
    return ProductInput(
        sku=reader.take("sku", read_text(120), ""),
        name=reader.take("name", read_text(250), ""),
        category=reader.take("category", read_text(120), ""),
        kind=reader.take("kind", read_kind, ""),
    )


def _click_ids(reader: Reader) -> tuple[str, ...]:
    single = reader.take("click_id", read_text(40), "")
    several: tuple[str, ...] = reader.take("click_ids", read_click_ids, ())
    return tuple(dict.fromkeys(code for code in (single, *several) if code))
