"""From which states a case may get to which; its clocks stand and run accordingly."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts.models import User
from complaints.models import Complaint, ComplaintEvent
from complaints.services.record import record
from complaints.services.timing import await_answer, keep_pauses

State = Complaint.State

TRANSITIONS = {
    State.NEW: (State.IN_PROGRESS, State.WAITING, State.RESOLVED),
    State.IN_PROGRESS: (State.WAITING, State.RESOLVED),
    State.WAITING: (State.IN_PROGRESS, State.RESOLVED),
    State.RESOLVED: (State.IN_PROGRESS,),
}


def move(complaint: Complaint, state: State, *, by: User | None, now: datetime) -> None:
    """Of a case that the caller has locked. ValidationError: a case does not get from its state to this one."""
    before = State(complaint.state)
    if state not in TRANSITIONS[before]:
        raise ValidationError(
            _("A case that is “%(before)s” cannot become “%(after)s”."),
            params={"before": before.label, "after": state.label},
            code="not_allowed",
        )
    complaint.state = state
    keep_pauses(complaint, before=before, now=now)
    record(complaint, ComplaintEvent.Kind.STATE_CHANGED, by=by, now=now, before=before, after=state)


def take_turn(complaint: Complaint, *, by: User | None, now: datetime) -> None:
    """Its customer has spoken, so it is our turn: what waited for them goes on. The caller saves state and clock."""
    if complaint.state == State.WAITING:
        move(complaint, State.IN_PROGRESS, by=by, now=now)
    await_answer(complaint, now=now)
