"""The page behind the link in a survey mail."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.middleware import use_language
from accounts.models import Brand
from accounts.secret_links import client_address, secret_link
from affiliates.models import AffiliateMember
from surveys import suspicion
from surveys.forms import SurveyForm
from surveys.links import OpenedLink, open_link
from surveys.models import InvitationMail, Response, SampleMail, Survey
from surveys.previews import questionnaire_as_for, render_end, render_preview
from surveys.questionnaire import (
    RECOMMENDED_BY,
    Questionnaire,
    questionnaire_behind,
    questionnaire_for,
    wording_for,
)
from surveys.services.answering import Said, said_in, submit_response

ALL_STEPS = "all"  # ?step=all: the questions on one page
BACK, FINISH = "back", "finish"  # what the buttons beside «go on» say


@dataclass(frozen=True)
class Visit:
    """Somebody has opened the link of a survey's mail."""

    token: str
    opened: OpenedLink
    language: str
    now: datetime

    @property
    def link(self) -> InvitationMail:
        return self.opened.link

    @property
    def standing(self) -> Response | None:
        """What a human answered here before."""
        return self.opened.standing

    @property
    def brand(self) -> Brand:
        return self.link.invitation.brand

    @cached_property
    def said(self) -> Said | None:
        return said_in(self.standing) if self.standing else None

    @property
    def goes_on_at(self) -> int | None:
        """The step at which the link goes on. Who has ended after the first answer may say more another time."""
        is_only_begun = self.said is not None and len(self.said.given) == 1
        return (self.standing and self.standing.resumes_at) or (2 if is_only_begun else None)

    @property
    def changes_until(self) -> datetime | None:
        if self.standing is None:
            return None
        return self.standing.answered_at + timedelta(days=self.brand.edit_days)

    @property
    def why_closed(self) -> str:
        """ "expired", "answered" (and the time for changes is over), or "" while the link is open."""
        if self.changes_until:
            return "answered" if self.now > self.changes_until else ""
        asked_at = self.link.mail.sent_at or self.link.mail.not_before
        return "expired" if self.now > asked_at + timedelta(days=self.brand.link_days) else ""


class NoUploads(FileUploadHandler):
    """Nothing here asks for a file: what is sent all the same is read past."""

    def new_file(self, *args: Any, **options: Any) -> None:
        raise SkipFile

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        return None

    def file_complete(self, file_size: int) -> None:
        return None


@secret_link
@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: HttpRequest, token: str) -> HttpResponse:
    """Show the survey or take an answer. Only a POST writes: programs open every link of a mail."""
    request.upload_handlers = [NoUploads(request)]
    visit = visit_of(request, token)
    if visit.why_closed:
        return render_closed(request, visit)
    questionnaire = questionnaire_behind(visit.opened, language=visit.language)
    if request.method == "POST":
        return take_answer(request, visit, questionnaire)
    rating = rating_in(request, questionnaire)
    if rating and "step" not in request.GET:
        suspicion.note_opened(token, rating, now=visit.now)
    form = SurveyForm(
        questionnaire=questionnaire,
        said=visit.said,
        preselected=rating,
        step=step_to_show(request, visit, questionnaire, rating),
    )
    return render_form(request, visit, form, nonce=suspicion.make_nonce(token, now=visit.now))


def rating_in(request: HttpRequest, questionnaire: Questionnaire) -> str:
    """The point of the first question's scale that a link of the mail stands for: ?q=1 … 5."""
    points = {option.code for option in questionnaire.first.options if option.code.isdecimal()}
    rating = request.GET.get("q", "")
    return rating if rating in points else ""


def step_to_show(request: HttpRequest, visit: Visit, questionnaire: Questionnaire, rating: str) -> int | None:
    """The one asked for, else where the customer had come to. None: all on one page, as for whoever had finished."""
    wanted, standing = request.GET.get("step", ""), visit.standing
    is_begun = standing is not None or rating != ""
    if wanted == ALL_STEPS:
        return None
    if is_begun and wanted in {str(number) for number in range(1, len(questionnaire.steps) + 1)}:
        return int(wanted)
    goes_on_at = visit.goes_on_at
    if standing is None or (rating and goes_on_at):
        return 1
    steps = questionnaire.steps_with_questions(visit.said.codes if visit.said else {})
    return next((step for step in steps if goes_on_at and step >= goes_on_at), None)


def take_answer(request: HttpRequest, visit: Visit, questionnaire: Questionnaire) -> HttpResponse:
    nonce = request.POST.get("nonce", "")
    age = suspicion.form_age(visit.token, nonce, now=visit.now)
    form = SurveyForm(
        request.POST, questionnaire=questionnaire, said=visit.said, step=step_sent(request, questionnaire)
    )
    if age is None:
        form.add_error(None, _("This page was open for too long. Nothing you wrote is lost: press Send once more."))
        nonce = suspicion.make_nonce(visit.token, now=visit.now)
    if age is None or not form.is_valid():
        if form.has_errors_elsewhere:
            form.step = None
        return render_form(request, visit, form, nonce=nonce)
    coming = step_after(request, form)
    data = form.answer_data(resumes_at=coming)
    submit_response(
        visit.link.invitation,
        data,
        language=visit.language,
        suspicions=suspicions_about(request, visit, form, age=age),
        now=visit.now,
    )
    if coming and RECOMMENDED_BY in data.given and opens_questions(visit, form):
        coming = form.step
    return go_on(visit, coming, rating=form.cleaned_data[questionnaire.first.key])


def step_sent(request: HttpRequest, questionnaire: Questionnaire) -> int | None:
    """Which step a POST comes from; none where all was on one page, or a program sends all at once."""
    steps = {str(number): number for number in range(1, len(questionnaire.steps) + 1)}
    return steps.get(request.POST.get("step", ""))


def step_after(request: HttpRequest, form: SurveyForm) -> int | None:
    """Where to go from the step that was sent; None: this was all."""
    direction = request.POST.get("go", "")
    if form.step is None or direction == FINISH:
        return None
    steps = form.questionnaire.steps_with_questions(form.answers)
    if direction == BACK:
        return max((step for step in steps if step < form.step), default=1)
    return next((step for step in steps if step > form.step), None)


def opens_questions(visit: Visit, form: SurveyForm) -> bool:
    """Does the step ask more, now that somebody is credited with the purchase?"""
    after = questionnaire_for(visit.link.invitation, language=visit.language)
    asked = {ask.key for ask in form.questionnaire.asks}
    return any(ask.key not in asked for block in after.step(form.step or 1, form.answers) for ask in block)


def go_on(visit: Visit, step: int | None, *, rating: str) -> HttpResponse:
    """To the next step or to the thanks. The rating goes along: what stands may not be what this person said."""
    page = "surveys:answer" if step else "complaints:thanks"
    query = {
        **({"step": step} if step else {}),
        **({"q": rating} if step and rating else {}),
        **({"lang": visit.language} if visit.language != visit.link.mail.language else {}),
    }
    location = reverse(page, args=[visit.token]) + (f"?{urlencode(query)}" if query else "")
    return HttpResponse(status=303, headers={"Location": location})


def visit_of(request: HttpRequest, token: str) -> Visit:
    """Http404 for a token that no survey's mail carries. From here on the page speaks the customer's language."""
    opened = open_link(token)
    if opened is None:
        raise Http404
    link = opened.link
    chosen = request.GET.get("lang", "")  # in the address: no cookie of ours is set here
    language = chosen if chosen in link.invitation.brand.languages else link.mail.language
    spoken = language if language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
    use_language(request, link.invitation.brand.voice(spoken))
    return Visit(token, opened, language, timezone.now())


def suspicions_about(request: HttpRequest, visit: Visit, form: SurveyForm, *, age: timedelta) -> list[str]:
    brand = visit.brand
    signs = {
        "too_fast": suspicion.is_too_fast(brand, age, goes_on=visit.standing is not None and form.step is not None),
        "honeypot": form.is_filled_by_machine,
        "many_from_one_address": suspicion.answers_for_many(brand, client_address(request), visit.token, now=visit.now),
        "scanner": suspicion.was_scanned(visit.token, handed_over_at=visit.link.mail.handed_over_at, now=visit.now),
        "own_device": brand.checks_own_device and is_affiliates_device(request, brand),
    }
    return [sign for sign, is_seen in signs.items() if is_seen]


def is_affiliates_device(request: HttpRequest, brand: Brand) -> bool:
    """Somebody who sells for the brand is signed in in this very browser."""
    user = request.user
    return user.is_authenticated and AffiliateMember.objects.filter(user=user, affiliate__brand=brand).exists()


def render_form(request: HttpRequest, visit: Visit, form: SurveyForm, *, nonce: str) -> HttpResponse:
    until = visit.changes_until
    context = page_context(visit) | {
        "token": visit.token,
        "form": form,
        "nonce": nonce,
        "wording": form.questionnaire.wording,
        "wave": visit.link.invitation.wave,
        "changes_until": until and timezone.localtime(until, ZoneInfo(visit.brand.timezone)),
    }
    return render(request, "surveys/step.html" if form.step else "surveys/answer.html", context)


def render_closed(request: HttpRequest, visit: Visit) -> HttpResponse:
    """A POST to a closed link is told that nothing was stored."""
    context = page_context(visit) | {"wording": wording_for(visit.link.invitation, language=visit.language)}
    return render(request, "surveys/closed.html", context, status=410 if request.method == "POST" else 200)


def page_context(visit: Visit) -> dict[str, Any]:
    brand = visit.brand
    return {
        "brand": brand,
        "contact": brand.reply_to or brand.service_sender,
        "reason": visit.why_closed,
        "other_languages": [code for code in brand.languages if code != visit.language],
    }


# --- Test mails ------------------------------------------------------------------------------------------------------
@secret_link
@require_http_methods(["GET", "HEAD", "POST"])
def preview(request: HttpRequest, token: str) -> HttpResponse:
    """Behind the links of a test mail: the page as its customer would see it, whatever is tried without recording it.

    Http404 for a token that no test mail carries, and when links are over.
    """
    sample = get_object_or_404(
        SampleMail.objects.with_token(token)
        .select_related("mail", "survey__brand", "purchase__customer", "purchase__product")
        .prefetch_related("survey__questions")
    )
    if timezone.now() > sample.created_at + timedelta(days=sample.survey.brand.link_days):
        raise Http404
    questionnaire = questionnaire_as_for(request, sample.survey, sample.purchase, language=sample.mail.language)
    if request.method == "POST":
        return go_on_in_preview(request, sample.survey, questionnaire)
    wanted = request.GET.get("step", "")
    step = next((step for step in range(1, len(questionnaire.steps) + 1) if str(step) == wanted), 1)
    form = SurveyForm(
        questionnaire=questionnaire,
        preselected=rating_in(request, questionnaire),
        step=None if wanted == ALL_STEPS else step,
    )
    return render_preview(request, sample.survey, form)


def go_on_in_preview(request: HttpRequest, survey: Survey, questionnaire: Questionnaire) -> HttpResponse:
    """From step to step, as the page itself goes."""
    form = SurveyForm(request.POST, questionnaire=questionnaire, step=step_sent(request, questionnaire))
    if not form.is_valid():
        return render_preview(request, survey, form)
    if step := step_after(request, form):
        query = urlencode({"step": step, "q": form.cleaned_data[questionnaire.first.key]})
        return HttpResponse(status=303, headers={"Location": f"{request.path}?{query}"})
    return render_end(request, survey, questionnaire)
