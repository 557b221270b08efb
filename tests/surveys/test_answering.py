"""Storing an answer: once, whole, with its history, and without what tells who wrote it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection

from affiliates.models import Attribution, Suspicion
from mailing.models import OutgoingMail
from surveys.models import Answer, Invitation, InvitationMail, Response, ResponseChange, ResponseRevision
from surveys.services.answering import Given, follow_up_for, judge_response, said_in, submit_response
from tests import factories
from tests.factories import NOW
from tests.surveys.factories import make_invitation, said, send_mail

FollowUp = Response.FollowUp
LATER = NOW + timedelta(hours=3)


@pytest.fixture
def invitation(db: None) -> Invitation:
    brand = factories.make_brand()
    factories.make_staff(brand)
    carla = factories.make_customer(brand, "Carla Ruiz", "carla.ruiz@correo.example")
    return make_invitation(factories.make_purchase(carla, external_id="PEDIDO-77"))


def submit(invitation: Invitation, at=NOW, suspicions=(), removed=(), **answers):
    data = replace(said(**answers), removed=frozenset(removed))
    return submit_response(invitation, data, language="es", suspicions=list(suspicions), now=at)


def given(response: Response) -> dict:
    return {key: g.as_json for key, g in said_in(response).given.items()}


def test_an_answer_is_stored_with_its_answers_and_told_to_insights(invitation):
    response = submit(
        invitation, csat=4, nps=9, promise="none", missing="yes", missing_facts=["deadlines"], keep_text="El trato."
    )

    assert given(response) == {
        "csat": 4,
        "nps": 9,
        "promise": ["none"],
        "missing": ["yes"],
        "missing_facts": ["deadlines"],
        "keep_text": "El trato.",
    }
    assert (response.answered_at, response.language, response.is_suspect) == (NOW, "es", False)
    assert list(ResponseChange.objects.values_list("response", flat=True)) == [response.pk]
    assert not ResponseRevision.objects.exists()


def test_the_same_answer_again_changes_nothing(invitation):
    first = submit(invitation, csat=4, keep=["entrega"])

    again = submit(invitation, LATER, csat=4, keep=["entrega"])

    assert again == first
    assert (again.answered_at, again.updated_at) == (NOW, NOW)
    assert ResponseChange.objects.count() == 1
    assert not ResponseRevision.objects.exists()


def test_an_edit_keeps_what_was_left_empty_and_the_first_date_and_the_history(invitation):
    submit(invitation, csat=2, keep_text="La caja", improve=["entrega"])

    edited = submit(invitation, LATER, csat=5)

    assert given(edited) == {"csat": 5, "keep_text": "La caja", "improve": ["entrega"]}
    assert (edited.answered_at, edited.updated_at) == (NOW, LATER)
    assert Response.objects.count() == 1
    revision = ResponseRevision.objects.get()
    assert revision.answers["given"] == {"csat": 2, "keep_text": "La caja", "improve": ["entrega"]}
    assert revision.answered_at == NOW


def test_a_comment_goes_only_when_asked_to(invitation):
    submit(invitation, csat=2, keep_text="La caja", improve_text="Los plazos")

    edited = submit(invitation, LATER, removed=["keep_text"])

    assert given(edited) == {"csat": 2, "improve_text": "Los plazos"}


def test_what_replaces_a_removed_comment_stays(invitation):
    submit(invitation, csat=2, keep_text="La caja", keep=["entrega"])

    edited = submit(invitation, LATER, removed=["keep_text", "keep"], keep_text="El trato")

    assert given(edited) == {"csat": 2, "keep_text": "El trato"}


def test_a_choice_goes_when_the_answer_it_hung_on_changes_but_words_stay(invitation):
    submit(invitation, csat=1, part="delivery", promise=-2, expectation="Que llegara en mayo")

    edited = submit(invitation, LATER, csat=5, promise=1)

    assert given(edited) == {"csat": 5, "promise": 1, "expectation": "Que llegara en mayo"}


@pytest.mark.parametrize(
    ("answers", "follow_up"),
    [
        ({"csat": 1}, FollowUp.HIGH),
        ({"csat": 2}, FollowUp.MEDIUM),
        ({"csat": 3}, FollowUp.NONE),
        ({"csat": 5, "nps": 0}, FollowUp.HIGH),
        ({"csat": 5, "nps": 2}, FollowUp.HIGH),
        ({"csat": 5, "nps": 3}, FollowUp.MEDIUM),
        ({"csat": 5, "nps": 4}, FollowUp.MEDIUM),
        ({"csat": 5, "nps": 5}, FollowUp.LOW),
        ({"csat": 2, "nps": 6}, FollowUp.MEDIUM),
        ({"csat": 5, "nps": 6}, FollowUp.LOW),
        ({"csat": 5, "nps": 7}, FollowUp.NONE),
        ({"csat": 4, "promise": -2}, FollowUp.LOW),
        ({"csat": 4, "promise": -1}, FollowUp.NONE),
        ({"csat": 5, "contact": "yes"}, FollowUp.LOW),
        ({"csat": 5, "contact": "no"}, FollowUp.NONE),
        ({"csat": 1, "contact": "yes"}, FollowUp.HIGH),
    ],
)
def test_how_bad_an_answer_is(answers, follow_up):
    assert follow_up_for(said(**answers).given) == follow_up


def test_an_edit_is_followed_up_anew(invitation):
    response = submit(invitation, csat=5)
    Response.objects.filter(pk=response.pk).update(followed_up_at=NOW)

    submit(invitation, LATER, csat=1)

    assert list(Response.objects.needing_follow_up()) == [response]


def test_an_affiliate_could_read_no_name_no_address_no_order_and_staff_the_whole(invitation):
    text = "Soy Carla (carla.ruiz@correo.example, 600 11 12 22), pedido PEDIDO-77. Sofía fue muy amable."

    response = submit(invitation, csat=4, keep_text=text)

    answer = response.answers.get(question__key="keep_text")
    assert answer.text == text
    assert answer.redacted_text == "Soy [nombre] ([correo], [teléfono]), pedido [pedido]. [nombre] fue muy amable."


class TestSuspects:
    def test_a_suspect_answer_is_stored_and_asks_for_no_follow_up(self, invitation):
        response = submit(invitation, suspicions=["too_fast"], csat=1)

        assert (response.is_suspect, response.suspect_reasons) == (True, ["too_fast"])
        assert response.follow_up == FollowUp.HIGH
        assert not Response.objects.needing_follow_up().exists()
        assert not Response.objects.counted().exists()

    def test_a_human_replaces_it_whole(self, invitation):
        suspect = submit(invitation, suspicions=["scanner"], csat=1, improve_text="xxx", nps=0)

        human = submit(invitation, LATER, csat=5)

        assert human.pk == suspect.pk
        assert given(human) == {"csat": 5}
        assert (human.is_suspect, human.suspect_reasons, human.answered_at) == (False, [], LATER)
        assert human.follow_up == FollowUp.NONE
        assert ResponseRevision.objects.get().answers["suspect_reasons"] == ["scanner"]

    def test_it_never_replaces_a_human(self, invitation):
        human = submit(invitation, csat=5, keep_text="Todo")

        standing = submit(invitation, LATER, suspicions=["scanner"], csat=1)

        assert standing == human
        assert given(standing) == {"csat": 5, "keep_text": "Todo"}
        assert not standing.is_suspect
        attempt = ResponseRevision.objects.get()
        assert attempt.answers["given"] == {"csat": 1, "keep_text": "Todo"}
        assert attempt.answers["suspect_reasons"] == ["scanner"]
        assert ResponseChange.objects.count() == 1

    def test_staff_let_it_count(self, invitation):
        response = submit(invitation, suspicions=["own_device"], csat=1)

        judge_response(response, is_genuine=True, now=LATER)

        assert list(Response.objects.needing_follow_up()) == [response]
        assert ResponseChange.objects.count() == 2

    def test_staff_take_one_out(self, invitation):
        response = submit(invitation, csat=5)

        judge_response(response, is_genuine=False, now=LATER)
        judge_response(response, is_genuine=False, now=LATER)

        response.refresh_from_db()
        assert (response.is_suspect, response.suspect_reasons) == (True, ["staff"])
        assert ResponseChange.objects.count() == 2


def test_who_answered_is_not_reminded(invitation):
    send_mail(invitation)
    reminder = send_mail(invitation, InvitationMail.Kind.REMINDER, is_sent=False)

    submit(invitation, csat=5)

    reminder.refresh_from_db()
    assert (reminder.state, reminder.reason) == (OutgoingMail.State.CANCELLED, "answered")


def test_a_machines_answer_leaves_the_reminder_to_the_human(invitation):
    reminder = send_mail(invitation, InvitationMail.Kind.REMINDER, is_sent=False)

    submit(invitation, suspicions=["scanner"], csat=5)

    reminder.refresh_from_db()
    assert reminder.state == OutgoingMail.State.QUEUED


@pytest.mark.django_db(transaction=True)
def test_many_taps_at_once_make_one_response():
    customer = factories.make_customer(factories.make_brand())
    invitation = make_invitation(factories.make_purchase(customer))

    def tap(nps: int) -> None:
        try:
            submit(Invitation.objects.get(pk=invitation.pk), csat=4, nps=nps)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(tap, [9, 9, 9, 9, 10, 9, 9, 9]))

    response = Response.objects.get()
    assert Answer.objects.filter(response=response).count() == 2
    # Each change of mind is one row of history and one change to count, the repeats none.
    assert ResponseRevision.objects.count() == ResponseChange.objects.count() - 1 <= 2


def test_what_a_condition_compares_with():
    assert [Given(number=-1).code, Given(codes=("yes",)).code, Given(text="no").code] == ["-1", "yes", ""]


class TestSteps:
    """Saved as it goes: each POST says what comes next, None that this was all."""

    def step(self, invitation, resumes_at, at=NOW, suspicions=(), **answers):
        data = replace(said(**answers), resumes_at=resumes_at)
        return submit_response(invitation, data, language="es", suspicions=list(suspicions), now=at)

    def test_going_on_is_no_edit_and_keeps_the_first_date(self, invitation):
        self.step(invitation, 2, csat=4)
        self.step(invitation, 3, LATER, nps=9)

        response = self.step(invitation, None, LATER, keep_text="El trato")

        assert given(response) == {"csat": 4, "nps": 9, "keep_text": "El trato"}
        assert (response.answered_at, response.updated_at, response.resumes_at) == (NOW, LATER, None)
        assert not ResponseRevision.objects.exists()
        assert ResponseChange.objects.count() == 3

    def test_changing_what_an_earlier_step_said_is_one(self, invitation):
        self.step(invitation, 2, csat=4)
        self.step(invitation, 3, nps=9)

        self.step(invitation, 3, LATER, nps=2)

        assert [revision.answers["given"] for revision in ResponseRevision.objects.all()] == [{"csat": 4, "nps": 9}]

    def test_after_the_end_even_an_addition_is_one(self, invitation):
        self.step(invitation, None, csat=4, nps=9)

        response = self.step(invitation, 3, LATER, keep=["entrega"])

        assert ResponseRevision.objects.count() == 1
        assert response.resumes_at is None

    def test_partial_is_who_stopped_on_the_way_or_only_rated(self, invitation):
        response = self.step(invitation, 3, csat=4, nps=9)
        assert list(Response.objects.partial()) == [response]

        self.step(invitation, None, LATER)
        assert list(Response.objects.complete()) == [response]

        other = make_invitation(factories.make_purchase(factories.make_customer(invitation.brand)))
        rated = self.step(other, None, csat=5)
        assert list(Response.objects.partial()) == [rated]
        assert list(Response.objects.complete()) == [response]
        self.step(other, 3, LATER, nps=9)
        assert Response.objects.complete().count() == 2
        assert not ResponseRevision.objects.exists()

    def test_going_back_loses_no_way(self, invitation):
        self.step(invitation, 4, csat=4, nps=9)

        assert self.step(invitation, 1, LATER).resumes_at == 4
        assert not ResponseRevision.objects.exists()

    def test_what_looks_suspect_all_the_way_is_one_suspect(self, invitation):
        self.step(invitation, 2, suspicions=["own_device"], csat=5)

        response = self.step(invitation, 3, suspicions=["own_device"], nps=10)

        assert given(response) == {"csat": 5, "nps": 10}
        assert response.is_suspect

    def test_a_human_who_goes_on_after_a_suspect_step_replaces_it(self, invitation):
        self.step(invitation, 2, suspicions=["too_fast"], csat=5, keep_text="scanner")

        response = self.step(invitation, 3, LATER, csat=5, nps=10)

        assert given(response) == {"csat": 5, "nps": 10}
        assert (response.is_suspect, response.resumes_at) == (False, 3)


class TestWhoRecommendedIt:
    @pytest.fixture
    def ana(self, invitation):
        return factories.make_affiliate(invitation.brand, "Ana")

    def credited(self, invitation):
        standing = Attribution.objects.current().get(purchase=invitation.purchase)
        return standing.affiliate, standing.reason

    def test_the_affiliate_named_is_credited(self, invitation, ana):
        submit(invitation, csat=5, recommended_by="ana")

        assert self.credited(invitation) == (ana, "self_declared")

    def test_words_that_name_nobody_are_kept_for_staff(self, invitation, ana):
        response = submit(invitation, csat=5, recommended_by="Mi vecina")

        assert self.credited(invitation) == (None, "no_evidence")
        assert given(response)["recommended_by"] == "Mi vecina"

    def test_a_suspect_credits_nobody_until_staff_let_it_count(self, invitation, ana):
        response = submit(invitation, suspicions=["scanner"], csat=5, recommended_by="ana")
        assert self.credited(invitation) == (None, "no_evidence")

        judge_response(response, is_genuine=True, now=LATER)
        assert self.credited(invitation) == (ana, "self_declared")

        judge_response(Response.objects.get(), is_genuine=False, now=LATER)
        assert self.credited(invitation) == (None, "no_evidence")

    def test_an_affiliate_who_names_itself_is_flagged(self, invitation, ana):
        submit(invitation, suspicions=["own_device"], csat=5, recommended_by="ana")

        assert list(Suspicion.objects.values_list("affiliate", "kind")) == [(ana.pk, "own_device")]
        assert self.credited(invitation) == (None, "no_evidence")
