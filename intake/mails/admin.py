"""The mail ledger with what each mail is about, found by the number of a purchase or a case too."""

from typing import Any

from django.db.models import Q
from django.http import HttpRequest

from accounts.models import Brand
from intake.mails.selectors import mails_about, subjects_of
from mailing.admin import LedgerAdmin
from mailing.models import OutgoingMail


class MailAdmin(LedgerAdmin):
    def named_by(self, request: HttpRequest, text: str) -> Q:
        if "@" in text:
            return super().named_by(request, text)
        brands = list(Brand.objects.visible_to(request.user).values_list("pk", flat=True))
        return super().named_by(request, text) | mails_about(text, brands=brands)

    def subjects(self, mails: list[OutgoingMail]) -> dict[int, Any]:
        return dict(subjects_of(mails))
