"""Which days and hours count: working days of a country and region, a brand's own days off, its hours at work.

Plain arithmetic, without Django.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

DAY = timedelta(days=1)
LONGEST = 3660  # days that are looked at for one deadline
WEEK = frozenset(range(7))
LANGUAGES = {"es": "es", "en": "en_US"}  # those of the interface, as the library calls them

Span = tuple[datetime, datetime]  # from the first moment to the second, which is no part of it


@dataclass(frozen=True)
class Calendar:
    """Working days of a country, or of a region of it (ISO 3166-2 without the country), less `days_off`.

    What the library does not know, country or region, adds no holiday: then weekends and `days_off` are all.
    """

    country: str
    region: str = ""
    days_off: Mapping[date, str] = field(default_factory=dict)

    def is_working_day(self, day: date) -> bool:
        return not self.is_weekend(day) and not self.is_holiday(day)

    def is_weekend(self, day: date) -> bool:
        return day.weekday() in _public_holidays(self.country, self.region).weekend

    def is_holiday(self, day: date) -> bool:
        return day in self.days_off or day in _public_holidays(self.country, self.region)

    def name_of(self, day: date, language: str) -> str:
        """What is kept on that day, in the language where the library has it there."""
        spoken = LANGUAGES.get(language.partition("-")[0], "")
        return self.days_off.get(day) or str(_public_holidays(self.country, self.region, spoken).get(day, ""))


@lru_cache(maxsize=256)
def _public_holidays(country: str, region: str = "", language: str = "") -> holidays.HolidayBase:
    try:
        return holidays.country_holidays(country, subdiv=region or None, language=language or None)
    except NotImplementedError:
        return _public_holidays(country, "", language) if region else holidays.HolidayBase()


@dataclass(frozen=True)
class Hours:
    """When somebody is there to answer: on which weekdays (Monday is 0) from when until when, where the brand is.

    Without times the clock runs day and night, on holidays too.
    """

    zone: ZoneInfo
    calendar: Calendar
    opens: time | None = None
    closes: time | None = None
    weekdays: frozenset[int] = WEEK

    def is_open_on(self, day: date) -> bool:
        return day.weekday() in self.weekdays and not self.calendar.is_holiday(day)

    def spans(self, start: datetime) -> Iterator[Span]:
        """The open hours from this moment on, in UTC, one span a day.

        As long as they really are: on the day the clocks change an early opening may be an hour shorter or longer.
        """
        if self.opens is None or self.closes is None:
            yield start, start + LONGEST * DAY
            return
        today = start.astimezone(self.zone).date()
        for day in (today + number * DAY for number in range(LONGEST)):
            if self.is_open_on(day):
                opens, closes = (
                    datetime.combine(day, at, self.zone).astimezone(UTC) for at in (self.opens, self.closes)
                )
                if start < closes:
                    yield max(opens, start), closes


def after_service_time(
    start: datetime, wait: timedelta, *, hours: Hours, pauses: Sequence[Span] = ()
) -> datetime | None:
    """The moment at which so much time at work has gone by since `start`, pauses not counted.

    None: never, as the brand is never open.
    """
    left = wait
    for opens, closes in _without(hours.spans(start), pauses):
        if closes - opens >= left:
            return opens + left
        left -= closes - opens
    return None


def merged(pauses: Sequence[Span]) -> list[Span]:
    """The same time in order and without overlaps."""
    found: list[Span] = []
    for start, end in sorted(pauses):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        elif start < end:
            found.append((start, end))
    return found


def _without(spans: Iterator[Span], pauses: Sequence[Span]) -> Iterator[Span]:
    breaks = merged(pauses)
    for opens, closes in spans:
        for start, end in breaks:
            if opens < end and start < closes:
                if opens < start:
                    yield opens, start
                opens = min(end, closes)
        if opens < closes:
            yield opens, closes
