"""The builder's page: what was posted becomes questions, and questions become boxes, rows and sentences of selects.

A name that was not posted leaves what is stored as it is, so that a form that came through in part removes nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.utils.datastructures import MultiValueDict
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.models import Brand
from affiliates.models import Product
from surveys.drafting import (
    Problem,
    answers_of,
    condition_field,
    has_free_condition,
    has_own_options,
    is_on_page,
    label_field,
    labelled_points,
    language_name,
    opening_key,
    standard_questions,
    text_field,
)
from surveys.models import Question
from surveys.questionnaire import CATALOGUES
from surveys.services.answering import without_controls
from surveys.standard import StandardQuestion
from surveys.wording import in_language

Texts = dict[str, str]
HOWS = ("is", "at_most", "at_least")


# --- What was posted -------------------------------------------------------------------------------------------------
def read_questions(data: MultiValueDict[str, str], questions: Sequence[Question], brand: Brand, wave: str) -> None:
    """Let the questions say and ask what the form says. Nothing is judged here, and nothing stored."""
    for question in questions:
        question.texts = read_texts(data, question.texts, text_field(question.key, ""), brand)
        read_options(data, question, brand, wave)
        if has_free_condition(question):
            read_condition(data, question)


def read_texts(data: MultiValueDict[str, str], texts: Mapping[str, str], prefix: str, brand: Brand) -> Texts:
    """The boxes are named by the prefix and the form."""
    read = dict(texts)
    for form in forms_of(brand):
        posted = data.get(f"{prefix}{form}")
        if posted is None or clean(posted) == shown(texts, form):
            continue  # what is only shown, since «usted» falls back to «tú», does not become a wording of its own
        if clean(posted):
            read[form] = clean(posted)
        else:
            read.pop(form, None)
        if "." not in form:
            _drop_unseen(read, form)
    return read


def _drop_unseen(texts: Texts, language: str) -> None:
    """A text that is said anew is said so to whom the brand would once say «usted» too: nobody sees that form here."""
    for form in [form for form in texts if form.startswith(f"{language}-x-")]:
        del texts[form]


def read_options(data: MultiValueDict[str, str], question: Question, brand: Brand, wave: str) -> None:
    stored = {str(option["code"]): option["labels"] for option in question.options}
    codes = option_codes(question)
    read = {code: read_texts(data, stored.get(code, {}), label_field(question.key, code, ""), brand) for code in codes}
    kept = stored.keys() if question.key in standard_questions(wave) or not labelled_points(question) else set()
    question.options = [{"code": code, "labels": read[code]} for code in codes if read[code] or code in kept]


def read_condition(data: MultiValueDict[str, str], question: Question) -> None:
    """`value` says «question:answer», since the select offers the answers of all questions."""
    leader = data.get(condition_field(question.key))
    if leader is None:
        return
    how = data.get(condition_field(question.key, "how"), "is")
    of, _colon, code = data.get(condition_field(question.key, "value"), "").partition(":")
    if not leader:
        question.condition = {}
    elif of != leader:
        question.condition = {"question": leader, "is": ""}  # still to be chosen
    elif how in ("at_most", "at_least") and code.removeprefix("-").isdecimal():
        question.condition = {"question": leader, how: int(code)}
    else:
        question.condition = {"question": leader, "is": code}


def clean(text: str) -> str:
    return " ".join(without_controls(text).split())


# --- What is shown ---------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Box:
    """One text in one language."""

    name: str
    label: str
    language: str
    value: str
    problems: Sequence[str] = ()


@dataclass(frozen=True)
class Row:
    """The words of one answer, side by side."""

    code: str
    title: str
    boxes: Sequence[Box]
    can_go: bool


@dataclass(frozen=True)
class OfKind:
    """Other words for one kind of product: of the question (its title is empty) and of some of its answers."""

    label: str
    rows: Sequence[tuple[str, Sequence[Box]]]

    @property
    def is_used(self) -> bool:
        return any(box.value for _title, boxes in self.rows for box in boxes)


@dataclass(frozen=True)
class Choice:
    value: str
    label: str
    is_chosen: bool


@dataclass(frozen=True)
class Sentence:
    """«Ask only when [question] [is at most] [answer]», as three selects; answers stand in a group a question."""

    questions: Sequence[Choice]
    hows: Sequence[Choice]
    answers: Sequence[tuple[str, str, Sequence[Choice]]]  # key, question, its answers


@dataclass(frozen=True)
class Edited:
    """One question of the builder."""

    question: Question
    number: int
    title: str
    kind: str
    boxes: Sequence[Box]
    kinds: Sequence[OfKind]
    rows: Sequence[Row]
    has_own_options: bool
    catalogue: str  # the model whose rows are its answers
    sentence: Sentence | None
    condition: str  # in words, as it stands
    problems: Sequence[str]
    can_go: bool
    is_first: bool
    is_last: bool
    is_opened: bool  # it was just worked on

    @property
    def is_open(self) -> bool:
        return self.is_opened or self.is_unfinished

    @property
    def has_kinds(self) -> bool:
        return any(kind.is_used for kind in self.kinds)

    @property
    def is_unfinished(self) -> bool:
        boxes = [*self.boxes, *(box for row in self.rows for box in row.boxes)]
        return bool(self.problems) or any(box.problems for box in boxes)


@dataclass
class Page:
    """Makes the boxes of one draft, each with its problems."""

    questions: Sequence[Question]
    brand: Brand
    wave: str
    problems: Sequence[Problem] = field(default_factory=list)
    opened: str = ""

    def edited(self) -> list[Edited]:
        return [self._edited(question, place) for place, question in enumerate(self.questions)]

    def listed_problems(self) -> list[tuple[str, str, str]]:
        """All of them: where to mend it, at which question, and what is wrong."""
        titles = {one.key: numbered(one, self.questions, self.brand) for one in self.questions}
        return [
            (
                problem.field if self._has_box(problem) else f"q-{problem.key}",
                titles.get(problem.key, ""),
                problem.message,
            )
            for problem in self.problems
        ]

    def _has_box(self, problem: Problem) -> bool:
        return bool(problem.field) and not problem.field.startswith(condition_field(problem.key, ""))

    def _edited(self, question: Question, place: int) -> Edited:
        is_free = has_free_condition(question) and place > 0
        return Edited(
            question=question,
            number=place + 1,
            title=title_of(question, self.brand) or _("New question"),
            kind=kind_in_words(question),
            boxes=self._boxes(question.texts, text_field(question.key, "")),
            kinds=self._kinds(question),
            rows=self._rows(question),
            has_own_options=has_own_options(question, self.wave),
            catalogue=catalogue_of(question),
            sentence=self._sentence(question) if is_free else None,
            condition=condition_in_words(question, self.questions, self.brand),
            problems=self._general_problems(question),
            can_go=question.key != opening_key(self.wave),
            is_first=place == 0,
            is_last=place == len(self.questions) - 1,
            is_opened=question.key == self.opened,
        )

    def _boxes(self, texts: Mapping[str, str], prefix: str, kind: str = "") -> list[Box]:
        boxes = []
        for language in self.brand.languages:
            form = f"{self.brand.voice(language)}.{kind}" if kind else self.brand.voice(language)
            name = f"{prefix}{form}"
            problems = [problem.message for problem in self.problems if problem.field == name]
            boxes.append(Box(name, language_name(language).capitalize(), language, shown(texts, form), problems))
        return boxes

    def _kinds(self, question: Question) -> list[OfKind]:
        return [self._of_kind(question, kind) for kind in Product.Kind if is_on_page(question)]

    def _of_kind(self, question: Question, kind: Product.Kind) -> OfKind:
        """Its answers only where the standard words them by kind: few need it, and all would bury the rest."""
        worded = [option for option in question.options if any(form.endswith(f".{kind}") for form in option["labels"])]
        rows = [("", self._boxes(question.texts, text_field(question.key, ""), kind))]
        rows += [
            (
                answer_in_words(question, str(option["code"]), self.brand),
                self._boxes(option["labels"], label_field(question.key, str(option["code"]), ""), kind),
            )
            for option in worded
        ]
        return OfKind(str(kind.label), rows)

    def _rows(self, question: Question) -> list[Row]:
        labels = {str(option["code"]): option["labels"] for option in question.options}
        is_standard = question.key in standard_questions(self.wave)
        return [
            Row(
                code,
                point_in_words(code) if labelled_points(question) else str(place),
                self._boxes(labels.get(code, {}), label_field(question.key, code, "")),
                can_go=has_own_options(question, self.wave),
            )
            for place, code in enumerate(option_codes(question), start=1)
            if code in labels or not is_standard
        ]

    def _sentence(self, question: Question) -> Sentence:
        leaders = [other for other in self.questions if other.key != question.key and answers_of(other)]
        titles = {other.key: numbered(other, self.questions, self.brand) for other in leaders}
        chosen = question.condition
        return Sentence(
            questions=[Choice(key, title, key == chosen.get("question")) for key, title in titles.items()],
            hows=[Choice(how, how_in_words(how), how in chosen) for how in HOWS],
            answers=[(other.key, titles[other.key], self._answers(other, chosen)) for other in leaders],
        )

    def _answers(self, leader: Question, chosen: Mapping[str, object]) -> list[Choice]:
        value = str(next((chosen[how] for how in HOWS if how in chosen), ""))
        is_leader = leader.key == chosen.get("question")
        return [
            Choice(f"{leader.key}:{code}", answer_in_words(leader, code, self.brand), is_leader and code == value)
            for code in answers_of(leader)
        ]

    def _general_problems(self, question: Question) -> list[str]:
        """Those that belong to no box: of the question as a whole, or of its condition."""
        return [p.message for p in self.problems if p.key == question.key and not self._has_box(p)]


def forms_of(brand: Brand) -> list[str]:
    """The forms that can have a box: each language in the brand's voice, and each kind of product in it."""
    voices = [brand.voice(language) for language in brand.languages]
    return [*voices, *(f"{voice}.{kind}" for voice in voices for kind in Product.Kind.values)]


def shown(texts: Mapping[str, str], form: str) -> str:
    """What stands in the box: for «usted» without words of its own those with «tú», which customers would read."""
    code, dot, kind = form.partition(".")
    return texts.get(form) or texts.get(f"{code.partition('-')[0]}{dot}{kind}", "")


def option_codes(question: Question) -> list[str]:
    stored = [str(option["code"]) for option in question.options]
    points = labelled_points(question)
    return [*points, *(code for code in stored if code not in points)]


# --- In words --------------------------------------------------------------------------------------------------------
def title_of(question: Question | StandardQuestion, brand: Brand) -> str:
    """In the reader's language, else the brand's."""
    return in_language(question.texts, get_language() or "", brand.voice(brand.default_language))


def numbered(question: Question, questions: Sequence[Question], brand: Brand) -> str:
    number = next((n for n, other in enumerate(questions, start=1) if other.key == question.key), 0)
    return f"{number}. {title_of(question, brand) or _('New question')}"


def kind_in_words(question: Question) -> str:
    if question.kind == Question.Kind.SCALE:
        return _("Scale from %(low)s to %(high)s") % {"low": question.low, "high": question.high}
    return str(Question.Kind(question.kind).label)


def catalogue_of(question: Question) -> str:
    model = CATALOGUES.get(question.key)
    return str(model._meta.model_name) if model and not question.options else ""


def point_in_words(code: str) -> str:
    return _("Does not apply") if code == "none" else code


def answer_in_words(question: Question, code: str, brand: Brand) -> str:
    labels: dict[str, str] = next((option["labels"] for option in question.options if str(option["code"]) == code), {})
    label = in_language(labels, get_language() or "", brand.voice(brand.default_language))
    if code.removeprefix("-").isdecimal():
        return f"{code} · {label}" if label else code
    return label or code


def how_in_words(how: str) -> str:
    return {"is": _("is"), "at_most": _("is at most"), "at_least": _("is at least")}[how]


def condition_in_words(question: Question, questions: Iterable[Question], brand: Brand) -> str:
    """ "": it is always asked."""
    condition = question.condition
    if "source" in condition:
        return _("Never asked: it keeps what other tools’ answers say.")
    if "affiliate" in condition:
        return (
            _("Asked only where an affiliate is credited with the purchase.")
            if condition["affiliate"]
            else _("Asked only where nobody is credited with the purchase.")
        )
    leader = next((other for other in questions if other.key == condition.get("question")), None)
    how = next((how for how in HOWS if how in condition), "")
    if leader is None or not how:
        return ""
    # Translators: such as: Asked only when “How was it?” is at most 2 · Poor.
    return _("Asked only when “%(question)s” %(how)s %(answer)s.") % {
        "question": title_of(leader, brand),
        "how": how_in_words(how),
        "answer": answer_in_words(leader, str(condition[how]), brand),
    }
