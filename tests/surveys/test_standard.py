"""The questionnaire that a brand begins with."""

import pytest

from surveys.models import Aspect, Fact, Question, Survey, Wave
from surveys.standard import ASPECTS, FACTS, FIRST_WAVE, FOLLOW_UP, publish_standard_survey
from tests.factories import make_brand

pytestmark = pytest.mark.django_db

# The contract's field names of /s/<token>/ that are questions, and the imported comment.
KEYS = [
    "csat",
    "nps",
    "promise",
    "expectation",
    "missing",
    "missing_facts",
    "keep",
    "keep_text",
    "improve",
    "improve_text",
    "affiliate_rating",
    "part",
    "contact",
    "title",
    "comment",
]


def test_publish_gives_a_brand_the_questions_of_the_contract() -> None:
    survey = publish_standard_survey(make_brand())

    assert (survey.status, survey.wave, survey.version) == (Survey.Status.PUBLISHED, Wave.FIRST, 1)
    assert list(survey.questions.values_list("key", flat=True)) == KEYS
    assert list(survey.questions.filter(is_required=True).values_list("key", flat=True)) == ["csat"]


def test_a_follow_up_has_questions_of_its_own() -> None:
    brand = make_brand()
    first = publish_standard_survey(brand)

    follow_up = publish_standard_survey(brand, Wave.FOLLOW_UP)

    assert publish_standard_survey(brand, Wave.FOLLOW_UP) == follow_up
    assert publish_standard_survey(brand) == first
    assert (follow_up.status, follow_up.wave, follow_up.version) == (Survey.Status.PUBLISHED, Wave.FOLLOW_UP, 1)
    assert list(follow_up.questions.values_list("key", flat=True)) == [
        "buy_again",
        "alternatives",
        "distinction",
        "needs",
        "contact",
    ]
    assert list(follow_up.questions.filter(is_required=True).values_list("key", flat=True)) == ["buy_again"]


def test_publish_twice_gives_the_same_survey() -> None:
    brand = make_brand()
    survey = publish_standard_survey(brand)

    assert publish_standard_survey(brand) == survey

    assert Question.objects.count() == len(KEYS)
    assert Fact.objects.count() == len(FACTS)
    assert Aspect.objects.count() == len(ASPECTS)


def test_publish_leaves_what_the_brand_wrote_itself() -> None:
    brand = make_brand()
    own_words = {"es": "Lo que cuesta en total", "en": "What it costs in all"}
    Fact.objects.create(brand=brand, code="total_price", labels=own_words)

    publish_standard_survey(brand)

    assert Fact.objects.get(code="total_price").labels == own_words
    assert Fact.objects.filter(brand=brand).count() == len(FACTS)


def test_publish_after_a_retired_survey_makes_the_next_version_and_keeps_the_old() -> None:
    brand = make_brand()
    retired = publish_standard_survey(brand)
    Survey.objects.update(status=Survey.Status.RETIRED)

    survey = publish_standard_survey(brand)

    assert survey.version == 2
    assert list(retired.questions.values_list("key", flat=True)) == KEYS


def test_two_brands_have_each_their_own() -> None:
    lumbre, brasa = make_brand(), make_brand("brasa")

    surveys = {publish_standard_survey(lumbre), publish_standard_survey(brasa)}

    assert {survey.brand for survey in surveys} == {lumbre, brasa}


def test_every_text_is_there_in_both_languages() -> None:
    texts = [question.texts for question in [*FIRST_WAVE, *FOLLOW_UP]]
    texts += [option["labels"] for question in [*FIRST_WAVE, *FOLLOW_UP] for option in question.options]
    texts += [text for fact in FACTS for text in (fact.labels, fact.advice)] + [aspect.labels for aspect in ASPECTS]

    assert [text for text in texts if set(text) != {"es", "en"} or not all(text.values())] == []


def test_codes_of_a_scale_are_its_points_or_none_of_them() -> None:
    for question in [*FIRST_WAVE, *FOLLOW_UP]:
        if question.kind == Question.Kind.SCALE:
            assert question.low is not None
            assert question.high is not None
            points = {str(point) for point in range(question.low, question.high + 1)}
            assert {option["code"] for option in question.options} <= points | {"none"}


def test_conditions_name_earlier_questions() -> None:
    asked: set[str] = set()
    for question in FIRST_WAVE:
        if "question" in question.condition:
            assert question.condition["question"] in asked
        asked.add(question.key)
