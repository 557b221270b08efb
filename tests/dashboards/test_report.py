"""A month on paper, and the tour that each person puts away once."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.test import Client

from affiliates.models import Affiliate, AffiliateMember
from insights.models import Action, Preference
from tests.dashboards.test_views import words
from tests.factories import NOW, make_affiliate, make_member, make_staff
from tests.insights.conftest import Shop

REPORT = "/portal/report/"
ENGLISH = {"accept-language": "en"}
Answer = Callable[..., None]


@pytest.fixture
def two_months(answer: Answer) -> None:
    answer(25, csat=1, improve=["entrega"], at=datetime(2026, 2, 10, tzinfo=UTC))
    answer(25, csat=5, keep=["precio"], missing=["yes"], missing_facts=["plazos"], expectation="Regalo", at=NOW)


def test_it_is_of_the_newest_month_with_nothing_folded_away(as_ana: Client, two_months: None) -> None:
    said = words(as_ana.get(REPORT, headers=ENGLISH))

    assert "Ana · March 2026" in said
    assert "precio . 25 of the 25 who mention it want it to stay as it is." in said
    assert "los plazos: 25 · 100%" in said
    assert "Regalo" in said
    assert "entrega" not in said


def test_another_month_can_be_asked_for_and_none_that_never_was(as_ana: Client, two_months: None) -> None:
    said = words(as_ana.get(REPORT, {"period": "2026-02"}, headers=ENGLISH))

    assert "25 of the 25 who mention it ask for something better." in said
    assert as_ana.get(REPORT, {"period": "2025-12"}).status_code == 404


def test_what_was_changed_by_then_stands_in_it(as_ana: Client, ana: Affiliate, two_months: None) -> None:
    for text, changed_on, closed_on in [
        ("Antes y cerrado", "2026-01-05", "2026-02-20"),
        ("Antes", "2026-02-20", None),
        ("En el mes", "2026-03-05", None),
        ("Después", "2026-04-01", None),
    ]:
        about = {"subject": "figure", "key": "csat", "text": text, "changed_on": changed_on, "closed_on": closed_on}
        Action.objects.create(brand=ana.brand, affiliate=ana, **about)

    rows = as_ana.get(REPORT, {"period": "2026-03"}).context["rows"]

    assert [row.text for row in rows] == ["En el mes", "Antes"]


def test_with_few_answers_it_speaks_for_the_programme_and_says_so(as_ana: Client, answer: Answer) -> None:
    answer(4, csat=1, expectation="Regalo")

    response = as_ana.get(REPORT, headers=ENGLISH)

    assert response.status_code == 200
    assert "There are not enough answers from your customers yet." in words(response)
    assert "Regalo" not in words(response)


def test_it_is_nobody_elses(as_ana: Client, shop: Shop, two_months: None) -> None:
    make_affiliate(shop.brand, "Bruno")

    assert as_ana.get("/portal/affiliates/lumbre/bruno/report/").status_code == 404


# --- The tour --------------------------------------------------------------------------------------------------------
def test_each_person_puts_the_tour_away_once(as_ana: Client, ana: Affiliate) -> None:
    assert as_ana.get("/portal/").context["tour"]

    assert as_ana.post("/portal/tour/")["Location"] == "/portal/"

    assert not as_ana.get("/portal/").context["tour"]
    colleague = Client()
    colleague.force_login(make_member(make_affiliate(ana.brand, "Bruno")))
    assert colleague.get("/portal/").context["tour"]


def test_staff_have_no_tour_and_take_nobody_s_away(client: Client, shop: Shop, ana: Affiliate) -> None:
    client.force_login(make_staff(shop.brand))
    own = f"/portal/affiliates/{shop.brand.slug}/{ana.code}/"

    assert not client.get(own).context["tour"]
    client.post(f"{own}tour/")
    assert not Preference.objects.exists()


def test_whoever_put_it_away_keeps_their_rhythm(as_ana: Client) -> None:
    as_ana.post("/portal/notifications/", {"rhythm": "monthly"})
    as_ana.post("/portal/tour/")

    assert Preference.objects.get(member=AffiliateMember.objects.get()).rhythm == "monthly"
