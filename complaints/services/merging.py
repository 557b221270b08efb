"""Cases that belong together: linked, or one merged into the other because both tell of the same thing.

Merging moves nothing: the duplicate keeps its events and is closed, and the page of the case that goes on shows both
stories as one. So separating them again loses nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from complaints.models import Complaint, ComplaintEvent, ComplaintLink
from complaints.services.ending import occasion_of
from complaints.services.handling import ask_nothing, editing, with_merged
from complaints.services.moving import State, move
from complaints.services.opening import open_case_of
from complaints.services.record import hold_cause, lock_purchase, record
from surveys.services import hold_purchase, lift_hold
from surveys.services.closing import do_not_ask_about_case

Event = ComplaintEvent.Kind


def link_cases(complaint: Complaint, other: Complaint, *, by: User, now: datetime) -> None:
    """Both go on apart, and each page leads to the other. Linking twice is linking once."""
    with both(*in_order(complaint, other), by=by) as (first, second):
        _link, is_new = ComplaintLink.objects.get_or_create(complaint=first, other=second)
        if is_new:
            record(first, Event.LINKED, by=by, now=now, other=second.number)
            record(second, Event.LINKED, by=by, now=now, other=first.number)


def unlink_cases(complaint: Complaint, other: Complaint, *, by: User, now: datetime) -> None:
    with both(*in_order(complaint, other), by=by) as (first, second):
        gone, _rows = ComplaintLink.objects.filter(complaint=first, other=second).delete()
        if gone:
            record(first, Event.UNLINKED, by=by, now=now, other=second.number)
            record(second, Event.UNLINKED, by=by, now=now, other=first.number)


def merge_complaint(duplicate: Complaint, into: Complaint, *, by: User, now: datetime, version: str = "") -> None:
    """Close the duplicate: what its customer says from now on goes to the other case.

    Nobody is written to. Its purchase is held, and its ending not asked about, as long as the other case is open.
    ValidationError: the other is closed, is merged itself, or belongs to somebody else, who would read what is not
    theirs.
    """
    refuse_others_customer(duplicate, into)
    with both(duplicate, into, by=by, version=version) as (current, survivor):
        if current.merged_into_id:
            raise ValidationError(_("This case is merged into another already."), code="merged")
        if survivor.merged_into_id or not survivor.is_open:
            raise ValidationError(_("Case %(number)s is closed; open it first."), params={"number": survivor.number})
        with_it = list(current.merged.values_list("pk", flat=True))
        told = {"into": survivor.number, "was": current.state, "waits_since": moment_as_text(current.waits_since)}
        if current.is_open:
            move(current, State.RESOLVED, by=by, now=now)
            current.resolved_at = now
        current.merged_into, current.waits_since = survivor, None
        record(current, Event.MERGED, by=by, now=now, **told, with_it=with_it)
        current.save(update_fields=["state", "resolved_at", "merged_into", "waits_since", "updated_at"])
        Complaint.objects.filter(merged_into=current).update(merged_into=survivor)
        record(survivor, Event.MERGED, by=by, now=now, other=current.number)
        survivor.wants_contact = survivor.wants_contact or current.wants_contact
        survivor.save(update_fields=["wants_contact", "updated_at"])
        do_not_ask_about_case(occasion_of(current), now=now)  # where it was closed before
        ask_nothing(survivor, now=now)


def unmerge_complaint(duplicate: Complaint, *, by: User, now: datetime, version: str = "") -> None:
    """Separate it again; it goes on if it was open. ValidationError: its purchase has another open case by now."""
    survivor = duplicate.merged_into
    if survivor is None:
        raise ValidationError(_("This case is merged into no other."), code="not_merged")
    with both(duplicate, survivor, by=by, version=version) as (current, other):
        if current.merged_into_id != other.pk:  # somebody was quicker
            raise ValidationError(_("This case is merged into no other."), code="not_merged")
        told = current.events.filter(kind=Event.MERGED, data__has_key="was").last()
        was_open = told is not None and told.data["was"] != State.RESOLVED
        current.merged_into = None
        current.save(update_fields=["merged_into", "updated_at"])
        # Those that had been merged into it come along, unless somebody has separated them since.
        with_it = told.data.get("with_it", []) if told else []
        Complaint.objects.filter(pk__in=with_it, merged_into=other).update(merged_into=current)
        if was_open:
            open_separately(current, told.data["waits_since"] if told else "", by=by, now=now)
        change_hold = hold_purchase if was_open else lift_hold
        for case in with_merged(current):
            if case.purchase is not None:
                change_hold(case.purchase, cause=hold_cause(case), now=now)
        record(current, Event.UNMERGED, by=by, now=now, other=other.number)
        record(other, Event.UNMERGED, by=by, now=now, other=current.number)


def open_separately(complaint: Complaint, waits_since: str, *, by: User, now: datetime) -> None:
    if complaint.purchase_id and open_case_of(complaint.purchase_id):
        raise ValidationError(_("This purchase already has an open case; go on there."), code="another_is_open")
    complaint.waits_since = datetime.fromisoformat(waits_since) if waits_since else None
    move(complaint, State.IN_PROGRESS, by=by, now=now)  # which reckons what is owed since then
    complaint.resolved_at = None
    complaint.save(update_fields=["state", "resolved_at", "waits_since", "updated_at"])


@contextmanager
def both(
    complaint: Complaint, other: Complaint, *, by: User, version: str = ""
) -> Iterator[tuple[Complaint, Complaint]]:
    """Both cases for one change, locked in the order in which everybody takes them: purchases first, by their ids."""
    refuse_strangers(complaint, other)
    with transaction.atomic():
        for purchase_id in sorted({case.purchase_id for case in (complaint, other) if case.purchase_id}):
            lock_purchase(purchase_id)
        first, second = in_order(complaint, other)
        list(Complaint.objects.filter(pk__in=[first.pk, second.pk]).order_by("pk").select_for_update(of=("self",)))
        with editing(complaint, by=by, version=version) as current, editing(other, by=by) as current_other:
            yield current, current_other


def in_order(complaint: Complaint, other: Complaint) -> tuple[Complaint, Complaint]:
    """The older first."""
    return (complaint, other) if complaint.pk < other.pk else (other, complaint)


def moment_as_text(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""


def refuse_strangers(complaint: Complaint, other: Complaint) -> None:
    if complaint.pk == other.pk:
        raise ValidationError(_("This is the same case."), code="same")
    if complaint.brand_id != other.brand_id:
        raise ValidationError(_("There is no case of this number."), code="unknown")


def refuse_others_customer(duplicate: Complaint, into: Complaint) -> None:
    if duplicate.customer_id not in (None, into.customer_id):
        raise ValidationError(
            _("The cases belong to two people. Link them instead: merged, each would read what the other wrote."),
            code="other_customer",
        )
