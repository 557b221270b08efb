"""Finding cases by what somebody types: a number, an order, an address, or words in any form."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from django.db.models import BooleanField, Expression, F, Func, Q, Value
from django.db.models.expressions import CombinedExpression

from affiliates.models import Customer, Purchase
from complaints.models import ComplaintQuerySet, ComplaintWords
from mailing.addresses import known_hashes

RARE = 2_000  # cases with these words, at most; of more frequent ones the newest are looked through
WORDS_READ = 8
PREFIX = 3  # letters that the last word needs to stand for all that begin with them


class Holds(Func):
    """Words, query: does a case hold what is asked for?"""

    template = "%(expressions)s"
    arg_joiner = " @@ "
    output_field = BooleanField()


@dataclass(frozen=True)
class Found:
    """`is_exact`: by a number, an order or an address rather than by words."""

    cases: ComplaintQuerySet
    is_exact: bool


def find(cases: ComplaintQuerySet, text: str, *, brands: Sequence[int]) -> Found:
    """Those of the cases, which are of these brands, that the text means; to be sorted by their ids alone.

    What is the whole of a number, an order or an address means that alone.
    """
    if "@" in text:
        customers = Customer.objects.filter(brand__in=brands, email_hash__in=known_hashes(text))
        return Found(cases.filter(customer__in=list(customers)), is_exact=True)
    named = cases.filter(named_by(text, brands))
    if named.exists():
        return Found(named, is_exact=True)
    return Found(with_words(cases, text, brands), is_exact=False)


def named_by(text: str, brands: Sequence[int]) -> Q:
    """By its number, also without the year, or by its order."""
    purchases = list(Purchase.objects.filter(brand__in=brands, external_id=text).values_list("pk", flat=True))
    named = Q(number=text.upper()) | Q(purchase__in=purchases)
    is_short_number = text.isdecimal() and len(text) <= 18
    return named | Q(pk=int(text)) if is_short_number else named


def with_words(cases: ComplaintQuerySet, text: str, brands: Sequence[int]) -> ComplaintQuerySet:
    """All the words, each in any of its forms; the last may be only begun."""
    query = query_of(text)
    if query is None:
        return cases.none()
    # Asked without an order, PostgreSQL goes by the index of words; asked for the newest it would guess how many there
    # are of a word that it has never seen, and look through all cases.
    holding = ComplaintWords.objects.filter(Holds(F("words"), query), brand__in=brands)
    ids = list(holding.values_list("pk", flat=True)[: RARE + 1])
    return cases.filter(pk__in=ids) if len(ids) <= RARE else cases.filter(Holds(F("words__words"), query))


def words_of(text: str, *, most: int = WORDS_READ) -> list[str]:
    return re.findall(r"[^\W_]+", text)[:most]


def query_of(text: str) -> Expression | None:
    """None: there is no word in it."""
    words = words_of(text)
    each: list[Expression] = [
        Func(Value(word), Value(word is words[-1] and len(word) >= PREFIX), function="complaints_query")
        for word in words
    ]
    return reduce(lambda left, right: CombinedExpression(left, "&&", right), each) if each else None
