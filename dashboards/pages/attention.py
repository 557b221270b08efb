"""Customers who need looking after: for an affiliate how many and what to do, for staff who they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.urls import reverse
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from affiliates.models import Purchase
from insights.attention import Care
from insights.models import Attention
from insights.services.attending import WARRANTY_DAYS

Cause = Attention.Cause


# --- For an affiliate ------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Advice:
    """About how many, and what an affiliate can do about it."""

    said: str
    advice: str


def write_advice(counts: Mapping[str, int]) -> list[Advice]:
    """Of what has reached k; nothing of the rest."""
    said = {
        Cause.UNANSWERED: _("About %(n)s complaints of your customers wait for the brand’s answer."),
        Cause.WARRANTY: _("About %(n)s warranties of your customers end within %(days)s days."),
        Cause.SILENCE: _("About %(n)s customers who used to come back have been silent for twice as long as usual."),
    }
    advice = {
        Cause.UNANSWERED: _("The brand answers them. Until it has, recommend with care what they complain about."),
        Cause.WARRANTY: _("Remind whoever follows you that a fault has to be reported before its warranty ends."),
        Cause.SILENCE: _("Tell those who follow you how to get more out of what they have, not only what is new."),
    }
    return [
        Advice(said[cause] % {"n": number_format(counts[cause]), "days": WARRANTY_DAYS}, advice[cause])
        for cause in Cause
        if counts.get(cause)
    ]


# --- For staff -------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class CareRow:
    name: str
    url: str
    about: str


@dataclass(frozen=True)
class CareGroup:
    """One cause: how many, what can be done, and the nearest of them, where the reader may know who they are."""

    title: str
    said: str
    rows: Sequence[CareRow]
    url: str = ""


def write_care(found: Sequence[Care], *, sees_cases: bool) -> list[CareGroup]:
    return [write_group(care, sees_cases=sees_cases) for care in found]


def write_group(care: Care, *, sees_cases: bool) -> CareGroup:
    n = {"n": number_format(care.count), "days": WARRANTY_DAYS}
    if care.cause == Cause.UNANSWERED:
        said = ngettext("%(n)s waits for an answer of ours.", "%(n)s wait for an answer of ours.", care.count)
        inbox = reverse("admin:complaints_complaint_changelist") if sees_cases else ""
        return CareGroup(_("Unanswered complaints"), said % n, (), inbox)
    if care.cause == Cause.WARRANTY:
        said = ngettext(
            "%(n)s warranty ends within %(days)s days: a fault has to be reported before.",
            "%(n)s warranties end within %(days)s days: a fault has to be reported before.",
            care.count,
        )
        rows = [care_row(purchase, _("until %(day)s"), day) for purchase, day in care.nearest]
        return CareGroup(_("Warranties about to end"), said % n, rows)
    said = ngettext(
        "%(n)s customer who used to come back has been silent for more than twice as long as usual.",
        "%(n)s customers who used to come back have been silent for more than twice as long as usual.",
        care.count,
    )
    rows = [care_row(purchase, _("last bought on %(day)s"), day) for purchase, day in care.nearest]
    return CareGroup(_("Long silence"), said % n, rows)


def care_row(purchase: Purchase, told: str, day: date) -> CareRow:
    about = (told % {"day": date_format(day, "DATE_FORMAT")}, str(purchase.product or ""))
    url = reverse("admin:affiliates_purchase_change", args=[purchase.pk])
    return CareRow(str(purchase.customer), url, " · ".join(filter(None, about)))
