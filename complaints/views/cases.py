"""Thanks, a way to say that something is wrong, and a customer's own case."""

from datetime import datetime
from typing import TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.middleware import use_language
from accounts.models import Brand
from accounts.secret_links import secret_link
from accounts.throttling import Counter, Limit, household
from affiliates.models import Product
from complaints.forms import MessageForm, ReportForm
from complaints.models import Complaint
from complaints.selectors import case_for, file_of, thread_of
from complaints.selectors.guides import Found, guides_about, guides_of, has_guides
from complaints.services import Problem, customer_wrote, open_complaint, report_on_case
from complaints.services.customers import is_over
from complaints.services.ending import case_of_occasion
from complaints.services.guides import note_question
from complaints.serving import as_download
from complaints.wording import moment_in_words
from mailing.rendering import name_of
from surveys.models import Invitation, Response, Wave
from surveys.views import Visit, page_context, visit_of

FLOOD_WINDOW = 600  # seconds
Sent = TypeVar("Sent", ReportForm, MessageForm)


@secret_link
@require_safe
def thanks(request: HttpRequest, token: str) -> HttpResponse:
    """The same for whoever is happy and whoever is not: what happens now, and the same links with the same weight."""
    visit = visit_of(request, token)
    changes_until = visit.changes_until
    context = survey_context(visit) | {
        "is_answered": Response.objects.filter(invitation=visit.link.invitation).exists(),
        "changes_until": changes_until if changes_until and visit.now <= changes_until else None,
        "goes_on": visit.goes_on_at is not None,
        "case": open_case(visit.link.invitation),
        "guides": guides_of_purchase(visit),
        "recommendation_code": recommendation_code(visit),
        "base_url": settings.BASE_URL,
    }
    return render(request, "complaints/thanks.html", context)


@secret_link
@require_http_methods(["GET", "HEAD", "POST"])
def report(request: HttpRequest, token: str) -> HttpResponse:
    """Something is wrong with a purchase: open as long as there is a law to claim by, whatever became of its survey.

    Once answers are kept without their purchase nobody could be answered from here: then it says whom to write to.
    """
    visit = visit_of(request, token)
    if visit.link.invitation.wave != Wave.CLOSING and visit.link.invitation.purchase is None:
        return render(request, "complaints/unlinked.html", survey_context(visit))
    form = sent_form(ReportForm, request, visit.brand, token)
    answers = guides_for(visit, form) if form.is_valid() else []
    if form.is_valid() and not answers:
        try:
            tell(visit, form)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            return see_other("complaints:reported", token)
    context = {"form": form, "answers": answers, "guides": guides_of_purchase(visit)}
    return render(request, "complaints/report.html", survey_context(visit) | context, status=status_of(form))


@secret_link
@require_safe
def reported(request: HttpRequest, token: str) -> HttpResponse:
    """Received, and under which number. Its words stay behind the link in the customer's own mail."""
    visit = visit_of(request, token)
    found = open_case(visit.link.invitation)
    if found is None:
        raise Http404
    return render(request, "complaints/reported.html", survey_context(visit) | due_context(found, visit.now))


@secret_link
@require_http_methods(["GET", "HEAD", "POST"])
def case(request: HttpRequest, token: str) -> HttpResponse:
    """A customer's own case: where it stands, what was said, and room to say more."""
    complaint = case_for(token)
    if complaint is None:
        raise Http404
    language = complaint.mail_language
    spoken = language if language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
    use_language(request, complaint.brand.voice(spoken))
    now = timezone.now()
    form = sent_form(MessageForm, request, complaint.brand, token)
    if form.is_valid():
        given = form.cleaned_data
        try:
            told = customer_wrote(complaint, text=given["text"], files=given["enclosed"], now=now)
        except ValidationError as refusal:
            form.add_error("text", refusal)
        else:
            # What was said may belong to a later case of the same purchase; then that one is shown.
            return see_other("complaints:case", token if told == complaint else told.token)
    context = due_context(complaint, now) | {
        "brand": complaint.brand,
        "contact": contact_of(complaint.brand),
        "brand_name": name_of(complaint.brand),
        "has_guides": has_guides(complaint.brand),
        "thread": thread_of(complaint),
        "is_over": is_over(complaint, now=now),
        "form": form,
        "token": token,
    }
    with timezone.override(ZoneInfo(complaint.brand.timezone)):
        return render(request, "complaints/case.html", context, status=status_of(form))


@secret_link
@require_safe
def case_file(request: HttpRequest, token: str, uuid: UUID) -> HttpResponse:
    """A file of the thread. What goes with a note among colleagues is not found."""
    complaint = case_for(token)
    attachment = file_of(complaint, uuid) if complaint else None
    if attachment is None:
        raise Http404
    return as_download(attachment)


def sent_form(kind: type[Sent], request: HttpRequest, brand: Brand, token: str) -> Sent:
    """What was sent, or an empty form. Of too much in a short time no file is even opened: that takes longest."""
    if request.method != "POST":
        return kind()
    if not is_flood(request, brand, token):
        return kind(request.POST, request.FILES)
    form = kind(request.POST)
    form.full_clean()
    message = _("Many messages have come in a short time. This one can be sent in ten minutes; it is still here.")
    form.add_error(None, ValidationError(message, "too_many"))
    return form


def is_flood(request: HttpRequest, brand: Brand, token: str) -> bool:
    """More was sent from this address, or by this link, than the brand believes of people."""
    limit = Limit(brand.max_messages_per_address, FLOOD_WINDOW)
    names = (f"messages:{brand.pk}:{household(request)}", f"messages:link:{token}")
    return bool(limit.times) and not all(Counter.of(name, limit).count() for name in names)


def status_of(form: ReportForm | MessageForm) -> int:
    return 429 if form.has_error("__all__", "too_many") else 200


def see_other(view: str, token: str) -> HttpResponse:
    """After a POST: reloading what comes next sends nothing twice."""
    response = redirect(view, token)
    response.status_code = 303
    return response


def tell(visit: Visit, form: ReportForm) -> None:
    """A link asks about a purchase, or about how a case ended: then it is about that case."""
    problem = Problem(
        kind=form.cleaned_data["kind"],
        subject=form.subject,
        text=form.cleaned_data["text"],
        language=visit.language,
        wants_contact=True,
        details=form.details,
        files=form.cleaned_data["enclosed"],
    )
    invitation = visit.link.invitation
    with transaction.atomic():
        if invitation.wave == Wave.CLOSING:
            complaint = report_on_case(get_object_or_404(closed_case(invitation)), problem, now=visit.now)
        else:
            complaint, _is_new = open_complaint(visit.brand, problem, purchase=invitation.purchase, now=visit.now)
        note_question(complaint, form.guides_shown, now=visit.now)


def guides_for(visit: Visit, form: ReportForm) -> list[Found]:
    """What may answer a question before it is sent: shown once, and whoever sends it again is heard."""
    given = form.cleaned_data
    if given["kind"] != Complaint.Kind.INQUIRY or form.guides_shown:
        return []
    return guides_about(visit.brand, product_of(visit), given["text"], language=visit.language)


def guides_of_purchase(visit: Visit) -> list[Found]:
    """Of its product, as a few links. A discreet page names no product."""
    product = product_of(visit)
    if product is None or visit.brand.is_discreet:
        return []
    return guides_of(visit.brand, language=visit.language, product=product)[:5]


def product_of(visit: Visit) -> Product | None:
    purchase = visit.link.invitation.purchase
    return purchase.product if purchase else None


def open_case(invitation: Invitation) -> Complaint | None:
    """Of the purchase that was asked about; where a case was asked about that case, or what it was merged into."""
    about = Q(purchase=invitation.purchase_id) if invitation.purchase_id else Q()
    if invitation.wave == Wave.CLOSING:
        closed = closed_case(invitation)
        about |= Q(pk__in=closed.values("pk")) | Q(pk__in=closed.values("merged_into"))
    return Complaint.objects.open().filter(about).select_related("brand").first() if about else None


def closed_case(invitation: Invitation) -> QuerySet[Complaint]:
    return Complaint.objects.filter(pk=case_of_occasion(invitation.occasion) or 0)  # ids begin with 1


def recommendation_code(visit: Visit) -> str:
    purchase = visit.link.invitation.purchase
    return (purchase.customer.referral_code or "") if purchase else ""


def survey_context(visit: Visit) -> dict[str, object]:
    return page_context(visit) | {"token": visit.token, "wave": visit.link.invitation.wave}


def due_context(complaint: Complaint, now: datetime) -> dict[str, object]:
    """The case with its deadlines in words, those that are still to come."""
    zone = ZoneInfo(complaint.brand.timezone)
    dues = {"answer_due": complaint.answer_due_at, "legal_due": complaint.legal_due_at}
    words = {name: moment_in_words(due, zone) if due and due > now else "" for name, due in dues.items()}
    return {"case": complaint, **words}


def contact_of(brand: Brand) -> str:
    return brand.reply_to or brand.service_sender
