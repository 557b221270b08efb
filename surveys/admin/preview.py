"""A survey as a customer would see it, from questions that need not be stored. Nothing is recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.middleware import use_language
from accounts.models import Brand
from affiliates.models import Product
from mailing.tokens import TOKEN_LENGTH
from surveys.admin.editor import Choice
from surveys.drafting import language_name
from surveys.forms import SurveyForm
from surveys.models import Question, Survey
from surveys.questionnaire import Wording, questionnaire_of

NOBODYS_TOKEN = "A" * TOKEN_LENGTH  # leads to the page for unknown links


@dataclass(frozen=True)
class Shown:
    """As whom to look: which language, what was bought, and whether an affiliate recommended it."""

    brand: Brand
    language: str
    kind: str
    is_credited: bool

    @classmethod
    def of(cls, data: Mapping[str, Any], brand: Brand) -> "Shown":
        language, kind = data.get("preview_language", ""), data.get("preview_kind", "")
        return cls(
            brand,
            language if language in brand.languages else brand.default_language,
            kind if kind in Product.Kind.values else Product.Kind.GOODS,
            data.get("preview_credited", "yes") == "yes",
        )

    @property
    def languages(self) -> list[Choice]:
        return [Choice(code, language_name(code), code == self.language) for code in self.brand.languages]

    @property
    def kinds(self) -> list[Choice]:
        return [Choice(kind.value, str(kind.label), kind == self.kind) for kind in Product.Kind]

    @property
    def credits(self) -> list[Choice]:
        labels = {"yes": _("by an affiliate"), "no": _("by nobody")}
        return [Choice(code, label, (code == "yes") == self.is_credited) for code, label in labels.items()]


def preview_context(
    request: HttpRequest, survey: Survey, questions: Sequence[Question], shown: Shown
) -> dict[str, Any]:
    """From here on the page speaks the customer's language."""
    spoken = shown.language if shown.language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
    use_language(request, survey.brand.voice(spoken))
    wording = Wording(
        survey.brand,
        shown.language,
        product_kind=shown.kind,
        affiliate_name=_("Ana (an example)") if shown.is_credited else "",
    )
    form = SurveyForm(questionnaire=questionnaire_of(questions, wording, is_credited=shown.is_credited))
    return {"brand": survey.brand, "form": form, "wording": wording, "wave": survey.wave, "token": NOBODYS_TOKEN}
