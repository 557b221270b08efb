"""What staff do with a case: who may, from which state, and what it leaves behind."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from accounts.models import Membership
from complaints.files import CheckedFile
from complaints.models import Complaint, ComplaintChange, ComplaintEvent
from complaints.models.cases import NEVER
from complaints.models.causes import part_of
from complaints.services import (
    add_note,
    assign_complaint,
    change_kind,
    customer_wrote,
    reopen_complaint,
    reply,
    resolve_complaint,
    set_cause,
    set_part,
    set_state,
    take_complaint,
)
from mailing.models import OutgoingMail
from surveys.models import Hold, Invitation
from tests import factories
from tests.complaints.factories import make_complaint
from tests.factories import NOW
from tests.surveys.factories import make_invitation

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=3)

EVERY_VERB = {
    "take": lambda case, by: take_complaint(case, by=by, now=LATER),
    "assign": lambda case, by: assign_complaint(case, to=None, by=by, now=LATER),
    "kind": lambda case, by: change_kind(case, kind="claim", by=by, now=LATER),
    "part": lambda case, by: set_part(case, part="sale", by=by, now=LATER),
    "cause": lambda case, by: set_cause(case, cause="late", by=by, now=LATER),
    "state": lambda case, by: set_state(case, state="waiting", by=by, now=LATER),
    "note": lambda case, by: add_note(case, text="Nota", by=by, now=LATER),
    "reply": lambda case, by: reply(case, text="Hola", by=by, now=LATER),
    "resolve": lambda case, by: resolve_complaint(case, resolution="Hecho", by=by, now=LATER),
    "reopen": lambda case, by: reopen_complaint(case, reason="Sigue", by=by, now=LATER),
}


@pytest.fixture
def case(purchase) -> Complaint:
    return make_complaint(purchase, kind="inquiry", wants_contact=True)


def kinds(case: Complaint) -> list[str]:
    return [event.kind for event in case.events.all()]


def snapshot(case: Complaint) -> list[object]:
    return [
        *Complaint.objects.filter(pk=case.pk).values(),
        *ComplaintEvent.objects.values(),
        OutgoingMail.objects.count(),
        Hold.objects.standing().count(),
    ]


def test_a_case_from_taking_to_resolving(case, sofia, purchase):
    take_complaint(case, by=sofia, now=LATER)
    reply(case, text="¿Qué talla?", by=sofia, now=LATER, waits=True)
    resolve_complaint(case, resolution="Enviamos otras.", by=sofia, now=LATER)

    assert (case.state, case.assignee, case.answered_at, case.resolved_at) == ("resolved", sofia, LATER, LATER)
    assert kinds(case) == [
        "opened",
        "assigned",
        "state_changed",
        "replied",
        "state_changed",
        "state_changed",
        "resolved",
    ]
    assert {event.actor for event in case.events.exclude(kind="opened")} == {sofia}
    mails = OutgoingMail.objects.order_by("id").values_list("template", "guarantee")
    assert list(mails) == [
        ("complaints/acknowledgement", "at_least_once"),
        ("complaints/reply", "at_least_once"),
        ("complaints/resolution", "at_least_once"),
        ("surveys/closing", "at_most_once"),
    ]
    assert ComplaintChange.objects.filter(complaint=case).count() == len(kinds(case))


def test_closing_says_what_the_cause_was_and_whose_part(case, sofia):
    resolve_complaint(case, resolution="Hecho", cause="not_said", by=sofia, now=LATER)

    assert (case.cause, case.part) == ("not_said", "sale")
    assert kinds(case) == ["opened", "cause", "state_changed", "resolved"]


def test_the_cause_can_be_corrected_once_it_is_closed(case, sofia):
    resolve_complaint(case, resolution="Hecho", cause="late", by=sofia, now=LATER)

    set_cause(case, cause="nothing", by=sofia, now=LATER)
    set_cause(case, cause="nothing", by=sofia, now=LATER)

    assert (case.state, case.cause, case.part) == ("resolved", "nothing", "")
    assert kinds(case)[-1] == "cause"
    assert kinds(case).count("cause") == 2
    with pytest.raises(ValidationError):
        set_cause(case, cause="the weather", by=sofia, now=LATER)


def test_every_cause_but_none_is_somebodys_part():
    assert {cause for cause in Complaint.Cause if not part_of(cause)} == {Complaint.Cause.NOTHING}


def test_resolving_lets_the_surveys_go_on_and_reopening_stops_them(purchase, sofia):
    invitation = make_invitation(purchase, state=Invitation.State.PLANNED, scheduled_for=LATER)
    case = make_complaint(purchase)

    resolve_complaint(case, resolution="Hecho", by=sofia, now=NOW)
    invitation.refresh_from_db()
    after_resolving = invitation.state
    reopen_complaint(case, reason="Sigue roto", by=sofia, now=NOW)
    invitation.refresh_from_db()

    assert (after_resolving, invitation.state) == ("planned", "held")
    assert (case.state, case.resolved_at) == ("in_progress", None)


@pytest.mark.parametrize("role", [Membership.Role.ANALYST, Membership.Role.READ_ONLY, None])
@pytest.mark.parametrize("verb", EVERY_VERB)
def test_who_may_only_read_changes_nothing(brand, case, role, verb):
    reader = (
        factories.make_staff(brand, "Lía", role) if role else factories.make_staff(factories.make_brand("otra"), "Olga")
    )
    before = snapshot(case)

    with pytest.raises(PermissionDenied):
        EVERY_VERB[verb](case, reader)

    assert snapshot(case) == before


@pytest.mark.parametrize("verb", ["state", "resolve", "reply", "kind", "part", "cause", "take"])
def test_a_change_over_somebody_elses_is_refused(case, sofia, verb):
    shown = case.version
    add_note(Complaint.objects.get(), text="Mientras tanto", by=sofia, now=LATER)
    before = snapshot(case)
    verbs = {
        "state": lambda: set_state(case, state="waiting", by=sofia, now=LATER, version=shown),
        "resolve": lambda: resolve_complaint(case, resolution="Hecho", by=sofia, now=LATER, version=shown),
        "reply": lambda: reply(case, text="Hola", by=sofia, now=LATER, version=shown),
        "kind": lambda: change_kind(case, kind="claim", by=sofia, now=LATER, version=shown),
        "part": lambda: set_part(case, part="sale", by=sofia, now=LATER, version=shown),
        "cause": lambda: set_cause(case, cause="late", by=sofia, now=LATER, version=shown),
        "take": lambda: take_complaint(case, by=sofia, now=LATER, version=shown),
    }

    with pytest.raises(ValidationError) as refusal:
        verbs[verb]()

    assert refusal.value.code == "changed_meanwhile"
    assert snapshot(case) == before


@pytest.mark.parametrize(
    ("verb", "is_resolved"),
    [("reopen", False), ("resolve", True), ("state", True), ("take", True)],
)
def test_states_move_only_where_they_may(case, sofia, verb, is_resolved):
    if is_resolved:
        resolve_complaint(case, resolution="Hecho", by=sofia, now=NOW)
    before = snapshot(case)

    if verb == "take":  # a resolved case may get another owner, but is not begun again by it
        EVERY_VERB[verb](case, sofia)
        assert case.state == "resolved"
        return
    with pytest.raises(ValidationError):
        EVERY_VERB[verb](case, sofia)

    assert snapshot(case) == before


@pytest.mark.parametrize("text", ["", "  \n ", "\0"])
def test_words_are_needed_where_they_will_be_asked_for(case, sofia, text):
    before = snapshot(case)

    for write in (
        lambda: resolve_complaint(case, resolution=text, by=sofia, now=LATER),
        lambda: reply(case, text=text, by=sofia, now=LATER),
        lambda: add_note(case, text=text, by=sofia, now=LATER),
    ):
        with pytest.raises(ValidationError):
            write()

    assert snapshot(case) == before


def test_the_clock_of_our_answer_runs_while_the_customer_waits(case, sofia):
    take_complaint(case, by=sofia, now=LATER)
    at_first = case.due_at
    reply(case, text="¿Qué talla?", by=sofia, now=LATER, waits=True)
    while_it_is_their_turn = case.due_at
    written_at = LATER + timedelta(days=2)
    customer_wrote(case, text="La 39", now=written_at)
    customer_wrote(case, text="O la 40", now=written_at + timedelta(hours=5))
    case.refresh_from_db()
    after_their_message = case.due_at
    resolve_complaint(case, resolution="Enviada la 39.", by=sofia, now=written_at)

    assert at_first == NOW + timedelta(hours=24)
    assert while_it_is_their_turn is None
    assert after_their_message == written_at + timedelta(hours=24)
    assert case.due_at is None


@pytest.mark.parametrize("kind", ["inquiry", "claim"])
def test_lists_and_pages_agree_on_what_is_due(purchase, sofia, kind):
    case = make_complaint(purchase, kind=kind, wants_contact=True)
    for change in (
        lambda: take_complaint(case, by=sofia, now=LATER),
        lambda: reply(case, text="¿Qué talla?", by=sofia, now=LATER),
        lambda: customer_wrote(case, text="La 39", now=LATER + timedelta(days=40)),
    ):
        change()
        listed = Complaint.objects.open().most_urgent_first().get()

        assert listed.urgency == (listed.due_at or NEVER)


def test_nobody_is_written_to_who_did_not_ask_for_it(purchase, sofia):
    case = make_complaint(purchase, kind="follow_up", wants_contact=False)

    with pytest.raises(ValidationError):
        reply(case, text="Hola", by=sofia, now=LATER)
    resolve_complaint(case, resolution="Cambiado", by=sofia, now=LATER)

    assert not OutgoingMail.objects.exists()


def test_the_laws_clock_runs_from_the_day_it_came_in(case, sofia):
    change_kind(case, kind="claim", by=sofia, now=NOW + timedelta(days=10))
    as_claim = case.legal_due_at
    change_kind(case, kind="inquiry", by=sofia, now=NOW + timedelta(days=11))

    assert as_claim is not None
    assert as_claim.date().isoformat() == "2026-04-10"
    assert case.legal_due_at is None


def test_a_case_is_given_only_to_who_may_work_on_it(brand, case, sofia):
    analyst = factories.make_staff(brand, "Lía", Membership.Role.ANALYST)
    olga = factories.make_staff(factories.make_brand("otra"), "Olga")
    before = snapshot(case)

    for stranger in (analyst, olga):
        with pytest.raises(ValidationError):
            assign_complaint(case, to=stranger, by=sofia, now=LATER)

    assert snapshot(case) == before


def test_a_purchase_with_another_open_case_keeps_the_old_one_closed(case, purchase, sofia):
    resolve_complaint(case, resolution="Hecho", by=sofia, now=LATER)
    make_complaint(purchase, text="Otra cosa", now=LATER)

    with pytest.raises(ValidationError) as refusal:
        reopen_complaint(case, reason="Sigue", by=sofia, now=LATER)

    assert refusal.value.code == "another_is_open"
    assert case.state == "resolved"


def test_the_cause_says_whose_part_it_was_until_it_is_corrected(case, sofia):
    set_part(case, part="sale", by=sofia, now=LATER)
    set_cause(case, cause="late", by=sofia, now=LATER)

    with pytest.raises(ValidationError) as refused:
        set_part(case, part="sale", by=sofia, now=LATER)

    assert refused.value.code == "has_cause"
    assert (case.cause, case.part) == ("late", "delivery")
    set_cause(case, cause="not_said", by=sofia, now=LATER)
    set_part(case, part="sale", by=sofia, now=LATER)  # which it is
    assert (case.part, kinds(case).count("part_changed")) == ("sale", 1)


def test_two_taps_are_one_note_and_the_same_later_is_another(case, sofia):
    for at in (LATER, LATER, LATER + timedelta(minutes=2)):
        add_note(case, text="Llamado", by=sofia, now=at)

    assert kinds(case).count("note") == 2


def test_the_same_words_with_another_file_are_another_note(case, sofia):
    photo = CheckedFile("foto.jpg", "image/jpeg", b"123")
    for files in ([], [photo], [photo]):
        add_note(case, text="Llamado", by=sofia, now=LATER, files=files)

    assert kinds(case).count("note") == 2
    assert case.attachments.get().name == "foto.jpg"
