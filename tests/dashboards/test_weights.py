"""«What moves the score» as affiliates read it, and what staff see besides: entered by address."""

import re

import pytest
from django.test import Client
from django.utils import translation

from dashboards.pages import write_priorities, write_weights
from insights.importance import Performance, Priorities, Priority, Weight, Weights
from insights.models import AffiliateWord
from insights.services import fold_changes
from tests.dashboards.test_views import words
from tests.factories import NOW, make_affiliate, make_brand, make_staff
from tests.insights.test_privacy import fill_programme, respond_many, weigh

PAGE = "/portal/drivers/"
OF_BRAND = "/portal/brands/lumbre/drivers/"
ENGLISH = {"accept-language": "en"}
LABELS = {"entrega": "Delivery", "precio": "Price"}


def weights(
    *drivers: tuple[str, str, float, float, float], method="weights", explained: float | None = 0.62
) -> Weights:
    return Weights(method, 400, explained, tuple(Weight(*each) for each in drivers))


# --- What is said ----------------------------------------------------------------------------------------------------
@translation.override("en")
def test_one_leader_is_said_to_be_it_and_with_what_figures():
    drivers = [
        ("question", "promise", 0.6, 0.5, 0.7),
        ("aspect", "entrega", 0.3, 0.2, 0.4),
        ("aspect", "x", 0.1, 0, 0.2),
    ]

    found = write_weights(weights(*drivers), LABELS)

    assert found
    assert found.headline == "What goes with the score most is this: promise and reality."
    assert found.sentences == [
        "Promise and reality: 60% of all that weighs (between 50% and 70%).",
        "All of them together go with 62% of the differences between scores.",
    ]
    assert [(row.label, row.value, row.range) for row in found.rows] == [
        ("Promise and reality", "60%", "50–70%"),
        ("Delivery", "30%", "20–40%"),
        ("x", "10%", "0–20%"),
    ]


@translation.override("en")
def test_where_intervals_overlap_no_order_is_said():
    two = weights(("aspect", "entrega", 0.6, 0.4, 0.7), ("aspect", "precio", 0.4, 0.3, 0.6))
    many = weights(*(("aspect", f"a{n}", 0.25, 0.2, 0.3) for n in range(4)))

    said, nothing = write_weights(two, LABELS), write_weights(many, LABELS)

    assert said
    assert nothing
    assert said.headline == (
        "What goes with the score most are these, and it cannot be said which of them more: delivery, price."
    )
    assert nothing.headline == "Nothing goes with the score clearly more than all else."
    assert len(nothing.sentences) == 1


@translation.override("en")
def test_ranks_are_indicative_and_name_only_what_is_clear():
    ranks = weights(
        ("aspect", "precio", -0.5, -0.7, -0.2), ("aspect", "entrega", 0.3, -0.1, 0.6), method="ranks", explained=None
    )

    found = write_weights(ranks, LABELS)

    assert found
    assert (found.is_indicative, found.sentences) == (True, [])
    assert found.headline == "As far as few answers can tell, this goes with the score: price."
    assert found.rows[0].value == "−0.50"
    assert found.rows[0].range == "−0.70 to −0.20"


@translation.override("en")
def test_each_field_of_the_matrix_has_its_sentence_and_the_undecided_are_in_the_table():
    def priority(code, field):
        return Priority(Weight("aspect", code, 0.3, 0.2, 0.4), Performance(0.5, 0.4, 0.6, 30), field)

    placed = [priority("a", "undecided"), priority("precio", "keep"), priority("entrega", "improve_first")]

    found = write_priorities(Priorities(0.7, 0.25, tuple(placed)), LABELS)
    undecided = write_priorities(Priorities(0.7, 0.25, (priority("a", "undecided"),)), LABELS)

    assert found
    assert undecided
    assert found.sentences == [
        "To improve first, as it weighs much and goes worse than the programme’s mean: delivery.",
        "To keep up, as it weighs much and goes at least as well: price.",
    ]
    assert [(row.label, row.field) for row in found.rows] == [
        ("Delivery", "Improve first"),
        ("Price", "Keep up"),
        ("a", "undecided"),
    ]
    assert undecided.sentences == ["Nothing can be placed with certainty yet: each interval still crosses a line."]
    assert write_priorities(None, LABELS) is None
    assert write_priorities(Priorities(0.7, 0.25, ()), LABELS) is None


# --- The affiliate's page --------------------------------------------------------------------------------------------
def add_word(affiliate, form: str, **fields) -> None:
    told = {"is_published": True, "side": "own", "comments": 6, "customers": 5, "z": 3} | fields
    AffiliateWord.objects.create(brand=affiliate.brand, affiliate=affiliate, form=form, **told)


def test_an_affiliate_reads_what_weighs_where_it_stands_and_its_words(as_ana, shop, ana, bruno_too):
    for other in fill_programme(shop):
        respond_many(shop, other, 10, csat=5, keep=["precio"])
    respond_many(shop, ana, 20, csat=2, improve=["entrega"], improve_text="Tarde y mal")
    fold_changes(now=NOW)
    weigh(shop, "programme", entrega=0.7, precio=0.3)
    weigh(shop, "staff", precio=0.8, entrega=0.2)
    add_word(ana, "tarde & mal")
    add_word(ana, "solo para la marca", is_published=False)
    add_word(bruno_too, "de Bruno")

    response = as_ana.get(PAGE, headers=ENGLISH)

    said, body = words(response), response.content.decode()
    assert "What goes with the score most is this: entrega." in said
    assert "entrega: 70% of all that weighs (between 65% and 75%)." in said
    assert "To improve first, as it weighs much and goes worse than the programme’s mean: entrega." in said
    assert 'href="/portal/opinions/?q=tarde%20%26%20mal"' in body
    assert "400" not in said  # how many answers the programme has
    assert "solo para la marca" not in said
    assert "de Bruno" not in said
    assert "Where you stand" in said
    assert 'href="/portal/drivers/"' in as_ana.get("/portal/").content.decode()


@pytest.fixture
def bruno_too(shop):
    return make_affiliate(shop.brand, "Bruno")


def test_with_nothing_measured_the_page_says_what_it_takes(as_ana):
    said = words(as_ana.get(PAGE, headers=ENGLISH))

    assert "There are not enough answers in the programme yet to tell what moves the score." in said
    assert "Your own picture appears here with 20 answers" in said
    assert "It takes more answers from customers of more affiliates" in said
    assert "No word sets yours apart yet." in said


def test_what_staff_know_is_not_told(as_ana, shop):
    weigh(shop, "staff", entrega=0.7, precio=0.3)

    assert "70%" not in words(as_ana.get(PAGE, headers=ENGLISH))


@pytest.mark.parametrize("n", [1, 12])
def test_it_asks_the_database_as_much_whatever_there_is(as_ana, shop, ana, n, django_assert_max_num_queries):
    weigh(shop, "programme", **{f"a{number}": 1 / n for number in range(n)})
    for number in range(n):
        add_word(ana, f"palabra {number}")

    with django_assert_max_num_queries(16):
        as_ana.get(PAGE)


# --- What staff see besides ------------------------------------------------------------------------------------------
@pytest.fixture
def as_sofia(client: Client, shop) -> Client:
    client.force_login(make_staff(shop.brand))
    return client


def test_staff_read_the_weights_with_their_answers_and_the_programme_in_its_fields(as_sofia, shop):
    for other in fill_programme(shop):
        respond_many(shop, other, 20, csat=5, keep=["precio"])
    fold_changes(now=NOW)
    weigh(shop, "staff", entrega=0.7, precio=0.3)

    said = words(as_sofia.get(OF_BRAND, headers=ENGLISH))

    assert "What goes with the score most is this: entrega." in said
    assert "From 400 complete answers." in said
    assert "To improve first, as it weighs much and goes worse than the programme’s mean: entrega." in said


def test_staff_open_what_an_affiliate_does_not_see_of_itself(as_sofia, shop, ana):
    add_word(ana, "roto al abrir", is_published=False)
    add_word(ana, "tarde", is_published=False, side="unhappy")
    add_word(ana, "publicada")
    page = f"{OF_BRAND}{ana.code}/"
    seen_as_ana = as_sofia.get(f"/portal/affiliates/lumbre/{ana.code}/")

    said = words(as_sofia.get(page, headers=ENGLISH))

    assert f'href="{page}"' in seen_as_ana.content.decode()
    assert "Written more often than by the others’ customers roto al abrir 6" in said
    assert "Dissatisfied customers write tarde 6 Satisfied customers write No word stands out" in said
    assert "publicada" not in said


def test_it_is_for_the_staff_of_the_brand(client, shop, ana, as_ana):
    page = f"{OF_BRAND}{ana.code}/"
    assert as_ana.get(page).status_code == 404

    client.force_login(make_staff(make_brand("otra"), "Olga"))
    assert client.get(page).status_code == 404
    assert client.get(f"/portal/brands/otra/drivers/{ana.code}/").status_code == 404


def test_names_of_aspects_are_escaped(as_ana, shop):
    shop.brand.aspects.filter(code="entrega").update(labels={"es": "<b>&", "en": "<b>&"})
    weigh(shop, "programme", entrega=0.7, precio=0.3)

    body = as_ana.get(PAGE).content.decode()

    assert "<b>&" not in body
    assert re.search("&lt;b&gt;&amp;", body)
