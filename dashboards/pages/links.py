"""An affiliate's links and what came of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from affiliates.models import TrackingLink
from dashboards.selectors import Reader
from dashboards.wording import answers_said
from insights.findings import Findings
from insights.places import Place
from insights.privacy import Insights
from insights.sales import Traffic


@dataclass(frozen=True)
class LinkRow:
    """A link and what came of it. Without `findings` too few of its customers have answered."""

    link: TrackingLink
    address: str
    url: str
    visits: int
    purchases: int
    findings: Findings | None
    answers: str
    missing: tuple[str, ...]
    promises: tuple[str, ...]


def write_links(reader: Reader, links: Sequence[TrackingLink], traffic: Traffic, insights: Insights) -> list[LinkRow]:
    """Those that sell most first."""
    found = {each.code: each.findings for each in insights.links}
    rows = [write_link(reader, link, traffic, found.get(link.code)) for link in links]
    return sorted(rows, key=lambda row: (-row.purchases, -row.visits))


def write_link(reader: Reader, link: TrackingLink, traffic: Traffic, findings: Findings | None) -> LinkRow:
    return LinkRow(
        link,
        address_of(link),
        reader.url_of("link", link),
        traffic.visits.get(link.pk, 0),
        traffic.purchases.get(link.pk, 0),
        findings,
        answers_said(findings.n) if findings else "",
        tuple(f"{fact.label} ({fact.n})" for fact in findings.missing[:3]) if findings else (),
        tuple(promise.text for promise in link.standing_promises),  # type: ignore[attr-defined]
    )


@dataclass(frozen=True)
class PlaceRow:
    """A place that the affiliate marks with a sub-id. Purchases are told in whole groups."""

    key: str
    value: str
    visits: int
    purchases: int
    purchases_said: str


def write_places(places: Sequence[Place], *, k: int) -> list[PlaceRow]:
    return [PlaceRow(each.key, each.value, each.visits, each.purchases, at_least(each.purchases, k)) for each in places]


def at_least(n: int, k: int) -> str:
    return _("%(n)d or more") % {"n": n} if n else _("fewer than %(k)d") % {"k": k}


def address_of(link: TrackingLink) -> str:
    """What the affiliate shares."""
    return settings.BASE_URL + link.get_absolute_url()
