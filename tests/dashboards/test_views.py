"""The portal, entered by its addresses: whose page opens for whom, and what stands on it."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AccessLog
from affiliates.models import AffiliateMember
from tests.factories import make_affiliate, make_brand, make_member, make_staff

HOME = "/portal/"


@pytest.fixture
def brand(db):
    return make_brand()


@pytest.fixture
def ana(brand):
    return make_affiliate(brand, "Ana")


def test_members_open_their_affiliates_page(client: Client, ana) -> None:
    client.force_login(make_member(ana))

    response = client.get(HOME)

    assert response.status_code == 200
    assert response.context["reader"].affiliate == ana


def test_a_rivals_page_is_not_there(client: Client, ana, brand) -> None:
    make_affiliate(brand, "Bruno")
    client.force_login(make_member(ana))

    assert client.get("/portal/affiliates/lumbre/bruno/").status_code == 404
    assert client.get("/portal/affiliates/lumbre/nobody/").status_code == 404
    assert not AccessLog.objects.exists()
