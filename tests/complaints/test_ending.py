"""How a case ended: asked once after its closing; a bad answer has it looked at again."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from complaints.models import Complaint, ComplaintResponse
from complaints.services import (
    customer_wrote,
    merge_complaint,
    open_cases_for_bad_answers,
    open_complaint,
    reopen_complaint,
    resolve_complaint,
)
from surveys.models import Invitation, Wave
from tests import factories
from tests.complaints.factories import answered, make_complaint, make_problem
from tests.factories import NOW

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=2)
NEXT_WEEK = NOW + timedelta(days=7)


@pytest.fixture
def case(purchase, sofia) -> Complaint:
    """Closed."""
    complaint = make_complaint(purchase, wants_contact=True)
    resolve_complaint(complaint, resolution="Enviada otra.", by=sofia, now=LATER)
    return complaint


def question() -> Invitation:
    return Invitation.objects.select_related("brand", "survey", "purchase").get(wave=Wave.CLOSING)


def test_whoever_wrote_is_asked_how_it_ended_once(case, sofia):
    first = question()
    reopen_complaint(case, reason="Falta una pieza", by=sofia, now=LATER)
    taken_back = question().state
    resolve_complaint(case, resolution="Enviada.", by=sofia, now=LATER)

    assert (first.occasion, first.state) == (f"case:{case.pk}", "queued")
    assert (taken_back, question().state) == ("cancelled", "queued")


def test_who_did_not_ask_for_contact_is_not_asked(purchase, sofia):
    case = make_complaint(purchase, kind="follow_up", wants_contact=False)

    resolve_complaint(case, resolution="Hecho", by=sofia, now=LATER)

    assert not Invitation.objects.filter(wave=Wave.CLOSING).exists()


def test_a_bad_answer_has_the_case_looked_at_again(case):
    response = answered(question(), at=NEXT_WEEK, solved=1, ces=2, remains="Sigue goteando.")

    taken_up = open_cases_for_bad_answers(now=NEXT_WEEK)

    case.refresh_from_db()
    assert (taken_up, case.state, case.waits_since) == (1, "in_progress", NEXT_WEEK)
    last = case.events.last()
    assert (last.kind, last.text, last.actor) == ("reopened", "Sigue goteando.", None)
    assert ComplaintResponse.objects.get(response=response).complaint == case
    assert Complaint.objects.count() == 1
    assert open_cases_for_bad_answers(now=NEXT_WEEK) == 0


def test_a_good_answer_opens_nothing(case):
    answered(question(), at=NEXT_WEEK, solved=3, ces=7)

    assert open_cases_for_bad_answers(now=NEXT_WEEK) == 0
    case.refresh_from_db()
    assert case.state == "resolved"


def test_where_the_case_goes_on_already_the_answer_joins_it(case):
    customer_wrote(case, text="Sigue igual", now=LATER + timedelta(days=2))
    answered(question(), at=NEXT_WEEK, solved=1, remains="De verdad.")

    open_cases_for_bad_answers(now=NEXT_WEEK)

    assert [event.text for event in case.events.filter(kind__in=["customer_wrote", "answer_added"])] == [
        "Sigue igual",
        "De verdad.",
    ]


def test_what_was_merged_meanwhile_is_told_to_the_case_that_goes_on(case, sofia, purchase):
    survivor = make_complaint(factories.make_purchase(purchase.customer))
    merge_complaint(case, survivor, by=sofia, now=LATER)
    answered(question(), at=NEXT_WEEK, solved=1, remains="Nada.")

    open_cases_for_bad_answers(now=NEXT_WEEK)

    assert Complaint.objects.open().get() == survivor
    assert survivor.events.last().text == "Nada."


def test_what_is_still_wrong_with_a_case_of_no_purchase_goes_to_that_case(brand, sofia):
    """The link knows nobody but by the case: another case would have no customer to answer."""
    carla = factories.make_customer(brand, "Carla Ruiz")
    case, _is_new = open_complaint(brand, make_problem(wants_contact=True), customer=carla, now=NOW)
    resolve_complaint(case, resolution="Enviada otra.", by=sofia, now=LATER)
    link = [question().mails.get().mail.token]

    with time_machine.travel(NEXT_WEEK, tick=False):
        report = {"kind": "complaint", "text": "Sigue goteando."}
        sent = Client().post(reverse("complaints:report", args=link), report, follow=True)
        thanks = Client().get(reverse("complaints:thanks", args=link))

    case.refresh_from_db()
    assert (case.state, case.waits_since) == ("in_progress", NEXT_WEEK)
    assert [event.text for event in case.events.all() if event.kind == "answer_added"] == ["Sigue goteando."]
    assert (sent.status_code, sent.context["case"], thanks.context["case"]) == (200, case, case)
    assert Complaint.objects.count() == 1


def test_what_is_still_wrong_with_a_case_of_a_purchase_opens_it_again(case):
    """And no second one, though the purchase has none open."""
    link = [question().mails.get().mail.token]
    url = reverse("complaints:report", args=link)

    with time_machine.travel(NEXT_WEEK, tick=False):
        page = Client().get(url).content.decode()
        for _ in range(2):
            sent = Client().post(url, {"kind": "warranty", "text": "Sigue goteando."}, follow=True)

    case.refresh_from_db()
    assert Complaint.objects.get() == case == sent.context["case"]
    assert (case.state, case.kind, case.waits_since) == ("in_progress", "complaint", NEXT_WEEK)
    assert case.events.filter(kind="answer_added").count() == 1
    assert "Something is wrong with my purchase" not in page


@pytest.fixture
def case_of_no_order(brand, purchase, sofia) -> Complaint:
    """Closed."""
    problem = make_problem(wants_contact=True)
    complaint, _is_new = open_complaint(brand, problem, customer=purchase.customer, now=NOW)
    resolve_complaint(complaint, resolution="Explicado.", by=sofia, now=LATER)
    return complaint


def test_without_an_order_too_the_answer_joins_the_case_that_goes_on(case_of_no_order):
    customer_wrote(case_of_no_order, text="Sigue igual", now=LATER + timedelta(days=2))
    answered(question(), at=NEXT_WEEK, solved=1, remains="De verdad.")

    assert open_cases_for_bad_answers(now=NEXT_WEEK) == 1

    assert Complaint.objects.get() == case_of_no_order
    assert case_of_no_order.events.last().text == "De verdad."


@pytest.mark.parametrize("is_open", [True, False])
def test_without_an_order_too_what_was_merged_is_told_to_the_other(case_of_no_order, sofia, purchase, *, is_open):
    survivor = make_complaint(purchase)
    merge_complaint(case_of_no_order, survivor, by=sofia, now=LATER)
    if not is_open:
        resolve_complaint(survivor, resolution="Hecho", by=sofia, now=LATER)
    asked = Invitation.objects.filter(wave=Wave.CLOSING, occasion=f"case:{case_of_no_order.pk}").get()
    answered(asked, at=NEXT_WEEK, solved=1, remains="Nada.")

    open_cases_for_bad_answers(now=NEXT_WEEK)

    told = Complaint.objects.open().get()
    assert (told == survivor, told.customer) == (is_open, purchase.customer)
    assert told.events.last().text == "Nada."
