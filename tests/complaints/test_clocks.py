"""Deadlines by the calendar: month ends, holidays, years, and the days on which clocks change."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from complaints.clocks import add_months, add_working_days, is_working_day, legal_due, service_due

MADRID = ZoneInfo("Europe/Madrid")
ANY_MOMENT = st.integers(1_577_836_800, 2_051_222_400).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


def due(
    opened_at: datetime, *, regime: str = "standard", country: str = "ES", timezone: str = "Europe/Madrid"
) -> datetime:
    return legal_due(opened_at, regime=regime, country=country, timezone=timezone)


@pytest.mark.parametrize(
    ("opened_on", "due_on"),
    [
        (date(2026, 3, 10), date(2026, 4, 10)),
        (date(2026, 1, 31), date(2026, 2, 28)),
        (date(2028, 1, 31), date(2028, 2, 29)),
        (date(2026, 12, 31), date(2027, 1, 31)),
        (date(2026, 2, 28), date(2026, 3, 28)),
    ],
)
def test_a_month_is_from_date_to_date(opened_on, due_on):
    assert add_months(opened_on, 1) == due_on


def test_a_term_of_years_ends_on_the_last_day_where_its_own_is_missing():
    assert add_months(date(2024, 2, 29), 36) == date(2027, 2, 28)


def test_the_last_moment_is_the_end_of_that_day_where_the_brand_is():
    # 23:30 UTC on the 9th is the 10th in Madrid; by April its clocks have changed.
    assert due(datetime(2026, 3, 9, 23, 30, tzinfo=UTC)) == datetime(2026, 4, 10, 23, 59, 59, tzinfo=MADRID)
    assert due(datetime(2026, 3, 9, 23, 30, tzinfo=UTC)).astimezone(UTC).hour == 21
    assert due(datetime(2026, 2, 10, 12, 0, tzinfo=UTC)).astimezone(UTC).hour == 22


@pytest.mark.parametrize(
    ("opened_on", "due_on"),
    [
        (date(2026, 3, 10), date(2026, 3, 31)),  # three plain weeks
        (date(2026, 3, 14), date(2026, 4, 6)),  # from a Saturday over Good Friday
        (date(2026, 12, 21), date(2027, 1, 14)),  # over Christmas, New Year and the Epiphany
    ],
)
def test_a_large_firm_has_fifteen_working_days(opened_on, due_on):
    opened_at = datetime(opened_on.year, opened_on.month, opened_on.day, 11, 0, tzinfo=UTC)

    assert due(opened_at, regime="large_firm").date() == due_on


def test_a_country_without_known_holidays_has_weekends_alone():
    assert is_working_day(date(2026, 12, 25), country="ZZ")
    assert not is_working_day(date(2026, 12, 26), country="ZZ")


@given(
    ANY_MOMENT, st.sampled_from(["standard", "large_firm"]), st.sampled_from(["Europe/Madrid", "America/Mexico_City"])
)
def test_a_term_ends_later_on_a_last_second_of_a_day(opened_at, regime, timezone):
    last = due(opened_at, regime=regime, timezone=timezone)

    assert timedelta(days=15) < last - opened_at < timedelta(days=40)
    assert (last.hour, last.minute, last.second) == (23, 59, 59)


@given(ANY_MOMENT, ANY_MOMENT, st.sampled_from(["standard", "large_firm"]))
def test_who_comes_later_is_not_due_earlier(one, other, regime):
    first, second = sorted([one, other])

    assert due(first, regime=regime) <= due(second, regime=regime)


@given(st.dates(date(2020, 1, 1), date(2035, 1, 1)), st.integers(1, 40))
def test_working_days_add_up(day, count):
    end = add_working_days(day, count, country="ES")
    between = [day + timedelta(days=offset + 1) for offset in range((end - day).days)]

    assert is_working_day(end, country="ES")
    assert sum(is_working_day(each, country="ES") for each in between) == count


def test_the_promise_is_in_hours_whatever_the_clocks_do():
    evening_before_summer_time = datetime(2026, 3, 28, 20, 0, tzinfo=MADRID)

    assert service_due(evening_before_summer_time.astimezone(UTC), hours=24) == datetime(2026, 3, 29, 19, 0, tzinfo=UTC)
