"""A customer leaves: in whose figures their bare scores may stay."""

from collections.abc import Collection, Iterable
from datetime import date, timedelta

from accounts.models import Brand
from insights.models import CountedResponse, Quote


def who_keeps(brand: Brand, responses: Collection[int]) -> dict[int, int | None]:
    """By response, its affiliate where at least k other answers stand in the same month; else nobody.

    A score among fewer could be told apart: it counts for the whole programme alone.
    """
    counted = CountedResponse.objects.filter(brand=brand, response__in=responses)
    credited = counted.exclude(affiliate=None).values_list("response", "affiliate", "day")
    return {
        response: affiliate if _others(brand, affiliate, day, besides=responses) >= brand.k else None
        for response, affiliate, day in credited
    }


def _others(brand: Brand, affiliate: int, day: date, *, besides: Collection[int]) -> int:
    first = day.replace(day=1)
    next_first = (first + timedelta(days=31)).replace(day=1)
    month = CountedResponse.objects.filter(brand=brand, affiliate=affiliate, day__gte=first, day__lt=next_first)
    return month.exclude(response=None).exclude(response__in=besides).count()


def shows_words_of(responses: Iterable[int]) -> bool:
    """Are words from these answers still shown to an affiliate? They go with its next block or the month."""
    return Quote.objects.filter(response__in=list(responses)).exists()
