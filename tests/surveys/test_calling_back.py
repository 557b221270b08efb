"""Whose mail was with a server when there was a reason not to ask: decided anew as soon as it comes back."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from affiliates.models import Purchase
from mailing.models import OutgoingMail
from mailing.services import cancel_mails
from surveys.models import Invitation, InvitationMail, Reason, Wave
from surveys.selectors import SurveyState
from surveys.services import hold_purchase, lift_hold, send_due_invitations
from surveys.services.closing import ask_about_case, do_not_ask_about_case
from surveys.services.holding import plan_called_back, plan_put_aside
from tests.factories import NOW, make_brand, make_customer, make_purchase
from tests.surveys.test_closing import closed
from tests.surveys.test_sending import asked, change, mails_of, plan, state

State = OutgoingMail.State
pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(minutes=1)
AT_A_SERVER = {"state": State.HANDING_OVER, "lease_owner": uuid4(), "lease_until": Now() + timedelta(hours=1)}


@pytest.fixture
def purchase() -> Purchase:
    """Its first mail is with a server."""
    bought = make_purchase(make_customer(make_brand()))
    plan(bought)
    send_due_invitations(now=NOW)
    mails_of(bought).update(**AT_A_SERVER)
    return bought


def come_back() -> None:
    """As the ledger does it when the server puts the mail off (tests/mailing/test_calling_back.py)."""
    for mail in OutgoingMail.objects.filter(state=State.HANDING_OVER).exclude(cancel_wanted=""):
        change(mail, state=State.CANCELLED, reason=mail.cancel_wanted, lease_owner=None, lease_until=None)


def test_who_got_the_money_back_meanwhile_is_never_asked(purchase: Purchase) -> None:
    change(purchase, state="refunded")
    plan(purchase)
    assert state(purchase).state == "queued"  # perhaps the server takes it

    come_back()
    assert state(purchase).state == "queued"
    assert plan_called_back(now=LATER) == 1
    assert plan_called_back(now=LATER) == 0
    assert send_due_invitations(now=LATER) == 0

    assert state(purchase) == SurveyState("cancelled", None, Reason.REFUNDED)
    assert OutgoingMail.objects.count() == 1


def test_who_opened_a_case_meanwhile_is_asked_when_it_is_closed(purchase: Purchase) -> None:
    hold_purchase(purchase, cause="complaint:1", now=NOW)
    come_back()
    plan_called_back(now=LATER)
    assert send_due_invitations(now=LATER) == 0
    assert state(purchase) == SurveyState("held", None, Reason.OPEN_COMPLAINT)

    later = NOW + timedelta(days=3)
    lift_hold(purchase, cause="complaint:1", now=later)

    assert send_due_invitations(now=later) == 1
    assert state(purchase) == SurveyState("queued", later)
    assert [mail.state for mail in OutgoingMail.objects.order_by("pk")] == [State.CANCELLED, State.QUEUED]


def test_who_has_no_reason_left_when_the_mail_comes_back_is_asked_after_all(purchase: Purchase) -> None:
    hold_purchase(purchase, cause="complaint:1", now=NOW)
    lift_hold(purchase, cause="complaint:1", now=NOW)
    come_back()

    plan_called_back(now=LATER)

    assert send_due_invitations(now=LATER) == 1
    assert mails_of(purchase).get().state == State.QUEUED


def test_what_the_server_took_stays_asked(purchase: Purchase) -> None:
    hold_purchase(purchase, cause="complaint:1", now=NOW)
    mails_of(purchase).update(state=State.SENT, sent_at=NOW, lease_owner=None, lease_until=None)

    assert plan_called_back(now=LATER) == 0
    assert state(purchase) == SurveyState("sent", NOW)


@pytest.mark.parametrize("reason", ["answered", "manual"])
def test_who_has_answered_or_was_stopped_by_hand_is_not_asked_again(purchase: Purchase, reason: str) -> None:
    cancel_mails(mails_of(purchase), reason=reason)
    come_back()

    assert plan_called_back(now=LATER) == 1
    assert plan_called_back(now=LATER) == 0

    assert send_due_invitations(now=LATER) == 0
    assert Invitation.objects.get(wave=Wave.FIRST).state == "queued"


@pytest.mark.parametrize("is_back", [False, True])
def test_who_was_stopped_by_hand_is_not_asked_after_a_case_either(purchase: Purchase, *, is_back: bool) -> None:
    cancel_mails(mails_of(purchase), reason="manual")
    if is_back:
        come_back()

    hold_purchase(purchase, cause="complaint:1", now=NOW)
    come_back()
    plan_called_back(now=LATER)
    lift_hold(purchase, cause="complaint:1", now=LATER)

    assert send_due_invitations(now=LATER) == 0
    assert state(purchase) == SurveyState("cancelled", NOW, Reason.SUPPRESSED)


def test_a_reminder_called_back_leaves_the_question_as_it_was() -> None:
    bought = asked(make_brand())
    invitation = Invitation.objects.get(wave=Wave.FIRST)
    [first] = mails_of(bought)
    change(first, reason="taken_back")  # whatever was said of another mail
    reminder = OutgoingMail.objects.get()
    reminder.pk, reminder.uuid, reminder.dedupe_key = None, uuid4(), "reminder"
    reminder.token_hash, reminder.message_id = b"r" * 32, "<reminder@lumbre.example>"
    reminder.state, reminder.reason, reminder.cancel_wanted = State.CANCELLED, "taken_back", "taken_back"
    reminder.save(force_insert=True)
    InvitationMail.objects.create(invitation=invitation, kind=InvitationMail.Kind.REMINDER, mail=reminder)

    assert plan_called_back(now=LATER) == 1

    assert state(bought).state == "sent"


def test_a_case_that_opens_again_meanwhile_is_not_asked_about() -> None:
    carla = make_customer(make_brand())
    ask_about_case(closed(carla), now=NOW)
    OutgoingMail.objects.update(**AT_A_SERVER)

    assert not do_not_ask_about_case("case:5", now=NOW)
    come_back()
    plan_called_back(now=LATER)

    invitation = Invitation.objects.get()
    assert (invitation.state, invitation.reason, invitation.scheduled_for) == ("cancelled", "open_complaint", None)
    # Closed for good, it is asked about as usual.
    ask_about_case(closed(carla), now=LATER)
    assert list(OutgoingMail.objects.order_by("pk").values_list("state", flat=True)) == [State.CANCELLED, State.QUEUED]


@pytest.mark.parametrize("reason", ["taken_back", "manual"])
def test_a_case_closed_again_while_a_server_has_its_question_is_asked_about_once(reason: str) -> None:
    carla = make_customer(make_brand())
    ask_about_case(closed(carla), now=NOW)
    OutgoingMail.objects.update(**AT_A_SERVER)
    cancel_mails(OutgoingMail.objects.all(), reason=reason)
    do_not_ask_about_case("case:5", now=NOW)

    ask_about_case(closed(carla), now=LATER)

    # Taken back, it is as if it never was: should the server put it off, it is tried again. Staff's word stands.
    assert OutgoingMail.objects.get().cancel_wanted == ("" if reason == "taken_back" else "manual")
    assert Invitation.objects.get().state == "queued"


@pytest.mark.parametrize(
    ("reason", "states"), [("taken_back", [State.CANCELLED, State.QUEUED]), ("manual", [State.CANCELLED])]
)
def test_a_case_closed_again_after_its_question_came_back_is_asked_about_anew(reason: str, states: list[str]) -> None:
    carla = make_customer(make_brand())
    ask_about_case(closed(carla), now=NOW)
    OutgoingMail.objects.update(**AT_A_SERVER)
    cancel_mails(OutgoingMail.objects.all(), reason=reason)
    do_not_ask_about_case("case:5", now=NOW)
    come_back()

    ask_about_case(closed(carla), now=LATER)
    plan_called_back(now=LATER)

    assert list(OutgoingMail.objects.order_by("pk").values_list("state", flat=True)) == states
    assert Invitation.objects.get().state == "queued"


@pytest.mark.parametrize("decide_anew", [plan_called_back, plan_put_aside])
def test_whoever_decides_anew_locks_which_mail_it_is_asked_by(decide_anew: Callable[..., int]) -> None:
    """A case closed again at that moment is asked about by another mail, which is not to be judged by the first."""
    with CaptureQueriesContext(connection) as asked:
        decide_anew(now=LATER)

    [locked] = [query["sql"].partition(" UPDATE OF ")[2] for query in asked if "SKIP LOCKED" in query["sql"]]
    assert locked == '"surveys_invitation", "surveys_invitationmail" SKIP LOCKED'


def test_what_is_called_back_is_looked_for_by_its_index() -> None:
    plan = OutgoingMail.objects.called_back().order_by("id").explain()

    assert "mail_called_back" in plan
