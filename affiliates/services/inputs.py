"""What shops tell us about a purchase, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from affiliates.models import Attribution, Purchase

# Tuples, since a file has a million of them: a frozen dataclass takes three times as long to make.


class CustomerInput(NamedTuple):
    """Who bought: named by the shop's id or by e-mail, else somebody who cannot be recognised again."""

    email: str | None = None
    external_id: str | None = None
    name: str = ""
    language: str = ""
    timezone: str = ""
    survey_notice: bool | None = None


class ProductInput(NamedTuple):
    """Empty fields say nothing: what is known of the product stays."""

    sku: str
    name: str = ""
    category: str = ""
    kind: str = ""


class PurchaseInput(NamedTuple):
    """A purchase as told. Times are aware, `amount` has at most two decimals, `state` open says nothing."""

    external_id: str
    purchased_at: datetime
    delivered_at: datetime | None = None
    activated_at: datetime | None = None
    promised_on: date | None = None
    amount: Decimal | None = None
    currency: str = ""
    state: str = Purchase.State.OPEN
    product: ProductInput | None = None
    customer: CustomerInput = CustomerInput()
    click_ids: tuple[str, ...] = ()
    coupon: str = ""
    affiliate: str = ""
    referral: str = ""
    recommended_by: str = ""
    metadata: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one field (`customer.email`), as a code for programs and a sentence for people."""

    field: str
    code: str
    message: str


Status = Literal["created", "updated", "duplicate", "conflict", "rejected"]


class Recorded(NamedTuple):
    """What became of one input. A conflict has the purchase that stands; a rejected one has none."""

    status: Status
    purchase: Purchase | None = None
    attribution: Attribution | None = None
    errors: tuple[FieldError, ...] = ()
