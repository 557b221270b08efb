"""What differs between two versions of a survey, and whether answers to both may be read together. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from surveys.models import Question


@dataclass(frozen=True)
class Change:
    """One text or one option, before and after; empty: it was not there."""

    name: str  # "text", "option", "condition" or "place"
    form: str  # the language and kind of product of a text
    before: str
    after: str


@dataclass(frozen=True)
class Difference:
    """A question of either version. `is_comparable`: its key, kind and scale are the same, so its answers add up."""

    key: str
    before: Question | None
    after: Question | None
    changes: Sequence[Change]
    is_comparable: bool

    @property
    def question(self) -> Question:
        question = self.after or self.before
        assert question is not None  # it is in one of the two
        return question


def compare(before: Sequence[Question], after: Sequence[Question]) -> list[Difference]:
    """The questions in the order of `after`, then those that are gone."""
    old, new = ({question.key: question for question in version} for version in (before, after))
    keys = [*new, *(key for key in old if key not in new)]
    shared = [key for key in old if key in new], [key for key in new if key in old]
    moved = {key for key, other in zip(*shared, strict=True) if key != other}
    return [_difference(key, old.get(key), new.get(key), has_moved=key in moved) for key in keys]


def _difference(key: str, before: Question | None, after: Question | None, *, has_moved: bool) -> Difference:
    if before is None or after is None:
        return Difference(key, before, after, [], is_comparable=False)
    changes = [Change("text", *texts) for texts in _texts_changed(before.texts, after.texts)]
    old, new = (_labels(question) for question in (before, after))
    for code in {**old, **new}:
        changes += [Change("option", *texts) for texts in _texts_changed(old.get(code, {}), new.get(code, {}))]
    if before.condition != after.condition:
        changes.append(Change("condition", "", "", ""))
    if has_moved:
        changes.append(Change("place", "", str(before.position + 1), str(after.position + 1)))
    scale = [(question.kind, question.low, question.high) for question in (before, after)]
    return Difference(key, before, after, changes, is_comparable=scale[0] == scale[1])


def _labels(question: Question) -> dict[str, Mapping[str, str]]:
    return {str(option["code"]): option["labels"] for option in question.options}


def _texts_changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    forms = {**before, **after}
    return [
        (form, before.get(form, ""), after.get(form, ""))
        for form in forms
        if before.get(form, "") != after.get(form, "")
    ]
