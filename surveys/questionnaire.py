"""A survey as one customer is asked it: in their language, about their purchase, in short steps or all on one page."""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import Brand
from affiliates.models import Attribution
from surveys.links import CataloguesChanged, OpenedLink, chips_of
from surveys.models import Answer, Aspect, Fact, Invitation, Question, Response
from surveys.wording import fill, in_language

Condition = Mapping[str, Any]

STEP_SIZE = 2  # questions in a step
ORDERS = 60  # of chips: enough that none gains by its place, few enough for pages to have much in common
CONTACT = "contact"  # a word at the end of something else, no question of its own
RECOMMENDED_BY = "recommended_by"  # words that are evidence
# Words for staff alone, no comment: a name, and what is still wrong in somebody's case.
FOR_STAFF = {RECOMMENDED_BY, "remains"}
LAST_CODES = {"otro", "otra", "other"}  # wherever the rest is shuffled to, these close a list
# Chips of these questions come from the brand's catalogues, unless the question lists its own.
CATALOGUES: dict[str, type[Fact] | type[Aspect]] = {"missing_facts": Fact, "keep": Aspect, "improve": Aspect}


@dataclass(frozen=True)
class Option:
    code: str
    label: str
    opens_more: bool = False  # choosing it makes another question worth asking


@dataclass(frozen=True)
class Ask:
    """One question, worded."""

    key: str
    kind: str
    text: str
    options: tuple[Option, ...]
    withdrawn: tuple[Option, ...] = ()  # offered no more, but somebody's page may still show them
    is_required: bool = False
    condition: Condition = field(default_factory=dict, hash=False)

    @property
    def leader(self) -> str:
        """The key of the question that it hangs on (`missing_facts` on `missing`) or speaks with (`keep_text`)."""
        return self.condition.get("question") or self.key.rpartition("_")[0]

    @property
    def is_conditional(self) -> bool:
        return "question" in self.condition

    @property
    def weight(self) -> int:
        """For how many questions it counts in a step. What hangs on an answer comes on top."""
        if self.is_conditional or self.key == CONTACT:
            return 0
        return 2 if self.kind == Question.Kind.CHIPS else 1

    @property
    def is_comment(self) -> bool:
        """Words that others may read."""
        return self.kind == Question.Kind.TEXT and self.key not in FOR_STAFF

    def is_worth_asking(self, answers: Mapping[str, str]) -> bool:
        """After these answers, codes by question key."""
        return not self.is_conditional or meets(self.condition, answers.get(self.leader, ""))

    @cached_property
    def has_words(self) -> bool:
        """Every point has words: one row each. Otherwise a row of numbers with words at its ends."""
        return all(option.label != option.code for option in self.options)

    @cached_property
    def ends(self) -> tuple[str, str]:
        """What the lowest and the highest number mean."""
        numbers = [option for option in self.options if option.code.removeprefix("-").isdecimal()]
        return f"{numbers[0].code} · {numbers[0].label}", f"{numbers[-1].code} · {numbers[-1].label}"

    @cached_property
    def names_somebody(self) -> bool:
        """Is there a place for a name, of the brand, the product or the affiliate?"""
        return any("{" in text for text in (self.text, *(option.label for option in self.options)))

    @property
    def is_kept_private(self) -> bool:
        """What the page never shows again: a forwarded mail must not tell what somebody wrote."""
        return self.kind in (Question.Kind.TEXT, Question.Kind.CHIPS)


Block = tuple[Ask, ...]  # what stands together: a question and those that open under it
Step = tuple[Block, ...]


@dataclass(frozen=True)
class Wording:
    """In which language to speak, and what a text may name."""

    brand: Brand
    language: str
    product_name: str = ""
    product_kind: str = ""
    affiliate_name: str = ""

    @property
    def brand_name(self) -> str:
        return (self.brand.is_discreet and self.brand.discreet_name) or self.brand.name

    @property
    def purchase(self) -> str:
        return self.product_name if self.product_name and not self.brand.is_discreet else _("your recent purchase")

    @property
    def affiliate(self) -> str:
        return self.affiliate_name or _("whoever recommended %(brand)s to you") % {"brand": self.brand_name}

    @cached_property
    def voices(self) -> tuple[str, str]:
        """In which form to say a text, and in which where there is none."""
        return self.brand.voice(self.language), self.brand.voice(self.brand.default_language)

    def say(self, texts: Mapping[str, str]) -> str:
        return self.fill(in_language(texts, *self.voices, kind=self.product_kind))

    def fill(self, text: str) -> str:
        if "{" not in text:
            return text
        return fill(text, brand=self.brand_name, product=self.purchase, affiliate=self.affiliate)


@dataclass(frozen=True)
class Questionnaire:
    wording: Wording
    asks: tuple[Ask, ...]

    @property
    def first(self) -> Ask:
        """The one question that the mail asks too."""
        return self.asks[0]

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """For one page: a question stands with the one that it hangs on; every other begins a block."""
        blocks: dict[str, list[Ask]] = {}
        home: dict[str, str] = {}
        for ask in self.asks:
            home[ask.key] = home.get(ask.leader, ask.key)
            blocks.setdefault(home[ask.key], []).append(ask)
        return tuple(tuple(block) for block in blocks.values())

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The first question alone, then two by two; a list of chips counts for two.

        What comes right after the question that it hangs on opens under it. What comes later is asked in its place,
        by the answer given before, with what follows it.
        """
        steps: list[list[list[Ask]]] = []
        for ask in self.asks:
            block = steps[-1][-1] if len(steps) > 1 else []
            if ask.leader in {other.key for other in block}:
                block.append(ask)
            elif len(steps) < 2 or _size(steps[-1]) + (ask.weight or ask.is_conditional) > STEP_SIZE:
                steps.append([[ask]])
            else:
                steps[-1].append([ask])
        return tuple(tuple(tuple(block) for block in step) for step in steps)

    def step(self, number: int, answers: Mapping[str, str]) -> Step:
        """What the step asks, counted from 1, after these answers."""
        return tuple(block for block in self.steps[number - 1] if block[0].is_worth_asking(answers))

    def steps_with_questions(self, answers: Mapping[str, str]) -> list[int]:
        return [number for number in range(1, len(self.steps) + 1) if self.step(number, answers)]


def _size(step: Sequence[Sequence[Ask]]) -> int:
    return sum(block[0].weight for block in step)


def questionnaire_for(invitation: Invitation, *, language: str) -> Questionnaire:
    """What to ask at this invitation. The number of statements does not depend on the number of questions."""
    credited = Attribution.objects.current().filter(purchase=invitation.purchase_id).select_related("affiliate").first()
    affiliate = credited.affiliate if credited else None
    wording = wording_for(invitation, language=language, affiliate_name=affiliate.public_name if affiliate else "")
    questions = invitation.survey.questions.all()
    return questionnaire_of(questions, wording, is_credited=affiliate is not None, invitation=invitation.pk)


def questionnaire_behind(opened: OpenedLink, *, language: str) -> Questionnaire:
    """The same behind a link, as a rule without a statement: what somebody was asked never changes."""
    invitation = opened.link.invitation
    wording = wording_for(invitation, language=language, affiliate_name=opened.credited or "")
    try:
        asks = _asks_of(
            invitation.survey_id,
            invitation.brand_id,
            opened.catalogues,
            wording.voices,
            wording.product_kind,
            is_credited=opened.credited is not None,
        )
    except CataloguesChanged as news:  # between the statement that opened the link and this one
        return questionnaire_behind(replace(opened, catalogues=news.catalogues), language=language)
    return _for_customer(asks, wording, invitation=invitation.pk)


@lru_cache(maxsize=100)
def questions_asked(survey: int) -> tuple[Question, ...]:
    """Of a version for which there is an invitation: the database refuses every change of them (migration 0002)."""
    return tuple(Question.objects.filter(survey=survey).order_by("position"))


@lru_cache(maxsize=500)  # a version has some dozens: by language, kind of product and whether somebody is credited
def _asks_of(
    survey: int, brand: int, catalogues: str, voices: tuple[str, str], kind: str, *, is_credited: bool
) -> tuple[Ask, ...]:
    possible, chips = _possible(questions_asked(survey), is_credited=is_credited), chips_of(brand, catalogues)
    return _spoken(possible, {key: chips[catalogue] for key, catalogue in _from_catalogues(possible)}, voices, kind)


def questionnaire_of(
    questions: Iterable[Question], wording: Wording, *, is_credited: bool, invitation: int | None = None
) -> Questionnaire:
    """What these questions, stored or not, ask in this wording; two statements at most."""
    possible = _possible(questions, is_credited=is_credited)
    chips = _catalogue_chips(wording.brand.pk, possible)
    return _for_customer(_spoken(possible, chips, wording.voices, wording.product_kind), wording, invitation=invitation)


def wording_for(invitation: Invitation, *, language: str, affiliate_name: str = "") -> Wording:
    purchase = invitation.purchase
    product_name = purchase.product.name if purchase and purchase.product else ""
    return Wording(invitation.brand, language, product_name, purchase.kind if purchase else "", affiliate_name)


def _possible(questions: Iterable[Question], *, is_credited: bool) -> list[Question]:
    """Without those whose condition this page can never meet, and what hangs on them."""
    possible, left_out = [], set()
    for question in questions:
        condition = question.condition
        suits = "source" not in condition and condition.get("affiliate", is_credited) == is_credited
        if suits and condition.get("question") not in left_out:
            possible.append(question)
        else:
            left_out.add(question.key)
    return possible


def meets(condition: Condition, code: str) -> bool:
    """Does this answer to the question that the condition names make the other question worth asking?"""
    if "is" in condition:
        return code == condition["is"]
    if not code.removeprefix("-").isdecimal():
        return False
    return condition.get("at_least", int(code)) <= int(code) <= condition.get("at_most", int(code))


def _from_catalogues(questions: Iterable[Question]) -> Iterator[tuple[str, type[Fact] | type[Aspect]]]:
    """Keys of the questions whose chips are the brand's, and of which catalogue."""
    return ((q.key, CATALOGUES[q.key]) for q in questions if q.key in CATALOGUES and not q.options)


def _catalogue_chips(brand: int, questions: Iterable[Question]) -> dict[str, list[dict[str, Any]]]:
    wanted = dict(_from_catalogues(questions))
    chips: dict[type[Fact] | type[Aspect], list[Any]] = {}
    for catalogue in set(wanted.values()):
        chips[catalogue] = list(catalogue.objects.filter(brand=brand).values("code", "labels", "is_active"))
    return {key: chips[catalogue] for key, catalogue in wanted.items()}


def _spoken(
    questions: Sequence[Question], chips: Mapping[str, Sequence[Mapping[str, Any]]], voices: tuple[str, str], kind: str
) -> tuple[Ask, ...]:
    """The questions as everybody reads them to whom the brand speaks so: names are still to come."""
    return tuple(_ask(q, chips.get(q.key, q.options), questions, voices, kind) for q in questions)


def _ask(
    question: Question,
    options: Sequence[Mapping[str, Any]],
    others: Sequence[Question],
    voices: tuple[str, str],
    kind: str,
) -> Ask:
    opening = [q.condition for q in others if q.condition.get("question") == question.key]
    labels = {str(option["code"]): in_language(option["labels"], *voices, kind=kind) for option in options}
    if question.kind == Question.Kind.SCALE and question.low is not None and question.high is not None:
        points = [str(point) for point in range(question.low, question.high + 1)]
        labels = {code: labels.get(code, code) for code in [*points, *(c for c in labels if c not in points)]}
    withdrawn = {str(option["code"]) for option in options if not option.get("is_active", True)}
    choices = [Option(code, label, any(meets(c, code) for c in opening)) for code, label in labels.items()]
    return Ask(
        key=question.key,
        kind=question.kind,
        text=in_language(question.texts, *voices, kind=kind),
        options=tuple(choice for choice in choices if choice.code not in withdrawn),
        withdrawn=tuple(choice for choice in choices if choice.code in withdrawn),
        is_required=question.is_required,
        condition=question.condition,
    )


def _for_customer(asks: Iterable[Ask], wording: Wording, *, invitation: int | None) -> Questionnaire:
    return Questionnaire(wording, tuple(_personal(ask, wording, (invitation or 0) % ORDERS) for ask in asks))


def _personal(ask: Ask, wording: Wording, order: int) -> Ask:
    """With names in their places, and chips in an order of this customer's."""
    is_shuffled = ask.kind == Question.Kind.CHIPS
    if not (is_shuffled or ask.names_somebody):
        return ask
    options = [replace(o, label=wording.fill(o.label)) if "{" in o.label else o for o in ask.options]
    if is_shuffled:
        # No chip gains by its place; the same order in each list and each time this customer opens the page.
        random.Random(order).shuffle(options)  # noqa: S311
        options.sort(key=lambda option: option.code in LAST_CODES)
    return replace(ask, text=wording.fill(ask.text), options=tuple(options))


@dataclass(frozen=True)
class Reply:
    """One answer, read back in words."""

    key: str
    question: str
    answer: str
    is_quote: bool


def replies_in(response: Response, *, language: str) -> list[Reply]:
    """What a response says, for staff to read; four statements."""
    answers = list(response.answers.select_related("question").order_by("question__position"))
    wording = wording_for(response.invitation, language=language)
    chips = _catalogue_chips(response.brand_id, [answer.question for answer in answers])
    return [_reply(answer, chips.get(answer.question.key, answer.question.options), wording) for answer in answers]


def _reply(answer: Answer, options: Sequence[Mapping[str, Any]], wording: Wording) -> Reply:
    question, labels = answer.question, {str(option["code"]): wording.say(option["labels"]) for option in options}
    if answer.number is not None:
        label = labels.get(str(answer.number))
        words = f"{answer.number} · {label}" if label else f"{answer.number} / {question.high}"
    else:
        words = answer.text or ", ".join(labels.get(code, code) for code in answer.codes)
    return Reply(question.key, wording.say(question.texts), words, is_quote=bool(answer.text))
