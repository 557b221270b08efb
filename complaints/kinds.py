"""What each kind of case asks for beyond its words, and what its receipt is called."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from complaints.models import Complaint

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

Kind = Complaint.Kind


@dataclass(frozen=True)
class Detail:
    """One thing that belongs to a kind. `kind`: text or date."""

    code: str
    label: "StrPromise"
    kind: str = "text"

    def shown(self, value: str) -> str:
        """What is stored of it, in the active language."""
        return date_format(date.fromisoformat(value), "DATE_FORMAT") if self.kind == "date" else value


DETAILS: Mapping[str, tuple[Detail, ...]] = {
    Kind.CLAIM: (Detail("asks_for", _("What the customer asks for")),),
    Kind.WARRANTY: (
        Detail("fault", _("What fails")),
        Detail("since", _("Since when"), "date"),
        Detail("serial", _("Serial number")),
    ),
    Kind.RETURN: (
        Detail("why", _("Why it is returned")),
        Detail("condition", _("In which condition it is")),
    ),
}
ALL_DETAILS: Mapping[str, Detail] = {detail.code: detail for details in DETAILS.values() for detail in details}
RECEIPTS: "Mapping[str, StrPromise]" = {
    Kind.FOLLOW_UP: _("Receipt of a case"),
    Kind.INQUIRY: _("Receipt of an inquiry"),
    Kind.SUGGESTION: _("Receipt of a suggestion"),
    Kind.COMPLAINT: _("Receipt of a complaint"),
    Kind.CLAIM: _("Receipt of a formal claim"),
    Kind.WARRANTY: _("Receipt of a warranty claim"),
    Kind.RETURN: _("Receipt of a return"),
}
