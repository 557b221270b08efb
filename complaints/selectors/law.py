"""What is taken for the law of a brand's country, so that somebody who knows can confirm it."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Brand
from affiliates.models import Product
from complaints.clocks import terms_for
from complaints.models import Complaint
from complaints.services.timing import LEGAL_KINDS
from complaints.warranty import Limit, Rule, limit_of_law, rules_of_law
from complaints.wording import term_in_words


@dataclass(frozen=True)
class Law:
    """`terms`: until when cases are answered. `warranties`: what is answered for how long, and claimed until when."""

    brand: Brand
    terms: list[str]
    warranties: list[str]


def law_of(brand: Brand) -> Law:
    return Law(brand, list(terms_in_words(brand)), list(warranties_in_words(brand.country)))


def terms_in_words(brand: Brand) -> Iterator[str]:
    for kind in LEGAL_KINDS:
        terms = terms_for(kind, regime=brand.legal_regime, country=brand.country, region=brand.region)
        told = " · ".join(term_in_words(term.amount, term.unit, term.law) for term in terms)
        yield f"{Complaint.Kind(kind).label}: {told}"


def warranties_in_words(country: str) -> Iterator[str]:
    for kind, label in Product.Kind.choices:
        told = [rule_in_words(rule) for rule in rules_of_law(country, kind)]
        limit = limit_of_law(country, kind)
        told += [limit_in_words(limit)] if limit else []
        yield f"{label}: {' · '.join(told) or _('no rule is known')}"


def rule_in_words(rule: Rule) -> str:
    term = ngettext("%(count)d month from delivery", "%(count)d months from delivery", rule.months)
    parts = [term % {"count": rule.months}]
    if rule.burden_months:
        burden = _("for %(count)d a fault is taken to have been there from the beginning")
        parts.append(burden % {"count": rule.burden_months})
    return f"{', '.join(parts)} ({rule.source})"


def limit_in_words(limit: Limit) -> str:
    text = ngettext(
        "claimed within %(count)d month of when it shows",
        "claimed within %(count)d months of when it shows",
        limit.months,
    )
    return f"{text % {'count': limit.months}} ({limit.source})"
