"""How figures and periods are said to an affiliate. Pure: no database, texts in the active language."""

from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from accounts.models import Brand
from accounts.templatetags.components import percent
from dashboards.charts.canvas import points_of_nps
from insights.privacy import parse_period


# --- Time ------------------------------------------------------------------------------------------------------------
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


def short_month(month: date) -> str:
    return date_format(month, "M y")


# --- Figures ---------------------------------------------------------------------------------------------------------
def answers_said(n: int) -> str:
    return ngettext("%(n)s answer", "%(n)s answers", n) % {"n": n}


def of_ten(share: float) -> str:
    """«9 de cada 10»; nearer to all or to none than that, and of a single one, «El 98 %»."""
    tenths = int((Decimal(str(share)) * 10).quantize(Decimal(1), rounding=ROUND_HALF_UP))
    if 1 < tenths < 10:
        return _("%(tenths)s out of 10") % {"tenths": tenths}
    # Translators: a share, such as 98%, of customers: «El 98 % recibieron …».
    return pgettext("begins a sentence", "%(share)s") % {"share": percent(share)}


def between_said(low: float, high: float) -> str:
    return _("between %(low)s and %(high)s") % {"low": percent(low), "high": percent(high)}


def nps_said(score: float) -> str:
    return points_of_nps(score)


def nps_range(low: float, high: float) -> str:
    return _("%(low)s to %(high)s") % {"low": nps_said(low), "high": nps_said(high)}


def verdict_said(verdict: str | None) -> str:
    """A figure against the programme; nothing where too few answers allow a comparison."""
    return {
        "well_below": _("well below the programme"),
        "below": _("below the programme"),
        "as_expected": _("like the programme"),
        "above": _("above the programme"),
        "well_above": _("well above the programme"),
    }.get(verdict or "", "")


def owner_said(owner: str) -> str:
    return {
        "brand": _("The brand looks after it."),
        "affiliate": _("You look after it."),
        "both": _("The brand and you look after it."),
    }.get(owner, "")


# --- Sales -----------------------------------------------------------------------------------------------------------
def reason_said(reason: str, brand: Brand) -> str:
    """Why a purchase is credited, said to whom it is credited, with this brand's rules."""
    days = {"days": brand.attribution_window_days}
    return {
        "click_in_window": ngettext(
            "They followed one of your links and bought within %(days)s day.",
            "They followed one of your links and bought within %(days)s days.",
            brand.attribution_window_days,
        )
        % days,
        "coupon": _("They used one of your coupons."),
        "declared_by_shop": _("The shop said that it was you."),
        "customer_referral": _("They came by your own recommendation link."),
        "acquired_before": _("You brought them the first time; what they buy later is credited to you as well."),
        # One sentence for both: the first may have been said in a survey.
        "self_declared": _("They said that it was you, or the brand's staff decided so."),
        "manual": _("They said that it was you, or the brand's staff decided so."),
    }.get(reason, "")
