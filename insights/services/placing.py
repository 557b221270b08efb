"""Where each affiliate stands by satisfaction: once a month, in quarters, of values that lean on the programme.

The raw values would put whoever has the fewest answers at either end.
"""

from datetime import date, datetime

from accounts.models import Brand
from insights.models import Standing
from insights.privacy import Period
from insights.quality import published_shares
from insights.services.publishing import month_of
from insights.statistics import ANSWERS_FOR_VERDICT, mid_rank_percentile, prior_strength, shrink


def place_affiliates(brand: Brand, *, now: datetime) -> None:
    """The first time in a month, from the twelve months before it: what came in since does not move anybody."""
    month = month_of(now, brand)
    if Standing.objects.filter(brand=brand, month=month).exists():
        return
    quarters = quarters_of(published_shares(brand, year_before(month)))
    Standing.objects.bulk_create(
        Standing(brand=brand, affiliate_id=affiliate, month=month, quarter=quarter)
        for affiliate, quarter in quarters.items()
    )


def quarters_of(satisfied: dict[int, tuple[int, int]]) -> dict[int, int]:
    """1 to 4 by affiliate, of those with 20 answers; nothing with fewer than ten of them."""
    eligible = {affiliate: cell for affiliate, cell in satisfied.items() if cell[1] >= ANSWERS_FOR_VERDICT}
    everybody = sum(n for _x, n in eligible.values())
    if not everybody:
        return {}
    mean = sum(x for x, _n in eligible.values()) / everybody
    strength = prior_strength(list(satisfied.values()))
    values = {affiliate: shrink(x, n, mean, strength) for affiliate, (x, n) in eligible.items()}
    ordered = list(values.values())
    places = {affiliate: mid_rank_percentile(value, ordered) for affiliate, value in values.items()}
    return {affiliate: min(4, 1 + int(4 * place)) for affiliate, place in places.items() if place is not None}


def year_before(month: date) -> Period:
    return Period("", date(month.year - 1, month.month, 1), month)
