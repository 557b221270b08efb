"""What staff do with a case. Who may and from which state is decided here, not by the page that asks."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Membership, User
from complaints.files import CheckedFile
from complaints.models import Complaint, ComplaintEvent
from complaints.models.causes import part_of
from complaints.services.attaching import attach
from complaints.services.ending import ask_how_it_ended, occasion_of
from complaints.services.mails import send_reply, send_resolution
from complaints.services.moving import State, move
from complaints.services.opening import open_case_of
from complaints.services.record import hold_cause, lock_purchase, record
from complaints.services.timing import rules_of, set_legal_term
from surveys.services import hold_purchase, lift_hold
from surveys.services.closing import do_not_ask_about_case

Event = ComplaintEvent.Kind

WRITING_ROLES = (Membership.Role.ADMIN, Membership.Role.AGENT)
DOUBLE_TAP = timedelta(minutes=1)


@contextmanager
def editing(complaint: Complaint, *, by: User, version: str = "") -> Iterator[Complaint]:
    """The case, locked and read anew, for one change.

    PermissionDenied: `by` may not work on cases of this brand. ValidationError: somebody saved it since `version`
    (a `Complaint.version`) was shown; nothing is overwritten.
    """
    if by.role_in(complaint.brand) not in WRITING_ROLES:
        raise PermissionDenied(_("Your role may read cases, not change them."))
    with transaction.atomic():
        lock_purchase(complaint.purchase_id)
        cases = Complaint.objects.select_related("brand", "customer", "purchase")
        current = cases.select_for_update(of=("self",)).get(pk=complaint.pk)
        if version and version != current.version:
            raise ValidationError(
                _("Somebody changed this case while you were looking at it. Read it again: nothing was saved."),
                code="changed_meanwhile",
            )
        yield current
    complaint.refresh_from_db()


def take_complaint(complaint: Complaint, *, by: User, now: datetime, version: str = "") -> None:
    """Make it mine, and begin."""
    assign_complaint(complaint, to=by, by=by, now=now, version=version)


def assign_complaint(complaint: Complaint, *, to: User | None, by: User, now: datetime, version: str = "") -> None:
    """Give it to a colleague who may work on it, or to nobody. A new case is begun by having an owner."""
    with editing(complaint, by=by, version=version) as current:
        if to is not None and to.role_in(current.brand) not in WRITING_ROLES:
            raise ValidationError(_("%(name)s may not work on cases of this brand."), params={"name": to})
        current.assignee = to
        record(current, Event.ASSIGNED, by=by, now=now, assignee=to.pk if to else None)
        if to is not None and current.state == State.NEW:
            move(current, State.IN_PROGRESS, by=by, now=now)
        current.save(update_fields=["assignee", "state", "updated_at"])


def change_kind(complaint: Complaint, *, kind: str, by: User, now: datetime, version: str = "") -> None:
    """Say what it really is. The clock of the law runs from the day the case came in."""
    if kind not in Complaint.Kind.values:
        raise ValidationError(_("There is no such kind of case."))
    with editing(complaint, by=by, version=version) as current:
        if current.kind == kind:
            return
        before, current.kind = current.kind, kind
        set_legal_term(current, current.opened_at, rules_of(current.brand))
        record(current, Event.KIND_CHANGED, by=by, now=now, before=before, after=kind)
        current.save(update_fields=["kind", "legal_due_at", "legal_sum", "updated_at"])


def set_part(complaint: Complaint, *, part: str, by: User, now: datetime, version: str = "") -> None:
    """Say whose part it was: the sale, the product, the delivery or the service; as long as no cause says it.

    ValidationError: the cause that is noted is another one's part.
    """
    if part and part not in Complaint.Part.values:
        raise ValidationError(_("There is no such part."))
    with editing(complaint, by=by, version=version) as current:
        if current.part == part:
            return
        if current.cause:
            raise ValidationError(_("The cause says whose part it was: correct the cause instead."), code="has_cause")
        before, current.part = current.part, part
        record(current, Event.PART_CHANGED, by=by, now=now, before=before, after=part)
        current.save(update_fields=["part", "updated_at"])


def set_cause(complaint: Complaint, *, cause: str, by: User, now: datetime, version: str = "") -> None:
    """Say what lay behind it, also once it is closed. Each cause is somebody's part."""
    with editing(complaint, by=by, version=version) as current:
        note_cause(current, cause, by=by, now=now)


def note_cause(complaint: Complaint, cause: str, *, by: User, now: datetime) -> None:
    """Of a case that the caller has locked."""
    if cause not in Complaint.Cause.values:
        raise ValidationError(_("Say what the cause was."), code="required")
    if complaint.cause == cause:
        return
    before, complaint.cause, complaint.part = complaint.cause, cause, part_of(cause)
    record(complaint, Event.CAUSE, by=by, now=now, before=before, after=cause)
    complaint.save(update_fields=["cause", "part", "updated_at"])


def set_state(complaint: Complaint, *, state: str, by: User, now: datetime, version: str = "") -> None:
    """Wait for the customer, or go on. Closing and opening again have services of their own: both say why."""
    if state not in (State.IN_PROGRESS, State.WAITING):
        raise ValidationError(_("There is no such state to set."))
    with editing(complaint, by=by, version=version) as current:
        if not current.is_open:
            raise ValidationError(_("This case is resolved. Open it again first."), code="not_allowed")
        move(current, State(state), by=by, now=now)
        current.save(update_fields=["state", "updated_at"])


def add_note(complaint: Complaint, *, text: str, by: User, now: datetime, files: Sequence[CheckedFile] = ()) -> None:
    """A note among colleagues; the customer never sees it. It overwrites nothing, so no version is asked for.

    The same with the same files of the same colleague within a minute is a double tap.
    """
    text = required(text, _("Write the note."))
    given = sorted((file.name, len(file.data)) for file in files)
    with editing(complaint, by=by) as current:
        same = current.events.filter(kind=Event.NOTE, actor=by, text=text, at__gt=now - DOUBLE_TAP)
        if any(given == sorted(each.attachments.values_list("name", "size")) for each in same):
            return
        event = record(current, Event.NOTE, by=by, now=now, text=text)
        attach(event, files, by=by, now=now)
        current.save(update_fields=["updated_at"])


def reply(
    complaint: Complaint,
    *,
    text: str,
    by: User,
    now: datetime,
    waits: bool = False,
    files: Sequence[CheckedFile] = (),
    version: str = "",
) -> None:
    """Write to the customer; then wait for them, or go on working. Files wait for them on their page of the case."""
    with editing(complaint, by=by, version=version) as current:
        if not current.can_be_written_to:
            raise ValidationError(_("There is no address to write to, or the customer did not ask to be contacted."))
        event = record(current, Event.REPLIED, by=by, now=now, text=required(text, _("Write the reply.")))
        attach(event, files, by=by, now=now)
        current.answered_at, current.waits_since = current.answered_at or now, None
        wanted = State.WAITING if waits else State.IN_PROGRESS
        if current.is_open and current.state != wanted:
            move(current, wanted, by=by, now=now)
        current.assignee = current.assignee or by
        current.save(update_fields=["answered_at", "waits_since", "state", "assignee", "updated_at"])
        send_reply(current, event, now=now)


def resolve_complaint(
    complaint: Complaint, *, resolution: str, by: User, now: datetime, cause: str = "", version: str = ""
) -> None:
    """Close it, saying how it was put right and what lay behind it; its purchase's surveys go on.

    Without a cause what was known of it stands. Whoever may be written to is told, and for them it is an answer.
    """
    with editing(complaint, by=by, version=version) as current:
        current.resolution = required(resolution, _("Say how it was resolved."))
        if cause:
            note_cause(current, cause, by=by, now=now)
        move(current, State.RESOLVED, by=by, now=now)
        current.resolved_at, current.waits_since = now, None
        current.assignee = current.assignee or by
        event = record(current, Event.RESOLVED, by=by, now=now, text=current.resolution)
        if current.can_be_written_to:
            current.answered_at = current.answered_at or now
            send_resolution(current, event, now=now)
        current.save(
            update_fields=[
                *("resolution", "state", "resolved_at", "assignee"),
                *("answered_at", "waits_since", "updated_at"),
            ]
        )
        let_ask_again(current, now=now)


def reopen_complaint(complaint: Complaint, *, reason: str, by: User, now: datetime, version: str = "") -> None:
    """ValidationError: its purchase has another open case by now."""
    with editing(complaint, by=by, version=version) as current:
        if current.is_open:
            raise ValidationError(_("This case is open already."), code="not_allowed")
        if current.merged_into_id:
            raise ValidationError(_("This case is merged into another. Separate it first."), code="merged")
        if current.purchase_id and open_case_of(current.purchase_id):
            raise ValidationError(_("This purchase already has an open case; go on there."), code="another_is_open")
        open_again(current, by=by, now=now, text=required(reason, _("Say why it is opened again.")))


def open_again(complaint: Complaint, *, by: User | None, now: datetime, text: str, **data: object) -> None:
    """Of a case that the caller has locked; `reopen_complaint` is what staff ask for."""
    move(complaint, State.IN_PROGRESS, by=by, now=now)
    complaint.resolved_at = None
    complaint.save(update_fields=["state", "resolved_at", "updated_at"])
    record(complaint, Event.REOPENED, by=by, now=now, text=text, **data)
    ask_nothing(complaint, now=now)


def ask_nothing(complaint: Complaint, *, now: datetime) -> None:
    """As long as it is open, its purchase and those of the cases merged into it are not asked about, nor its ending."""
    for case in with_merged(complaint):
        if case.purchase is not None:
            hold_purchase(case.purchase, cause=hold_cause(case), now=now)
    do_not_ask_about_case(occasion_of(complaint), now=now)


def let_ask_again(complaint: Complaint, *, now: datetime) -> None:
    """It is closed: surveys go on, and whoever wrote with us is asked how it ended."""
    for case in with_merged(complaint):
        if case.purchase is not None:
            lift_hold(case.purchase, cause=hold_cause(case), now=now)
    ask_how_it_ended(complaint, now=now)


def with_merged(complaint: Complaint) -> list[Complaint]:
    return [complaint, *complaint.merged.select_related("purchase")]


def required(text: str, message: str) -> str:
    """The text without what cannot be stored. ValidationError with this message: there is none."""
    if not (cleaned := text.replace("\0", "").strip()):
        raise ValidationError(message, code="required")
    return cleaned
