"""The ledger: all mail, one mail from its beginning to its end, what is uncertain, and how the queue does."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext_lazy
from django.views.decorators.clickjacking import xframe_options_sameorigin

from accounts.admin import WRITING_ROLES, ReadOnlyAdmin, has_role
from accounts.clock import database_now
from accounts.models import AccessLog, Brand, User
from accounts.services import record_access
from mailing.models import OutgoingMail
from mailing.selectors.ledger import PAGE_SIZE, Shelf, ledger_page, named_by
from mailing.selectors.queue import queue_health
from mailing.selectors.story import preview_of, story_of
from mailing.services import Settlement, cancel_mail, retry_mail, settle_mail
from mailing.transport import bounces_come_by

State = OutgoingMail.State
NOTED_FOR = timedelta(minutes=10)
MAY_FRAME = method_decorator(csp_replace({"frame-src": [SELF]}))
# A mail carries its styles in its tags. Nothing else may come in, and nothing of it runs, also outside the frame.
IS_A_MAIL = method_decorator(
    csp_replace(
        {
            "sandbox": [""],
            "frame-ancestors": [SELF],
            "style-src": [UNSAFE_INLINE],
            **dict.fromkeys(("script-src", "img-src", "font-src", "connect-src", "form-action"), (NONE,)),
        }
    )
)

# What staff do with mails: each gets the mail, and by and now as keywords, and says how many it was done to.
DECISIONS: dict[str, tuple[Callable[..., Any], Any]] = {
    "retry": (
        retry_mail,
        ngettext_lazy("%(count)d mail will be sent again.", "%(count)d mails will be sent again.", "count"),
    ),
    "cancel": (
        cancel_mail,
        ngettext_lazy("%(count)d mail is cancelled.", "%(count)d mails are cancelled.", "count"),
    ),
    "arrived": (
        lambda mail, **how: settle_mail(mail, Settlement.ARRIVED, **how),
        ngettext_lazy("%(count)d mail is noted as arrived.", "%(count)d mails are noted as arrived.", "count"),
    ),
    "not_arrived": (
        lambda mail, **how: settle_mail(mail, Settlement.NOT_ARRIVED, **how),
        ngettext_lazy("%(count)d mail is noted as lost.", "%(count)d mails are noted as lost.", "count"),
    ),
    "send_again": (
        lambda mail, **how: settle_mail(mail, Settlement.SEND_AGAIN, **how),
        ngettext_lazy("%(count)d mail will be sent again.", "%(count)d mails will be sent again.", "count"),
    ),
}
ON_SHELF = {
    Shelf.ALL: ["retry", "cancel"],
    Shelf.FAILED: ["retry"],
    Shelf.QUEUED: ["cancel"],
    Shelf.UNCERTAIN: ["arrived", "send_again", "not_arrived"],
}


class LedgerAdmin(ReadOnlyAdmin):
    """Registered by the app above that knows what mails are about (intake/mails), which names and finds more."""

    def named_by(self, request: HttpRequest, text: str) -> Q:
        """The mails that a text names; a condition that none fulfils where there are none."""
        found = named_by(text)
        return Q(pk__in=[]) if found is None else found

    def subjects(self, mails: list[OutgoingMail]) -> dict[int, Any]:
        """What each of these is about, by its id, for whoever knows."""
        return {}

    def get_urls(self) -> list[Any]:
        pages = [("uncertain", self.uncertain_view), ("queue", self.queue_view), ("decide", self.decide_view)]
        own = [path(f"{name}/", self.admin_site.admin_view(view), name=page_name(name)) for name, view in pages]
        html = path("<int:object_id>/html/", self.admin_site.admin_view(self.html_view), name=page_name("html"))
        return [*own, html, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        shelf = request.GET.get("state", "")
        search = request.GET.get("q", "").replace("\0", "").strip()[:200]
        return self.render_ledger(
            request, "ledger.html", shelf=Shelf(shelf) if shelf in Shelf.values else Shelf.ALL, search=search
        )

    def uncertain_view(self, request: HttpRequest) -> HttpResponse:
        """What nobody knows the end of, what that means, and how to settle it."""
        return self.render_ledger(request, "uncertain.html", shelf=Shelf.UNCERTAIN)

    def render_ledger(self, request: HttpRequest, template: str, *, shelf: Shelf, search: str = "") -> HttpResponse:
        user = reader_of(self, request)
        found = self.named_by(request, search) if search else None
        page = ledger_page(user, shelf=shelf, found=found, after=request.GET.get("after", ""))
        self.note_list(request, page.mails)
        subjects = self.subjects(page.mails)
        offers = ON_SHELF.get(Shelf.ALL if search else shelf, [])
        context = {
            "page": page,
            "shelf": shelf,
            "search": search,
            "rows": [(mail, subjects.get(mail.pk)) for mail in page.mails],
            "offers": offers,
            # In any of their brands; the service asks of each mail.
            "may_decide": bool(offers) and has_role(request.user, *WRITING_ROLES),
            "is_later": "after" in request.GET,
        }
        return self.show(request, template, context)

    @MAY_FRAME
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One mail and its story. Whoever opens it is recorded: it names a customer."""
        user = reader_of(self, request)
        mail = find_mail(user, object_id)
        record_access(user, mail.brand, purpose=AccessLog.Purpose.VIEW, **seen(mail))
        context = {
            "mail": mail,
            "about": self.subjects([mail]).get(mail.pk),
            "story": story_of(mail, mail.events.all()),
            "preview": preview_of(mail),
            "offers": offers_for(mail) if user.may_write_for(mail.brand) else [],
            "is_waiting": mail.state in (State.QUEUED, State.CLAIMED),
        }
        return self.show(request, "mail.html", context)

    @IS_A_MAIL
    @method_decorator(xframe_options_sameorigin)
    def html_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """The HTML of one mail alone, for the frame on its page. Nothing in it runs, is fetched or leads anywhere."""
        user = reader_of(self, request)
        mail = find_mail(user, str(object_id))
        preview = preview_of(mail)
        if preview is None:
            raise Http404
        # The page around it has recorded the reader; whoever comes by the address alone is recorded here.
        lately = AccessLog.objects.filter(brand=mail.brand, user=user, at__gt=timezone.now() - NOTED_FOR, **seen(mail))
        if not lately.exists():
            record_access(user, mail.brand, purpose=AccessLog.Purpose.VIEW, **seen(mail))
        # A link would open in a new window, and the frame may open none.
        return HttpResponse(preview.html.replace("<head>", '<head><base target="_blank">', 1))

    def queue_view(self, request: HttpRequest) -> HttpResponse:
        """How the queue does, asked anew by the page itself every few seconds."""
        user = reader_of(self, request)
        with timezone.override(zone_of(user)):
            midnight = timezone.localtime(database_now()).replace(hour=0, minute=0, second=0, microsecond=0)
            health = queue_health(user, midnight=midnight)
        context = {"queue": health, "tells_of_troubles": True, "bounces_come_by": bounces_come_by()}
        is_part = getattr(request, "htmx", False)
        return self.show(request, "_queue.html" if is_part else "queue.html", context)

    def decide_view(self, request: HttpRequest) -> HttpResponse:
        """Do one thing to the mails that were marked, each on its own, and say what was refused and why."""
        user = reader_of(self, request)
        decision = DECISIONS.get(request.POST.get("decision", ""))
        if request.method != "POST" or decision is None:
            return redirect(f"admin:{page_name('changelist')}")
        do, done_text = decision
        chosen = [pk for pk in request.POST.getlist("mail") if pk.isdecimal() and len(pk) < 19][: PAGE_SIZE * 2]
        mails = list(OutgoingMail.objects.visible_to(user).filter(pk__in=chosen).select_related("brand").order_by("pk"))
        done = sum(self.decide(request, do, mail, by=user, now=database_now()) for mail in mails)
        if done:
            messages.success(request, done_text % {"count": done})
        elif not mails:
            messages.warning(request, _("Mark the mails first."))
        return redirect(way_back(request))

    def decide(
        self, request: HttpRequest, do: Callable[..., Any], mail: OutgoingMail, *, by: User, now: datetime
    ) -> bool:
        try:
            is_done = do(mail, by=by, now=now)
        except ValidationError as refusal:
            messages.warning(request, f"{mail.to_address}: {' '.join(refusal.messages)}")
        except PermissionDenied as refusal:
            words = str(refusal) or _("Your role may read this brand’s mail, not send it.")
            messages.error(request, f"{mail.to_address}: {words}")
        else:
            if is_done is not False:
                return True
            words = _("It is with the mail server right now. If the server does not take it, it is not tried again.")
            messages.warning(request, f"{mail.to_address}: {words}")
        return False

    def show(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        shared = {**self.admin_site.each_context(request), "opts": self.opts, "has_view_permission": True}
        with timezone.override(zone_of(reader_of(self, request))):
            return render(request, f"admin/mailing/{template}", shared | context)


def offers_for(mail: OutgoingMail) -> list[str]:
    """What can be decided on it. Of an uncertain one a page of its own says what that means."""
    offers = ["retry"] if mail.state == State.FAILED and mail.may_be_retried else []
    offers += ["cancel"] if mail.may_be_cancelled else []
    if mail.state == State.UNCERTAIN:
        offers += ["arrived", *(["send_again"] if mail.may_be_retried else []), "not_arrived"]
    return offers


def page_name(page: str) -> str:
    return f"mailing_outgoingmail_{page}"


def find_mail(user: User, object_id: str) -> OutgoingMail:
    """Http404: none of theirs."""
    if not object_id.isdecimal() or len(object_id) > 18:
        raise Http404
    return get_object_or_404(OutgoingMail.objects.visible_to(user).select_related("brand"), pk=object_id)


def seen(mail: OutgoingMail) -> dict[str, str]:
    return {"object_type": "outgoing_mail", "object_id": str(mail.pk)}


def reader_of(page: LedgerAdmin, request: HttpRequest) -> User:
    """Whoever asks. PermissionDenied: they are nobody's staff."""
    if not page.has_view_permission(request) or not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def zone_of(user: User) -> ZoneInfo:
    """Where the reader is, or else their brand."""
    brand = None if user.timezone else Brand.objects.visible_to(user).first()
    return user.zone_for(brand)


def way_back(request: HttpRequest) -> str:
    """The page that asked, which says so itself, or the ledger."""
    back = request.POST.get("back", "")
    is_ours = url_has_allowed_host_and_scheme(back, allowed_hosts=None) and back.startswith("/")
    return back if is_ours else reverse(f"admin:{page_name('changelist')}")
