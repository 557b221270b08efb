"""GET feedback/: the brand's answers in full, and nobody else's."""

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import AccessLog, Brand, Scope
from accounts.services import create_api_key
from surveys.models import Response
from surveys.services.answering import submit_response
from tests import factories
from tests.factories import NOW
from tests.surveys.factories import make_invitation, said

pytestmark = pytest.mark.django_db
URL = "/api/v1/feedback/"


@pytest.fixture
def brand() -> Brand:
    return factories.make_brand()


@pytest.fixture
def shop(brand: Brand) -> APIClient:
    return client_with_key(brand)


def client_with_key(brand: Brand, scopes: list[str] | None = None) -> APIClient:
    _key, text = create_api_key(brand, name="tienda", scopes=scopes)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


def answer(brand: Brand, order: str, affiliate: Any = None, at: Any = NOW, suspicions: Any = (), **answers: Any) -> Any:
    purchase = factories.make_purchase(factories.make_customer(brand), affiliate=affiliate, external_id=order)
    return submit_response(
        make_invitation(purchase), said(**answers), language="es", suspicions=list(suspicions), now=at
    )


def orders(client: APIClient, query: str = "") -> list[str]:
    return [row["purchase"] for row in client.get(URL + query).json()["results"]]


def test_an_answer_comes_whole(brand, shop):
    ana = factories.make_affiliate(brand, "Ana")
    response = answer(brand, "P-1", ana, csat=2, promise="none", keep=["entrega"], improve_text="Carla", missing="no")

    assert shop.get(URL).json() == {
        "results": [
            {
                "invitation": response.invitation_id,
                "wave": "first",
                "purchase": "P-1",
                "affiliate": "ana",
                "answered_at": "2026-03-10T12:00:00Z",
                "updated_at": "2026-03-10T12:00:00Z",
                "language": "es",
                "answers": {
                    "csat": 2,
                    "promise": ["none"],
                    "missing": ["no"],
                    "keep": ["entrega"],
                    "improve_text": "Carla",
                },
                "hide_comment": False,
                "publish": False,
                "suspect": False,
                "suspect_reasons": [],
            }
        ],
        "next": None,
        "previous": None,
    }


def test_suspects_are_told_as_such(brand, shop):
    answer(brand, "P-1", suspicions=["scanner"], csat=1)

    row = shop.get(URL).json()["results"][0]
    assert (row["suspect"], row["suspect_reasons"], row["affiliate"]) == (True, ["scanner"], None)


def test_another_brands_answers_are_not_there(brand, shop):
    answer(factories.make_brand("otra"), "P-9", csat=1)
    answer(brand, "P-1", csat=5)

    assert orders(shop) == ["P-1"]


def test_newest_first_page_by_page(brand, shop):
    for n in range(3):
        answer(brand, f"P-{n}", csat=5)

    first = shop.get(f"{URL}?page_size=2").json()
    second = shop.get(first["next"]).json()
    assert [row["purchase"] for row in first["results"]] == ["P-2", "P-1"]
    assert [row["purchase"] for row in second["results"]] == ["P-0"]
    assert second["next"] is None


def test_it_can_be_narrowed(brand, shop):
    ana, bruno = factories.make_affiliate(brand, "Ana"), factories.make_affiliate(brand, "Bruno")
    answer(brand, "P-1", ana, csat=5)
    answer(brand, "P-2", bruno, NOW + timedelta(days=1), csat=5)

    assert orders(shop, "?affiliate=ana") == ["P-1"]
    assert orders(shop, "?since=2026-03-11T00:00:00Z") == ["P-2"]
    assert orders(shop, "?affiliate=ana&since=2026-03-11T00:00:00Z") == []
    assert orders(shop, "?affiliate=nadie") == []
    invitation = Response.objects.earliest("pk").invitation_id
    assert orders(shop, f"?invitation={invitation}") == ["P-1"]


def test_a_wrong_filter_says_so(shop):
    refused = shop.get(f"{URL}?since=ayer")

    assert refused.status_code == 400
    assert [field["field"] for field in refused.json()["error"]["fields"]] == ["since"]


def test_only_a_key_with_the_scope_reads(brand):
    assert APIClient().get(URL).status_code == 401
    assert client_with_key(brand, [Scope.PURCHASES_WRITE]).get(URL).status_code == 403
    assert client_with_key(brand, [Scope.FEEDBACK_READ]).get(URL).status_code == 200
    assert client_with_key(brand).post(URL, {}).status_code in (403, 405)


def test_statements_do_not_grow_with_answers(brand, shop, django_assert_num_queries):
    ana = factories.make_affiliate(brand, "Ana")
    answer(brand, "P-1", ana, csat=5, keep_text="bien")
    shop.get(URL)  # the key's first use is written down
    with django_assert_num_queries(5):  # key, responses, answers, attributions, and that they were read
        shop.get(URL)
    for n in range(2, 5):
        answer(brand, f"P-{n}", ana, csat=5, nps=9, keep_text="bien")
    with django_assert_num_queries(5):
        assert len(orders(shop)) == 4
    assert list(AccessLog.objects.values_list("api_key__brand", "purpose", "object_type").distinct()) == [
        (brand.pk, "export", "response")
    ]
