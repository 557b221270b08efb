"""The survey's page as the customer of a purchase would see it. Whatever is tried here, nothing is recorded."""

from datetime import timedelta
from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.middleware import use_language
from accounts.secret_links import secret_link
from affiliates.models import Purchase
from mailing.tokens import TOKEN_LENGTH
from surveys.forms import SurveyForm
from surveys.models import Invitation, SampleMail, Survey
from surveys.questionnaire import Questionnaire, questionnaire_for
from surveys.views import ALL_STEPS, rating_in, step_after, step_sent

# What the links of a preview carry: they lead to the page for unknown ones.
NOBODYS_TOKEN = "A" * TOKEN_LENGTH


@secret_link
@require_http_methods(["GET", "HEAD", "POST"])
def preview(request: HttpRequest, token: str) -> HttpResponse:
    """Behind the links of a test mail. Http404 for a token that no test mail carries, and when links are over."""
    sample = get_object_or_404(
        SampleMail.objects.with_token(token)
        .select_related("mail", "survey__brand", "purchase__customer", "purchase__product")
        .prefetch_related("survey__questions")
    )
    if timezone.now() > sample.created_at + timedelta(days=sample.survey.brand.link_days):
        raise Http404
    questionnaire = questionnaire_as_for(request, sample.survey, sample.purchase, language=sample.mail.language)
    if request.method == "POST":
        return go_on(request, sample.survey, questionnaire)
    return render_preview(request, sample.survey, questionnaire, step=step_wanted(request, questionnaire))


def go_on(request: HttpRequest, survey: Survey, questionnaire: Questionnaire) -> HttpResponse:
    """As the page itself goes from step to step, but for the saving."""
    form = SurveyForm(request.POST, questionnaire=questionnaire, step=step_sent(request, questionnaire))
    if not form.is_valid():
        return render_preview(request, survey, questionnaire, step=form.step, form=form)
    if step := step_after(request, form):
        query = urlencode({"step": step, "q": form.cleaned_data[questionnaire.first.key]})
        return HttpResponse(status=303, headers={"Location": f"{request.path}?{query}"})
    return render(request, "surveys/preview_end.html", context_of(survey, questionnaire))


def questionnaire_as_for(request: HttpRequest, survey: Survey, purchase: Purchase, *, language: str) -> Questionnaire:
    """From here on the page speaks the customer's language."""
    spoken = language if language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
    use_language(request, survey.brand.voice(spoken))
    invitation = Invitation(brand=survey.brand, survey=survey, wave=survey.wave, purchase=purchase)
    return questionnaire_for(invitation, language=language)


def render_preview(
    request: HttpRequest,
    survey: Survey,
    questionnaire: Questionnaire,
    *,
    step: int | None,
    form: SurveyForm | None = None,
) -> HttpResponse:
    rating = rating_in(request, questionnaire)
    shown = form or SurveyForm(questionnaire=questionnaire, preselected=rating, step=step)
    context = context_of(survey, questionnaire) | {"form": shown}
    return render(request, "surveys/step.html" if shown.step else "surveys/answer.html", context)


def step_wanted(request: HttpRequest, questionnaire: Questionnaire) -> int | None:
    wanted = request.GET.get("step", "")
    if wanted == ALL_STEPS:
        return None
    return next((step for step in range(1, len(questionnaire.steps) + 1) if str(step) == wanted), 1)


def context_of(survey: Survey, questionnaire: Questionnaire) -> dict[str, object]:
    return {
        "brand": survey.brand,
        "token": NOBODYS_TOKEN,
        "wording": questionnaire.wording,
        "wave": survey.wave,
        "contact": survey.brand.reply_to or survey.brand.service_sender,
        "is_preview": True,
    }
