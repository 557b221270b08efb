"""GET affiliates/{code}/insights/ — the contract's words, for the brand's own keys alone."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import Scope
from accounts.services import create_api_key
from insights.services import fold_changes
from insights.statistics import credible_interval, shrink, wilson_interval
from tests.factories import NOW, make_affiliate, make_brand
from tests.insights.conftest import Shop
from tests.insights.test_privacy import fill_programme, respond_many

URL = "/api/v1/affiliates/ana/insights/"
WORDS = [
    "affiliate",
    "period",
    "view",
    "as_of",
    "shown",
    "state",
    "n",
    "csat",
    "nps",
    "affiliate_rating",
    "promise_kept",
    "keep",
    "improve",
    "missing",
    "expectations",
    "next_sale",
    "headline",
    "programme",
]


@pytest.fixture
def get(client: Client, shop: Shop) -> Any:
    _key, text = create_api_key(shop.brand, name="tienda")

    def call(url: str = URL, *, language: str = "es", key: str = text, **query: str) -> Any:
        return client.get(
            url,
            query,
            headers={"Authorization": f"Bearer {key}", "Accept-Language": language, "Accept": "application/json"},
        )

    return call


def test_fewer_than_a_block_give_null_figures_and_the_programme(shop, ana, get):
    fill_programme(shop)
    respond_many(shop, ana, 4, csat=1)
    fold_changes(now=NOW)

    response = get()

    assert response.status_code == 200
    body = response.json()
    assert list(body) == WORDS
    programme = body.pop("programme")
    assert body == {
        "affiliate": "ana",
        "period": "all",
        "view": "affiliate",
        "as_of": "2026-03-10",
        "shown": False,
        "state": "few",
        "n": None,
        "csat": None,
        "nps": None,
        "affiliate_rating": None,
        "promise_kept": None,
        "keep": [],
        "improve": [],
        "missing": [],
        "expectations": [],
        "next_sale": [],
        "headline": "",
    }
    low, high = wilson_interval(48, 60)
    assert programme["n"] == 60
    assert programme["csat"] == {"value": 0.8, "low": low, "high": high, "n": 60, "reference": None, "verdict": None}
    assert programme["missing"] == [{"fact": "plazos", "label": "los plazos", "n": 12, "share": 0.2}]
    assert programme["next_sale"][0]["text"] == "Di el plazo real de entrega."


def test_a_block_gives_figures(shop, ana, get):
    fill_programme(shop)
    respond_many(
        shop, ana, 5, csat=5, nps=10, missing=["yes"], missing_facts=["plazos"], improve=["precio"], expectation="Más"
    )
    fold_changes(now=NOW)

    body = get(period="2026-03").json()

    low, high = credible_interval(5, 5, 0.8, 20)
    price_low, price_high = wilson_interval(0, 5)
    assert body["csat"] == {
        "value": shrink(5, 5, 0.8, 20),
        "low": low,
        "high": high,
        "n": 5,
        "reference": 0.8,
        "verdict": None,
    }
    assert (body["shown"], body["state"], body["n"], body["programme"]) == (True, "some", 5, None)
    assert body["nps"]["value"] == 100
    assert body["improve"] == [
        {
            "aspect": "precio",
            "label": "Precio y valor",
            "mentions": 5,
            "share": 0.0,
            "low": price_low,
            "high": price_high,
            "verdict": None,
            "n": 5,
            "owner": "brand",
        }
    ]
    assert body["missing"] == [{"fact": "plazos", "label": "los plazos", "n": 5, "share": 1.0}]
    assert body["expectations"] == [{"text": "Más", "status": "open"}] * 5
    assert [set(line) for line in body["next_sale"]] == [{"text", "evidence"}]


def test_staff_see_what_the_affiliate_does_not(shop, ana, get):
    shop.respond(ana, csat=1)
    fold_changes(now=NOW)

    assert get(view="affiliate").json()["shown"] is False
    staff = get(view="staff").json()
    assert (staff["view"], staff["shown"], staff["n"], staff["csat"]["value"]) == ("staff", True, 1, 0.0)


def test_labels_come_in_the_language_asked_for(shop, ana, get):
    respond_many(shop, ana, 5, csat=1, improve=["entrega"])
    fold_changes(now=NOW)

    assert get(language="en").json()["improve"][0]["label"] == "entrega"
    assert get(language="es").json()["improve"][0]["label"] == "Entrega"


@pytest.mark.parametrize(
    ("query", "field"), [({"period": "2026-13"}, "period"), ({"period": "ayer"}, "period"), ({"view": "all"}, "view")]
)
def test_what_is_no_period_or_view_is_refused(ana, get, query, field):
    response = get(**query)

    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["code"], [each["field"] for each in error["fields"]]) == ("invalid", [field])


def test_an_affiliate_of_another_brand_is_unknown(shop, ana, get):
    make_affiliate(make_brand("vela"), "Eva")

    response = get("/api/v1/affiliates/eva/insights/")

    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"


def test_a_key_without_the_scope_is_refused(shop, ana, get):
    _key, text = create_api_key(shop.brand, name="otra", scopes=[Scope.FEEDBACK_READ])

    assert get(key=text).status_code == 403
    assert get(key="pv_nada_nada").status_code == 401
