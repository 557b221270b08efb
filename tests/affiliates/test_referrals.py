"""A customer recommends the shop: from their answer to the new customer's purchase, as people and shops meet it."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Brand
from accounts.services import create_api_key
from affiliates.models import Affiliate, Customer, Purchase
from affiliates.services import give_referral_code
from affiliates.services import referrals as service
from tests.complaints.factories import answered
from tests.factories import NOW, make_affiliate, make_brand, make_customer, make_purchase
from tests.surveys.factories import make_invitation, send_mail

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def brand() -> Brand:
    return make_brand()


@pytest.fixture
def ana(brand: Brand) -> Affiliate:
    return make_affiliate(brand, email="ana@afiliados.example")


@pytest.fixture
def shop(brand: Brand) -> Client:
    _key, text = create_api_key(brand, name="tienda")
    return Client(headers={"Authorization": f"Bearer {text}"})


def recommend(purchase: Purchase, **answers: Any) -> str:
    """The link on the page that thanks the customer for the answer."""
    invitation = purchase.invitations.first() or make_invitation(purchase)
    mail = send_mail(invitation)
    answered(invitation, **answers)
    with time_machine.travel(NOW, tick=False):
        html = Client().get(reverse("complaints:thanks", args=[mail.token])).text
    [link] = re.findall(r'href="(/i/[^"]+)"', html)
    return str(link)


def follow(link: str) -> str:
    """What the shop finds in its address."""
    location = Client().get(link)["Location"]
    shop, _query, code = location.partition("?pv_ref=")
    assert shop == "https://lumbre.example/"
    return str(code)


def buy(shop: Client, external_id: str, referral: str, email: str) -> dict[str, Any]:
    given = {"external_id": external_id, "purchased_at": NOW.isoformat(), "amount": "49.90", "currency": "EUR"}
    with time_machine.travel(NOW, tick=False):
        response = shop.post(
            "/api/v1/purchases/",
            given | {"referral": referral, "customer": {"email": email}},
            content_type="application/json",
        )
    assert response.status_code == 201, response.text
    attribution: dict[str, Any] = response.json()["attribution"]
    return attribution


def bought_by(brand: Brand, affiliate: Affiliate | None) -> Purchase:
    """Carla's purchase; the affiliate had brought her."""
    brought = {"acquiring_affiliate": affiliate, "acquired_at": NOW - 9 * DAY} if affiliate else {}
    carla = make_customer(brand, email="carla@correo.example", **brought)
    return make_purchase(carla, affiliate=affiliate)


def test_who_comes_by_a_customer_is_credited_to_them_and_names_who_brought_them(brand, ana, shop):
    code = follow(recommend(bought_by(brand, ana), csat=5))

    told = buy(shop, "N1", code, "nadia@correo.example")

    assert (told["affiliate"], told["method"], told["reason"]) == (None, "referral", "customer_referral")
    assert (told["indirect_affiliate"], told["acquiring_affiliate"]) == ("ana", None)


def test_it_goes_one_level_up_and_no_further(brand, ana, shop):
    code = follow(recommend(bought_by(brand, ana), csat=5))
    buy(shop, "N1", code, "nadia@correo.example")

    hers = follow(recommend(Purchase.objects.get(external_id="N1"), csat=4))
    told = buy(shop, "D1", hers, "dora@correo.example")

    assert hers != code
    assert (told["affiliate"], told["method"], told["indirect_affiliate"]) == (None, "referral", None)


def test_nobody_recommends_the_shop_to_themselves(brand, ana, shop):
    code = follow(recommend(bought_by(brand, ana), csat=5))

    told = buy(shop, "P2", code, "Carla@correo.example")

    assert (told["affiliate"], told["method"], told["reason"]) == (None, "none", "self_referral")
    assert told["indirect_affiliate"] is None


def test_an_affiliate_gains_nothing_indirectly_by_buying_through_a_customer_of_theirs(brand, ana, shop):
    code = follow(recommend(bought_by(brand, ana), csat=5))

    assert buy(shop, "A1", code, "ana@afiliados.example")["indirect_affiliate"] is None


@pytest.mark.parametrize("answers", [{"csat": 1}, {"csat": 5}, {"csat": 3, "suspicions": ("too_fast",)}])
def test_everybody_who_answers_gets_a_link_whatever_they_said(brand, answers):
    purchase = bought_by(brand, None)

    assert recommend(purchase, **answers) == f"/i/{Customer.objects.get().referral_code}"


def test_answering_again_keeps_the_link(brand):
    purchase = bought_by(brand, None)
    link = recommend(purchase, csat=1)

    answered(purchase.invitations.get(), at=NOW + timedelta(minutes=5), csat=4)

    assert link == f"/i/{Customer.objects.get().referral_code}"


@pytest.mark.parametrize("rules", [{"allowed_hosts": []}, {"attribution_order": ["declared", "click"]}])
def test_where_it_leads_nowhere_or_does_not_count_nobody_is_offered_one(rules):
    brand = make_brand("faro", **rules)
    carla = make_customer(brand)

    assert give_referral_code(carla) == ""
    assert Customer.objects.get().referral_code is None


def test_a_code_that_somebody_has_is_made_up_anew(brand, monkeypatch):
    make_customer(brand, "Bea", referral_code="bea7")
    carla = make_customer(brand)
    codes = iter(["bea7", "bea7", "carla7"])
    monkeypatch.setattr(service, "random_code", lambda: next(codes))

    assert give_referral_code(carla) == "carla7"


def test_of_two_who_ask_at_once_both_get_the_same(brand):
    carla = make_customer(brand)
    same = Customer.objects.select_related("brand").get(pk=carla.pk)
    first = give_referral_code(carla)

    assert give_referral_code(same) == first
    with CaptureQueriesContext(connection) as queries:
        assert give_referral_code(same) == first
    assert len(queries) == 0
