"""Affiliates, links and clicks by API."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts.models import Brand
from accounts.services import create_api_key
from affiliates.models import Affiliate, AffiliateEvent, Click, TrackingLink
from tests.factories import NOW, make_affiliate, make_brand, make_link

pytestmark = pytest.mark.django_db

AFFILIATES, LINKS, CLICKS = "/api/v1/affiliates/", "/api/v1/links/", "/api/v1/clicks/"


@pytest.fixture(autouse=True)
def today() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def brand() -> Brand:
    return make_brand()


@pytest.fixture
def ana(brand: Brand) -> Affiliate:
    return make_affiliate(brand)


def client_of(brand: Brand, *scopes: str) -> Client:
    _key, text = create_api_key(brand, name="tienda", scopes=scopes or None)
    return Client(headers={"Authorization": f"Bearer {text}", "Accept-Language": "en"})


@pytest.fixture
def shop(brand: Brand) -> Client:
    return client_of(brand)


def post(client: Client, url: str, body: Any) -> Any:
    return client.post(url, body, content_type="application/json")


def wrong_fields(response: Any) -> list[tuple[str, str]]:
    return [(field["field"], field["code"]) for field in response.json()["error"]["fields"]]


def test_an_affiliate_is_added_and_listed(brand, shop):
    make_affiliate(make_brand("faro"), "Rival")

    created = post(shop, AFFILIATES, {"code": "ana", "name": "Ana", "email": "Ana@Afiliados.example"})

    expected = {
        "code": "ana",
        "name": "Ana",
        "public_name": "",
        "email": "ana@afiliados.example",
        "status": "active",
        "joined_at": "2026-03-10T12:00:00Z",
    }
    assert (created.status_code, created.json()) == (201, expected)
    assert shop.get(AFFILIATES).json() == {"results": [expected], "next": None, "previous": None}
    assert list(AffiliateEvent.objects.values_list("affiliate__code", "kind")) == [("ana", "approved")]


def test_a_code_that_is_taken_is_a_conflict(shop, ana):
    response = post(shop, AFFILIATES, {"code": "ana", "name": "Otra"})

    assert (response.status_code, response.json()["error"]["code"]) == (409, "code_taken")
    assert Affiliate.objects.get().name == "Ana"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"name": "Ana"}, ("code", "required")),
        ({"code": "a/b", "name": "Ana"}, ("code", "invalid_code")),
        ({"code": "ana", "name": "A\x00"}, ("name", "null_characters_not_allowed")),
        ({"code": "ana", "name": "Ana", "email": "ana"}, ("email", "invalid")),
        ([], ("", "invalid")),
    ],
)
def test_an_affiliate_that_cannot_be_is_refused(shop, body, error):
    response = post(shop, AFFILIATES, body)

    assert (response.status_code, wrong_fields(response)) == (400, [error])
    assert not Affiliate.objects.exists()


def test_a_link_is_made_with_its_promises_and_its_address(shop, ana, settings):
    settings.BASE_URL = "https://postventa.example"
    given = {
        "affiliate": "ana",
        "destination": "https://lumbre.example/botas?a=1",
        "code": "botas",
        "campaign": "Otoño",
        "promises": ["Envío en 24 h", "Sin permanencia"],
    }

    created = post(shop, LINKS, given)

    expected = {
        **given,
        "sub_ids": {},
        "url": "https://postventa.example/r/botas",
        "is_paused": False,
        "created_at": "2026-03-10T12:00:00Z",
    }
    assert (created.status_code, created.json()) == (201, expected)
    assert shop.get(LINKS).json()["results"] == [expected]


def test_a_link_may_have_a_code_made_up(shop, ana):
    created = post(shop, LINKS, {"affiliate": "ana", "destination": "https://lumbre.example/"}).json()

    assert TrackingLink.objects.get().code == created["code"]
    assert created["promises"] == []


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        ({"destination": "https://evil.example/"}, 400, ("destination", "host_not_allowed")),
        ({"destination": "https://lumbre.example\\@evil.example/"}, 400, ("destination", "host_not_allowed")),
        ({"destination": "//lumbre.example/"}, 400, ("destination", "host_not_allowed")),
        ({"destination": None}, 400, ("destination", "null")),
        ({"affiliate": "nadie"}, 400, ("affiliate", "does_not_exist")),
        ({"affiliate": "rival"}, 400, ("affiliate", "does_not_exist")),
        ({"affiliate": {"code": "ana"}}, 400, ("affiliate", "does_not_exist")),
        ({"affiliate": "a\x00"}, 400, ("affiliate", "invalid")),
        ({"code": "a b"}, 400, ("code", "invalid_code")),
        ({"code": "taken"}, 409, ("code", "taken")),
        ({"promises": ["x" * 201]}, 400, ("promises.0", "max_length")),
        ({"promises": [str(i) for i in range(21)]}, 400, ("promises", "max_length")),
    ],
)
def test_a_link_that_cannot_be_is_refused(shop, ana, fields, status, error):
    make_link(make_affiliate(make_brand("faro"), "Rival"), "taken")

    response = post(shop, LINKS, {"affiliate": "ana", "destination": "https://lumbre.example/", **fields})

    assert (response.status_code, wrong_fields(response)) == (status, [error])
    assert TrackingLink.objects.count() == 1


def test_links_are_listed_newest_first_by_affiliate_and_in_pages(brand, shop, ana):
    codes = [make_link(ana).code for _number in range(3)]
    make_link(make_affiliate(brand, "Bruno"), "bruno1")
    make_link(make_affiliate(make_brand("faro"), "Rival"), "rival1")

    page = shop.get(LINKS, {"affiliate": "ana", "page_size": 2}).json()
    rest = shop.get(page["next"]).json()

    assert [link["code"] for link in page["results"] + rest["results"]] == codes[::-1]
    assert [link["code"] for link in shop.get(LINKS).json()["results"]] == ["bruno1", *codes[::-1]]
    assert shop.get(LINKS, {"affiliate": "rival"}).json()["results"] == []
    assert shop.get(LINKS + "?affiliate=%00").status_code == 400


def test_a_list_asks_as_much_for_three_links_as_for_one(shop, ana, django_assert_num_queries):
    make_link(ana)
    shop.get(LINKS)
    with django_assert_num_queries(3):  # key, links, promises
        shop.get(LINKS)
    make_link(ana)
    make_link(ana)

    with django_assert_num_queries(3):
        assert len(shop.get(LINKS).json()["results"]) == 3


def test_a_click_is_recorded_and_its_visitor_hashed(shop, ana):
    link = make_link(ana)

    response = post(shop, CLICKS, {"link": link.code, "occurred_at": "2026-03-01T12:00:00Z", "visitor": "carla"})

    click = Click.objects.get()
    assert (response.status_code, response.json()) == (201, {"click_id": click.public_id})
    assert (click.link, click.kind, click.occurred_at) == (link, "visit", NOW - timedelta(days=9))
    assert "carla" not in click.visitor


def test_a_click_happens_now_unless_said(shop, ana):
    post(shop, CLICKS, {"link": make_link(ana).code})

    assert (Click.objects.get().occurred_at, Click.objects.get().visitor) == (NOW, "")


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"link": "nadie"}, ("link", "unknown")),
        ({"link": "rival1"}, ("link", "unknown")),
        ({"link": None}, ("link", "null")),
        ({"occurred_at": "2026-03-10T13:00:00Z"}, ("occurred_at", "in_the_future")),
        ({"occurred_at": "soon"}, ("occurred_at", "invalid")),
        ({"visitor": "\x00"}, ("visitor", "null_characters_not_allowed")),
    ],
)
def test_a_click_that_cannot_be_is_refused(shop, ana, fields, error):
    make_link(make_affiliate(make_brand("faro"), "Rival"), "rival1")

    response = post(shop, CLICKS, {"link": make_link(ana).code, **fields})

    assert (response.status_code, wrong_fields(response)) == (400, [error])
    assert not Click.objects.exists()


@pytest.mark.parametrize(
    ("url", "body", "errors"),
    [
        (
            AFFILIATES,
            {"code": "a/b", "email": "ana"},
            [("code", "invalid_code"), ("name", "required"), ("email", "invalid")],
        ),
        (
            LINKS,
            {"affiliate": "nadie", "destination": "https://evil.example/", "code": "a b", "promises": ["x" * 201]},
            [
                ("affiliate", "does_not_exist"),
                ("code", "invalid_code"),
                ("destination", "host_not_allowed"),
                ("promises.0", "max_length"),
            ],
        ),
        (
            CLICKS,
            {"link": "nadie", "occurred_at": "2026-03-10T13:00:00Z", "visitor": "\x00"},
            [("link", "unknown"), ("occurred_at", "in_the_future"), ("visitor", "null_characters_not_allowed")],
        ),
    ],
)
def test_all_that_is_wrong_is_said_at_once(shop, ana, url, body, errors):
    assert wrong_fields(post(shop, url, body)) == errors


@pytest.mark.parametrize("url", [AFFILIATES, LINKS, CLICKS])
def test_a_key_does_what_its_scopes_say(brand, ana, url):
    nothing = client_of(brand, "purchases:read")

    assert post(nothing, url, {}).status_code == 403
    assert nothing.get(url).status_code in (403, 405)
    assert post(Client(), url, {}).status_code == 401
