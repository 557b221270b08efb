"""When a case is due: by law and by the brand's promise. Plain arithmetic, without Django."""

import calendar
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

LARGE_FIRM_WORKING_DAYS = 15  # Spain, Law 10/2025


def legal_due(opened_at: datetime, *, regime: str, country: str, timezone: str) -> datetime:
    """The last moment to answer a formal claim: the end of the day on which the term runs out, in the brand's zone.

    `regime` "standard": one month from date to date (TRLGDCU 21.3); "large_firm": 15 working days, not counting the
    day of the claim (Law 10/2025).
    """
    zone = ZoneInfo(timezone)
    opened_on = opened_at.astimezone(zone).date()
    if regime == "large_firm":
        due_on = add_working_days(opened_on, LARGE_FIRM_WORKING_DAYS, country=country)
    else:
        due_on = add_months(opened_on, 1)
    return datetime.combine(due_on, time(23, 59, 59), tzinfo=zone)


def service_due(opened_at: datetime, *, hours: int) -> datetime:
    """When the brand has promised a first answer."""
    return opened_at + timedelta(hours=hours)


def add_months(day: date, months: int) -> date:
    """From date to date (Spain, Civil Code 5): the same day of a later month, or its last where it has none such."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def add_working_days(day: date, count: int, *, country: str) -> date:
    """The working day that comes `count` working days after the day, which is not counted itself."""
    while count > 0:
        day += timedelta(days=1)
        if is_working_day(day, country=country):
            count -= 1
    return day


def is_working_day(day: date, *, country: str) -> bool:
    """Monday to Friday and no national holiday; a country unknown to the library has none."""
    return day.weekday() < 5 and day not in _national_holidays(country)


@lru_cache(maxsize=64)
def _national_holidays(country: str) -> holidays.HolidayBase:
    try:
        return holidays.country_holidays(country)
    except NotImplementedError:
        return holidays.HolidayBase()
