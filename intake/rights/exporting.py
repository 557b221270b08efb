"""All that is held of one customer, by the same walk by which they are erased, for them to take away."""

import io
import json
import zipfile
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.models import AccessLog, ApiKey, User
from accounts.services import record_access
from affiliates.models import Customer
from complaints.models import AttachmentContent
from intake.rights.holdings import HELD, mails_about, occasions_of
from mailing.models import MailEvent
from mailing.selectors.suppressions import standing_suppressions
from mailing.services.erasing import mails_of
from surveys.models import Answer

MAIL = ("to_address", "template", "language", "context", "state", "reason", "created_at", "sent_at")
ANSWER = ("response_id", "question__key", "number", "codes", "text")


def told_of(customer: Customer, *, now: datetime) -> dict[str, Any]:
    """By table, in its own names. Files of their cases are named there; their bytes are in the archive."""
    mails = mails_of(customer.brand, address=customer.email or "", also=mails_about(customer.pk)).order_by("pk")
    events = MailEvent.objects.filter(mail__in=mails).order_by("pk")
    about_cases = Answer.objects.filter(
        response__invitation__purchase=None, response__invitation__occasion__in=occasions_of(customer.pk)
    )
    tables = {
        **{held.name: held.tell(customer.pk) for held in HELD},
        "surveys.Answer (cases)": list(about_cases.order_by("pk").values(*ANSWER)),
        "mailing.OutgoingMail": list(mails.values(*MAIL)),
        "mailing.MailEvent": list(events.values("kind", "detail", "occurred_at")),
        "mailing.Suppression": _objections_of(customer),
    }
    held = {name: rows for name, rows in sorted(tables.items()) if rows}
    return {"brand": customer.brand.name, "told_at": now, "held": held}


def note_export(customer: Customer, *, by: User | ApiKey) -> None:
    purpose = AccessLog.Purpose.EXPORT
    record_access(by, customer.brand, purpose=purpose, object_type="customer", object_id=str(customer.pk))


def archive_of(customer: Customer, *, now: datetime, is_told: Callable[[str], bool] = lambda table: True) -> bytes:
    """A ZIP: README.txt in the customer's language, data.json, and the files of their cases.

    `is_told`: of which tables, by name; of all unless said.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", _readme(customer, now=now))
        all_told = told_of(customer, now=now)
        held = {table: rows for table, rows in all_told["held"].items() if is_told(table)}
        told = json.dumps(all_told | {"held": held}, cls=DjangoJSONEncoder, indent=2, ensure_ascii=False)
        archive.writestr("data.json", told)
        for name, data in _files_of(customer):
            archive.writestr(name, data)
    return packed.getvalue()


def _objections_of(customer: Customer) -> list[dict[str, Any]]:
    standing = standing_suppressions(customer.brand, [customer.email] if customer.email else [])
    return [
        {"about": scope, "reason": objection.reason, "until": objection.until}
        for by_scope in standing.values()
        for scope, objection in by_scope.items()
    ]


def _files_of(customer: Customer) -> list[tuple[str, bytes]]:
    """Under their random names, which data.json gives beside what their owners called them."""
    [contents] = [held for held in HELD if held.model is AttachmentContent]
    rows = contents.rows(customer.pk).select_related("attachment")
    return [(f"files/{content.attachment.uuid}", bytes(content.data)) for content in rows]


def _readme(customer: Customer, *, now: datetime) -> str:
    with translation.override(customer.brand.language_for(customer.language)):
        lines = [
            _("What %(brand)s holds of you in this system") % {"brand": customer.brand.name},
            f"{now:%Y-%m-%d %H:%M} UTC",
            _(
                "data.json has everything, by table: what you bought, what you were asked and what you answered, what "
                "was written to you, your cases with all that was said in them. Any text editor opens it."
            ),
            _(
                "In the folder “files” are the files of your cases, under the “uuid” that data.json gives beside their "
                "names."
            ),
            _(
                "You can have what is wrong corrected, and have yourself erased: answer any of our mails. Of an erased "
                "customer only sums stay, and the wish not to be written to, as a fingerprint of the address."
            ),
        ]
        return "\n\n".join(lines) + "\n"
