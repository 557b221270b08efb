"""Sub-ids: an affiliate's own words at a link, from its address to the staff's table."""

import csv
import io
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from accounts.models import AccessLog, Brand
from accounts.services import create_api_key
from affiliates.models import Affiliate, Click, TrackingLink, click_public_id
from affiliates.services import change_sub_ids
from affiliates.sub_ids import KEYS, LONGEST, read_sub_ids
from tests.factories import NOW, make_affiliate, make_brand, make_link, make_staff


@pytest.fixture
def brand(db: None) -> Brand:
    return make_brand()


@pytest.fixture
def ana(brand: Brand) -> Affiliate:
    return make_affiliate(brand)


@pytest.fixture
def link(ana: Affiliate) -> TrackingLink:
    return make_link(ana)


@pytest.fixture
def shop(brand: Brand) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {create_api_key(brand, name='tienda')[1]}")
    return client


@pytest.fixture
def sofia(brand: Brand) -> Client:
    client = Client()
    client.force_login(make_staff(brand))
    return client


# --- What is kept of what came ---------------------------------------------------------------------------------------
@given(st.dictionaries(st.sampled_from([*KEYS, "sub6", "utm_source"]), st.text() | st.none() | st.integers()))
def test_whatever_comes_is_printable_short_and_under_a_known_key(came: dict[str, Any]) -> None:
    kept = read_sub_ids(came)

    assert set(kept) <= set(KEYS)
    assert all(0 < len(value) <= LONGEST and value.isprintable() and value == value.strip() for value in kept.values())
    assert read_sub_ids(kept) == kept


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("sub1=boletin&sub3=v%C3%ADdeo", {"sub1": "boletin", "sub3": "vídeo"}),
        ("sub6=x&SUB1=x&sub=x&utm_source=x", {}),
        ("sub1=&sub2=%20%20", {}),
        ("sub1=a%00b%0d%0aLocation:%20x", {"sub1": "abLocation: x"}),
        ("sub1=%ff%fe", {"sub1": "\ufffd\ufffd"}),
        ("sub1=uno&sub1=dos", {"sub1": "dos"}),
        (f"sub1={'x' * 3000}", {"sub1": "x" * LONGEST}),
    ],
)
def test_a_click_keeps_what_its_address_said(link: TrackingLink, query: str, kept: dict[str, str]) -> None:
    response = Client().get(f"/r/{link.code}?{query}")

    click = Click.objects.get()
    assert click.sub_ids == kept
    assert response.headers["Location"] == f"https://lumbre.example/?pv_click={click.public_id}"


def test_the_link_fills_what_the_address_does_not_say(link: TrackingLink) -> None:
    change_sub_ids(link, {"sub1": "blog", "sub2": "lateral"}, now=NOW)

    Client().get(f"/r/{link.code}?sub2=pie&sub3=x")

    assert Click.objects.get().sub_ids == {"sub1": "blog", "sub2": "pie", "sub3": "x"}


def test_a_click_with_sub_ids_asks_the_database_no_more(link: TrackingLink, django_assert_num_queries: Any) -> None:
    Client().get(f"/r/{link.code}?sub1=a")

    with django_assert_num_queries(1):  # the click itself; the link comes from the cache
        Client().get(f"/r/{link.code}?sub1=a&sub2=b")


# --- API -------------------------------------------------------------------------------------------------------------
def test_links_and_clicks_take_them_by_api(shop: APIClient, ana: Affiliate) -> None:
    asked = {"affiliate": "ana", "destination": "https://lumbre.example/", "sub_ids": {"sub1": "blog", "sub2": ""}}
    made = shop.post("/api/v1/links/", asked, format="json").json()
    clicked = {"link": made["code"], "sub_ids": {"sub4": "pie"}}
    shop.post("/api/v1/clicks/", clicked, format="json")

    assert made["sub_ids"] == {"sub1": "blog"}
    assert Click.objects.get().sub_ids == {"sub1": "blog", "sub4": "pie"}


def test_one_that_is_too_long_is_refused_by_api(shop: APIClient, ana: Affiliate) -> None:
    asked = {"affiliate": "ana", "destination": "https://lumbre.example/", "sub_ids": {"sub1": "x" * (LONGEST + 1)}}
    response = shop.post("/api/v1/links/", asked, format="json")

    assert response.status_code == 400
    assert [(e["field"], e["code"]) for e in response.json()["error"]["fields"]] == [("sub_ids.sub1", "max_length")]
    assert not TrackingLink.objects.exists()


# --- Staff -----------------------------------------------------------------------------------------------------------
def test_staff_read_and_export_clicks_with_their_sub_ids(sofia: Client, brand: Brand, link: TrackingLink) -> None:
    first = Click.objects.create(
        link=link, public_id=click_public_id(NOW), occurred_at=NOW, sub_ids={"sub1": "=SUMA(A1)", "sub5": "pie"}
    )
    second = Click.objects.create(link=link, public_id=click_public_id(NOW), occurred_at=NOW)
    page = reverse("admin:affiliates_click_changelist")

    listed = sofia.get(page).content.decode()
    data = {"action": "export", "_selected_action": [first.pk, second.pk]}
    exported = b"".join(sofia.post(page, data).streaming_content).decode()  # type: ignore[attr-defined]

    assert "sub1: =SUMA(A1), sub5: pie" in listed
    rows = list(csv.DictReader(io.StringIO(exported.removeprefix("\ufeff"))))
    assert [[row[key] for key in ("click_id", "link", "affiliate", "kind", "sub1", "sub5")] for row in rows] == [
        [first.public_id, link.code, "ana", "visit", "'=SUMA(A1)", "pie"],
        [second.public_id, link.code, "ana", "visit", "", ""],
    ]
    assert AccessLog.objects.get().object_type == "click"


def test_clicks_of_another_brand_are_not_listed(link: TrackingLink) -> None:
    Click.objects.create(link=link, occurred_at=NOW)
    olga = Client()
    olga.force_login(make_staff(make_brand("faro"), "Olga"))

    assert olga.get(reverse("admin:affiliates_click_changelist")).context["cl"].result_count == 0


def test_a_list_of_clicks_asks_as_much_for_three_as_for_one(
    sofia: Client, ana: Affiliate, django_assert_num_queries: Any
) -> None:
    page = reverse("admin:affiliates_click_changelist")
    Click.objects.create(link=make_link(ana), occurred_at=NOW)
    sofia.get(page)
    with django_assert_num_queries(10, exact=False) as one:
        sofia.get(page)
    for _number in range(2):
        Click.objects.create(link=make_link(ana), occurred_at=NOW)

    with django_assert_num_queries(len(one)):
        assert sofia.get(page).context["cl"].result_count == 3
