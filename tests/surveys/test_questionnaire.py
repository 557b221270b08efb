"""How a survey is worded for one customer."""

import pytest

from accounts.models import Brand
from surveys.links import open_link
from surveys.models import Aspect, Fact, Invitation, Question
from surveys.questionnaire import Ask, Questionnaire, meets, questionnaire_behind, questionnaire_for, replies_in
from surveys.services.answering import submit_response
from surveys.standard import publish_standard_survey
from tests import factories
from tests.factories import NOW
from tests.surveys.factories import make_invitation, said, send_mail

pytestmark = pytest.mark.django_db


@pytest.fixture
def invitation() -> Invitation:
    brand = factories.make_brand()
    ana = factories.make_affiliate(brand, "Ana", public_name="Ana Botas")
    return make_invitation(factories.make_purchase(factories.make_customer(brand), affiliate=ana))


def asks(invitation: Invitation, language: str = "es") -> dict[str, Ask]:
    fresh = Invitation.objects.get(pk=invitation.pk)
    return {ask.key: ask for block in questionnaire_for(fresh, language=language).blocks for ask in block}


def test_chips_changed_after_the_link_was_opened_are_not_taken_for_those_of_before(invitation):
    token = send_mail(invitation).token

    def said_of_price() -> list[str]:
        questionnaire = questionnaire_behind(opened, language="es")
        return [o.label for ask in questionnaire.asks if ask.key == "keep" for o in ask.options if o.code == "precio"]

    price = Aspect.objects.filter(brand=invitation.brand, code="precio")
    [before] = price.values_list("labels", flat=True)
    opened = open_link(token)
    price.update(labels={"es": "Lo que cuesta"})

    assert said_of_price() == ["Lo que cuesta"]
    price.update(labels=before)
    opened = open_link(token)
    assert said_of_price() == [before["es"]]


def codes(ask: Ask) -> list[str]:
    return [option.code for option in ask.options]


def test_what_hangs_on_an_answer_stands_with_it(invitation):
    blocks = questionnaire_for(invitation, language="es").blocks

    assert [[ask.key for ask in block] for block in blocks] == [
        ["csat", "part"],
        ["nps"],
        ["promise", "expectation"],
        ["missing", "missing_facts"],
        ["affiliate_rating", "influence"],
        ["keep", "keep_text"],
        ["improve", "improve_text"],
        ["contact"],
    ]


def keys_of_steps(questionnaire: Questionnaire, **answers: str) -> list[list[list[str]]]:
    numbers = questionnaire.steps_with_questions(answers)
    return [[[ask.key for ask in block] for block in questionnaire.step(number, answers)] for number in numbers]


def test_the_first_question_stands_alone_and_the_rest_comes_two_by_two(invitation):
    assert keys_of_steps(questionnaire_for(invitation, language="es"), csat="5", promise="0") == [
        [["csat"]],
        [["nps"], ["promise"]],
        [["missing", "missing_facts"], ["affiliate_rating", "influence"]],
        [["keep", "keep_text"]],
        [["improve", "improve_text"], ["contact"]],
    ]


def test_an_answer_brings_the_questions_that_hang_on_it_into_later_steps(invitation):
    asked = keys_of_steps(questionnaire_for(invitation, language="es"), csat="3", promise="-1")

    assert asked[1] == [["part"], ["nps"], ["promise"]]
    assert asked[3] == [["expectation"], ["keep", "keep_text"]]


def test_who_recommended_it_is_asked_only_where_nobody_is_credited(invitation):
    uncredited = make_invitation(factories.make_purchase(factories.make_customer(invitation.brand)))

    assert "recommended_by" not in asks(invitation)
    assert not {"affiliate_rating", "influence"} & asks(uncredited).keys()
    assert keys_of_steps(questionnaire_for(uncredited, language="es"))[2] == [
        ["missing", "missing_facts"],
        ["recommended_by"],
    ]


def test_a_step_where_nothing_is_left_to_ask_is_passed_over(invitation):
    def ask(key: str, **condition: object) -> Ask:
        return Ask(key, Question.Kind.CHOICE, key, (), condition=condition)

    wording = questionnaire_for(invitation, language="es").wording
    hanging = [ask(key, question="one", **{"is": "yes"}) for key in ("four", "five")]
    questionnaire = Questionnaire(wording, (ask("one"), ask("two"), ask("three"), *hanging))

    assert questionnaire.steps_with_questions({"one": "no"}) == [1, 2]
    assert questionnaire.steps_with_questions({"one": "yes"}) == [1, 2, 3]


def test_the_kind_of_product_and_the_form_of_address_have_their_own_words(invitation):
    brand = invitation.brand

    def promise(kind: str) -> str:
        product = factories.make_product(brand, sku=kind, kind=kind)
        purchase = factories.make_purchase(factories.make_customer(brand), product=product)
        return asks(make_invitation(purchase))["promise"].text

    assert promise("goods").startswith("Lo que recibiste, comparado con lo que te contaron")
    assert promise("service").startswith("Lo que encontraste, comparado con lo que te contaron")
    brand.formality = Brand.Formality.USTED
    brand.save()
    assert asks(invitation)["csat"].text == "En general, ¿cómo valora su compra?"
    assert promise("digital").startswith("Lo que encontró, comparado con lo que le contaron")
    assert asks(invitation, "en")["csat"].text == "Overall, how would you rate your purchase?"


def test_the_answers_that_open_more_are_marked(invitation):
    asked = asks(invitation)

    assert {
        key: [option.code for option in asked[key].options if option.opens_more]
        for key in ("csat", "promise", "missing")
    } == {"csat": ["1", "2", "3"], "promise": ["-2", "-1"], "missing": ["yes"]}


def test_a_scale_has_all_its_points_and_then_the_way_out(invitation):
    asked = asks(invitation)

    assert codes(asked["promise"]) == ["-2", "-1", "0", "1", "2", "none"]
    assert codes(asked["nps"]) == [str(point) for point in range(11)]
    assert asked["nps"].ends == ("0 · Nada probable", "10 · Extremadamente probable")
    assert (asked["csat"].has_words, asked["nps"].has_words) == (True, False)


def test_chips_are_shuffled_once_a_customer_and_the_rest_comes_last(invitation):
    catalogue = list(Aspect.objects.values_list("code", flat=True))
    others = [make_invitation(factories.make_purchase(factories.make_customer(invitation.brand))) for _i in range(5)]

    keep = codes(asks(invitation)["keep"])

    assert sorted(keep) == sorted(catalogue)
    assert keep == codes(asks(invitation)["keep"]) == codes(asks(invitation)["improve"])
    orders = {tuple(codes(asks(other)["keep"])) for other in [invitation, *others]}
    assert len(orders) > 1
    assert {order[-1] for order in orders} == {"otro"}


def test_a_chip_taken_out_of_the_catalogue_is_not_offered_but_still_read(invitation):
    response = submit_response(
        invitation, said(csat=1, missing="yes", missing_facts=["deadlines"]), language="es", suspicions=[], now=NOW
    )
    Fact.objects.filter(code="deadlines").update(is_active=False)

    assert "deadlines" not in codes(asks(invitation)["missing_facts"])
    assert [(reply.key, reply.answer) for reply in replies_in(response, language="es")] == [
        ("csat", "1 · Muy mala"),
        ("missing", "Sí"),
        ("missing_facts", "Plazos"),
    ]


def test_texts_name_the_brand_and_who_recommended_it(invitation):
    assert "Lumbre" in asks(invitation)["nps"].text
    assert asks(invitation)["affiliate_rating"].text.endswith("que te dio Ana Botas?")


def test_a_language_that_is_missing_falls_back_to_the_brands_own():
    brand = factories.make_brand()
    survey = publish_standard_survey(brand)
    survey.questions.filter(key="csat").update(texts={"es": "¿Qué tal?", "pt": "Que tal?"})
    invitation = make_invitation(factories.make_purchase(factories.make_customer(brand)))

    assert asks(invitation, "pt")["csat"].text == "Que tal?"
    assert asks(invitation, "en")["csat"].text == "¿Qué tal?"
    assert asks(invitation, "pt")["nps"].text == asks(invitation, "es")["nps"].text


@pytest.mark.parametrize(
    ("condition", "code", "is_met"),
    [
        ({"question": "promise", "at_most": -1}, "-2", True),
        ({"question": "promise", "at_most": -1}, "0", False),
        ({"question": "promise", "at_most": -1}, "none", False),
        ({"question": "nps", "at_least": 9}, "10", True),
        ({"question": "nps", "at_least": 9}, "8", False),
        ({"question": "missing", "is": "yes"}, "yes", True),
        ({"question": "missing", "is": "yes"}, "no", False),
    ],
)
def test_when_a_condition_is_met(condition, code, is_met):
    assert meets(condition, code) is is_met
