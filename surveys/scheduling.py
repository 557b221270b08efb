"""When a customer may be asked: pure arithmetic of time, without a database."""

import hashlib
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

HOUR = timedelta(hours=1)


def zone_for(name: str, fallback: str) -> ZoneInfo:
    """The customer's time zone; the brand's where theirs is unknown or not a time zone."""
    try:
        return ZoneInfo(name or fallback)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # "Europe" is a folder of zones
        return ZoneInfo(fallback)


def is_open(at: datetime, zone: ZoneInfo, start: time, end: time) -> bool:
    """Do the clocks on the customer's wall stand inside the sending window?"""
    return start <= at.astimezone(zone).time() < end


def next_open(at: datetime, zone: ZoneInfo, start: time, end: time) -> datetime:
    """The first moment from `at` on that is inside the window, in UTC; start < end.

    On the day the clocks change an opening may come twice (both are tried) or not at all (the next day's counts).
    """
    at = at.astimezone(UTC)
    if is_open(at, zone, start, end):
        return at
    today = at.astimezone(zone).date()
    openings = (
        datetime.combine(today + timedelta(days=day), start, tzinfo=zone).replace(fold=fold).astimezone(UTC)
        for day in range(3)
        for fold in (0, 1)
    )
    return next(opening for opening in openings if opening >= at and is_open(opening, zone, start, end))


def spread(key: str) -> timedelta:
    """A part of an hour, always the same for the same key: mail does not leave all at the stroke of the hour."""
    return HOUR * share_of(key)


def share_of(key: str) -> float:
    """A number in [0, 1), always the same for the same key and even over many keys."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:6], "big") / 2**48


def due_at(earliest: datetime, *, zone: ZoneInfo, start: time, end: time, wait: timedelta = timedelta(0)) -> datetime:
    """When to send: from `earliest` on, inside the window, `wait` (at most an hour) later than could be.

    Where waiting would pass the end of the window it goes on from the next opening; a window shorter than the wait
    takes the share of it that fits.
    """
    opening = next_open(earliest, zone, start, end)
    if not wait:
        return opening
    later = next_open(opening + wait, zone, start, end)
    if later == opening + wait:
        return later
    length = datetime.combine(opening.date(), end) - datetime.combine(opening.date(), start)
    return next_open(later + min(wait, length * (wait / HOUR)), zone, start, end)
