"""Where an affiliate's own tool is told of new opinions: set up by its owners, and what became of each message."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from accounts.clock import database_now
from accounts.forms import add_refusal
from accounts.models import User
from affiliates.services.telling import EVENTS_OF_AFFILIATE, audience_of, resume_webhook
from dashboards.forms import NewWebhookForm, WebhookForm
from dashboards.selectors import Reader, newest_deliveries, webhooks_of
from dashboards.views.opening import affiliate_page, show
from dashboards.views.people import owner_of
from mailing.models import Endpoint
from mailing.services.webhooks import (
    end_endpoint,
    new_endpoint,
    note,
    pause_endpoint,
    renew_secret,
    send_test,
)


@require_http_methods(["GET", "POST"])
@sensitive_variables("secret")
@affiliate_page
def webhook(request: HttpRequest, reader: Reader) -> HttpResponse:
    """The list, and a new one. Its secret stands on the answer to the form, and nowhere else ever."""
    form = NewWebhookForm(webhooks_of(reader), request.POST if request.method == "POST" else None, label_suffix="")
    secret = ""
    if request.method == "POST":
        owner = owner_of(reader)
        if form.is_valid():
            try:
                secret = _set_up(reader, form.cleaned_data["url"], by=owner)
                form = NewWebhookForm(webhooks_of(reader), label_suffix="")
            except ValidationError as refusal:
                add_refusal(form, refusal)
    return _shown(request, reader, form, secret)


@transaction.atomic
def _set_up(reader: Reader, url: str, *, by: User) -> str:
    """The secret of the new one. ValidationError: too many of them."""
    endpoint, secret = new_endpoint(
        reader.brand,
        url=url,
        events=EVENTS_OF_AFFILIATE,
        audience=audience_of(reader.affiliate),
        offered=EVENTS_OF_AFFILIATE,
    )
    note(endpoint, "", by=by)
    return secret


@require_POST
@sensitive_variables("secret")
@affiliate_page
def change_webhook(request: HttpRequest, reader: Reader) -> HttpResponse:
    """Test, pause, resume or end one, or make a new secret for it."""
    owner = owner_of(reader)
    form = WebhookForm(webhooks_of(reader), request.POST)
    if not form.is_valid():  # ended meanwhile, or nobody's
        return redirect(reader.urls["webhook"])
    endpoint, wanted = form.cleaned_data["webhook"], form.cleaned_data["do"]
    if wanted == "secret":
        with transaction.atomic():
            secret = renew_secret(endpoint, now=database_now())
            note(endpoint, wanted, by=owner)
        return _shown(request, reader, NewWebhookForm(webhooks_of(reader), label_suffix=""), secret)
    try:
        with transaction.atomic():
            done = _do(endpoint, wanted)
            note(endpoint, wanted, by=owner)
        messages.success(request, done)
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    return redirect(reader.urls["webhook"])


def _do(endpoint: Endpoint, wanted: str) -> str:
    """What was done, as a sentence."""
    if wanted == "test":
        send_test(endpoint)
        return _("The test goes out in a moment: look below at what became of it.")
    if wanted == "pause":
        pause_endpoint(endpoint, now=database_now())
        return _("It is paused: what happens from now on waits.")
    if wanted == "resume":
        resume_webhook(endpoint)
        return _("It goes on, with all that waited.")
    end_endpoint(endpoint)
    return _("Nothing more is sent there.")


def _shown(request: HttpRequest, reader: Reader, form: NewWebhookForm, secret: str) -> HttpResponse:
    zone = (reader.member.user.timezone if reader.member else "") or reader.brand.timezone
    context = {"webhooks": webhooks_of(reader), "deliveries": newest_deliveries(reader)}
    return show(request, reader, "webhook", form=form, secret=secret, zone=zone, **context)
