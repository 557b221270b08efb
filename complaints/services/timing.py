"""How a brand counts time: what the law gives it for a kind of case, and what it has promised itself."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from accounts.models import Brand
from complaints.calendars import Calendar, Hours, after_service_time
from complaints.clocks import LegalDue, legal_due, terms_for
from complaints.models import Complaint

# Only what the customer calls a complaint or a formal claim starts the clock of the law.
LEGAL_KINDS = (Complaint.Kind.COMPLAINT, Complaint.Kind.CLAIM)


@dataclass(frozen=True)
class Rules:
    """Read once for a set of cases of one brand."""

    brand: Brand
    zone: ZoneInfo
    calendar: Calendar
    hours: Hours

    def legal_due(self, kind: str, since: datetime) -> LegalDue | None:
        """None: the law sets no term for a case of this kind."""
        if kind not in LEGAL_KINDS:
            return None
        terms = terms_for(kind, regime=self.brand.legal_regime, country=self.brand.country)
        return legal_due(since, terms=terms, calendar=self.calendar, zone=self.zone)

    def answer_due(self, since: datetime) -> datetime | None:
        """When somebody who has written then is owed an answer."""
        return after_service_time(since, timedelta(hours=self.brand.first_answer_hours), hours=self.hours)


def rules_of(brand: Brand) -> Rules:
    zone, calendar = ZoneInfo(brand.timezone), Calendar(brand.country)
    return Rules(brand, zone, calendar, Hours(zone, calendar))
