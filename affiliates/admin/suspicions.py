"""What a person should look at."""

from django.contrib import admin
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.admin import ReadOnlyAdmin
from accounts.admin.decisions import DecidingAdmin, Decision, UndecidedFilter
from affiliates.forms import OptionalReasonForm, ReasonForm
from affiliates.models import Suspicion
from affiliates.services import decide_suspicion


class SuspicionStateFilter(UndecidedFilter):
    undecided = Suspicion.State.OPEN
    choices_of = Suspicion.State.choices


@admin.register(Suspicion)
class SuspicionAdmin(DecidingAdmin, ReadOnlyAdmin):
    decisions = {
        "dismiss": Decision(
            _("Nothing wrong"),
            OptionalReasonForm,
            lambda suspicion, given, **how: decide_suspicion(suspicion, is_confirmed=False, note=given["note"], **how),
            _("Noted: nothing wrong."),
            lambda suspicion: suspicion.is_open,
        ),
        "confirm": Decision(
            _("Confirm"),
            ReasonForm,
            lambda suspicion, given, **how: decide_suspicion(suspicion, is_confirmed=True, note=given["note"], **how),
            _("Confirmed. Correct the purchase or suspend the affiliate where need be."),
            lambda suspicion: suspicion.is_open,
        ),
    }
    list_display = ("found_at", "kind", "affiliate", "about", "state", "decided_by")
    list_select_related = ("affiliate__brand", "purchase", "decided_by")
    list_filter = (SuspicionStateFilter, "kind")
    search_fields = ("^affiliate__code", "=purchase__external_id")
    search_help_text = _("The beginning of the affiliate’s code, or a whole order number")
    ordering = ("-found_at", "-pk")
    fields = ("affiliate", "kind", "about", "found_at", "state", "note", "decided_by", "decided_at")
    readonly_fields = ("about",)

    @admin.display(description=_("about"))
    def about(self, suspicion: Suspicion) -> SafeString | str:
        words = in_words(suspicion)
        if suspicion.purchase is None:
            return words
        url = reverse("admin:affiliates_purchase_change", args=[suspicion.purchase_id])
        return format_html('<a href="{}">{}</a>{}', url, suspicion.purchase, f" · {words}" if words else "")


def in_words(suspicion: Suspicion) -> str:
    detail = suspicion.detail
    if suspicion.kind == Suspicion.Kind.QUICK:
        seconds = int(detail["seconds"])
        return ngettext("%(n)d second after the click", "%(n)d seconds after the click", seconds) % {"n": seconds}
    if suspicion.kind == Suspicion.Kind.BURST:
        until = parse_datetime(detail["until"])
        return gettext("%(n)d purchases in the hour before %(until)s") % {
            "n": detail["purchases"],
            "until": formats.localize(timezone.localtime(until)) if until else "",
        }
    if suspicion.kind == Suspicion.Kind.MAIL_DOMAIN:
        return gettext("%(n)d customers at %(domain)s") % {"n": detail["customers"], "domain": detail["domain"]}
    if detail.get("declared"):
        return gettext("a survey answered there names the affiliate")
    return gettext("credited to nobody for it") if detail.get("refused") else ""
