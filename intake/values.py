"""One value each, as shops send it: what it is, or Unreadable."""

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _

from affiliates.currencies import CURRENCIES
from mailing.addresses import is_plain, normalize_address

TIMEZONES = available_timezones()
MAX_METADATA_BYTES = 16 * 1024
MAX_CLICK_IDS = 50
YEARS = range(1990, 2101)  # of any time a shop may name; also keeps arithmetic with time zones in bounds
LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")
AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,10})?")
ESCAPED_NUL = re.compile(r"(?<!\\)(\\\\)*\\u0000")  # in JSON text; after an even number of backslashes it is a word
WORDS_FOR_TRUE = {"true", "1", "yes", "y", "sí", "si", "t"}
WORDS_FOR_FALSE = {"false", "0", "no", "n", "f"}


class Unreadable(Exception):
    """A value that cannot be what it should be."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def is_absent(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def read_text(max_length: int) -> Callable[[Any], Any]:
    def read(value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise Unreadable("not_a_string", _("This should be a text."))
        text = str(value).strip()
        if not (text.isascii() and text.isprintable()) and not is_storable(text):
            raise Unreadable("invalid_characters", _("There are characters in it that are none."))
        if len(text) > max_length:
            raise Unreadable("max_length", _("This is longer than %(limit)d characters.") % {"limit": max_length})
        return text

    return read


def read_moment(timezone: ZoneInfo | None) -> Callable[[Any], Any]:
    def read(value: Any) -> datetime:
        try:
            moment = parse_datetime(value.strip()) if isinstance(value, str) else None
        except ValueError:
            moment = None
        if moment is None or moment.year not in YEARS:
            raise Unreadable("invalid_time", _("This is no time, such as 2026-03-10T12:00:00+01:00."))
        if moment.tzinfo is None and timezone is None:
            raise Unreadable("no_timezone", _("This time does not say its time zone, such as Z or +01:00."))
        if moment.tzinfo is UTC:
            return moment
        return (moment if moment.tzinfo else moment.replace(tzinfo=timezone)).astimezone(UTC)

    return read


def read_day(value: Any) -> date:
    try:
        day = parse_date(value.strip()[:10]) if isinstance(value, str) else None
    except ValueError:
        day = None
    if day is None or day.year not in YEARS or (len(value.strip()) > 10 and value.strip()[10] not in "T "):
        raise Unreadable("invalid_date", _("This is no date, such as 2026-03-10."))
    return day


def read_amount(value: Any) -> Decimal:
    """A decimal of at most two places, as text or number; 49.900 is 49.90."""
    is_number = isinstance(value, str | int | float | Decimal) and not isinstance(value, bool)
    text = str(value).strip() if is_number else ""
    if not AMOUNT.fullmatch(text):
        raise Unreadable("invalid_amount", _("This is no amount, such as 49.90."))
    amount = Decimal(text)
    if text[-3:-2] == ".":
        return amount
    exact = amount.quantize(Decimal("0.01"))
    if amount != exact:
        raise Unreadable("max_decimal_places", _("An amount has two decimals at most."))
    return exact


def read_refunded_amount(value: Any) -> Decimal:
    amount = read_amount(value)
    if not amount:
        raise Unreadable("min_value", _("A refund is more than zero."))
    return amount


def read_currency(value: Any) -> str:
    currency = value.strip().upper() if isinstance(value, str) else ""
    if currency not in CURRENCIES:
        raise Unreadable("unknown_currency", _("This is no ISO 4217 currency, such as EUR."))
    return currency


def read_choice(choices: list[str]) -> Callable[[Any], Any]:
    def read(value: Any) -> str:
        if not isinstance(value, str) or value.strip().lower() not in choices:
            raise Unreadable("invalid_choice", _("One of: %(choices)s.") % {"choices": ", ".join(choices)})
        return value.strip().lower()

    return read


def read_email(value: Any) -> str:
    if isinstance(value, str) and is_plain(value):
        return value
    try:
        email = normalize_address(value) if isinstance(value, str) and is_storable(value) else ""
        validate_email(email)
    except ValidationError:
        raise Unreadable("invalid_email", _("This is no e-mail address.")) from None
    if len(email) > 320:
        raise Unreadable("max_length", _("This is longer than %(limit)d characters.") % {"limit": 320})
    return email


def read_language(value: Any) -> str:
    """A language tag; whether the brand has the language is not asked here."""
    text = value.strip() if isinstance(value, str) else ""
    if not LANGUAGE.fullmatch(text) or len(text) > 10:
        raise Unreadable("invalid_language", _("This is no language, such as es."))
    language, hyphen, region = text.replace("_", "-").partition("-")
    return f"{language.lower()}{hyphen}{region}"


def read_timezone(value: Any) -> str:
    if not isinstance(value, str) or value not in TIMEZONES:
        raise Unreadable("invalid_timezone", _("This is no time zone, such as Europe/Madrid."))
    return value


def read_bool(value: Any) -> bool:
    word = str(value).strip().lower()
    if word in WORDS_FOR_TRUE:
        return True
    if word in WORDS_FOR_FALSE:
        return False
    raise Unreadable("invalid_bool", _("This should be true or false."))


def read_click_ids(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MAX_CLICK_IDS:
        raise Unreadable("invalid_list", _("This should be a list of up to %(limit)d.") % {"limit": MAX_CLICK_IDS})
    return tuple(read_text(40)(each) for each in value if not is_absent(each))


def read_metadata(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Unreadable("not_an_object", _("This should be an object."))
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError):  # 1e999 is read as infinity; PostgreSQL knows none in JSON
        raise Unreadable("not_an_object", _("This should be an object.")) from None
    if not is_storable(text) or ESCAPED_NUL.search(text):
        raise Unreadable("invalid_characters", _("There are characters in it that are none."))
    if len(text.encode()) > MAX_METADATA_BYTES:
        message = _("This is larger than %(limit)d bytes.") % {"limit": MAX_METADATA_BYTES}
        raise Unreadable("max_length", message)
    return value


def is_storable(text: str) -> bool:
    """PostgreSQL stores no NUL, and half a surrogate pair is no character."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False
