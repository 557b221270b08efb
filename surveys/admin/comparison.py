"""Two versions of a survey for somebody to read: each difference as a sentence with what stood and what stands."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import Brand
from affiliates.models import Product
from surveys.admin.editor import condition_in_words, numbered
from surveys.comparing import Change, Difference, compare
from surveys.drafting import language_name
from surveys.models import Question, Survey


@dataclass(frozen=True)
class Line:
    label: str
    before: str
    after: str


@dataclass(frozen=True)
class Compared:
    """One question. `state`: added, removed, changed or same."""

    title: str
    state: str
    is_comparable: bool
    lines: list[Line]


def comparison_context(before: Survey, after: Survey) -> dict[str, Any]:
    versions = [list(version.questions.order_by("position")) for version in (before, after)]
    compared = [_compared(difference, after.brand, *versions) for difference in compare(*versions)]
    return {
        "changed": [one for one in compared if one.state != "same"],
        "same": [one for one in compared if one.state == "same"],
        "title": _("What differs"),
        "is_mail_same": before.mail_texts == after.mail_texts,
    }


def _compared(difference: Difference, brand: Brand, before: list[Question], after: list[Question]) -> Compared:
    place = after if difference.after else before
    lines = [_line(change, difference, brand, before, after) for change in difference.changes]
    return Compared(numbered(difference.question, place, brand), _state_of(difference), difference.is_comparable, lines)


def _state_of(difference: Difference) -> str:
    if difference.before is None:
        return "added"
    if difference.after is None:
        return "removed"
    return "same" if difference.is_comparable and not difference.changes else "changed"


def _line(change: Change, difference: Difference, brand: Brand, before: list[Question], after: list[Question]) -> Line:
    if change.name == "condition" and difference.before and difference.after:
        always = _("Always asked.")
        return Line(
            _("When it is asked"),
            condition_in_words(difference.before, before, brand) or always,
            condition_in_words(difference.after, after, brand) or always,
        )
    if change.name == "place":
        return Line(_("Its place"), change.before, change.after)
    label = _("Wording") if change.name == "text" else _("An answer")
    return Line(f"{label} · {form_in_words(change.form)}", change.before or "—", change.after or "—")


def form_in_words(form: str) -> str:
    """Such as: Spanish · goods."""
    language, _dot, kind = form.partition(".")
    kind_label = str(Product.Kind(kind).label) if kind in Product.Kind.values else kind
    return " · ".join(filter(None, [language_name(language), kind_label]))
