"""Deadlines by the calendar: month ends, holidays, years, and the days on which clocks change."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from complaints.calendars import Calendar
from complaints.clocks import LegalDue, add_months, add_working_days, legal_due, terms_for

MADRID = ZoneInfo("Europe/Madrid")
ANY_MOMENT = st.integers(1_577_836_800, 2_051_222_400).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


def reckoned(
    opened_at: datetime,
    *,
    kind: str = "complaint",
    regime: str = "standard",
    country: str = "ES",
    region: str = "",
    timezone: str = "Europe/Madrid",
) -> LegalDue:
    terms = terms_for(kind, regime=regime, country=country, region=region)
    return legal_due(opened_at, terms=terms, calendar=Calendar(country, region), zone=ZoneInfo(timezone))


def due(opened_at: datetime, **where: str) -> datetime:
    return reckoned(opened_at, **where).due_at


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 11, 0, tzinfo=UTC)


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
    assert due(noon(opened_on), regime="large_firm").date() == due_on


def test_the_sum_says_what_was_not_counted():
    sum_ = reckoned(noon(date(2026, 3, 24)), regime="large_firm")

    assert (sum_.received_on, sum_.due_on) == (date(2026, 3, 24), date(2026, 4, 15))
    assert (sum_.weekend_days, sum_.holidays) == (6, (date(2026, 4, 3),))
    assert sum_.as_data == {
        "law": "Ley 10/2025",
        "amount": 15,
        "unit": "working_days",
        "received_on": "2026-03-24",
        "due_on": "2026-04-15",
        "weekend_days": 6,
        "holidays": ["2026-04-03"],
    }


@pytest.mark.parametrize(
    ("where", "due_on", "law"),
    [
        ({"country": "ES"}, date(2026, 4, 10), "TRLGDCU, art. 21.3"),
        ({"country": "ES", "region": "AN"}, date(2026, 4, 10), "TRLGDCU, art. 21.3"),
        (
            {"country": "ES", "region": "AN", "kind": "claim"},
            date(2026, 3, 24),
            "Hoja de quejas y reclamaciones de Andalucía",
        ),
        ({"country": "PE", "timezone": "America/Lima"}, date(2026, 3, 31), "Ley 31435"),
        ({"country": "CO", "timezone": "America/Bogota"}, date(2026, 4, 1), "Ley 1480 de 2011, art. 58"),
        ({"country": "MX", "timezone": "America/Mexico_City"}, date(2026, 4, 10), ""),
    ],
)
def test_each_country_and_region_has_its_term_and_the_nearest_counts(where, due_on, law):
    found = reckoned(noon(date(2026, 3, 10)), **where)

    assert (found.due_on, found.term.law) == (due_on, law)


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


@given(st.dates(date(2020, 1, 1), date(2035, 1, 1)), st.integers(1, 40), st.sampled_from(["", "AN", "CT"]))
def test_working_days_add_up(day, count, region):
    calendar = Calendar("ES", region)

    end, skipped = add_working_days(day, count, calendar=calendar)

    between = [day + timedelta(days=offset + 1) for offset in range((end - day).days)]
    assert calendar.is_working_day(end)
    assert [each for each in between if not calendar.is_working_day(each)] == skipped
    assert len(between) - len(skipped) == count
