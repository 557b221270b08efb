"""What an affiliate has changed, and what came of it."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.clock import database_now
from accounts.forms import add_refusal
from accounts.replica import reads_replica
from dashboards.forms import ActionForm
from dashboards.pages import write_action as write_page
from dashboards.pages import write_actions
from dashboards.selectors import Reader, actions_of
from dashboards.views.opening import affiliate_page, language_of, show
from insights.models import Action
from insights.outcomes import affiliate_outcomes, measurable, names_of, subject_of, today_of
from insights.services.acting import close_action, edit_action, write_action

ACTIONS_A_PAGE = 20


@require_GET
@affiliate_page
@reads_replica
def actions(request: HttpRequest, reader: Reader) -> HttpResponse:
    """Everything that was changed, the newest first, each with what came of it in a sentence."""
    page = Paginator(actions_of(reader), ACTIONS_A_PAGE).get_page(request.GET.get("page"))
    shown = list(page)
    outcomes = affiliate_outcomes(reader.affiliate, shown, now=database_now())
    urls = {each.pk: reader.url_of_action("action", each) for each in shown}
    rows = write_actions(shown, outcomes, names_of(measurable(reader.brand, language_of(reader))), urls)
    return show(request, reader, "actions", page_obj=page, rows=rows)


@require_http_methods(["GET", "POST"])
@affiliate_page
def new_action(request: HttpRequest, reader: Reader) -> HttpResponse:
    """Write down a change; `?about=` says which figure it is about."""
    if not reader.may_change_links or reader.member is None:
        raise PermissionDenied
    choices, now = measurable(reader.brand, language_of(reader)), database_now()
    about, data = request.GET.get("about", ""), request.POST if request.method == "POST" else None
    initial = {"changed_on": today_of(reader.brand, now), "about": about}
    form = ActionForm(reader.affiliate, choices, data, initial=initial, label_suffix="")
    if form.is_valid():
        try:
            made = write_action(reader.brand, reader.affiliate, form.as_change(), by=reader.member.user, now=now)
        except ValidationError as refusal:
            add_refusal(form, refusal)
        else:
            messages.success(request, _("Written down. What comes of it will stand here."))
            return redirect(reader.url_of_action("action", made))
    return show(request, reader, "new_action", form=form)


@require_GET
@affiliate_page
def action(request: HttpRequest, reader: Reader, action: UUID) -> HttpResponse:
    """One change: before and after, and the rest of the programme beside it."""
    own = get_object_or_404(actions_of(reader), uuid=action)
    outcome = affiliate_outcomes(reader.affiliate, [own], now=database_now())[own.pk]
    labels = names_of(measurable(reader.brand, language_of(reader)))
    urls = {name: reader.url_of_action(name, own) for name in ("edit_action", "close_action")}
    page = write_page(own, outcome, labels, reader.url_of_action("action", own))
    return show(request, reader, "action", page=page, action_urls=urls)


@require_http_methods(["GET", "POST"])
@affiliate_page
def edit(request: HttpRequest, reader: Reader, action: UUID) -> HttpResponse:
    """Correct what was written down, as long as it is open."""
    own = own_action(reader, action)
    initial = {
        "about": subject_of(own).code,
        "text": own.text,
        "changed_on": own.changed_on,
        "link": own.link_id,
        "aim": own.aim,
    }
    data = request.POST if request.method == "POST" else None
    choices = measurable(reader.brand, language_of(reader))
    form = ActionForm(reader.affiliate, choices, data, initial=initial, label_suffix="")
    if form.is_valid():
        try:
            edit_action(own, form.as_change(), now=database_now())
        except ValidationError as refusal:
            add_refusal(form, refusal)
        else:
            return redirect(reader.url_of_action("action", own))
    return show(request, reader, "edit_action", form=form, back=reader.url_of_action("action", own))


@require_POST
@affiliate_page
def close(request: HttpRequest, reader: Reader, action: UUID) -> HttpResponse:
    """Measure it no further."""
    own = own_action(reader, action)
    if close_action(own, now=database_now()):
        messages.success(request, _("Closed. What is published this month still counts, and nothing after it."))
    return redirect(reader.url_of_action("action", own))


def own_action(reader: Reader, uuid: UUID) -> Action:
    """Somebody else's is not there; and not everybody who sees one may change it."""
    own = get_object_or_404(actions_of(reader), uuid=uuid)
    if not reader.may_change_links:
        raise PermissionDenied
    return own
