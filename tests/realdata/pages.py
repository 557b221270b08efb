"""Every page of the portal over real data: it opens, stays light, and tells an affiliate of no customer."""

from collections.abc import Iterable, Iterator

from django.db.models import Count
from django.test import Client
from django.urls import URLPattern, reverse

from accounts.models import Brand
from affiliates.models import Affiliate, Purchase
from dashboards.urls import pages, urlpatterns
from tests.factories import make_member, make_staff

MOST_BYTES = 60_000


def walk_the_portal(client: Client, brand: Brand) -> None:
    """As the affiliate with the most purchases, as one with three, and as staff."""
    sold = Affiliate.objects.annotate(n=Count("attributions")).order_by("-n")
    for affiliate in (sold[0], sold.filter(n=3)[0]):
        client.force_login(make_member(affiliate))
        unspoken = identities(affiliate)
        for url, text in opened(client, addresses(pages)):
            assert [each for each in unspoken if each in text] == [], url
    Brand.objects.filter(pk=brand.pk).update(requires_second_factor=False)  # whose page would come first
    client.force_login(make_staff(brand))
    assert len(list(opened(client, addresses(urlpatterns[len(pages) :], brand=brand.slug)))) > 5


def addresses(patterns: Iterable[object], **values: str) -> Iterator[str]:
    """Of the pages that need no other values."""
    for each in patterns:
        if isinstance(each, URLPattern) and set(each.pattern.converters) == set(values):
            yield reverse(f"dashboards:{each.name}", kwargs=values)


def opened(client: Client, urls: Iterable[str]) -> Iterator[tuple[str, str]]:
    """What is there to be looked at; what only takes something is left out."""
    for url in urls:
        response = client.get(url)
        if response.status_code in (302, 405):
            continue
        assert response.status_code == 200, url
        content = b"".join(response) if response.streaming else response.content
        if response.headers["Content-Type"].startswith("text/html"):
            assert len(content) < MOST_BYTES, url
        yield url, content.decode()


def identities(affiliate: Affiliate) -> set[str]:
    """By which a customer of theirs could be known."""
    sales = Purchase.objects.filter(attributions__affiliate=affiliate).values_list("customer__email", "external_id")
    return {each for sale in sales for each in sale if each}
