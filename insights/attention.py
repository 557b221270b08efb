"""Who needs looking after, as counted last night: for an affiliate how many, about; for staff by name too.

Beside insights.privacy: what an affiliate is told was counted apart for it (services.attending) and moves by k at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Q

from accounts.models import Brand
from affiliates.models import Affiliate, Purchase
from insights.models import Attention
from insights.models.contribution import Audience

CAUSES = tuple(Attention.Cause.values)
OF_BRAND = Q(affiliate=None, audience=Audience.STAFF)  # there once a night has counted, whatever it found


def told_attention(affiliate: Affiliate) -> dict[str, int] | None:
    """By cause, what the affiliate is told: a number reached, not the number; 0 below k. None: no night has counted."""
    own = Q(affiliate=affiliate, audience=Audience.AFFILIATE)
    rows = list(Attention.objects.filter(own | OF_BRAND, brand=affiliate.brand))
    counts = {row.cause: row.count for row in rows if row.affiliate_id}
    return {cause: counts.get(cause, 0) for cause in CAUSES} if rows else None


@dataclass(frozen=True)
class Care:
    """Customers of a brand who need looking after for one cause; `nearest` with the day that matters."""

    cause: str
    count: int
    nearest: Sequence[tuple[Purchase, date]]


def brand_attention(brand: Brand, *, with_names: bool) -> list[Care] | None:
    """Every cause that there is, in the order in which they press. Names are for who may know the customers. None: no
    night has counted."""
    rows = {row.cause: row for row in Attention.objects.filter(OF_BRAND, brand=brand)}
    if not rows:
        return None
    found = [rows[cause] for cause in CAUSES if cause in rows and rows[cause].count]
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
