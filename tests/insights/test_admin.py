"""Staff say what has become of a finding; what was published nobody changes."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Membership
from insights.models import Block, Finding
from insights.services import fold_changes
from tests.factories import NOW, make_affiliate, make_brand, make_staff
from tests.insights.conftest import Shop
from tests.insights.test_privacy import look, respond_many


@pytest.fixture
def finding(shop: Shop, ana) -> Finding:
    respond_many(shop, ana, 4, csat=5)
    shop.respond(ana, csat=1, expectation="Creía que el envío era gratis")
    fold_changes(now=NOW)
    return Finding.objects.get()


def sign_in(client: Client, shop: Shop, role: str = Membership.Role.AGENT) -> Client:
    client.force_login(make_staff(shop.brand, role=role))
    return client


def test_staff_say_what_has_become_of_an_expectation(client, shop, ana, finding):
    sign_in(client, shop)

    page = client.get(reverse("admin:insights_finding_changelist"))
    changed = client.post(
        reverse("admin:insights_finding_change", args=[finding.pk]), {"status": "met", "owner": "affiliate"}
    )

    assert "Creía que el envío era gratis" in page.content.decode()
    assert changed.status_code == 302
    finding.refresh_from_db()
    assert (finding.status, finding.owner) == ("met", "affiliate")
    assert look(ana).expectations[0].status == "met"


def test_readers_change_nothing(client, shop, finding):
    sign_in(client, shop, Membership.Role.READ_ONLY)

    response = client.post(reverse("admin:insights_finding_change", args=[finding.pk]), {"status": "met"})

    assert response.status_code == 403
    finding.refresh_from_db()
    assert finding.status == "open"


def test_another_brands_findings_are_not_there(client, shop, finding):
    other = Shop(make_brand("vela"))
    respond_many(other, make_affiliate(other.brand, "Eva"), 5, csat=1, expectation="Secreto")
    fold_changes(now=NOW)
    theirs = Finding.objects.filter(brand=other.brand).first()
    sign_in(client, shop)

    page = client.get(reverse("admin:insights_finding_changelist"))

    assert "Secreto" not in page.content.decode()
    assert client.get(reverse("admin:insights_finding_change", args=[theirs.pk])).status_code == 302


def test_blocks_can_be_read_and_not_changed(client, shop, finding):
    block = Block.objects.get()
    sign_in(client, shop, Membership.Role.ADMIN)
    url = reverse("admin:insights_block_change", args=[block.pk])

    assert client.get(reverse("admin:insights_block_changelist")).status_code == 200
    assert client.get(url).status_code == 200
    assert client.post(url, {"n": "99"}).status_code == 403
    block.refresh_from_db()
    assert block.n == 5


@pytest.mark.parametrize("expectations", [1, 3])
def test_the_list_asks_the_database_as_often_for_many(client, shop, ana, django_assert_max_num_queries, expectations):
    for number in range(expectations):
        shop.respond(ana, csat=1, expectation=f"Más {number}")
    respond_many(shop, ana, 5, csat=1)
    fold_changes(now=NOW)
    sign_in(client, shop)

    with django_assert_max_num_queries(12):
        client.get(reverse("admin:insights_finding_changelist"))
