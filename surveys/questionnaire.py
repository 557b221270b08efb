"""A survey as one customer is asked it: in their language, about their purchase, in blocks of what belongs together."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import Brand
from affiliates.models import Attribution
from surveys.models import Answer, Aspect, Fact, Invitation, Question, Response
from surveys.wording import fill, in_language

Condition = Mapping[str, Any]

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
    is_required: bool = False
    is_conditional: bool = False

    @property
    def has_words(self) -> bool:
        """Every point has words: one row each. Otherwise a row of numbers with words at its ends."""
        return all(option.label != option.code for option in self.options)

    @property
    def ends(self) -> tuple[str, str]:
        """What the lowest and the highest number mean."""
        numbers = [option for option in self.options if option.code.removeprefix("-").isdecimal()]
        return f"{numbers[0].code} · {numbers[0].label}", f"{numbers[-1].code} · {numbers[-1].label}"

    @property
    def is_kept_private(self) -> bool:
        """What the page never shows again: a forwarded mail must not tell what somebody wrote."""
        return self.kind in (Question.Kind.TEXT, Question.Kind.CHIPS)


Block = tuple[Ask, ...]


@dataclass(frozen=True)
class Wording:
    """In which language to speak, and what a text may name."""

    brand: Brand
    language: str
    product_name: str = ""
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

    def say(self, texts: Mapping[str, str]) -> str:
        text = in_language(texts, self.language, self.brand.default_language)
        return fill(text, brand=self.brand_name, product=self.purchase, affiliate=self.affiliate)


@dataclass(frozen=True)
class Questionnaire:
    wording: Wording
    blocks: tuple[Block, ...]


def questionnaire_for(invitation: Invitation, *, language: str) -> Questionnaire:
    """What to ask at this invitation. The number of statements does not depend on the number of questions."""
    credited = Attribution.objects.current().filter(purchase=invitation.purchase_id).select_related("affiliate").first()
    affiliate = credited.affiliate if credited else None
    pointless = {"source"} if affiliate else {"source", "affiliate"}  # conditions that this page can never meet
    questions = [q for q in invitation.survey.questions.all() if not pointless & q.condition.keys()]
    chips = _catalogue_chips(invitation.brand, questions)
    wording = wording_for(invitation, language=language, affiliate_name=affiliate.public_name if affiliate else "")
    asks = [_ask(q, chips.get(q.key, q.options), questions, wording, seed=str(invitation.pk)) for q in questions]
    return Questionnaire(wording, _in_blocks(questions, asks))


def wording_for(invitation: Invitation, *, language: str, affiliate_name: str = "") -> Wording:
    product = invitation.purchase.product if invitation.purchase else None
    return Wording(invitation.brand, language, product.name if product else "", affiliate_name)


def meets(condition: Condition, code: str) -> bool:
    """Does this answer to the question that the condition names make the other question worth asking?"""
    if "is" in condition:
        return code == condition["is"]
    if not code.removeprefix("-").isdecimal():
        return False
    return condition.get("at_least", int(code)) <= int(code) <= condition.get("at_most", int(code))


def _catalogue_chips(
    brand: Brand, questions: Iterable[Question], *, only_active: bool = True
) -> dict[str, list[dict[str, Any]]]:
    wanted = {q.key: CATALOGUES[q.key] for q in questions if q.key in CATALOGUES and not q.options}
    chips = {}
    for catalogue in set(wanted.values()):
        rows = catalogue.objects.filter(brand=brand, **({"is_active": True} if only_active else {}))
        chips[catalogue] = [{"code": row.code, "labels": row.labels} for row in rows]
    return {key: chips[catalogue] for key, catalogue in wanted.items()}


def _ask(
    question: Question, options: Sequence[Mapping[str, Any]], others: Sequence[Question], wording: Wording, *, seed: str
) -> Ask:
    opening = [q.condition for q in others if q.condition.get("question") == question.key]
    labels = {str(option["code"]): wording.say(option["labels"]) for option in options}
    if question.kind == Question.Kind.SCALE and question.low is not None and question.high is not None:
        points = [str(point) for point in range(question.low, question.high + 1)]
        labels = {code: labels.get(code, code) for code in [*points, *(c for c in labels if c not in points)]}
    codes = list(labels)
    if question.kind == Question.Kind.CHIPS:
        # No chip gains by its place; the same order in each list and each time this customer opens the page.
        random.Random(seed).shuffle(codes)  # noqa: S311
        codes.sort(key=LAST_CODES.__contains__)
    return Ask(
        key=question.key,
        kind=question.kind,
        text=wording.say(question.texts),
        options=tuple(Option(code, labels[code], any(meets(c, code) for c in opening)) for code in codes),
        is_required=question.is_required,
        is_conditional="question" in question.condition,
    )


def _in_blocks(questions: Sequence[Question], asks: Sequence[Ask]) -> tuple[Block, ...]:
    """A question stands with the one that it depends on, and `keep_text` with `keep`; every other begins a block."""
    blocks: dict[str, list[Ask]] = {}
    home: dict[str, str] = {}
    for question, ask in zip(questions, asks, strict=True):
        leader = question.condition.get("question") or ask.key.rpartition("_")[0]
        home[ask.key] = home.get(leader, ask.key)
        blocks.setdefault(home[ask.key], []).append(ask)
    return tuple(tuple(block) for block in blocks.values())


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
    chips = _catalogue_chips(response.brand, [answer.question for answer in answers], only_active=False)
    return [_reply(answer, chips.get(answer.question.key, answer.question.options), wording) for answer in answers]


def _reply(answer: Answer, options: Sequence[Mapping[str, Any]], wording: Wording) -> Reply:
    question, labels = answer.question, {str(option["code"]): wording.say(option["labels"]) for option in options}
    if answer.number is not None:
        label = labels.get(str(answer.number))
        words = f"{answer.number} · {label}" if label else f"{answer.number} / {question.high}"
    else:
        words = answer.text or ", ".join(labels.get(code, code) for code in answer.codes)
    return Reply(question.key, wording.say(question.texts), words, is_quote=bool(answer.text))
