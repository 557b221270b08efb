"""What can be imported: which columns it has, how a row is read, and who stores a set of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar
from zoneinfo import ZoneInfo

from accounts.models import Brand
from affiliates.services import AffiliateInput, FieldError, PurchaseInput, import_affiliates
from complaints.services import HistoricComplaint, import_complaints
from intake.imports.rows import (
    AFFILIATE_COLUMNS,
    COMPLAINT_COLUMNS,
    FEEDBACK_COLUMNS,
    PURCHASE_COLUMNS,
    parse_affiliate_row,
    parse_complaint_row,
    parse_feedback_row,
)
from intake.models import ImportRun
from intake.rows import COLUMN_OF_FIELD, parse_row
from intake.services import record_and_plan
from surveys.services.importing import ImportedResponse, import_responses

T = TypeVar("T")
Status = Literal["imported", "updated", "duplicate", "rejected"]
STATUS: Mapping[str, Status] = {
    "created": "imported",
    "updated": "updated",
    "duplicate": "duplicate",
    "conflict": "rejected",
    "rejected": "rejected",
}


@dataclass(frozen=True)
class Outcome:
    status: Status
    errors: Sequence[FieldError] = ()


WITHOUT_ERRORS = {told: Outcome(status) for told, status in STATUS.items()}


@dataclass(frozen=True)
class ImportKind(Generic[T]):
    """`parse` reads a row of our columns, or says what is wrong; `take` stores a batch in one transaction, in order."""

    name: ImportRun.Kind
    columns: Sequence[str]
    required: Sequence[str]
    parse: Callable[[Mapping[str, str], ZoneInfo], T | list[FieldError]]
    take: Callable[[Brand, Sequence[T], datetime], Sequence[Outcome]]
    meaning: str = ""  # of the options chosen: with others the same file is another import


def purchases(*, create_affiliates: bool = False) -> ImportKind[PurchaseInput]:
    def take(brand: Brand, rows: Sequence[PurchaseInput], now: datetime) -> list[Outcome]:
        recorded, _verdicts = record_and_plan(
            brand, rows, now=now, source="import", create_affiliates=create_affiliates
        )
        return [_outcome(each) for each in recorded]

    return ImportKind(
        ImportRun.Kind.PURCHASES,
        PURCHASE_COLUMNS,
        ("external_id", "purchased_at"),
        lambda row, timezone: parse_row(row, timezone=timezone),
        take,
        meaning=f"create_affiliates={create_affiliates}",
    )


def affiliates() -> ImportKind[AffiliateInput]:
    def take(brand: Brand, rows: Sequence[AffiliateInput], now: datetime) -> list[Outcome]:
        return [_outcome(each) for each in import_affiliates(brand, rows, now=now)]

    return ImportKind(
        ImportRun.Kind.AFFILIATES,
        AFFILIATE_COLUMNS,
        ("code",),
        lambda row, timezone: parse_affiliate_row(row, timezone=timezone),
        take,
    )


def feedback(*, quotable: bool = False, open_complaints: bool = False) -> ImportKind[ImportedResponse]:
    def take(brand: Brand, rows: Sequence[ImportedResponse], now: datetime) -> list[Outcome]:
        imported = import_responses(brand, rows, now=now, quotable=quotable, open_follow_up=open_complaints)
        return [_outcome(each) for each in imported]

    return ImportKind(
        ImportRun.Kind.FEEDBACK,
        FEEDBACK_COLUMNS,
        ("answered_at",),
        lambda row, timezone: parse_feedback_row(row, timezone=timezone),
        take,
        meaning=f"quotable={quotable} open_complaints={open_complaints}",
    )


def complaints() -> ImportKind[HistoricComplaint]:
    def take(brand: Brand, rows: Sequence[HistoricComplaint], now: datetime) -> list[Outcome]:
        return [_outcome(each) for each in import_complaints(brand, rows, now=now)]

    return ImportKind(
        ImportRun.Kind.COMPLAINTS,
        COMPLAINT_COLUMNS,
        ("external_id", "subject", "opened_at"),
        lambda row, timezone: parse_complaint_row(row, timezone=timezone),
        take,
    )


def _outcome(result: Any) -> Outcome:
    if not result.errors:
        return WITHOUT_ERRORS[result.status]
    status = STATUS[result.status]
    return Outcome(status, [_by_column(error) for error in result.errors] if status == "rejected" else ())


def _by_column(error: FieldError) -> FieldError:
    return replace(
        error, field=COLUMN_OF_FIELD.get(error.field, {"click_ids": "click_id"}.get(error.field, error.field))
    )
