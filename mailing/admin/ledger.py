from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.admin import WRITING_ROLES, ReadOnlyAdmin, has_role
from mailing.addresses import normalize_address
from mailing.models import MailEvent, OutgoingMail
from mailing.services import retry_mail


class MailEventInline(admin.TabularInline):
    """The timeline of one mail: what servers, providers, its recipient and staff did with it later."""

    model = MailEvent
    fields = readonly_fields = ("occurred_at", "kind", "source", "detail")
    ordering = ("occurred_at", "pk")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True  # whoever sees the mail, whose page this is


@admin.register(OutgoingMail)
class OutgoingMailAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "to_address", "template", "language", "state", "why", "sent_at")
    list_filter = ("state", "template", "language", ("created_at", admin.DateFieldListFilter))
    search_fields = ("to_address",)
    search_help_text = _("The whole e-mail address, or the Message-ID")
    ordering = ("-created_at", "-pk")
    show_facets = admin.ShowFacets.NEVER
    actions = ("retry",)
    inlines = (MailEventInline,)
    # Neither the token nor its hash: whoever reads the ledger must not be able to answer for a customer.
    fields = (
        *("to_address", "template", "language", "scopes", "guarantee", "message_id"),
        *("state", "why", "server_reply", "attempts"),
        *("created_at", "not_before", "expires_at", "handed_over_at", "sent_at"),
    )

    @admin.display(description=_("reason"), ordering="reason")
    def why(self, mail: OutgoingMail) -> str:
        return mail.reason_label or "—"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[OutgoingMail], search_term: str
    ) -> tuple[QuerySet[OutgoingMail], bool]:
        """Exactly, by index: nobody leafs through addresses by their beginnings, and no table is read whole."""
        term = search_term.strip()
        if not term:
            return queryset, False
        if term.startswith("<") or term.count("-") == 4:
            return queryset.filter(message_id=term if term.startswith("<") else f"<{term}>"), False
        return queryset.filter(to_address=normalize_address(term)), False

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return has_role(request.user, *WRITING_ROLES)

    @admin.action(description=_("Send again what failed"), permissions=["retry"])
    def retry(self, request: HttpRequest, queryset: QuerySet[OutgoingMail]) -> None:
        retried = 0
        for mail in queryset:
            try:
                retry_mail(mail, by=request.user, now=timezone.now())  # type: ignore[arg-type]
            except ValidationError as error:
                self.message_user(request, f"{mail.to_address}: {' '.join(error.messages)}", messages.WARNING)
            else:
                retried += 1
        if retried:
            done = ngettext("%(count)d mail will be sent again.", "%(count)d mails will be sent again.", retried)
            self.message_user(request, done % {"count": retried}, messages.SUCCESS)
