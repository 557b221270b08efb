"""What words are about counts like a chip: where staff said so, or where suggestions were measured to be right."""

from typing import Any

import pytest

from insights.models import Rollup
from insights.services import rebuild_rollups
from surveys.aspect_lexicon import Trust
from surveys.models import Answer, Question, Response, ResponseChange
from tests.factories import NOW
from tests.insights.conftest import Shop

TRUST = Trust(
    by_question=frozenset({("es", "entrega"), ("es", "precio"), ("pt", "entrega")}),
    by_score=frozenset({("es", "entrega")}),
)


@pytest.fixture(autouse=True)
def trust(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("insights.services.counting.trusted_aspects", lambda: TRUST)


@pytest.fixture
def shop(shop: Shop) -> Shop:
    """Whose customers also answered another tool's questions."""
    for number, key in enumerate(("title", "comment"), 50):
        question = Question.objects.create(survey=shop.survey, key=key, kind=Question.Kind.TEXT, position=number)
        shop.questions[key] = question
    return shop


def about(response: Response, key: str, *aspects: str, language: str = "es", by_staff: bool = False) -> None:
    """The words of this answer are about these aspects."""
    source = Answer.AspectsFrom.STAFF if by_staff else Answer.AspectsFrom.WORDS
    Answer.objects.filter(response=response, question__key=key).update(
        aspects=list(aspects), language=language, aspects_from=source
    )
    ResponseChange.objects.create(response=response)


def mentions(**which: Any) -> dict[tuple[str, str], int]:
    boards = Rollup.objects.filter(question__in=["keep", "improve"], **which).exclude(value="")
    return {(row.question, row.value): row.count for row in boards}


def test_words_count_on_the_board_of_their_question(shop, ana, fold):
    about(shop.respond(ana, csat=5, keep_text="Llegó pronto"), "keep_text", "entrega")
    about(shop.respond(ana, csat=5, improve_text="El envío era caro"), "improve_text", "entrega", "precio")

    fold()

    assert mentions(affiliate=ana) == {("keep", "entrega"): 1, ("improve", "entrega"): 1, ("improve", "precio"): 1}


def test_a_chip_and_words_about_the_same_are_one_mention(shop, ana, fold):
    response = shop.respond(ana, csat=5, keep=["entrega"], keep_text="Llegó pronto y barato", improve_text="Llegó mal")
    about(response, "keep_text", "entrega", "precio")
    about(response, "improve_text", "entrega")
    about(shop.respond(ana, csat=5, keep=["precio"]), "keep")

    fold()

    assert mentions() == {("keep", "entrega"): 1, ("keep", "precio"): 2, ("improve", "entrega"): 1}


def test_suggestions_count_only_where_they_are_right_often_enough(shop, ana, fold):
    response = shop.respond(ana, csat=2, improve_text="…")
    about(response, "improve_text", "entrega", "info_previa")
    for language in ("pt", "en", ""):
        about(shop.respond(ana, csat=2, improve_text="…"), "improve_text", "precio", language=language)
    fold()
    assert mentions() == {("improve", "entrega"): 1}

    about(response, "improve_text", "info_previa", by_staff=True)
    fold()
    assert mentions() == {("improve", "info_previa"): 1}


def test_what_staff_took_away_counts_no_more(shop, ana, fold):
    response = shop.respond(ana, csat=2, improve_text="Llegó tarde")
    about(response, "improve_text", "entrega")
    fold()
    assert mentions() == {("improve", "entrega"): 1}

    about(response, "improve_text", by_staff=True)
    fold()

    assert mentions() == {}


def test_what_another_tool_asked_is_praise_or_blame_by_its_score(shop, ana, fold):
    for csat in (5, 4, 3, 2, 1):
        about(shop.respond(ana, csat=csat, comment="El envío"), "comment", "entrega", "precio")
    about(shop.respond(ana, comment="El envío, sin nota"), "comment", "entrega")

    fold()

    assert mentions() == {("keep", "entrega"): 2, ("improve", "entrega"): 2}  # «precio» is right by question alone


def test_title_and_comment_are_one_mention(shop, ana, fold):
    response = shop.respond(ana, csat=1, title="Tarde", comment="Llegó tarde")
    about(response, "title", "entrega")
    about(response, "comment", "entrega")

    fold()

    assert mentions() == {("improve", "entrega"): 1}


def test_other_words_count_for_nothing(shop, ana, fold):
    about(shop.respond(ana, csat=1, expectation="Que llegara"), "expectation", "entrega", by_staff=True)
    about(shop.respond(ana, csat=1, suspect=True, improve_text="Tarde"), "improve_text", "entrega", by_staff=True)

    fold()

    assert mentions() == {}


def test_counting_all_anew_counts_the_same(shop, ana, bruno, fold):
    for affiliate in (ana, bruno, None):
        response = shop.respond(affiliate, csat=5, keep=["precio"], keep_text="Pronto y barato", comment="Pronto")
        about(response, "keep_text", "entrega", "precio")
        about(response, "comment", "entrega")
        fold()
    before = sorted(Rollup.objects.values_list("affiliate", "question", "value", "count"), key=str)

    rebuild_rollups(shop.brand, now=NOW)

    assert sorted(Rollup.objects.values_list("affiliate", "question", "value", "count"), key=str) == before
    assert mentions(affiliate=bruno) == {("keep", "entrega"): 1, ("keep", "precio"): 1}
