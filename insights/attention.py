"""Who needs looking after, as counted last night: for an affiliate how many, about; for staff by name too.

Beside insights.privacy: what an affiliate is told was counted apart for it (services.attending) and moves by k at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from accounts.models import Brand
from affiliates.models import Affiliate, Purchase
from insights.models import Attention
from insights.models.contribution import Audience

CAUSES = tuple(Attention.Cause.values)


def told_attention(affiliate: Affiliate) -> dict[str, int]:
    """By cause, what the affiliate is told: a number reached, not the number; 0 below k."""
    rows = Attention.objects.filter(brand=affiliate.brand, affiliate=affiliate, audience=Audience.AFFILIATE)
    counts = dict(rows.values_list("cause", "count"))
    return {cause: counts.get(cause, 0) for cause in CAUSES}


@dataclass(frozen=True)
class Care:
    """Customers of a brand who need looking after for one cause; `nearest` with the day that matters."""

    cause: str
    count: int
    nearest: Sequence[tuple[Purchase, date]]


def brand_attention(brand: Brand, *, with_names: bool) -> list[Care]:
    """Every cause that there is, in the order in which they press. Names are for who may know the customers."""
    rows = {row.cause: row for row in Attention.objects.filter(brand=brand, affiliate=None, audience=Audience.STAFF)}
    found = [rows[cause] for cause in CAUSES if cause in rows]
    wanted = [pk for row in found for pk, _day in row.nearest] if with_names else []
    # Whoever was blocked or erased since is left out.
    purchases = (
        Purchase.objects.filter(customer__blocked_at=None).select_related("customer", "product").in_bulk(wanted)
        if wanted
        else {}
    )
    return [
        Care(
            row.cause,
            row.count,
            [(purchases[pk], date.fromisoformat(day)) for pk, day in row.nearest if pk in purchases],
        )
        for row in found
    ]
