"""The survey as a form: fields made from the questions, what was typed cleaned, nothing judged."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.forms.boundfield import BoundField
from django.utils.translation import gettext_lazy as _

from surveys.models import Question
from surveys.questionnaire import Ask, Questionnaire
from surveys.services.answering import LONGEST_TEXT, AnswerData, Given, Said, without_controls

CONTACT = "contact"


class WordsField(forms.CharField):
    """Free text, whole: no cut at a limit in the browser, no refusal because of a character that nobody sees."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}), **options)

    def to_python(self, value: Any) -> str:
        return super().to_python(without_controls(value or "")) or ""

    def validate(self, value: str) -> None:
        if len(value) > LONGEST_TEXT:
            raise forms.ValidationError(
                _("There is room for %(room)s characters here and this has %(length)s. Please shorten it a little."),
                code="too_long",
                params={"room": LONGEST_TEXT, "length": len(value)},
            )


class OpeningChoices(forms.RadioSelect):
    """Radio buttons of which some open another question (static/css/survey.css shows it)."""

    def __init__(self, opening: frozenset[str], **options: Any) -> None:
        super().__init__(**options)
        self.opening = opening

    def create_option(self, name: str, value: Any, *args: Any, **options: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **options)
        if str(value) in self.opening:
            option["attrs"]["class"] = "opens"
        return option


@dataclass(frozen=True)
class Asked:
    """A question on the page: how it is worded and its field."""

    ask: Ask
    field: BoundField


@dataclass(frozen=True)
class AskedBlock:
    number: int | None  # its place among the questions proper; whether to be contacted is none
    lead: Asked
    rest: Sequence[Asked]
    removal: BoundField | None  # where something private was stored that may be taken back


class SurveyForm(forms.Form):
    """Field names are the questions' keys, as the contract has them.

    With what a human answered before, `said`, it is an edit: scales show it, words and chips are not shown again.
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
    ) -> None:
        super().__init__(data, initial=initial_for(questionnaire, said, preselected), label_suffix="")
        self._blocks, wording = questionnaire.blocks, questionnaire.wording
        for block in self._blocks:
            for ask in block:
                self.fields[ask.key] = field_for(ask)
            if said and any(ask.key in said.given and ask.is_kept_private for ask in block):
                self.fields[f"remove_{block[0].key}"] = forms.BooleanField(
                    required=False, label=_("Delete what I wrote or ticked here before")
                )
        # Translators: %(affiliate)s is a name, or “whoever recommended the brand to you”.
        self.fields["hide_comment"] = forms.BooleanField(
            required=False, label=_("Do not show my comment to %(affiliate)s") % {"affiliate": wording.affiliate}
        )
        self.fields["publish"] = forms.BooleanField(
            required=False,
            label=_("%(brand)s may publish my comment as a review, without my name") % {"brand": wording.brand_name},
        )

    @property
    def blocks(self) -> list[AskedBlock]:
        numbers = itertools.count(1)
        return [
            AskedBlock(
                number=None if block[0].key == CONTACT else next(numbers),
                lead=Asked(block[0], self[block[0].key]),
                rest=[Asked(ask, self[ask.key]) for ask in block[1:]],
                removal=self[name] if (name := f"remove_{block[0].key}") in self.fields else None,
            )
            for block in self._blocks
        ]

    @property
    def question_count(self) -> int:
        return sum(block[0].key != CONTACT for block in self._blocks)

    @property
    def has_field_errors(self) -> bool:
        return bool(self.errors.keys() - {NON_FIELD_ERRORS})

    @property
    def is_filled_by_machine(self) -> bool:
        return bool(self.cleaned_data.get("website"))

    def answer_data(self) -> AnswerData:
        """What was answered. Only after `is_valid()`."""
        asks = [ask for block in self._blocks for ask in block]
        return AnswerData(
            given={ask.key: given_to(ask, value) for ask in asks if (value := self.cleaned_data[ask.key])},
            removed=frozenset(
                ask.key
                for block in self._blocks
                if self.cleaned_data.get(f"remove_{block[0].key}")
                for ask in block
                if ask.is_kept_private
            ),
            hides_comment=self._consent("hide_comment"),
            publishes=self._consent("publish"),
        )

    def _consent(self, name: str) -> bool | None:
        """A ticked box counts; an empty one only where the page showed how it stood."""
        ticked: bool = self.cleaned_data[name]
        return True if ticked else (False if self.cleaned_data["consents_shown"] else None)


def initial_for(questionnaire: Questionnaire, said: Said | None, preselected: str) -> dict[str, Any]:
    initial: dict[str, Any] = {"consents_shown": said is not None}
    if said:
        asks = (ask for block in questionnaire.blocks for ask in block if not ask.is_kept_private)
        initial |= {ask.key: said.given[ask.key].code for ask in asks if ask.key in said.given}
        initial |= {"hide_comment": said.hides_comment, "publish": said.publishes}
    return initial | ({"csat": preselected} if preselected else {})


def field_for(ask: Ask) -> forms.Field:
    choices = [(option.code, option.label if ask.has_words else option.code) for option in ask.options]
    if ask.kind == Question.Kind.TEXT:
        return WordsField(label=ask.text)
    if ask.kind == Question.Kind.CHIPS:
        return forms.MultipleChoiceField(
            label=ask.text, choices=choices, required=False, widget=forms.CheckboxSelectMultiple
        )
    opening = frozenset(option.code for option in ask.options if option.opens_more)
    return forms.ChoiceField(
        label=ask.text,
        choices=choices,
        required=ask.is_required,
        widget=OpeningChoices(opening),
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
