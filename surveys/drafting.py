"""A questionnaire in the making: what can be done to a list of questions, and what is still wrong with it.

Nothing here reads or writes the database. Questions are rows, stored or not, in the order in which they will be asked.
What the analysis compares is fixed: a standard question keeps its key, kind, scale and the codes of its options, and an
own question those it had in every earlier version. Wording is free.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.utils.translation import get_language_info
from django.utils.translation import gettext as _

from accounts.models import Brand
from surveys.models import Question, Wave
from surveys.questionnaire import CATALOGUES
from surveys.standard import QUESTIONNAIRES, RATING, StandardQuestion

LONGEST_QUESTION = 300  # characters
LONGEST_LABEL = 100
MOST_OPTIONS = 20
NAMES = ("brand", "product", "affiliate")  # what a text may name in braces
BRACES = re.compile(r"\{([^{}]*)\}")
NO_ANSWER = "none"  # the point of a scale for «does not apply»
# Their answers are counted with those of the question they hang on (insights/blocks.py).
FIXED_CONDITIONS = {"missing_facts"}
OWN_KINDS: Mapping[str, Mapping[str, Any]] = {
    "rating": {"kind": Question.Kind.SCALE, "low": 1, "high": 5, "options": RATING},
    "scale_7": {"kind": Question.Kind.SCALE, "low": 1, "high": 7},
    "scale_10": {"kind": Question.Kind.SCALE, "low": 0, "high": 10},
    "choice": {"kind": Question.Kind.CHOICE},
    "chips": {"kind": Question.Kind.CHIPS},
    "text": {"kind": Question.Kind.TEXT},
}


@dataclass(frozen=True)
class Problem:
    """What keeps a draft from being published. `field` is the form's name for where it is to be mended."""

    key: str
    field: str
    message: str


def text_field(key: str, form: str) -> str:
    return f"{key}.text.{form}"


def label_field(key: str, code: str, form: str) -> str:
    return f"{key}.label.{code}.{form}"


def condition_field(key: str, part: str = "question") -> str:
    return f"{key}.when.{part}"


# --- What can be done ------------------------------------------------------------------------------------------------
def standard_questions(wave: str) -> Mapping[str, StandardQuestion]:
    return {question.key: question for question in QUESTIONNAIRES.get(Wave(wave), ())}


def addable(questions: Iterable[Question], wave: str) -> list[StandardQuestion]:
    """The standard questions that a draft lacks."""
    present = {question.key for question in questions}
    return [question for key, question in standard_questions(wave).items() if key not in present]


def with_standard(questions: Sequence[Question], key: str, wave: str) -> list[Question]:
    """Put where it stands in the standard questionnaire: after the last of those that come before it there."""
    order = list(standard_questions(wave))
    before = set(order[: order.index(key)])
    place = max((n for n, question in enumerate(questions, start=1) if question.key in before), default=0)
    new = Question(**asdict(standard_questions(wave)[key]))
    return [*questions[:place], new, *questions[place:]]


def with_own(questions: Sequence[Question], kind: str, taken: Collection[str]) -> list[Question]:
    """`taken`: keys of earlier versions too, since what is counted under one key must have been one question."""
    numbers = [int(key[4:]) for key in {*taken, *(q.key for q in questions)} if re.fullmatch(r"own_[0-9]+", key)]
    fields = {"options": [], **OWN_KINDS[kind]}
    new = Question(key=f"own_{max(numbers, default=0) + 1}", texts={}, condition={}, **fields)
    if new.kind in (Question.Kind.CHOICE, Question.Kind.CHIPS):
        new.options = [_new_option([]), _new_option(["o1"])]
    return [*questions, new]


def moved(questions: Sequence[Question], key: str, step: int) -> list[Question]:
    order = list(questions)
    place = next(n for n, question in enumerate(order) if question.key == key)
    order.insert(min(max(place + step, 0), len(order) - 1), order.pop(place))
    return order


def placed(questions: Sequence[Question], key: str, place: int) -> list[Question]:
    """`place` counts from 0; beyond the end is the end."""
    return moved(questions, key, place - next(n for n, question in enumerate(questions) if question.key == key))


def without(questions: Sequence[Question], key: str) -> list[Question]:
    """What hung on an answer to it is asked always from now on."""
    left = [question for question in questions if question.key != key]
    for question in left:
        if question.condition.get("question") == key:
            question.condition = {}
    return left


def add_option(question: Question, taken: Collection[str]) -> None:
    """`taken`: codes of earlier versions too. An answer that is stored must not come to mean something else."""
    if len(question.options) < MOST_OPTIONS:
        question.options = [*question.options, _new_option([*taken, *(o["code"] for o in question.options)])]


def remove_option(question: Question, code: str) -> None:
    question.options = [option for option in question.options if option["code"] != code]


def _new_option(taken: Iterable[str]) -> dict[str, Any]:
    numbers = [int(code[1:]) for code in taken if re.fullmatch(r"o[0-9]+", code)]
    return {"code": f"o{max(numbers, default=0) + 1}", "labels": {}}


def has_own_options(question: Question, wave: str) -> bool:
    """Its answers may be added and removed: an own question whose answers are chosen."""
    is_chosen = question.kind in (Question.Kind.CHOICE, Question.Kind.CHIPS)
    return is_chosen and question.key not in standard_questions(wave)


def has_free_condition(question: Question) -> bool:
    is_about_purchase = bool(question.condition) and "question" not in question.condition
    return not is_about_purchase and question.key not in FIXED_CONDITIONS


def is_on_page(question: Question) -> bool:
    """Some questions exist only for what other tools' answers bring along."""
    return "source" not in question.condition


def labelled_points(question: Question) -> list[str]:
    """The points of a scale that may have words: all of a short one, the two ends of a long one, and «none»."""
    if question.low is None or question.high is None:
        return []
    points = [str(point) for point in range(question.low, question.high + 1)]
    return [*(points if len(points) <= 5 else (points[0], points[-1])), NO_ANSWER]


# --- What is still wrong ---------------------------------------------------------------------------------------------
def problems_in(
    questions: Sequence[Question], *, brand: Brand, wave: str, earlier: Iterable[Question] = ()
) -> list[Problem]:
    """All of them, in the order of the page. `earlier`: the questions of versions that have been published."""
    before = {question.key: question for question in earlier}
    found = list(_problems_of_order(questions, wave))
    for place, question in enumerate(questions):
        found += _problems_of_meaning(question, wave, before.get(question.key))
        found += _problems_of_words(question, brand)
        found += _problems_of_options(question, brand)
        found += _problems_of_condition(question, questions[:place], questions[place + 1 :])
    return found


def opening_key(wave: str) -> str:
    """The question of the mail: the first, and the only one that must be answered. "": any will do."""
    return next(iter(standard_questions(wave)), "")


def _problems_of_order(questions: Sequence[Question], wave: str) -> Iterator[Problem]:
    opening = opening_key(wave)
    if not questions:
        yield Problem("", "", _("There is no question yet."))
    elif opening and questions[0].key != opening:
        words = standard_questions(wave)[opening].texts
        yield Problem(
            questions[0].key,
            "",
            _("The first question must be “%(question)s”: it is the one in the mail.") % {"question": _any(words)},
        )


def _problems_of_meaning(question: Question, wave: str, before: Question | None) -> Iterator[Problem]:
    standard = standard_questions(wave).get(question.key)
    known: tuple[Question | StandardQuestion | None, ...] = (standard, before)
    for other in known:
        if other and (question.kind, question.low, question.high) != (other.kind, other.low, other.high):
            message = _(
                "This question had another kind or scale before: its answers could not be compared. Add a new one."
            )
            yield Problem(question.key, "", message)
    if standard and codes_of(question) != codes_of(standard):
        yield Problem(question.key, "", _("The answers of a standard question can be reworded, not exchanged."))


def _problems_of_words(question: Question, brand: Brand) -> Iterator[Problem]:
    for language in brand.languages:
        if not said_in(question.texts, brand, language):
            message = _("Its wording in %(language)s is missing.") % {"language": language_name(language)}
            yield Problem(question.key, text_field(question.key, brand.voice(language)), message)
    for form, text in question.texts.items():
        field = text_field(question.key, form)
        if len(text) > LONGEST_QUESTION:
            yield Problem(question.key, field, _("Longer than %(room)s characters.") % {"room": LONGEST_QUESTION})
        yield from (Problem(question.key, field, message) for message in faults_of_braces(text, NAMES))


def _problems_of_options(question: Question, brand: Brand) -> Iterator[Problem]:
    if question.key in CATALOGUES and not question.options:
        return
    is_scale = question.kind == Question.Kind.SCALE
    if not is_scale and question.kind != Question.Kind.TEXT and len(question.options) < 2:
        yield Problem(question.key, "", _("There must be at least two answers to choose from."))
    ends = {str(question.low), str(question.high)} if is_scale else set()
    stated = {option["code"] for option in question.options}
    labels = [(option["code"], option["labels"]) for option in question.options]
    labels += [(code, {}) for code in sorted(ends - stated)]
    for place, (code, words) in enumerate(labels, start=1):
        yield from _problems_of_label(question, code, words, brand, name=code if is_scale else str(place))
    for language in brand.languages:
        said = [said_in(words, brand, language).casefold() for _code, words in labels]
        if twice := next((label for label in said if label and said.count(label) > 1), ""):
            yield Problem(question.key, "", _("Two answers have the same words: “%(words)s”.") % {"words": twice})


def _problems_of_label(
    question: Question, code: str, words: Mapping[str, str], brand: Brand, *, name: str
) -> Iterator[Problem]:
    """`name`: what the page calls the answer, its place or its point on the scale."""
    for language in brand.languages:
        if not said_in(words, brand, language):
            message = _("Answer %(answer)s has no words in %(language)s.")
            field = label_field(question.key, code, brand.voice(language))
            yield Problem(question.key, field, message % {"answer": name, "language": language_name(language)})
    for form, text in words.items():
        field = label_field(question.key, code, form)
        if len(text) > LONGEST_LABEL:
            yield Problem(question.key, field, _("Longer than %(room)s characters.") % {"room": LONGEST_LABEL})
        yield from (Problem(question.key, field, message) for message in faults_of_braces(text, NAMES))


def _problems_of_condition(
    question: Question, earlier: Sequence[Question], later: Sequence[Question]
) -> Iterator[Problem]:
    leader = question.condition.get("question")
    if leader is None:
        return
    field = condition_field(question.key)
    found = next((one for one in earlier if one.key == leader), None)
    if found is None:
        is_later = leader in {one.key for one in later}
        message = (
            _("It depends on a question that is asked only after it. Move one of them.")
            if is_later
            else _("It depends on a question that is not asked any more.")
        )
        yield Problem(question.key, field, message)
    elif "is" in question.condition and question.condition["is"] not in answers_of(found):
        message = _("It depends on an answer that the other question does not have.")
        yield Problem(question.key, condition_field(question.key, "value"), message)
    elif {"at_most", "at_least"} & question.condition.keys() and found.kind != Question.Kind.SCALE:
        message = _("“At most” and “at least” are for scales. Say “is”.")
        yield Problem(question.key, condition_field(question.key, "how"), message)


def codes_of(question: Question | StandardQuestion) -> set[str]:
    return {str(option["code"]) for option in question.options}


def answers_of(question: Question) -> list[str]:
    """The codes that an answer to it can have, as conditions name them."""
    codes = [str(option["code"]) for option in question.options]
    if question.kind != Question.Kind.SCALE or question.low is None or question.high is None:
        return codes
    points = [str(point) for point in range(question.low, question.high + 1)]
    return [*points, *(code for code in codes if code not in points)]


def faults_of_braces(text: str, names: Collection[str]) -> Iterator[str]:
    """What a text says in braces must be a name that is filled in; other braces would be sent as they are."""
    for name in BRACES.findall(text):
        if name not in names:
            known = ", ".join(f"{{{each}}}" for each in names)
            yield _("“{%(name)s}” is not known. There are: %(known)s.") % {"name": name, "known": known}
    if set("{}") & set(BRACES.sub("", text)):
        yield _("A brace is opened or closed alone.")


def said_in(texts: Mapping[str, str], brand: Brand, language: str) -> str:
    """What a customer of this language reads where the kind of product has no wording of its own; "": nothing is said.

    Without falling back to another language, as the page would.
    """
    return next((texts[form] for form in (brand.voice(language), language) if texts.get(form, "").strip()), "")


def language_name(code: str) -> str:
    """In the reader's language; the code itself of one that nobody knows."""
    try:
        name: str = get_language_info(code)["name_translated"]
    except KeyError:
        return code
    return name.lower()


def _any(texts: Mapping[str, str]) -> str:
    return next(iter(texts.values()), "")
