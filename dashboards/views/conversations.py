"""What an affiliate and its brand write to each other about findings."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.clock import database_now
from accounts.forms import add_refusal
from accounts.replica import note_change
from dashboards.forms import MessageForm
from dashboards.pages import write_topic_evidence
from dashboards.selectors import Reader
from dashboards.views.opening import affiliate_page, language_of, show
from insights.conversations import Topic, conversations_of, find_topic, messages_on
from insights.privacy import affiliate_insights
from insights.services.conversing import mark_read, write_to_brand

CONVERSATIONS_A_PAGE = 25


@require_GET
@affiliate_page
def conversations(request: HttpRequest, reader: Reader) -> HttpResponse:
    """What has been talked about, and what could be."""
    found = conversations_of(reader.affiliate, language_of(reader))
    page = Paginator(found, CONVERSATIONS_A_PAGE).get_page(request.GET.get("page"))
    rows = [(each, reader.url_of_topic(each.topic)) for each in page]
    return show(request, reader, "conversations", page_obj=page, rows=rows)


@require_http_methods(["GET", "POST"])
@affiliate_page
def conversation(request: HttpRequest, reader: Reader, kind: str, key: str) -> HttpResponse:
    """One finding, and what was written about it. Staff who look on answer in the admin instead."""
    topic = find_topic(reader.affiliate, kind, key, language_of(reader))
    if topic is None:
        raise Http404
    form = MessageForm(request.POST if request.method == "POST" else None, label_suffix="")
    if form.is_valid():
        try:
            send(reader, topic, form.cleaned_data["text"])
        except ValidationError as refusal:
            add_refusal(form, refusal)
        else:
            messages.success(request, _("%(brand)s reads it and answers here.") % {"brand": reader.brand})
            return redirect(reader.url_of_topic(topic))
    said = messages_on(topic.finding) if topic.finding else []
    if topic.finding and reader.member:
        mark_read(topic.finding, now=database_now())
        note_change(request)  # or other pages would go on for a while to say that it is unread
    insights = affiliate_insights(reader.affiliate, language=language_of(reader), now=database_now())
    evidence = write_topic_evidence(topic.kind, topic.key, insights)
    return show(request, reader, "conversation", form=form, topic=topic, said=said, evidence=evidence)


def send(reader: Reader, topic: Topic, text: str) -> None:
    if reader.member is None or not reader.may_change_links:
        raise PermissionDenied
    write_to_brand(reader.affiliate, topic.kind, topic.stored_key, text, by=reader.member.user, now=database_now())
