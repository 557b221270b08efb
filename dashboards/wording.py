"""How figures and periods are said to an affiliate. Pure: no database, texts in the active language."""

from datetime import date, timedelta

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from insights.privacy import parse_period


def name_of_period(code: str) -> str:
    """«todo el tiempo», «2026», «julio a septiembre de 2026», «marzo de 2026»."""
    period = parse_period(code)
    if period.first is None or period.after is None:
        return _("all time")
    last = period.after - timedelta(days=1)
    if "-Q" in code:
        names = {"first": date_format(period.first, "F"), "last": name_of_month(last)}
        return _("%(first)s to %(last)s") % names
    return name_of_month(last) if "-" in code else code


def name_of_month(month: date) -> str:
    return date_format(month, "YEAR_MONTH_FORMAT")
