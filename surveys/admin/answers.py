"""The list of all answers: found, looked through page by page, and suspects decided on."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import User
from accounts.paging import Order, Page, page_among, page_of
from affiliates.models import Attribution
from surveys.admin.wanted import WantedForm
from surveys.choosing import RATING, Found
from surveys.models import Answer, Response
from surveys.services.answering import judge_response

if TYPE_CHECKING:
    from surveys.admin.responses import ResponseAdmin

NEWEST_FIRST = Order(("answered_at", "id"), moments=("answered_at",), falls=True)
DECISIONS = {"let_count": True, "take_out": False}
ANSWERS_A_PAGE = 40
LOOKED_THROUGH = 20_000  # answers for a page
MOST = 200  # answers decided at once
SUSPICIONS = {
    "too_fast": gettext_lazy("answered faster than anybody reads"),
    "honeypot": gettext_lazy("filled in a box that people do not see"),
    "many_from_one_address": gettext_lazy("many customers answered from one address"),
    "scanner": gettext_lazy("opened every link of the mail at once"),
    "own_device": gettext_lazy("an affiliate was signed in in the same browser"),
    "staff": gettext_lazy("taken out by staff"),
}


@dataclass
class Said:
    csat: int | None = None
    nps: int | None = None
    words: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Row:
    response: Response
    said: Said
    credited: Attribution | None

    @property
    def suspicions(self) -> str:
        return suspicions_in_words(self.response.suspect_reasons) if self.response.is_suspect else ""


def list_view(page: "ResponseAdmin", request: HttpRequest) -> HttpResponse:
    if not isinstance(request.user, User) or not page.has_view_permission(request):
        raise PermissionDenied
    if request.method == "POST":
        return decide(page, request)
    form = WantedForm(request.user, readable(request.GET))
    form.is_valid()
    wanted = form.wanted
    at = request.GET.get("at", "")
    found = page_of_answers(wanted.find(), at) if wanted else Page([])
    page.note_list(request, found.rows)
    context = page.admin_site.each_context(request) | {
        "opts": page.opts,
        "title": _("Answers"),
        "form": form,
        "page": found,
        "rows": rows_of(found.rows),
        "names_customers": form.knows_customers,
        "may_judge": page.has_judge_permission(request),
        "query": query_of(request.GET),
    }
    return render(request, "admin/surveys/responses.html", context)


def readable(data: QueryDict) -> dict[str, Any]:
    """PostgreSQL takes no zero bytes."""
    return {name: value.replace("\0", "") for name, value in data.items() if isinstance(value, str)}


def query_of(data: QueryDict) -> str:
    """What was chosen, without the page that is open."""
    chosen = data.copy()
    chosen.pop("at", None)
    return chosen.urlencode()


def page_of_answers(found: Found, at: str) -> Page:
    responses = found.responses.select_related(
        "invitation__survey", "invitation__purchase__product", "invitation__purchase__customer"
    )
    if found.among is None:
        return page_of(responses, NEWEST_FIRST, at, size=ANSWERS_A_PAGE)
    return page_among(responses, found.among, NEWEST_FIRST, at, size=ANSWERS_A_PAGE, looks_through=LOOKED_THROUGH)


def rows_of(responses: Sequence[Response]) -> list[Row]:
    """As many statements for a page as for one row."""
    said: defaultdict[int, Said] = defaultdict(Said)
    for answer in (
        Answer.objects.filter(response__in=responses).select_related("question").order_by("question__position")
    ):
        read(answer, said[answer.response_id])
    purchases = [each.invitation.purchase_id for each in responses if each.invitation.purchase_id]
    current = Attribution.objects.current().filter(purchase__in=purchases).select_related("affiliate", "link")
    credited = {each.purchase_id: each for each in current}
    return [Row(each, said[each.pk], credited.get(each.invitation.purchase_id or 0)) for each in responses]


def read(answer: Answer, said: Said) -> None:
    if answer.question.key == RATING:
        said.csat = answer.number
    elif answer.question.key == "nps":
        said.nps = answer.number
    elif answer.text:
        said.words.append(answer.text)


# --- Suspects --------------------------------------------------------------------------------------------------------
def suspicions_in_words(reasons: Iterable[str]) -> str:
    return ", ".join(str(SUSPICIONS.get(reason, reason)) for reason in reasons) or "—"


def decide(page: "ResponseAdmin", request: HttpRequest) -> HttpResponse:
    """Those that are ticked, of brands that whoever asks may write for."""
    if not page.has_judge_permission(request):
        raise PermissionDenied
    action = request.POST.get("action", "")
    ids = [text for text in request.POST.getlist("answer")[:MOST] if text.isdecimal() and len(text) <= 18]
    if action not in DECISIONS or not ids:
        messages.warning(request, _("Tick the answers first."))
    else:
        judge(page, request, ids, is_genuine=DECISIONS[action])
    query = request.GET.urlencode()
    return redirect(f"{request.path}?{query}" if query else request.path)


def judge(page: "ResponseAdmin", request: HttpRequest, ids: Sequence[str], *, is_genuine: bool) -> None:
    """Each in a transaction of its own: whoever holds the purchase of one waits for nobody who holds another's."""
    now, count = timezone.now(), 0
    for response in page.own(request, page.get_queryset(request)).filter(pk__in=ids).order_by("pk"):
        with transaction.atomic():
            if judge_response(response, is_genuine=is_genuine, now=now):
                page.log_change(request, response, "let count" if is_genuine else "taken out")
                count += 1
    text = ngettext("%(count)s answer decided.", "%(count)s answers decided.", count)
    messages.success(request, text % {"count": count})
