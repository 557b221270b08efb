"""The survey as a form: fields made from the questions, what was typed cleaned, nothing judged."""

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.forms.boundfield import BoundField
from django.forms.utils import ErrorList
from django.template.loader import render_to_string
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from surveys.models import Question
from surveys.questionnaire import CONTACT, Ask, Block, Questionnaire
from surveys.services.answering import LONGEST_TEXT, AnswerData, Given, Said, without_controls

CONSENTS = ("hide_comment", "publish")
Place = tuple[int, int] | None  # of a question on a page of all of them: its number, and how many there are


class WordsField(forms.CharField):
    """Free text, whole: no cut at a limit in the browser, no refusal because of a character that nobody sees."""

    widget = forms.Textarea

    def to_python(self, value: Any) -> str:
        return super().to_python(without_controls(value or "")) or ""

    def validate(self, value: str) -> None:
        if len(value) > LONGEST_TEXT:
            raise forms.ValidationError(
                _("There is room for %(room)s characters here and this has %(length)s. Please shorten it a little."),
                code="too_long",
                params={"room": LONGEST_TEXT, "length": len(value)},
            )


class ChipsField(forms.MultipleChoiceField):
    """Several of several; also what was offered when the page was opened and is not any more."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, *, withdrawn: Collection[str] = (), **options: Any) -> None:
        super().__init__(**options)
        self.withdrawn = withdrawn

    def valid_value(self, value: Any) -> bool:
        return value in self.withdrawn or super().valid_value(value)


@dataclass(frozen=True)
class Choice:
    """An option on the page."""

    id: str
    code: str
    label: str
    opens_more: bool
    is_chosen: bool


@dataclass(frozen=True)
class Asked:
    """A question on the page: how it is worded, what is chosen or written, and what is wrong with it."""

    ask: Ask
    is_required: bool
    chosen: frozenset[str] = frozenset()
    text: str = ""
    errors: ErrorList | str = ""

    @property
    def choices(self) -> list[Choice]:
        return [
            Choice(f"id_{self.ask.key}_{place}", each.code, each.label, each.opens_more, each.code in self.chosen)
            for place, each in enumerate(self.ask.options)
        ]

    @property
    def is_untouched(self) -> bool:
        return not (self.chosen or self.text or self.errors)

    @cached_property
    def attributes(self) -> SafeString:
        """What all its inputs have in common."""
        return format_html(
            ' name="{}"{}{}',
            self.ask.key,
            mark_safe(" required") if self.is_required else "",
            mark_safe(' aria-invalid="true"') if self.errors else "",
        )

    def render(self, place: Place, *, is_dependent: bool) -> SafeString:
        number, total = place or (None, None)
        context = {"asked": self, "number": number, "total": total, "is_dependent": is_dependent}
        return render_to_string("surveys/_question.html", context)


@lru_cache(maxsize=2000)
def render_untouched(ask: Ask, place: Place, *, is_required: bool, is_dependent: bool, _language: str) -> SafeString:
    """The question before anybody has answered it, which is the same for many: most of a page is."""
    return Asked(ask, is_required).render(place, is_dependent=is_dependent)


@dataclass(frozen=True)
class Consent:
    name: str
    label: str
    is_given: bool


@dataclass(frozen=True)
class AskedBlock:
    place: Place  # whether to be contacted has none
    lead: Asked
    rest: Sequence[Asked]
    removal: BoundField | None  # where something private was stored that may be taken back

    @property
    def questions(self) -> Iterator[tuple[Asked, Place, bool]]:
        """With the place of each and whether an answer on this page opens it."""
        yield self.lead, self.place, False
        for asked in self.rest:
            yield asked, None, asked.ask.is_conditional

    @property
    def html(self) -> SafeString:
        language = get_language() or ""
        return SafeString(
            "".join(
                render_untouched(
                    asked.ask, place, is_required=asked.is_required, is_dependent=is_dependent, _language=language
                )
                if asked.is_untouched
                else asked.render(place, is_dependent=is_dependent)
                for asked, place, is_dependent in self.questions
            )
        )


class SurveyForm(forms.Form):
    """Field names are the questions' keys, as the contract has them. It takes all of them, whatever it shows.

    `step`: show this one, counted from 1; None: all on one page. With what a human answered before, `said`, scales show
    it, words and chips are not shown again, and what is left empty stays as it is.
    """

    # Nobody sees it, so only a machine fills it in.
    website = forms.CharField(required=False)
    # Says that the boxes were shown as they stand, so that an empty one takes its consent back.
    consents_shown = forms.BooleanField(required=False, widget=forms.HiddenInput)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        questionnaire: Questionnaire,
        said: Said | None = None,
        preselected: str = "",
        step: int | None = None,
    ) -> None:
        is_rated = said is not None and questionnaire.first.key in said.given
        if is_rated and step and step > 1:
            preselected = ""  # only the first question is answered by a link
        super().__init__(data, initial=initial_for(questionnaire, said, preselected), label_suffix="")
        self.questionnaire, self.said, self.step = questionnaire, said, step
        for ask in questionnaire.asks:
            self.fields[ask.key] = field_for(ask, is_answered=said is not None and ask.key in said.given)
        for block in self._shown:
            if name := self._removal(block):
                self.fields[name] = forms.BooleanField(
                    required=False, label=_("Delete what I wrote or ticked here before")
                )
        wording = questionnaire.wording
        # Translators: %(affiliate)s is a name, or “whoever recommended the brand to you”.
        self.fields["hide_comment"] = forms.BooleanField(
            required=False, label=_("Do not show my comment to %(affiliate)s") % {"affiliate": wording.affiliate}
        )
        self.fields["publish"] = forms.BooleanField(
            required=False,
            label=_("%(brand)s may publish my comment as a review, without my name") % {"brand": wording.brand_name},
        )

    @cached_property
    def answers(self) -> dict[str, str]:
        """Codes by question: what was said before, and what this form says."""
        before = self.said.codes if self.said else {}
        now = {ask.key: self[ask.key].value() for ask in self.questionnaire.asks if not ask.is_kept_private}
        return before | {key: str(code) for key, code in now.items() if code}

    @property
    def _shown(self) -> Iterable[Block]:
        return self.questionnaire.blocks if self.step is None else self.questionnaire.step(self.step, self.answers)

    @property
    def blocks(self) -> list[AskedBlock]:
        """What the page asks."""
        numbers, total = itertools.count(1), self.question_count
        return [
            self._asked(block, None if self.step or block[0].key == CONTACT else (next(numbers), total))
            for block in self._shown
        ]

    @property
    def steps(self) -> list[list[AskedBlock]]:
        """All that may be asked, step by step."""
        return [[self._asked(block, None) for block in step] for step in self.questionnaire.steps]

    def _asked(self, block: Block, place: Place) -> AskedBlock:
        name = self._removal(block)
        return AskedBlock(
            place=place,
            lead=self._ask(block[0]),
            rest=[self._ask(ask) for ask in block[1:]],
            removal=self[name] if name in self.fields else None,
        )

    def _ask(self, ask: Ask) -> Asked:
        field = self[ask.key]
        value = field.value() or ""
        chosen = value if isinstance(value, list) else [value] if value and ask.kind != Question.Kind.TEXT else []
        return Asked(
            ask,
            is_required=field.field.required,
            chosen=frozenset(map(str, chosen)),
            text=str(value) if ask.kind == Question.Kind.TEXT else "",
            errors=field.errors if self.is_bound else "",
        )

    @property
    def consents(self) -> list[Consent]:
        fields = [self[name] for name in CONSENTS]
        return [Consent(field.name, str(field.label), bool(field.value())) for field in fields]

    def _removal(self, block: Block) -> str:
        """The name of the box that takes back what a block keeps private; none where nothing is stored."""
        private = [ask.key for ask in block if ask.is_kept_private]
        stored = self.said.given.keys() if self.said else ()
        return f"remove_{private[0]}" if any(key in stored for key in private) else ""

    @property
    def question_count(self) -> int:
        return sum(block[0].key != CONTACT for block in self.questionnaire.blocks)

    @property
    def place(self) -> tuple[int, int]:
        """Which of how many steps this one is, without those that ask this customer nothing."""
        steps = self.questionnaire.steps_with_questions(self.answers)
        return sum(step <= (self.step or 1) for step in steps), len(steps)

    @property
    def is_last(self) -> bool:
        number, total = self.place
        return number == total

    @property
    def carried(self) -> BoundField | None:
        """The first answer, where a later step has to bring it along because nothing stands yet that a human said."""
        key = self.questionnaire.first.key
        is_stored = self.said is not None and key in self.said.given
        return self[key] if self.step and self.step > 1 and self[key].value() and not is_stored else None

    @property
    def asks_for_comments(self) -> bool:
        return any(ask.is_comment for block in self._shown for ask in block)

    @property
    def has_field_errors(self) -> bool:
        return bool(self.errors.keys() - {NON_FIELD_ERRORS})

    @property
    def has_errors_elsewhere(self) -> bool:
        """Something is wrong with a field that the step does not show."""
        shown = {ask.key for block in self._shown for ask in block}
        return bool(self.errors.keys() - shown - {NON_FIELD_ERRORS})

    @property
    def is_filled_by_machine(self) -> bool:
        return bool(self.cleaned_data.get("website"))

    def answer_data(self, *, resumes_at: int | None) -> AnswerData:
        """What was answered. Only after `is_valid()`."""
        asks = self.questionnaire.asks
        return AnswerData(
            given={ask.key: given_to(ask, value) for ask in asks if (value := self.cleaned_data[ask.key])},
            removed=frozenset(
                ask.key
                for block in self._shown
                if self.cleaned_data.get(self._removal(block))
                for ask in block
                if ask.is_kept_private
            ),
            hides_comment=self._consent("hide_comment"),
            publishes=self._consent("publish"),
            publish_wording=str(self["publish"].label),
            resumes_at=resumes_at,
        )

    def _consent(self, name: str) -> bool | None:
        """A ticked box counts; an empty one only where the page showed how it stood."""
        ticked: bool = self.cleaned_data[name]
        return True if ticked else (False if self.cleaned_data["consents_shown"] else None)


def initial_for(questionnaire: Questionnaire, said: Said | None, preselected: str) -> dict[str, Any]:
    initial: dict[str, Any] = {"consents_shown": said is not None}
    if said:
        asks = (ask for ask in questionnaire.asks if not ask.is_kept_private)
        initial |= {ask.key: said.given[ask.key].code for ask in asks if ask.key in said.given}
        initial |= {"hide_comment": said.hides_comment, "publish": said.publishes}
    return initial | ({questionnaire.first.key: preselected} if preselected else {})


def field_for(ask: Ask, *, is_answered: bool = False) -> forms.Field:
    choices = [(option.code, option.label if ask.has_words else option.code) for option in ask.options]
    if ask.kind == Question.Kind.TEXT:
        return WordsField(label=ask.text, required=False)
    if ask.kind == Question.Kind.CHIPS:
        return ChipsField(
            label=ask.text, choices=choices, required=False, withdrawn={option.code for option in ask.withdrawn}
        )
    return forms.ChoiceField(
        label=ask.text,
        choices=choices,
        required=ask.is_required and not is_answered,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose one of these; everything else is optional.")},
    )


def given_to(ask: Ask, value: Any) -> Given:
    if ask.kind == Question.Kind.TEXT:
        return Given(text=value)
    if ask.kind == Question.Kind.CHIPS:
        return Given(codes=tuple(sorted(value)))
    if ask.kind == Question.Kind.SCALE and value.removeprefix("-").isdecimal():
        return Given(number=int(value))
    return Given(codes=(value,))
