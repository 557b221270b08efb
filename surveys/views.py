"""The page behind the link in a survey mail."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse
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
from surveys.models import InvitationMail, Response
from surveys.questionnaire import Questionnaire, questionnaire_for, wording_for
from surveys.services.answering import said_in, submit_response

# The five links of the mail: ?q=1 … 5.
RATINGS = {"1", "2", "3", "4", "5"}


@dataclass(frozen=True)
class Visit:
    """Somebody has opened the link of a survey's mail."""

    token: str
    link: InvitationMail
    standing: Response | None  # what a human answered here before
    language: str
    now: datetime

    @property
    def brand(self) -> Brand:
        return self.link.invitation.brand

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


@secret_link
@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: HttpRequest, token: str) -> HttpResponse:
    """Show the survey or take an answer. Only a POST writes: programs open every link of a mail."""
    visit = visit_of(request, token)
    if visit.why_closed:
        return render_closed(request, visit)
    questionnaire = questionnaire_for(visit.link.invitation, language=visit.language)
    if request.method == "POST":
        return take_answer(request, visit, questionnaire)
    rating = request.GET.get("q", "") if request.GET.get("q") in RATINGS else ""
    if rating:
        suspicion.note_opened(token, rating, now=visit.now)
    form = SurveyForm(
        questionnaire=questionnaire, said=said_in(visit.standing) if visit.standing else None, preselected=rating
    )
    return render_form(request, visit, questionnaire, form, nonce=suspicion.make_nonce(token, now=visit.now))


def take_answer(request: HttpRequest, visit: Visit, questionnaire: Questionnaire) -> HttpResponse:
    nonce = request.POST.get("nonce", "")
    age = suspicion.form_age(visit.token, nonce, now=visit.now)
    form = SurveyForm(
        request.POST, questionnaire=questionnaire, said=said_in(visit.standing) if visit.standing else None
    )
    if age is None:
        form.add_error(None, _("This page was open for too long. Nothing you wrote is lost: press Send once more."))
        nonce = suspicion.make_nonce(visit.token, now=visit.now)
    if age is None or not form.is_valid():
        return render_form(request, visit, questionnaire, form, nonce=nonce)
    submit_response(
        visit.link.invitation,
        form.answer_data(),
        language=visit.language,
        suspicions=suspicions_about(request, visit, form, age=age),
        now=visit.now,
    )
    thanks = reverse("complaints:thanks", args=[visit.token])
    query = f"?lang={visit.language}" if visit.language != visit.link.mail.language else ""
    return HttpResponse(status=303, headers={"Location": thanks + query})


def visit_of(request: HttpRequest, token: str) -> Visit:
    """Http404 for a token that no survey's mail carries. From here on the page speaks the customer's language."""
    link = get_object_or_404(
        InvitationMail.objects.with_token(token)
        .select_related("mail", "invitation__brand", "invitation__survey")
        .select_related("invitation__purchase__customer", "invitation__purchase__product")
        .prefetch_related("invitation__survey__questions")
    )
    chosen = request.GET.get("lang", "")  # in the address: no cookie of ours is set here
    language = chosen if chosen in link.invitation.brand.languages else link.mail.language
    use_language(request, language if language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE)
    standing = Response.objects.filter(invitation=link.invitation, is_suspect=False).first()
    return Visit(token, link, standing, language, timezone.now())


def suspicions_about(request: HttpRequest, visit: Visit, form: SurveyForm, *, age: timedelta) -> list[str]:
    brand = visit.brand
    signs = {
        "too_fast": suspicion.is_too_fast(brand, age),
        "honeypot": form.is_filled_by_machine,
        "many_from_one_address": suspicion.answers_for_many(brand, client_address(request), visit.token),
        "scanner": suspicion.was_scanned(visit.token, handed_over_at=visit.link.mail.handed_over_at, now=visit.now),
        "own_device": brand.checks_own_device and is_affiliates_device(request, brand),
    }
    return [sign for sign, is_seen in signs.items() if is_seen]


def is_affiliates_device(request: HttpRequest, brand: Brand) -> bool:
    """Somebody who sells for the brand is signed in in this very browser."""
    user = request.user
    return user.is_authenticated and AffiliateMember.objects.filter(user=user, affiliate__brand=brand).exists()


def render_form(
    request: HttpRequest, visit: Visit, questionnaire: Questionnaire, form: SurveyForm, *, nonce: str
) -> HttpResponse:
    until = visit.changes_until
    context = page_context(visit) | {
        "token": visit.token,
        "form": form,
        "nonce": nonce,
        "wording": questionnaire.wording,
        "changes_until": until and timezone.localtime(until, ZoneInfo(visit.brand.timezone)),
    }
    return render(request, "surveys/answer.html", context)


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
