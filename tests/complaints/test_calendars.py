"""Time that counts: days on which nobody works, hours at work, pauses; over changes of the clocks and ends of years."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from complaints.calendars import Calendar, Hours, after_service_time, merged

MADRID = ZoneInfo("Europe/Madrid")
SPAIN = Calendar("ES")
OFFICE = Hours(MADRID, SPAIN, time(9), time(18), frozenset(range(5)))
DAY_AND_NIGHT = Hours(MADRID, SPAIN)
ANY_MOMENT = st.integers(1_577_836_800, 2_051_222_400).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
ANY_HOURS = st.builds(
    lambda opens, long, weekdays, zone: Hours(ZoneInfo(zone), SPAIN, time(opens), time(opens + long), weekdays),
    st.integers(0, 15),
    st.integers(1, 8),
    st.frozensets(st.integers(0, 6), min_size=1),
    st.sampled_from(["Europe/Madrid", "America/Mexico_City", "America/Santiago"]),
)
SOME_TIME = st.integers(1, 200).map(lambda hours: timedelta(hours=hours))


@st.composite
def pauses_after(draw, start: datetime) -> list[tuple[datetime, datetime]]:
    spans = draw(st.lists(st.tuples(st.integers(0, 2_000_000), st.integers(0, 400_000)), max_size=4))
    return [(start + timedelta(seconds=begin), start + timedelta(seconds=begin + length)) for begin, length in spans]


def at(day: int, hour: int, minute: int = 0, month: int = 3, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=MADRID)


# --- Days ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("calendar", "day", "works"),
    [
        (SPAIN, date(2026, 3, 2), True),
        (SPAIN, date(2026, 3, 7), False),  # a Saturday
        (SPAIN, date(2026, 4, 3), False),  # Good Friday
        (SPAIN, date(2025, 2, 28), True),
        (Calendar("ES", "AN"), date(2025, 2, 28), False),  # Andalusia's day, a Friday
        (Calendar("ES", "??"), date(2026, 4, 3), False),  # an unknown region has the country's
        (Calendar("ZZ"), date(2026, 12, 25), True),
        (Calendar("ZZ"), date(2026, 12, 26), False),
        (Calendar("ES", days_off={date(2026, 5, 15): "San Isidro"}), date(2026, 5, 15), False),
    ],
)
def test_working_days_are_those_of_country_region_and_brand(calendar, day, works):
    assert calendar.is_working_day(day) is works


def test_a_holiday_has_a_name_in_the_readers_language():
    madrid = Calendar("ES", "MD", {date(2026, 5, 15): "San Isidro"})

    assert madrid.name_of(date(2026, 4, 3), "es") == "Viernes Santo"
    assert madrid.name_of(date(2026, 4, 3), "en") == "Good Friday"
    assert madrid.name_of(date(2026, 5, 15), "en") == "San Isidro"
    assert madrid.name_of(date(2026, 5, 18), "es") == ""


# --- Hours ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        (at(2, 10), 4, at(2, 14)),
        (at(2, 16), 4, at(3, 11)),
        (at(2, 20), 1, at(3, 10)),  # after closing
        (at(6, 17), 2, at(9, 10)),  # over a weekend
        (at(2, 9), 9, at(2, 18)),  # the whole of a day ends with it
        (at(2, 17, month=4), 3, at(6, 11, month=4)),  # over Good Friday and a weekend
        (at(31, 17, month=12), 2, at(4, 10, month=1, year=2027)),  # over New Year and a weekend
    ],
)
def test_a_promise_runs_while_somebody_is_there(start, hours, due):
    assert after_service_time(start, timedelta(hours=hours), hours=OFFICE) == due


def test_without_hours_the_clock_runs_day_and_night_whatever_the_clocks_on_the_wall_do():
    before_summer_time = at(28, 20)

    due = after_service_time(before_summer_time.astimezone(UTC), timedelta(hours=24), hours=DAY_AND_NIGHT)

    assert due == datetime(2026, 3, 29, 19, 0, tzinfo=UTC)


def service_time(
    start: datetime, end: datetime, *, hours: Hours, pauses: Sequence[tuple[datetime, datetime]] = ()
) -> timedelta:
    """The time at work between two moments, reckoned the other way round: all of it less what was paused."""
    total = timedelta(0)
    for opens, closes in takewhile(lambda span: span[0] < end, hours.spans(start)):
        until = min(closes, end)
        total += until - opens
        for begins, ends in merged(pauses):
            total -= max(timedelta(0), min(until, ends) - max(opens, begins))
    return total


def test_a_night_in_which_the_clocks_change_is_as_long_as_it_is():
    nights = Hours(MADRID, SPAIN, time(0), time(6))

    assert service_time(at(28, 12), at(29, 12), hours=nights) == timedelta(hours=5)
    assert service_time(at(24, 12, month=10), at(25, 12, month=10), hours=nights) == timedelta(hours=7)


def test_while_the_customer_is_awaited_the_clock_stands():
    pauses = [(at(2, 11), at(3, 11)), (at(3, 10), at(3, 12))]

    assert merged(pauses) == [(at(2, 11), at(3, 12))]
    assert after_service_time(at(2, 10), timedelta(hours=4), hours=OFFICE, pauses=pauses) == at(3, 15)
    assert service_time(at(2, 10), at(3, 15), hours=OFFICE, pauses=pauses) == timedelta(hours=4)


def test_who_never_opens_is_never_due():
    assert (
        after_service_time(at(2, 10), timedelta(hours=1), hours=Hours(MADRID, SPAIN, time(9), time(18), frozenset()))
        is None
    )


@given(st.data(), ANY_MOMENT, SOME_TIME, ANY_HOURS)
def test_between_start_and_due_lies_just_the_time_that_was_promised(data, start, wait, hours):
    pauses = data.draw(pauses_after(start))

    due = after_service_time(start, wait, hours=hours, pauses=pauses)

    assert due is not None
    assert service_time(start, due, hours=hours, pauses=pauses) == wait
    assert service_time(start, due - timedelta(seconds=1), hours=hours, pauses=pauses) < wait


@given(st.data(), ANY_MOMENT, SOME_TIME, ANY_HOURS)
def test_a_pause_never_brings_a_promise_forward(data, start, wait, hours):
    pauses = data.draw(pauses_after(start))

    plain = after_service_time(start, wait, hours=hours)
    paused = after_service_time(start, wait, hours=hours, pauses=pauses)

    assert plain is not None
    assert paused is not None
    assert plain <= paused
    assert after_service_time(start, wait, hours=hours, pauses=[*pauses, *pauses]) == paused


@given(ANY_MOMENT, ANY_MOMENT, SOME_TIME, ANY_HOURS)
def test_who_comes_later_is_not_promised_an_earlier_answer(one, other, wait, hours):
    first, second = (after_service_time(start, wait, hours=hours) for start in sorted([one, other]))

    assert first is not None
    assert second is not None
    assert first <= second
