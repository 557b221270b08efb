"""«What moves the score», entered by its address: the sentence first, and for staff alone."""

import html
import re

import pytest
from django.test import Client

from insights.models import Circumstance, Measurement, TellingWord
from tests.dashboards.test_views import words
from tests.factories import NOW, make_brand, make_staff
from tests.insights.conftest import Shop

PAGE = "/portal/brands/lumbre/drivers/"


def count(shop: Shop, kind: str, code: str, *scores: int, customers: int = 40, audience: str = "staff") -> None:
    """Last night so many answers were counted of what this happened to."""
    Measurement.objects.update_or_create(brand=shop.brand, defaults={"measured_at": NOW})
    sums = {"total": sum(scores), "squares": sum(s * s for s in scores), "satisfied": sum(s >= 4 for s in scores)}
    Circumstance.objects.create(
        brand=shop.brand,
        audience=audience,
        kind=kind,
        code=code,
        customers=customers,
        known=400,
        answers=len(scores),
        is_common=True,
        **sums,
    )


@pytest.fixture
def as_sofia(client: Client, shop: Shop) -> Client:
    client.force_login(make_staff(shop.brand))
    return client


def test_the_costliest_fact_is_said_in_one_sentence_with_figures(as_sofia, shop):
    count(shop, "late", "late", *[2, 2, 3, 2] * 10)
    count(shop, "late", "", *[4, 5, 4, 4] * 90, customers=360)

    response = as_sofia.get(PAGE, headers={"accept-language": "en"})

    said = words(response)
    assert "Delivery later than promised goes with 2.0 points of five less." in said
    assert (
        "Delivery later than promised goes with 2.0 points of five less: 2.3 instead of 4.3 (between 1.9 and 2.1 less),"
        " and touched 10% of customers." in said
    )
    row = re.search(r"Delivery later than promised</th>.*?</tr>", response.content.decode(), re.DOTALL)
    assert row
    assert " ".join(html.unescape(re.sub(r"<[^>]*>", " ", row[0])).replace("\u00a0", " ").split()) == (
        "Delivery later than promised 40 · 10% 2.3 4.3 −2.0 −2.1 to −1.9 0% / 100% −100 points (−100 to −91) 40"
    )


def test_with_few_answers_the_page_says_so(as_sofia, shop):
    count(shop, "late", "late", 1, 1)

    said = words(as_sofia.get(PAGE, headers={"accept-language": "en"}))

    assert "There are not enough answers yet to tell what moves the score." in said
    assert "a comparison needs 20 on either side" in said


def test_names_of_categories_are_escaped(as_sofia, shop):
    count(shop, "category", "<b>&", *[2, 2, 3, 2] * 10)
    count(shop, "category", "Hogar", *[4, 5, 4, 4] * 90)

    body = as_sofia.get(PAGE).content.decode()

    assert "<b>&" not in body
    assert "&lt;b&gt;&amp;" in body


def test_it_is_for_the_staff_of_the_brand(client, shop, as_ana):
    assert as_ana.get(PAGE).status_code == 404

    client.force_login(make_staff(make_brand("otra"), "Olga"))
    assert client.get(PAGE).status_code == 404

    client.logout()
    assert client.get(PAGE).status_code == 302


def test_the_list_of_affiliates_leads_to_it(as_sofia):
    assert f'href="{PAGE}"' in as_sofia.get("/portal/").content.decode()


@pytest.mark.parametrize("categories", [1, 30])
def test_it_asks_the_database_as_much_whatever_there_is(as_sofia, shop, categories, django_assert_max_num_queries):
    for number in range(categories):
        count(shop, "category", f"Categoría {number}", *[number % 5 + 1, 3] * 20)

    with django_assert_max_num_queries(12):
        as_sofia.get(PAGE)


def test_words_stand_under_what_they_are_about(as_sofia, shop):
    for form, theme, z in [("comprado", "", 9), ("no he recibido", "entrega", 8), ("retraso", "entrega", 4)]:
        TellingWord.objects.create(
            brand=shop.brand, side="unhappy", theme=theme, form=form, comments=12, customers=11, z=z
        )
    TellingWord.objects.create(brand=make_brand("otra"), side="unhappy", form="ajeno", comments=9, customers=9, z=9)

    said = words(as_sofia.get(PAGE, headers={"accept-language": "en"}))

    assert "Dissatisfied customers write entrega no he recibido 12 retraso 12 Other words comprado 12" in said
    assert "Satisfied customers write No word stands out on this side." in said
    assert "ajeno" not in said


def test_without_telling_words_the_page_says_what_it_takes(as_sofia):
    assert "20 comments of satisfied customers and 20 of dissatisfied ones" in words(
        as_sofia.get(PAGE, headers={"accept-language": "en"})
    )


def test_who_has_few_answers_reads_what_holds_for_the_programme_without_counts(as_ana, shop):
    for audience in ("staff", "programme"):
        count(shop, "late", "late", *[2, 2, 3, 2] * 10, audience=audience)
        count(shop, "late", "", *[4, 5, 4, 4] * 90, customers=360, audience=audience)
    count(shop, "refund", "refund", *[1, 2] * 20)  # known to staff alone
    count(shop, "refund", "", *[4, 5] * 20)

    said = words(as_ana.get("/portal/", headers={"accept-language": "en"}))

    assert "Delivery later than promised goes with 2.0 points of five less: 2.3 instead of 4.3" in said
    assert "Money given back" not in said


def test_what_one_affiliate_stands_out_in_is_not_told(as_ana, shop):
    count(shop, "late", "late", *[2, 2, 3, 2] * 10, audience="programme")
    count(shop, "late", "", *[4, 5, 4, 4] * 90, audience="programme")
    Circumstance.objects.update(is_common=False)

    assert "Delivery later than promised" not in words(as_ana.get("/portal/", headers={"accept-language": "en"}))
