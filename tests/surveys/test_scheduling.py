"""When a customer may be asked: the window, the customer's clock, daylight saving, the spread."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveys.scheduling import due_at, is_open, next_open, share_of, spread, zone_for

MADRID = ZoneInfo("Europe/Madrid")
TEN, EIGHT = time(10), time(20)

zones = st.sampled_from(
    [
        "Europe/Madrid",
        "America/New_York",
        "America/Santiago",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",  # half an hour of daylight saving
        "Pacific/Apia",  # a day that never was
        "Africa/Casablanca",
    ]
).map(ZoneInfo)
moments = st.integers(1_293_840_000, 2_051_222_400).map(
    lambda second: datetime.fromtimestamp(second, UTC)
)  # 2011 to 2035
windows = st.tuples(st.times(), st.times()).filter(lambda pair: pair[0] < pair[1])
waits = st.timedeltas(timedelta(0), timedelta(minutes=59, seconds=59))


@given(earliest=moments, zone=zones, window=windows, wait=waits)
def test_due_is_in_the_window_and_never_early(
    earliest: datetime, zone: ZoneInfo, window: tuple[time, time], wait: timedelta
) -> None:
    due = due_at(earliest, zone=zone, start=window[0], end=window[1], wait=wait)

    assert due >= earliest
    assert is_open(due, zone, *window)
    assert due < earliest + timedelta(days=4)


@given(at=moments, zone=zones)
def test_a_wide_window_loses_no_more_than_the_night(at: datetime, zone: ZoneInfo) -> None:
    opening = next_open(at, zone, TEN, EIGHT)

    assert opening == at or opening.astimezone(zone).time() == TEN
    assert opening - at <= timedelta(hours=38 if zone.key == "Pacific/Apia" else 15)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-03-10 09:00", "2026-03-10 09:00"),  # ten in Madrid, winter
        ("2026-03-10 08:59", "2026-03-10 09:00"),
        ("2026-03-10 19:00", "2026-03-11 09:00"),  # eight in the evening is over
        ("2026-03-28 20:00", "2026-03-29 08:00"),  # ten in Madrid after the clocks went forward
        ("2026-10-24 20:00", "2026-10-25 09:00"),  # and after they went back
    ],
)
def test_next_open_follows_the_clock_on_the_wall(at: str, expected: str) -> None:
    assert next_open(utc(at), MADRID, TEN, EIGHT) == utc(expected)


def test_a_window_inside_the_hour_that_is_skipped_opens_the_next_day() -> None:
    opening = next_open(utc("2026-03-29 00:00"), MADRID, time(2, 15), time(2, 45))

    assert opening == utc("2026-03-30 00:15")


def test_spreading_stays_within_the_hour_and_is_the_same_each_time() -> None:
    waits = [spread(f"P-{n}") for n in range(2000)]

    assert waits == [spread(f"P-{n}") for n in range(2000)]
    assert timedelta(0) <= min(waits) < timedelta(minutes=1)
    assert timedelta(minutes=59) < max(waits) < timedelta(hours=1)


def test_what_spreading_pushes_past_the_end_goes_on_the_next_day() -> None:
    due = due_at(utc("2026-03-10 18:50"), zone=MADRID, start=TEN, end=EIGHT, wait=timedelta(minutes=30))

    assert due == utc("2026-03-11 09:30")


def test_shares_are_even() -> None:
    shares = [share_of(f"P-{n}") for n in range(10_000)]

    assert 0.48 < sum(shares) / len(shares) < 0.52
    assert 0.09 < sum(share < 0.1 for share in shares) / len(shares) < 0.11


@pytest.mark.parametrize("unusable", ["", "Mars/Olympus", "../etc/passwd", "no\0zone", "Europe"])
def test_an_unusable_time_zone_is_the_brands(unusable: str) -> None:
    assert zone_for(unusable, "Europe/Madrid") == MADRID


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
