"""How a case is put right, step by step. Who may and from which state is decided here."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts.models import User
from complaints.models import Complaint, ComplaintEvent, Remedy
from complaints.services.handling import editing
from complaints.services.record import record

State = Remedy.State
REFUSED = "not_allowed"


@dataclass(frozen=True)
class Terms:
    """What is said with a step. None and "" leave what stands. Without a currency the purchase's holds."""

    cost: Decimal | None = None
    currency: str = ""
    done_on: date | None = None
    taken_on: date | None = None
    back_on: date | None = None
    note: str = ""


def add_remedy(
    complaint: Complaint, *, kind: str, state: str, terms: Terms, by: User, now: datetime, version: str = ""
) -> Remedy:
    """Note what the customer asks for, what they are offered, or what was done at once."""
    if kind not in Remedy.Kind.values:
        raise ValidationError(_("There is no such remedy."))
    with editing(complaint, by=by, version=version) as current:
        remedy = Remedy(complaint=current, kind=kind, state="", created_at=now)
        step(remedy, state, terms, by=by, now=now)
    return remedy


def move_remedy(
    complaint: Complaint, remedy_id: int, *, state: str, terms: Terms, by: User, now: datetime, version: str = ""
) -> None:
    """Its next step; or, in the state that it has, a correction of cost, days and note."""
    with editing(complaint, by=by, version=version) as current:
        remedy = Remedy.objects.select_for_update().filter(complaint=current, pk=remedy_id).first()
        if remedy is None:
            raise ValidationError(_("There is no such remedy."))
        remedy.complaint = current
        step(remedy, state, terms, by=by, now=now)


def step(remedy: Remedy, state: str, terms: Terms, *, by: User, now: datetime) -> None:
    """Of a case that the caller has locked. ValidationError: it does not get there, or what was said cannot be."""
    before = remedy.state
    if state != before and state not in Remedy.NEXT[before]:
        raise ValidationError(_("This remedy does not get there from where it is."), code=REFUSED)
    complaint = remedy.complaint
    remedy.state = state
    take_over(remedy, terms, today=now.astimezone(ZoneInfo(complaint.brand.timezone)).date())
    remedy.full_clean(exclude=["complaint"])
    remedy.save()
    told: dict[str, Any] = {"remedy": remedy.pk, "what": remedy.kind, "before": before, "after": state}
    cost = {"cost": str(remedy.cost), "currency": remedy.currency} if remedy.cost is not None else {}
    record(complaint, ComplaintEvent.Kind.REMEDY, by=by, now=now, text=terms.note, **told, **cost)
    complaint.save(update_fields=["updated_at"])


def take_over(remedy: Remedy, terms: Terms, *, today: date) -> None:
    if terms.cost is not None:
        purchase = remedy.complaint.purchase
        remedy.cost = terms.cost
        remedy.currency = (terms.currency or remedy.currency or (purchase.currency if purchase else "")).upper()
        if not remedy.currency:
            raise ValidationError({"currency": _("Say in which currency.")})
    if remedy.kind == Remedy.Kind.REPAIR:
        remedy.taken_on, remedy.back_on = terms.taken_on or remedy.taken_on, terms.back_on or remedy.back_on
    if remedy.state == State.DONE:
        remedy.done_on = terms.done_on or remedy.done_on or today
    remedy.note = terms.note.replace("\0", "").strip() or remedy.note
