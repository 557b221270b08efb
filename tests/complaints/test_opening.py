"""How cases come to be: each bad answer once, one open case a purchase, and who is written to."""

from datetime import UTC, date, datetime, timedelta
from threading import Barrier, Thread
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from accounts.models import Brand
from complaints.models import Complaint, ComplaintChange, ComplaintEvent, ComplaintResponse
from complaints.selectors import thread_of
from complaints.services import open_cases_for_bad_answers, open_complaint, resolve_complaint
from mailing.models import OutgoingMail
from surveys.models import Hold, Invitation, Response
from surveys.services.answering import judge_response
from tests import factories
from tests.complaints.factories import answered, make_complaint, make_problem
from tests.factories import NOW
from tests.surveys.factories import make_invitation

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(minutes=5)


def mails() -> list[tuple[str, str]]:
    return list(OutgoingMail.objects.order_by("id").values_list("template", "to_address"))


# --- From bad answers ----------------------------------------------------------------------------------------------
def test_a_bad_answer_opens_one_case(bad_answer, purchase):
    taken = open_cases_for_bad_answers(now=LATER)
    again = open_cases_for_bad_answers(now=LATER)

    assert (taken, again) == (1, 0)
    case = Complaint.objects.get()
    assert (case.kind, case.state, case.severity, case.part) == ("follow_up", "new", "high", "delivery")
    assert (case.purchase, case.customer, case.language) == (purchase, purchase.customer, "es")
    assert case.text == "Llegó roto y nadie contesta."
    assert case.wants_contact
    assert (case.opened_at, case.service_due_at, case.legal_due_at) == (LATER, LATER + timedelta(hours=24), None)
    assert [event.kind for event in case.events.all()] == ["opened"]
    assert ComplaintResponse.objects.get().response == bad_answer
    assert Response.objects.get().followed_up_at == LATER
    assert ComplaintChange.objects.filter(complaint=case).exists()


def test_an_answer_at_which_we_fail_keeps_no_other_waiting(bad_answer, purchase):
    Brand.objects.filter(pk=purchase.brand_id).update(timezone="Atlantis/Poseidonis")
    other = factories.make_purchase(factories.make_customer(factories.make_brand("zeta")))
    answered(make_invitation(other), csat=1)

    with pytest.raises(ExceptionGroup):
        open_cases_for_bad_answers(now=LATER)

    assert Complaint.objects.get().purchase == other


@pytest.mark.parametrize(
    ("answers", "severity", "subject"),
    [
        ({"csat": 1}, "high", "Rated the purchase 1 of 5"),
        ({"csat": 2}, "medium", "Rated the purchase 2 of 5"),
        ({"csat": 4, "nps": 2}, "high", "Would recommend: 2 of 10"),
        ({"csat": 4, "nps": 4}, "medium", "Would recommend: 4 of 10"),
        ({"csat": 4, "nps": 6}, "low", "Would recommend: 6 of 10"),
        ({"csat": 4, "promise": -2}, "low", "Got much less than was promised"),
        ({"csat": 5, "contact": "yes"}, "low", "Asks to be contacted"),
    ],
)
def test_severity_and_reason_follow_the_answer(invitation, answers, severity, subject):
    invitation.brand.languages = ["en"]
    invitation.brand.save()
    answered(invitation, **answers)

    open_cases_for_bad_answers(now=LATER)

    case = Complaint.objects.get()
    assert (case.severity, case.subject) == (severity, subject)


@pytest.mark.parametrize("answers", [{"csat": 5}, {"csat": 3, "nps": 7, "promise": -1, "contact": "no"}])
def test_other_answers_open_none(invitation, answers):
    answered(invitation, **answers)

    assert open_cases_for_bad_answers(now=LATER) == 0
    assert not Complaint.objects.exists()


def test_suspect_answers_open_none_until_they_are_found_genuine(invitation):
    response = answered(invitation, csat=1, suspicions=("too_fast",))
    before = open_cases_for_bad_answers(now=LATER)

    judge_response(response, is_genuine=True, now=LATER)

    assert (before, open_cases_for_bad_answers(now=LATER)) == (0, 1)


def test_a_changed_answer_is_added_to_the_open_case(bad_answer, invitation):
    open_cases_for_bad_answers(now=NOW)

    answered(invitation, csat=1, improve_text="Sigue roto.", at=LATER)
    open_cases_for_bad_answers(now=LATER)

    case = Complaint.objects.get()
    assert [(event.kind, event.text) for event in case.events.all()] == [
        ("opened", "Llegó roto y nadie contesta."),
        ("answer_added", "Sigue roto."),
    ]


def test_a_changed_rating_without_words_is_added_and_is_not_put_into_the_customers_mouth(invitation):
    answered(invitation, csat=1)
    open_cases_for_bad_answers(now=NOW)

    answered(invitation, csat=2, at=LATER)
    open_cases_for_bad_answers(now=LATER)

    case = Complaint.objects.get()
    added = case.events.get(kind="answer_added")
    assert (added.text, "2" in added.data["subject"], thread_of(case)) == ("", True, [])


def test_an_answer_changed_after_the_case_was_resolved_opens_another(bad_answer, invitation, sofia):
    open_cases_for_bad_answers(now=NOW)
    resolve_complaint(Complaint.objects.get(), resolution="Cambiado.", by=sofia, now=NOW)

    answered(invitation, csat=2, improve_text="El nuevo también.", at=LATER)
    open_cases_for_bad_answers(now=LATER)

    assert list(Complaint.objects.order_by("id").values_list("state", "severity")) == [
        ("resolved", "high"),
        ("new", "medium"),
    ]


def test_a_case_that_stands_takes_in_a_bad_answer(purchase, bad_answer):
    standing = make_complaint(purchase, severity="low")

    open_cases_for_bad_answers(now=LATER)

    case = Complaint.objects.get()
    assert case == standing
    assert (case.severity, case.kind, case.part) == ("high", "complaint", "delivery")


def test_only_who_asked_for_it_is_written_to(invitation):
    answered(invitation, csat=1)
    open_cases_for_bad_answers(now=LATER)
    silent = mails()
    answered(invitation, csat=1, contact="yes", at=LATER)
    open_cases_for_bad_answers(now=LATER)
    open_cases_for_bad_answers(now=LATER)

    assert silent == []
    assert mails() == [("complaints/acknowledgement", "carla@correo.example")]


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_open_one_case_an_answer(brand):
    for number in range(6):
        customer = factories.make_customer(brand, f"Cliente {number}")
        answered(make_invitation(factories.make_purchase(customer)), csat=1)
    start, taken = Barrier(4), []

    def work() -> None:
        start.wait()
        taken.append(open_cases_for_bad_answers(now=LATER))
        connection.close()

    workers = [Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    # What one skipped because another held it, the next run finds.
    rest = open_cases_for_bad_answers(now=LATER)

    assert sum(taken) + rest == 6
    assert Complaint.objects.count() == 6
    assert ComplaintEvent.objects.count() == 6
    assert ComplaintResponse.objects.count() == 6


@pytest.mark.django_db(transaction=True)
def test_several_who_complain_of_one_purchase_at_once_share_a_case(purchase):
    start, cases = Barrier(5), []

    def complain(number: int) -> None:
        start.wait()
        cases.append(open_complaint(purchase.brand, make_problem(text=f"Voz {number}"), purchase=purchase, now=NOW))
        connection.close()

    people = [Thread(target=complain, args=(number,)) for number in range(5)]
    for person in people:
        person.start()
    for person in people:
        person.join()

    assert sorted(is_new for _case, is_new in cases) == [False, False, False, False, True]
    assert len({case.number for case, _is_new in cases}) == 1
    assert sorted(ComplaintEvent.objects.values_list("text", flat=True)) == [f"Voz {number}" for number in range(5)]


# --- By whoever writes ---------------------------------------------------------------------------------------------
def test_an_open_case_holds_the_surveys_of_its_purchase(purchase):
    invitation = make_invitation(purchase, state=Invitation.State.PLANNED)

    case = make_complaint(purchase)

    invitation.refresh_from_db()
    assert (invitation.state, invitation.reason) == ("held", "open_complaint")
    assert Hold.objects.standing().get().cause == f"complaint:{case.pk}"


@pytest.mark.parametrize(
    ("kind", "is_legal"),
    [("inquiry", False), ("suggestion", False), ("complaint", True), ("claim", True), ("warranty", False)],
)
def test_the_law_gives_a_term_to_complaints_and_claims(purchase, kind, is_legal):
    case = make_complaint(purchase, kind=kind)

    # One month from date to date, to the end of the day in Madrid.
    assert case.legal_due_at == (datetime(2026, 4, 10, 21, 59, 59, tzinfo=UTC) if is_legal else None)


def test_a_formal_claim_added_to_a_follow_up_starts_the_laws_clock(purchase):
    follow_up = make_complaint(purchase, kind="follow_up")
    three_days_later = NOW + timedelta(days=3)

    case, is_new = open_complaint(
        purchase.brand, make_problem(kind="claim", text="Quiero mi dinero"), purchase=purchase, now=three_days_later
    )

    assert (case, is_new) == (follow_up, False)
    assert (case.kind, case.legal_due_at) == ("claim", datetime(2026, 4, 13, 21, 59, 59, tzinfo=UTC))
    assert [event.kind for event in case.events.all()] == ["opened", "answer_added", "kind_changed"]


@pytest.mark.parametrize(("days", "due_on"), [(3, (2026, 3, 27)), (27, (2026, 4, 10))])
def test_a_formal_claim_added_to_a_complaint_brings_its_own_term_where_that_ends_earlier(purchase, days, due_on):
    brand = purchase.brand
    brand.region = "AN"  # ten working days for a formal claim
    brand.save()
    make_complaint(purchase, kind="complaint")

    case = make_complaint(purchase, kind="claim", text="Pido la hoja", now=NOW + timedelta(days=days))

    case.refresh_from_db()
    assert case.kind == "claim"
    assert case.legal_due_at.astimezone(ZoneInfo("Europe/Madrid")).date() == date(*due_on)
    assert case.legal_sum["due_on"] == date(*due_on).isoformat()


def test_what_its_kind_asks_for_is_kept_of_what_is_added_and_what_was_told_first_stands(purchase):
    case = make_complaint(purchase, kind="warranty", details={"serial": "A-1"})

    make_complaint(purchase, kind="warranty", text="Otra cosa", details={"serial": "A-2", "fault": "La suela"})

    case.refresh_from_db()
    assert case.details == {"serial": "A-1", "fault": "La suela"}
    assert case.events.last().data["details"] == {"serial": "A-2", "fault": "La suela"}


def test_a_question_added_to_a_claim_leaves_it_a_claim(purchase):
    claim = make_complaint(purchase, kind="claim")

    case = make_complaint(purchase, kind="inquiry", text="¿Y cuándo?", now=LATER)

    assert (case, case.kind, case.legal_due_at) == (claim, "claim", claim.legal_due_at)


def test_saying_it_twice_adds_nothing(purchase):
    make_complaint(purchase, wants_contact=True)
    make_complaint(purchase, wants_contact=True, now=LATER)

    assert ComplaintEvent.objects.count() == 1
    assert len(mails()) == 1


def test_numbers_are_readable_and_the_year_is_that_of_the_brand(purchase):
    case = make_complaint(purchase, now=datetime(2026, 12, 31, 23, 30, tzinfo=UTC))  # 2027 in Madrid

    year, dash, digits = case.number.partition("-")
    assert (year, dash, len(digits), digits.isdecimal()) == ("2027", "-", 6, True)


def test_who_never_bought_may_have_a_case(brand):
    customer = factories.make_customer(brand)

    first, _ = open_complaint(brand, make_problem(kind="inquiry"), customer=customer, now=NOW)
    second, is_new = open_complaint(brand, make_problem(kind="inquiry"), customer=customer, now=NOW)

    assert is_new
    assert first.number != second.number
    assert not Hold.objects.exists()
