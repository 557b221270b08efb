"""What came of an action, said in sentences: for the portal and the admin. Pure: texts in the active language."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from accounts.templatetags.components import percent
from insights.actions import Outcome, Span, Subject
from insights.differences import Difference
from insights.findings import Figure
from insights.statistics import display_nps
from insights.targets import Reading, judge


def figure_names() -> dict[str, str]:
    """Figures that an action may be meant to move, by the question they come from."""
    return {
        "csat": _("Satisfied customers"),
        "nps": _("Recommendation"),
        "affiliate_rating": _("How you are rated"),
        "promise": _("Got what they were told, or better"),
        "missing": _("Missed something before buying"),
    }


def figure_said(value: float, subject: Subject) -> str:
    return str(display_nps(value)).replace("-", "−") if subject.is_nps else percent(value)


def span_said(span: Span, *, by_month: bool) -> str:
    """«febrero de 2026», «enero a mayo de 2026», «diciembre de 2025 a febrero de 2026»; by day with both dates."""
    last = span.after - timedelta(days=1)
    if by_month and (span.first.year, span.first.month) == (last.year, last.month):
        return date_format(last, "YEAR_MONTH_FORMAT")
    style = "YEAR_MONTH_FORMAT" if by_month else "DATE_FORMAT"
    begin = "F" if by_month and span.first.year == last.year else style
    ends = {"first": date_format(span.first, begin), "last": date_format(last, style)}
    return _("%(first)s to %(last)s") % ends


def state_said(outcome: Outcome) -> str:
    """In two words, for a badge."""
    if outcome.state == "measured":
        return {
            "improved": pgettext("action", "better"),
            "worsened": pgettext("action", "worse"),
            "no_demonstrable_change": pgettext("action", "no change shown"),
        }[outcome.verdict or "no_demonstrable_change"]
    return {
        "too_soon": pgettext("action", "too soon"),
        "few_before": pgettext("action", "too few before"),
        "few_after": pgettext("action", "not known yet"),
    }[outcome.state]


def sentences_of(outcome: Outcome, subject: Subject, *, aim: Decimal | None = None) -> Iterator[str]:
    """The verdict first, then what it rests on, and whether what was aimed at is reached."""
    yield verdict_said(outcome)
    if outcome.before and outcome.after and outcome.change:
        yield change_said(outcome.before, outcome.after, outcome.change, subject)
    if outcome.rest_before is not None and outcome.rest_after is not None and outcome.effect:
        yield rest_said(outcome.rest_before, outcome.rest_after, subject)
        yield effect_said(outcome.effect, subject)
    if aim is not None:
        yield aim_said(float(aim) / (1 if subject.is_nps else 100), outcome.after, subject)
    if needed := needed_said(outcome):
        yield needed


def verdict_said(outcome: Outcome) -> str:
    if outcome.verdict == "improved":
        if outcome.is_compared:
            return _("Since then it goes better than in the rest of the programme.")
        return _("Since then it goes better.")
    if outcome.verdict == "worsened":
        if outcome.is_compared:
            return _("Since then it goes worse than in the rest of the programme.")
        return _("Since then it goes worse.")
    return {
        "measured": _("So far no change can be shown."),
        "too_soon": _("It is too soon: who answers these days may have bought before the change."),
        "few_before": _("There are too few answers from before the change to compare with."),
        "few_after": _("It cannot be known yet: too few have answered since."),
    }[outcome.state]


def aim_said(aim: float, after: Figure | None, subject: Subject) -> str:
    """Reached or not where the whole interval says so, of 20 answers or more."""
    reading = Reading(after.value, after.low, after.high, after.n) if after else None
    least = _("at most %(value)s") if subject.falls_when_better else _("at least %(value)s")
    text = {
        "met": _("The aim is reached: %(aim)s."),
        "missed": _("The aim is not reached: %(aim)s."),
        "open": _("The aim is %(aim)s; whether it is reached cannot be told yet."),
    }[judge("missing" if subject.falls_when_better else "csat", aim, reading)]
    return text % {"aim": least % {"value": figure_said(aim, subject)}}


def change_said(before: Figure, after: Figure, change: Difference, subject: Subject) -> str:
    return _("Before it was %(before)s, afterwards %(after)s: %(difference)s.") % {
        "before": figure_said(before.value, subject),
        "after": figure_said(after.value, subject),
        "difference": difference_said(change, subject),
    }


def rest_said(before: float, after: float, subject: Subject) -> str:
    return _("In the rest of the programme it went from %(before)s to %(after)s over the same time.") % {
        "before": figure_said(before, subject),
        "after": figure_said(after, subject),
    }


def effect_said(effect: Difference, subject: Subject) -> str:
    return _("Beside the rest that makes %(difference)s.") % {"difference": difference_said(effect, subject)}


def difference_said(difference: Difference, subject: Subject) -> str:
    """«12 puntos más (entre 3 y 21)», «4 puntos menos (entre 12 menos y 5 más)»."""
    value, low, high = (points(part, subject) for part in (difference.value, difference.low, difference.high))
    if value == 0:
        said = _("no difference")
    elif value > 0:
        said = ngettext("%(n)s point more", "%(n)s points more", value) % {"n": value}
    else:
        said = ngettext("%(n)s point less", "%(n)s points less", -value) % {"n": -value}
    return _("%(difference)s (between %(low)s and %(high)s)") % {
        "difference": said,
        "low": signed(low),
        "high": signed(high),
    }


def points(part: float, subject: Subject) -> int:
    """Whole points of a hundred, halves away from nought."""
    return int(Decimal(str(part if subject.is_nps else 100 * part)).quantize(Decimal(1), ROUND_HALF_UP))


def signed(value: int) -> str:
    return f"+{value}" if value > 0 else f"−{-value}" if value < 0 else "0"


def needed_said(outcome: Outcome) -> str:
    n = outcome.purchases_needed
    if n is None:
        return ""
    if outcome.state == "few_after":
        return ngettext(
            "It will usually take about %(n)s more purchase to know.",
            "It will usually take about %(n)s more purchases to know.",
            n,
        ) % {"n": n}
    return ngettext(
        "To show a difference of this size it would take about %(n)s more purchase.",
        "To show a difference of this size it would take about %(n)s more purchases.",
        n,
    ) % {"n": n}
