"""Staff open an affiliate's pages as the affiliate sees them: marked, on record, and with nothing to be changed."""

import re

import pytest
from django.test import Client

from accounts.models import AccessLog, Membership, User
from affiliates.models import Affiliate
from dashboards.urls import pages
from tests.factories import make_brand, make_staff
from tests.insights.conftest import Shop

OWN = "/portal/affiliates/lumbre/ana/"
GIVEN = {"uuid": "00000000-0000-4000-8000-000000000000", "str": "x"}


def addresses() -> list[str]:
    """Each page of an affiliate."""
    return [OWN + re.sub(r"<(\w+):\w+>", lambda found: GIVEN[found[1]], str(page.pattern)) for page in pages]


@pytest.mark.parametrize("role", Membership.Role.values)
def test_no_page_takes_anything_from_whoever_looks_on(client: Client, shop: Shop, ana: Affiliate, role: str) -> None:
    client.force_login(make_staff(shop.brand, role=role))

    answers = {address: client.post(address, {"text": "Como si fuera Ana"}).status_code for address in addresses()}

    assert len(answers) > 30
    assert {address: status for address, status in answers.items() if status not in (403, 405)} == {}
    assert not AccessLog.objects.exists()


def test_not_even_an_operator_writes_as_somebody_else(client: Client, ana: Affiliate) -> None:
    client.force_login(User.objects.create_superuser("root@postventa.example", "secreta"))

    assert client.post(f"{OWN}heard/", {"text": "Como si fuera Ana"}).status_code == 403


def test_every_page_says_that_somebody_looks_on_and_leads_back(client: Client, shop: Shop, ana: Affiliate) -> None:
    client.force_login(make_staff(shop.brand, role=Membership.Role.READ_ONLY))
    named = (
        "",
        "opinions/",
        "heard/",
        "links/",
        "sales/",
        "customers/",
        "actions/",
        "reputation/",
        "people/",
        "terms/",
    )

    for name in named:
        page = client.get(OWN + name).content.decode()
        assert page.count('class="looking-on"') == 1, name
        assert 'href="/portal/brands/lumbre/drivers/ana/"' in page
        assert 'href="/portal/brands/lumbre/"' in page

    assert set(AccessLog.objects.values_list("purpose", "object_id")) == {("impersonate", str(ana.pk))}
    assert AccessLog.objects.count() == len(named)


def test_a_role_without_an_account_of_staff_opens_nothing(client: Client, shop: Shop, ana: Affiliate) -> None:
    sofia = make_staff(shop.brand)
    User.objects.filter(pk=sofia.pk).update(is_staff=False)
    client.force_login(sofia)

    assert client.get(OWN).status_code == 404
    assert not AccessLog.objects.exists()


def test_another_brands_staff_find_nobody(client: Client, ana: Affiliate) -> None:
    client.force_login(make_staff(make_brand("otra"), "Olga"))

    assert {client.get(address).status_code for address in addresses()} <= {404, 405}
    assert not AccessLog.objects.exists()
