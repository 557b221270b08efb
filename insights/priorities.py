"""Where an affiliate, or the whole programme, stands on what weighs in the score.

What an affiliate is shown comes from its published counts, from the programme without itself, and from the weights that
it may know: all by way of `insights.privacy`.
"""

from django.utils import translation

from accounts.models import Brand
from affiliates.models import Affiliate
from insights.counts import ANSWERS, Counts, answered
from insights.findings import Catalogue, Findings, Lens, is_enough, read_findings
from insights.importance import Priorities, place
from insights.models import Rollup
from insights.privacy import (
    ALL,
    View,
    catalogue_of,
    programme_findings,
    programme_weights,
    programme_without,
    shown_counts,
    sum_counts,
)
from surveys.models import Wave


def affiliate_priorities(affiliate: Affiliate, *, view: View = "affiliate", language: str = "es") -> Priorities | None:
    """Of all time. None with fewer than 20 answers, or where weights or programme may not be told or are not known."""
    weights = programme_weights(affiliate.brand, view=view)
    counts = _own_counts(affiliate, view)
    if weights is None or not is_enough(answered(counts, ANSWERS)):
        return None
    programme = programme_without(affiliate, ALL)
    if programme.counts is None:
        return None
    with translation.override(language):
        catalogue = catalogue_of(affiliate.brand, language)
        k = 1 if view == "staff" else affiliate.brand.k
        return place(_read(counts, catalogue, k), _read(programme.counts, catalogue, k), weights)


def programme_priorities(brand: Brand, *, language: str = "es") -> Priorities | None:
    """The whole programme, aspect beside aspect: for staff only."""
    weights, findings = programme_weights(brand, view="staff"), programme_findings(brand, language=language)
    return place(findings, findings, weights) if weights and findings else None


def _own_counts(affiliate: Affiliate, view: View) -> Counts:
    if view == "staff":
        return sum_counts(Rollup.objects.filter(brand=affiliate.brand, affiliate=affiliate, wave=Wave.FIRST))
    return sum_counts(shown_counts(affiliate.brand, affiliate))


def _read(counts: Counts, catalogue: Catalogue, k: int) -> Findings:
    return read_findings(counts, catalogue, Lens(k))
