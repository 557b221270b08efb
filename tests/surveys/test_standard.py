"""The questionnaire that a brand begins with."""

import re
from itertools import chain

import pytest

from accounts.models import FORMAL_SPANISH
from affiliates.models import Product
from surveys.models import Aspect, Fact, Question, Survey, Wave
from surveys.standard import CLOSING, FIRST_WAVE, FOLLOW_UP, publish_standard_survey
from surveys.standard_catalogues import ASPECTS, FACTS
from surveys.wording import in_language
from tests.factories import make_brand

pytestmark = pytest.mark.django_db

# The contract's field names of /s/<token>/ that are questions, and the imported comment.
KEYS = [
    *("csat", "part", "nps", "promise", "missing", "missing_facts", "affiliate_rating", "influence", "recommended_by"),
    *("expectation", "keep", "keep_text", "improve", "improve_text", "contact", "title", "comment"),
]
# Words that say «tú».
TU = re.compile(
    r"\b(tu|tus|te|ti|tú|contigo|\w+(?:aste|iste|arías|erías)|volvieras|esperabas|conoces|quieres|valoras|recomiendes|estás)\b",
    re.IGNORECASE,
)


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


def test_a_closed_case_is_asked_about_with_two_questions_and_what_remains() -> None:
    survey = publish_standard_survey(make_brand(), Wave.CLOSING)

    assert [(q.key, q.low, q.high, q.is_required) for q in survey.questions.all()] == [
        ("solved", 1, 3, True),
        ("remains", None, None, False),
        ("ces", 1, 7, False),
    ]


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


def texts_for_customers() -> list[dict[str, str]]:
    questions = [*FIRST_WAVE, *FOLLOW_UP, *CLOSING]
    labels = [option["labels"] for question in questions for option in question.options]
    return [*(question.texts for question in questions), *labels, *(row.labels for row in chain(FACTS, ASPECTS))]


def test_every_text_is_there_in_both_languages() -> None:
    texts = texts_for_customers() + [fact.advice for fact in FACTS]

    assert [text for text in texts if not {"es", "en"} <= set(text) or not all(text.values())] == []


@pytest.mark.parametrize("kind", Product.Kind)
def test_a_brand_that_says_usted_never_says_tu(kind: str) -> None:
    said = [in_language(text, FORMAL_SPANISH, kind=kind) for text in texts_for_customers()]

    assert [text for text in said if TU.search(text)] == []
    assert [text for text in texts_for_customers() if TU.search(in_language(text, "es", kind=kind))] != []


@pytest.mark.parametrize("voice", ["es", FORMAL_SPANISH])
def test_nobody_is_told_that_they_received_a_service(voice: str) -> None:
    received = re.compile(r"recib|entreg|paquete|received|deliver", re.IGNORECASE)
    questions = [*FIRST_WAVE, *FOLLOW_UP, *CLOSING]
    asked = [text for q in questions for text in (q.texts, *(option["labels"] for option in q.options))]
    asked += [aspect.labels for aspect in ASPECTS]

    said = [in_language(text, language, kind="service") for text in asked for language in (voice, "en")]

    assert [text for text in said if received.search(text)] == []
    assert received.search(in_language(FIRST_WAVE[3].texts, voice, kind="goods"))


def test_codes_of_a_scale_are_its_points_or_none_of_them() -> None:
    for question in [*FIRST_WAVE, *FOLLOW_UP, *CLOSING]:
        if question.kind == Question.Kind.SCALE:
            assert question.low is not None
            assert question.high is not None
            points = {str(point) for point in range(question.low, question.high + 1)}
            assert {option["code"] for option in question.options} <= points | {"none"}


def test_conditions_name_earlier_questions() -> None:
    for questionnaire in (FIRST_WAVE, FOLLOW_UP, CLOSING):
        asked: set[str] = set()
        for question in questionnaire:
            if "question" in question.condition:
                assert question.condition["question"] in asked
            asked.add(question.key)
