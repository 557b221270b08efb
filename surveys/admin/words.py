"""What the words of an answer are about, on its page: staff tick what is right, and that stands."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from accounts.admin import ReadOnlyAdmin
from accounts.models import User
from surveys.models import Answer, Aspect, Response
from surveys.questionnaire import FOR_STAFF
from surveys.services.words import BY_QUESTION, BY_SCORE, counted_unseen, set_aspects
from surveys.wording import in_language


class AspectsForm(forms.Form):
    """The aspects of one text."""

    aspects = forms.MultipleChoiceField(label=_("aspects"), required=False, widget=forms.CheckboxSelectMultiple)
    seen = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, answer: Answer, choices: list[tuple[str, str]], data: Any = None) -> None:
        self.answer = answer
        initial = {"aspects": answer.aspects, "seen": digest(answer.text)}
        super().__init__(data, initial=initial, auto_id=f"words-{answer.pk}-%s")
        self["aspects"].field.choices = choices  # type: ignore[attr-defined]

    def clean_seen(self) -> str:
        """A tick is about the words that stood beside it."""
        if self.cleaned_data["seen"] != digest(self.answer.text):
            raise ValidationError(_("The customer has changed these words. Look at them again."))
        return str(self.cleaned_data["seen"])


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Words:
    """A text of an answer, and what stands beside it. `counted` of its suggestions count without anybody's look."""

    answer: Answer
    question: str
    form: AspectsForm
    counted: list[str]

    @property
    def is_set_by_staff(self) -> bool:
        return self.answer.aspects_from == Answer.AspectsFrom.STAFF

    @property
    def may_count(self) -> bool:
        return self.answer.question.key in BY_QUESTION | BY_SCORE


class WordsAdmin(ReadOnlyAdmin):
    """A page of a response on which staff correct the aspects of its words."""

    change_form_template = "admin/surveys/response.html"

    def get_urls(self) -> list[Any]:
        standard = super().get_urls()
        view = self.admin_site.admin_view(self.aspects_view)
        ours = path("<int:object_id>/words/<int:answer_id>/", view, name="surveys_response_aspects")
        # Before the last of Django's own, which sends every address unknown to it to the change page.
        return [*standard[:-1], ours, standard[-1]]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        response = kwargs.get("obj")
        context["words"] = words_of(response) if response else []
        context["may_correct"] = response is not None and may_correct(request, response)
        return super().render_change_form(request, context, *args, **kwargs)

    @method_decorator(require_POST)
    def aspects_view(self, request: HttpRequest, object_id: int, answer_id: int) -> HttpResponse:
        response = get_object_or_404(self.get_queryset(request), pk=object_id)
        if not may_correct(request, response):
            raise PermissionDenied
        answer = get_object_or_404(response.answers.exclude(text=""), pk=answer_id)
        form = AspectsForm(answer, choices_for(response), request.POST)
        try:
            if not form.is_valid():
                raise ValidationError([error for errors in form.errors.values() for error in errors])
            if set_aspects(answer, form.cleaned_data["aspects"]):
                self.log_change(request, response, f"aspects of {answer.question.key}")
        except ValidationError as refusal:
            messages.error(request, " ".join(refusal.messages))
        else:
            messages.success(request, _("Saved: this is what these words are about."))
        return redirect(reverse("admin:surveys_response_change", args=[response.pk]) + f"#words-{answer.pk}")


def words_of(response: Response) -> list[Words]:
    answers = response.answers.exclude(text="").exclude(question__key__in=FOR_STAFF).select_related("question")
    choices, asked = choices_for(response), questions_of(response)
    labels = dict(choices)
    return [
        Words(
            answer,
            " ".join(asked[key] for key in keys_before(answer.question.key) if key in asked),
            AspectsForm(answer, choices),
            [labels[code] for code in counted_unseen(answer) if code in labels],
        )
        for answer in answers.order_by("question__position")
    ]


def keys_before(key: str) -> dict[str, None]:
    """The question that another one's words go with, and that one itself."""
    return dict.fromkeys([key.removesuffix("_text"), key])


def questions_of(response: Response) -> dict[str, str]:
    """By key, as they are worded: «in your own words» means nothing without the question before it."""
    language, fallback = get_language() or "", response.brand.default_language
    questions = response.invitation.survey.questions.all()
    return {question.key: in_language(question.texts, language, fallback) for question in questions}


def choices_for(response: Response) -> list[tuple[str, str]]:
    """What the brand uses, and what these words have had since before it was given up."""
    language, fallback = get_language() or "", response.brand.default_language
    used = {code for codes in response.answers.values_list("aspects", flat=True) for code in codes}
    aspects = [a for a in Aspect.objects.filter(brand=response.brand) if a.is_active or a.code in used]
    return [(aspect.code, in_language(aspect.labels, language, fallback) or aspect.code) for aspect in aspects]


def may_correct(request: HttpRequest, response: Response) -> bool:
    return isinstance(request.user, User) and request.user.may_write_for(response.brand)
