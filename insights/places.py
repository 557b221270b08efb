"""What an affiliate may know of the places it marks with sub-ids: visits, and purchases in whole groups of k.

A link with a sub-id for each person would make an exact count say who bought. Rounded down to groups no figure, and no
difference between two, is about fewer than k.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from accounts.statements import run
from affiliates.models import TrackingLink

MOST = 60  # anybody can make up sub-ids in the address of a link


@dataclass(frozen=True)
class Place:
    """A sub-id, such as sub1 and newsletter. `purchases` is the largest multiple of k that was reached."""

    key: str
    value: str
    visits: int
    purchases: int


def link_places(link: TrackingLink, *, k: int) -> tuple[Place, ...]:
    """Of the clicks that are kept, by key, the most visited first."""
    visits = _count(VISITS, link)
    if not visits:
        return ()
    purchases = _count(PURCHASES, link)
    places = [Place(*place, n, purchases.get(place, 0) // k * k) for place, n in visits.items()]
    return tuple(sorted(places, key=lambda place: (place.key, -place.visits, place.value)))


def _count(statement: str, link: TrackingLink) -> Mapping[tuple[str, str], int]:
    rows = run(statement, {"link": link.pk, "affiliate": link.affiliate_id, "most": MOST})
    return {(key, value): n for key, value, n in rows}


VISITS = """
    SELECT place.key, place.value, count(*)
    FROM affiliates_click click CROSS JOIN LATERAL jsonb_each_text(click.sub_ids) place
    WHERE click.link_id = %(link)s AND click.kind = 'visit'
    GROUP BY place.key, place.value
    ORDER BY count(*) DESC, place.key, place.value
    LIMIT %(most)s
"""
# Each purchase once, by the click that won it. One by one (hence the LIMIT), since a click's time tells its month: put
# together as wholes, all clicks that there are would be read.
PURCHASES = """
    SELECT place.key, place.value, count(*)
    FROM affiliates_attribution attribution
    JOIN affiliates_purchase purchase ON purchase.id = attribution.purchase_id AND purchase.source <> 'test'
    CROSS JOIN LATERAL jsonb_array_elements(attribution.touches) touch
    CROSS JOIN LATERAL (
        SELECT sub_ids FROM affiliates_click
        WHERE public_id = touch ->> 'source' AND occurred_at = (touch ->> 'at')::timestamptz LIMIT 1
    ) click
    CROSS JOIN LATERAL jsonb_each_text(click.sub_ids) place
    WHERE attribution.is_current AND attribution.affiliate_id = %(affiliate)s AND attribution.link_id = %(link)s
      AND attribution.method = 'click' AND (touch ->> 'won')::boolean
    GROUP BY place.key, place.value
"""
