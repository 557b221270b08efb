"""How a survey comes to be: drafts, what is wrong with them, and what publishing one changes."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from accounts.models import Brand
from surveys.drafting import (
    Problem,
    add_option,
    addable,
    moved,
    placed,
    problems_in,
    remove_option,
    with_own,
    with_standard,
    without,
)
from surveys.models import Invitation, Question, Survey, Wave
from surveys.services import plan_invitations
from surveys.services.editing import (
    begin_draft,
    discard_draft,
    publish_draft,
    questions_before,
    store_mail_texts,
    store_questions,
)
from surveys.standard import FIRST_WAVE, publish_standard_survey
from tests import factories
from tests.factories import NOW
from tests.surveys.factories import make_invitation

pytestmark = pytest.mark.django_db
BOTH = {"es": "¿Qué tal?", "en": "How was it?"}


def questions_of(survey: Survey) -> list[Question]:
    return list(survey.questions.order_by("position"))


def keys(questions: Iterable[Question]) -> list[str]:
    return [question.key for question in questions]


def found(questions: list[Question], brand: Brand, earlier: Iterable[Question] = ()) -> list[tuple[str, str]]:
    return [(p.key, p.field) for p in problems_in(questions, brand=brand, wave=Wave.FIRST, earlier=earlier)]


def named(questions: Iterable[Question], key: str) -> Question:
    return next(question for question in questions if question.key == key)


# --- Versions --------------------------------------------------------------------------------------------------------
def test_a_new_version_begins_as_a_copy_and_there_is_one_draft_a_wave(brand: Brand) -> None:
    survey = publish_standard_survey(brand)
    survey.mail_texts = {"es": {"subject": "Hola"}}
    survey.save()

    draft = begin_draft(brand, Wave.FIRST)

    assert begin_draft(brand, Wave.FIRST) == draft
    assert (draft.version, draft.status, draft.mail_texts) == (2, Survey.Status.DRAFT, survey.mail_texts)
    fields = ("key", "kind", "position", "is_required", "texts", "low", "high", "options", "condition")
    assert list(draft.questions.values(*fields)) == list(survey.questions.values(*fields))
    assert not set(draft.questions.values_list("pk")) & set(survey.questions.values_list("pk"))


def test_a_wave_that_has_none_begins_with_the_standard_questions(brand: Brand) -> None:
    draft = begin_draft(brand, Wave.FOLLOW_UP)

    assert keys(questions_of(draft))[0] == "buy_again"
    assert found_nothing(draft, brand)


def found_nothing(draft: Survey, brand: Brand) -> bool:
    return problems_in(questions_of(draft), brand=brand, wave=draft.wave) == []


def test_an_old_version_can_be_taken_up_again(brand: Brand, draft: Survey) -> None:
    first = brand.surveys.get(version=1)
    store_questions(draft, without(questions_of(draft), "nps"), edits=0)
    publish_draft(draft, now=NOW)

    again = begin_draft(brand, Wave.FIRST, source=first)

    assert (again.version, keys(questions_of(again))) == (3, keys(questions_of(first)))


def test_publishing_retires_the_version_before(brand: Brand, draft: Survey) -> None:
    published = publish_draft(draft, now=NOW)

    assert published.published_at == NOW
    assert list(brand.surveys.order_by("version").values_list("version", "status")) == [
        (1, Survey.Status.RETIRED),
        (2, Survey.Status.PUBLISHED),
    ]


def test_who_was_sent_a_version_keeps_it_and_who_is_planned_next_gets_the_new_one(brand: Brand, draft: Survey) -> None:
    sent = make_invitation(factories.make_purchase(factories.make_customer(brand)))
    publish_draft(draft, now=NOW)

    plan_invitations(brand, [factories.make_purchase(factories.make_customer(brand))], now=NOW)

    planned = Invitation.objects.exclude(pk=sent.pk).get()
    sent.refresh_from_db()
    assert (sent.survey.version, planned.survey.version) == (1, 2)


def test_a_published_version_is_edited_no_more(draft: Survey) -> None:
    publish_draft(draft, now=NOW)

    for act in (
        lambda: store_questions(draft, [], edits=0),
        lambda: store_mail_texts(draft, {}, edits=0),
        lambda: publish_draft(draft, now=NOW),
        lambda: discard_draft(draft),
    ):
        with pytest.raises(ValidationError) as refusal:
            act()
        assert refusal.value.error_list[0].code == "not_a_draft"
    assert draft.questions.count() == len(FIRST_WAVE)


def test_an_unfinished_draft_is_kept_but_not_published(brand: Brand, draft: Survey) -> None:
    questions = questions_of(draft)
    named(questions, "nps").texts = {"es": "¿Y bien?"}
    store_questions(draft, questions, edits=0)

    with pytest.raises(ValidationError) as refusal:
        publish_draft(draft, now=NOW)

    assert len(refusal.value.messages) == 1
    assert named(questions_of(draft), "nps").texts == {"es": "¿Y bien?"}
    assert Survey.objects.published(brand, Wave.FIRST).get().version == 1


def test_two_who_edit_at_once_notice_each_other(draft: Survey) -> None:
    assert store_questions(draft, questions_of(draft), edits=0).edits == 1

    with pytest.raises(ValidationError) as refusal:
        store_mail_texts(draft, {"es": {"subject": "Hola"}}, edits=0)

    assert refusal.value.code == "edited_meanwhile"
    assert store_mail_texts(draft, {"es": {"subject": "Hola", "body": ""}}, edits=1).mail_texts == {
        "es": {"subject": "Hola"}
    }


def test_a_draft_is_thrown_away_and_nothing_else(brand: Brand, draft: Survey) -> None:
    discard_draft(draft)

    assert [survey.version for survey in brand.surveys.all()] == [1]
    assert Question.objects.count() == len(FIRST_WAVE)


def test_questions_are_stored_in_their_order_and_the_first_alone_must_be_answered(draft: Survey) -> None:
    questions = with_own(moved(without(questions_of(draft), "nps"), "promise", -1), "text", [])

    store_questions(draft, questions, edits=0)

    assert keys(questions_of(draft)) == keys(questions)
    assert list(draft.questions.filter(is_required=True).values_list("key", flat=True)) == ["csat"]


# --- What can be done to a draft -------------------------------------------------------------------------------------
def test_a_standard_question_comes_back_to_its_place(draft: Survey) -> None:
    standard = questions_of(draft)
    fewer = without(without(standard, "nps"), "promise")
    assert [question.key for question in addable(fewer, Wave.FIRST)] == ["nps", "promise"]

    again = with_standard(with_standard(fewer, "promise", Wave.FIRST), "nps", Wave.FIRST)

    assert keys(again) == keys(standard)


def test_what_hung_on_a_removed_question_is_asked_always(draft: Survey) -> None:
    left = without(questions_of(draft), "promise")

    assert named(left, "expectation").condition == {}


def test_moving_stops_at_the_ends(draft: Survey) -> None:
    questions = questions_of(draft)[:3]
    first, second, third = keys(questions)

    assert keys(moved(questions, first, 1)) == [second, first, third]
    assert keys(moved(questions, first, -1)) == [first, second, third]
    assert keys(moved(questions, third, 1)) == [first, second, third]
    assert keys(placed(questions, third, 0)) == [third, first, second]
    assert keys(placed(questions, first, 1)) == [second, first, third]
    assert keys(placed(questions, first, 99)) == [second, third, first]


def test_keys_and_codes_are_never_used_again() -> None:
    [question] = with_own([], "choice", taken=["own_1", "own_7", "csat"])
    assert (question.key, [option["code"] for option in question.options]) == ("own_8", ["o1", "o2"])

    remove_option(question, "o2")
    add_option(question, taken=["o1", "o2"])

    assert [option["code"] for option in question.options] == ["o1", "o3"]


# --- What is wrong with a draft --------------------------------------------------------------------------------------
def test_the_standard_questionnaires_have_nothing_wrong(brand: Brand, draft: Survey) -> None:
    assert found(questions_of(draft), brand, questions_before(draft)) == []
    brand.formality = Brand.Formality.USTED
    assert found(questions_of(draft), brand) == []


def test_the_question_of_the_mail_comes_first(brand: Brand, draft: Survey) -> None:
    questions = questions_of(draft)

    assert found([], brand) == [("", "")]
    second = questions[1].key
    assert (second, "") in found(moved(questions, "csat", 1), brand)


def test_every_language_of_the_brand_needs_its_words(brand: Brand, draft: Survey) -> None:
    questions = questions_of(draft)
    named(questions, "nps").texts = {"es": "¿Y bien?", "en": " "}
    named(questions, "missing").options[0]["labels"] = {"en": "No"}

    assert found(questions, brand) == [("nps", "nps.text.en"), ("missing", "missing.label.no.es")]

    brand.languages = ["es", "en", "pt"]
    assert {field.rpartition(".")[2] for key, field in found(questions, brand) if key == "csat"} == {"pt"}


def broken(change: Callable[[Question], Any]) -> Callable[[list[Question]], None]:
    return lambda questions: change(named(questions, "nps"))


def set_texts(question: Question, text: str) -> None:
    question.texts = {**question.texts, "es": text}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (broken(lambda q: set_texts(q, "¿Y {marca}?")), ("nps", "nps.text.es")),
        (broken(lambda q: set_texts(q, "¿Y {brand?")), ("nps", "nps.text.es")),
        (broken(lambda q: set_texts(q, "x" * 301)), ("nps", "nps.text.es")),
        (broken(lambda q: setattr(q, "high", 7)), ("nps", "")),
        (broken(lambda q: setattr(q, "kind", "text")), ("nps", "")),
        (broken(lambda q: q.options.append({"code": "5", "labels": BOTH})), ("nps", "")),
        (broken(lambda q: setattr(q, "condition", {"question": "contact", "is": "yes"})), ("nps", "nps.when.question")),
        (broken(lambda q: setattr(q, "condition", {"question": "gone", "is": "yes"})), ("nps", "nps.when.question")),
        (broken(lambda q: setattr(q, "condition", {"question": "csat", "is": "9"})), ("nps", "nps.when.value")),
    ],
)
def test_what_cannot_be_asked_or_compared_is_named(
    brand: Brand, draft: Survey, change: Callable[[list[Question]], None], problem: tuple[str, str]
) -> None:
    questions = questions_of(draft)

    change(questions)

    assert problem in found(questions, brand)


def test_at_most_is_for_scales(brand: Brand, draft: Survey) -> None:
    questions = with_own(questions_of(draft), "text", [])
    questions[-1].texts, questions[-1].condition = BOTH, {"question": "missing", "at_most": 1}

    assert found(questions, brand) == [("own_1", "own_1.when.how")]


def test_an_own_choice_needs_two_different_answers(brand: Brand, draft: Survey) -> None:
    questions = with_own(questions_of(draft), "choice", [])
    own = questions[-1]
    own.texts = BOTH
    assert len(found(questions, brand)) == 4  # two answers, two languages

    own.options = [{"code": "o1", "labels": BOTH}, {"code": "o2", "labels": BOTH}]
    assert found(questions, brand) == [("own_1", ""), ("own_1", "")]

    own.options = own.options[:1]
    assert found(questions, brand) == [("own_1", "")]


def test_an_own_scale_names_its_ends(brand: Brand, draft: Survey) -> None:
    questions = with_own(questions_of(draft), "scale_7", [])
    questions[-1].texts = BOTH

    fields = [f"own_1.label.{end}.{language}" for end in (1, 7) for language in ("es", "en")]
    assert found(questions, brand) == [("own_1", field) for field in fields]


def test_an_own_question_keeps_the_kind_it_had_in_earlier_versions(brand: Brand, draft: Survey) -> None:
    own = with_own([], "text", [])[0]
    own.texts = BOTH
    store_questions(draft, [*questions_of(draft), own], edits=0)
    publish_draft(draft, now=NOW)
    later = begin_draft(brand, Wave.FIRST)
    questions = questions_of(later)
    questions[-1].kind, questions[-1].options = (
        Question.Kind.CHOICE,
        [
            {"code": "o1", "labels": {"es": "Sí", "en": "Yes"}},
            {"code": "o2", "labels": {"es": "No", "en": "No"}},
        ],
    )

    assert found(questions, brand) == []
    assert found(questions, brand, questions_before(later)) == [("own_1", "")]


def test_a_problem_is_told_in_words_and_says_where(brand: Brand, draft: Survey) -> None:
    questions = questions_of(draft)
    set_texts(named(questions, "nps"), "¿Y {marca}?")

    [problem] = problems_in(questions, brand=brand, wave=Wave.FIRST)

    assert problem == Problem("nps", "nps.text.es", problem.message)
    assert "{marca}" in problem.message
    assert "{affiliate}" in problem.message
