"""The survey's page as the customer of a purchase would see it, for views and admin. Nothing is recorded."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.middleware import use_language
from affiliates.models import Purchase
from mailing.tokens import TOKEN_LENGTH
from surveys.forms import SurveyForm
from surveys.models import Invitation, Survey
from surveys.questionnaire import Questionnaire, questionnaire_for

# What the links of a preview carry: they lead to the page for unknown ones.
NOBODYS_TOKEN = "A" * TOKEN_LENGTH


def questionnaire_as_for(request: HttpRequest, survey: Survey, purchase: Purchase, *, language: str) -> Questionnaire:
    """From here on the page speaks the customer's language."""
    spoken = language if language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
    use_language(request, survey.brand.voice(spoken))
    invitation = Invitation(brand=survey.brand, survey=survey, wave=survey.wave, purchase=purchase)
    return questionnaire_for(invitation, language=language)


def render_preview(request: HttpRequest, survey: Survey, form: SurveyForm) -> HttpResponse:
    context = context_of(survey, form.questionnaire) | {"form": form}
    return render(request, "surveys/step.html" if form.step else "surveys/answer.html", context)


def render_end(request: HttpRequest, survey: Survey, questionnaire: Questionnaire) -> HttpResponse:
    """Where a customer would be thanked."""
    return render(request, "surveys/preview_end.html", context_of(survey, questionnaire))


def context_of(survey: Survey, questionnaire: Questionnaire) -> dict[str, object]:
    return {
        "brand": survey.brand,
        "token": NOBODYS_TOKEN,
        "wording": questionnaire.wording,
        "wave": survey.wave,
        "contact": survey.brand.reply_to or survey.brand.service_sender,
        "is_preview": True,
    }
