from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import translation

from complaints.wording import Clock, clock, duration_in_words, moment_in_words

MADRID = ZoneInfo("Europe/Madrid")
NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)  # a Tuesday, 13:00 in Madrid


@pytest.fixture(autouse=True)
def english():
    with translation.override("en"):
        yield


@pytest.mark.parametrize(
    ("due_in", "expected"),
    [
        (timedelta(0), Clock("was due 0 min ago", "alarm")),
        (timedelta(minutes=-59), Clock("was due 59 min ago", "alarm")),
        (timedelta(hours=-2, minutes=-40), Clock("was due 2 h ago", "alarm")),
        (timedelta(days=-1), Clock("was due 1 day ago", "alarm")),
        (timedelta(days=-3, hours=-4), Clock("was due 3 days ago", "alarm")),
        (timedelta(hours=1), Clock("due today 2 p.m.", "improve")),
        (timedelta(hours=11), Clock("due tomorrow midnight")),
        (timedelta(days=1), Clock("due tomorrow 1 p.m.")),
        (timedelta(days=6), Clock("due Monday 1 p.m.")),
        (timedelta(days=7), Clock("due March 17")),
    ],
)
def test_a_clock_says_how_near_the_deadline_is(due_in, expected):
    assert clock(NOW + due_in, now=NOW, zone=MADRID) == expected


def test_whose_day_it_is_decides_what_today_means():
    late_evening = datetime(2026, 3, 10, 23, 30, tzinfo=UTC)

    assert clock(late_evening, now=NOW, zone=MADRID).text == "due tomorrow 12:30 a.m."
    assert clock(late_evening, now=NOW, zone=ZoneInfo("UTC")).text == "due today 11:30 p.m."


def test_durations_name_their_largest_unit():
    assert duration_in_words(timedelta(days=2, hours=23)) == "2 days"


def test_the_end_of_a_day_is_the_day():
    assert moment_in_words(datetime(2026, 4, 10, 21, 59, 59, tzinfo=UTC), MADRID) == "Friday, April 10"
    assert moment_in_words(NOW, MADRID) == "Tuesday, March 10 at 1 p.m."
