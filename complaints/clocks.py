"""When a case is due by law. Plain arithmetic, without Django; which days count is told by `complaints.calendars`."""

import calendar as months
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Literal
from zoneinfo import ZoneInfo

from complaints.calendars import DAY, Calendar

Unit = Literal["months", "working_days"]
LAST_SECOND = time(23, 59, 59)


@dataclass(frozen=True)
class Term:
    """What a law gives to answer a claim. `kinds`: the kinds of case it is about, all that have a term where empty."""

    law: str
    amount: int
    unit: Unit
    kinds: tuple[str, ...] = ()


# As read in July 2026, from summaries of the laws: whoever runs this has them confirmed (docs/complaints.md).
ONE_MONTH = Term("", 1, "months")  # where no law is known: what the brand owes anybody who complains
LARGE_FIRM = Term("Ley 10/2025", 15, "working_days")
OF_COUNTRY: dict[str, Term] = {
    "ES": Term("TRLGDCU, art. 21.3", 1, "months"),
    "PE": Term("Ley 31435", 15, "working_days"),
    "CO": Term("Ley 1480 de 2011, art. 58", 15, "working_days"),
}
OF_REGION: dict[tuple[str, str], Term] = {
    ("ES", "AN"): Term("Hoja de quejas y reclamaciones de Andalucía", 10, "working_days", kinds=("claim",)),
}


@dataclass(frozen=True)
class LegalDue:
    """A deadline and the sum that led to it. The day it came in is not counted."""

    term: Term
    received_on: date
    due_on: date
    due_at: datetime
    weekend_days: int = 0  # that lay between and were not counted
    holidays: tuple[date, ...] = ()  # the same, on other days than those of a weekend

    @property
    def as_data(self) -> dict[str, Any]:
        """As it is kept with the case, so that a later calendar does not rewrite what was reckoned."""
        return {
            "law": self.term.law,
            "amount": self.term.amount,
            "unit": self.term.unit,
            "received_on": self.received_on.isoformat(),
            "due_on": self.due_on.isoformat(),
            "weekend_days": self.weekend_days,
            "holidays": [day.isoformat() for day in self.holidays],
        }


def terms_for(kind: str, *, regime: str, country: str, region: str = "") -> list[Term]:
    """The terms that bind a brand for a case of this kind; the nearest deadline of them counts.

    `regime` "large_firm": Spain's Law 10/2025 instead of what its country gives everybody.
    """
    general = LARGE_FIRM if regime == "large_firm" else OF_COUNTRY.get(country, ONE_MONTH)
    terms = [general, *filter(None, [OF_REGION.get((country, region))])]
    return [term for term in terms if not term.kinds or kind in term.kinds]


def legal_due(opened_at: datetime, *, terms: Iterable[Term], calendar: Calendar, zone: ZoneInfo) -> LegalDue:
    """The last moment to answer: the end of the day, where the brand is, on which the nearest of the terms runs out."""
    received_on = opened_at.astimezone(zone).date()
    return min((_reckon(received_on, term, calendar, zone) for term in terms), key=lambda found: found.due_at)


def _reckon(received_on: date, term: Term, calendar: Calendar, zone: ZoneInfo) -> LegalDue:
    skipped: list[date] = []
    if term.unit == "months":
        due_on = add_months(received_on, term.amount)
    else:
        due_on, skipped = add_working_days(received_on, term.amount, calendar=calendar)
    weekends = [day for day in skipped if calendar.is_weekend(day)]
    return LegalDue(
        term,
        received_on,
        due_on,
        datetime.combine(due_on, LAST_SECOND, tzinfo=zone),
        weekend_days=len(weekends),
        holidays=tuple(day for day in skipped if day not in weekends),
    )


def add_months(day: date, count: int) -> date:
    """From date to date (Spain, Civil Code 5): the same day of a later month, or its last where it has none such."""
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    return date(year, month + 1, min(day.day, months.monthrange(year, month + 1)[1]))


def add_working_days(day: date, count: int, *, calendar: Calendar) -> tuple[date, list[date]]:
    """The working day that comes `count` working days after the day, which is not counted itself; and what it skips."""
    skipped: list[date] = []
    while count > 0:
        day += DAY
        if calendar.is_working_day(day):
            count -= 1
        else:
            skipped.append(day)
    return day, skipped
