"""Rows of other tools' answers and cases, with our column names, become what the services take, or what is wrong."""

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from affiliates.models import Affiliate
from affiliates.services import AffiliateInput, FieldError
from complaints.models import Complaint
from complaints.services import HistoricComplaint
from intake.rows import COLUMNS_OF_CUSTOMER, COLUMNS_OF_PRODUCT, Reader
from intake.values import Unreadable, is_absent, read_choice, read_email, read_language, read_moment, read_text
from surveys.services.importing import ImportedResponse

PURCHASE_COLUMNS = (
    *("external_id", "purchased_at", "delivered_at", "activated_at", "promised_on", "amount", "currency", "state"),
    *("affiliate", "coupon", "click_id"),
    *COLUMNS_OF_CUSTOMER,
    *COLUMNS_OF_PRODUCT,
)
FEEDBACK_COLUMNS = (
    *("external_id", "purchase", "email", "sent_at", "answered_at"),
    *("csat", "nps", "comment", "title", "language"),
)
COMPLAINT_COLUMNS = (
    *("external_id", "purchase", "email", "kind", "state", "subject", "text"),
    *("opened_at", "resolved_at", "language"),
)
AFFILIATE_COLUMNS = ("code", "name", "public_name", "email", "status")
LONGEST_COMMENT = 10_000  # characters
LONGEST_LETTER = 100_000
SECONDS = re.compile(r"[0-9]{9,10}")
SCORE = re.compile(r"(-?[0-9]{1,3})(\.0+)?")  # spreadsheets write 4 as 4.0
NEVER = datetime.min.replace(tzinfo=UTC)


def parse_feedback_row(row: Mapping[str, str], *, timezone: ZoneInfo) -> ImportedResponse | list[FieldError]:
    """A tool that knows neither orders nor ids has ids made of who answered when: the same row, the same id."""
    errors: list[FieldError] = []
    reader = Reader(row, errors)
    knows_orders = not is_absent(row.get("purchase"))
    reader.require("answered_at", *(["external_id"] if knows_orders else []))
    if not knows_orders and is_absent(row.get("email")):
        errors.append(FieldError("purchase", "required", _("This is needed, or the e-mail address of who answered.")))
    moment = read_foreign_moment(timezone)
    response = ImportedResponse(
        external_id=reader.take("external_id", read_text(120), "") or id_made_of(row),
        purchase_external_id=reader.take("purchase", read_text(120), ""),
        email=reader.take("email", read_email, ""),
        answered_at=reader.take("answered_at", moment, NEVER),
        sent_at=reader.take("sent_at", moment, None),
        csat=reader.take("csat", read_score, None),
        nps=reader.take("nps", read_score, None),
        comment=reader.take("comment", read_text(LONGEST_COMMENT), ""),
        title=reader.take("title", read_text(LONGEST_COMMENT), ""),
        language=reader.take("language", read_language, ""),
    )
    return errors or response


def parse_affiliate_row(row: Mapping[str, str], *, timezone: ZoneInfo) -> AffiliateInput | list[FieldError]:
    errors: list[FieldError] = []
    reader = Reader(row, errors)
    reader.require("code")
    affiliate = AffiliateInput(
        code=reader.take("code", read_text(60), ""),
        name=reader.take("name", read_text(120), ""),
        public_name=reader.take("public_name", read_text(120), ""),
        email=reader.take("email", read_email, None) or "",
        status=reader.take("status", read_choice(Affiliate.Status.values), Affiliate.Status.ACTIVE),
    )
    return errors or affiliate


def parse_complaint_row(row: Mapping[str, str], *, timezone: ZoneInfo) -> HistoricComplaint | list[FieldError]:
    """Without a state of its own a case is resolved if it says when, else new."""
    errors: list[FieldError] = []
    reader = Reader(row, errors)
    reader.require("external_id", "subject", "opened_at")
    moment = read_moment(timezone)
    resolved_at = reader.take("resolved_at", moment, None)
    complaint = HistoricComplaint(
        external_id=reader.take("external_id", read_text(120), ""),
        subject=reader.take("subject", read_text(LONGEST_LETTER), ""),
        opened_at=reader.take("opened_at", moment, NEVER),
        text=reader.take("text", read_text(LONGEST_LETTER), ""),
        kind=reader.take("kind", read_choice(Complaint.Kind.values), Complaint.Kind.COMPLAINT),
        state=reader.take(
            "state",
            read_choice(Complaint.State.values),
            Complaint.State.RESOLVED if resolved_at else Complaint.State.NEW,
        ),
        resolved_at=resolved_at,
        purchase=reader.take("purchase", read_text(120), ""),
        email=reader.take("email", read_email, ""),
        language=reader.take("language", read_language, ""),
    )
    return errors or complaint


def id_made_of(row: Mapping[str, str]) -> str:
    parts = [str(row.get(name) or "").strip().lower() for name in ("email", "answered_at")]
    return f"made:{hashlib.sha256(chr(31).join(parts).encode()).hexdigest()[:32]}"


def read_foreign_moment(timezone: ZoneInfo) -> Callable[[Any], datetime]:
    """Times as other tools export them, too: `2024-04-18 05:34:20 UTC`, and seconds since 1970."""
    read = read_moment(timezone)

    def read_foreign(value: Any) -> datetime:
        text = value.strip() if isinstance(value, str) else ""
        if SECONDS.fullmatch(text):
            return datetime.fromtimestamp(int(text), UTC)
        return read(re.sub(r"\s*(UTC|GMT)$", "Z", text)) if text else read(value)

    return read_foreign


def read_score(value: Any) -> int:
    match = SCORE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise Unreadable("invalid_number", _("This is no whole number."))
    return int(match[1])
