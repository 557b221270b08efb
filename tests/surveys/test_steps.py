"""The survey step by step: each POST saves what is there, and the same link goes on where it stopped."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client

from accounts.models import Brand
from affiliates.models import Affiliate, Attribution
from mailing.models import OutgoingMail
from surveys.models import Aspect, Invitation, Response, ResponseRevision, Survey, Wave
from surveys.standard import publish_standard_survey
from tests import factories
from tests.factories import NOW
from tests.surveys.factories import make_invitation, send_mail
from tests.surveys.visits import NONCE, given, is_checked, see, send, thanks_of, url_of

pytestmark = pytest.mark.django_db
THANKS = "thanks/"


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    cache.clear()


@pytest.fixture
def ana() -> Affiliate:
    return factories.make_affiliate(factories.make_brand(), "Ana", public_name="Ana Botas")


@pytest.fixture
def mail(ana: Affiliate) -> OutgoingMail:
    carla = factories.make_customer(ana.brand, "Carla Ruiz", "carla.ruiz@correo.example")
    return send_mail(make_invitation(factories.make_purchase(carla, affiliate=ana)))


@pytest.fixture
def uncredited(ana: Affiliate) -> OutgoingMail:
    return send_mail(make_invitation(factories.make_purchase(factories.make_customer(ana.brand))))


def where_to(mail: OutgoingMail, response: Any) -> str:
    """The address after the link's own path: «?step=2», or the whole of another page."""
    assert response.status_code == 303
    return str(response["Location"]).removeprefix(url_of(mail))


def asked(response: Any) -> list[str]:
    """The names of the fields that the page shows, each once."""
    html = response.content.decode()
    shown = re.sub(r'<input type="hidden"[^>]*>', "", html)
    names = re.findall(r'<(?:input|textarea)[^>]* name="([a-z_]+)"', shown)
    return [name for name in dict.fromkeys(names) if name != "website"]


class TestGoingThrough:
    def test_the_first_question_stands_alone(self, mail):
        assert asked(see(mail)) == ["csat"]
        assert asked(see(mail, "?q=4")) == ["csat"]

    def test_from_the_first_tap_to_the_thanks(self, mail):
        way = [
            {"csat": "2"},
            {"part": "delivery", "nps": "3", "promise": "-1"},
            {"missing": "yes", "missing_facts": ["deadlines"], "affiliate_rating": "4", "influence": "much"},
            {"expectation": "Que llegara en mayo", "hide_comment": "on"},
            {"improve": ["entrega"], "contact": "yes"},
        ]
        steps = []
        for number, answers in enumerate(way, 1):
            page = see(mail, f"?step={number}")
            steps.append(asked(page))
            steps.append(where_to(mail, send(mail, step=number, go="next", **answers)))

        assert steps == [
            ["csat"],
            "?step=2&q=2",
            ["part", "nps", "promise"],
            "?step=3",
            ["missing", "missing_facts", "affiliate_rating", "influence"],
            "?step=4",
            ["expectation", "keep", "keep_text", "hide_comment", "publish"],
            "?step=5",
            ["improve", "improve_text", "contact", "hide_comment", "publish"],
            THANKS,
        ]
        assert given() == {
            "csat": 2,
            "part": ["delivery"],
            "nps": 3,
            "promise": -1,
            "missing": ["yes"],
            "missing_facts": ["deadlines"],
            "affiliate_rating": 4,
            "influence": ["much"],
            "expectation": "Que llegara en mayo",
            "improve": ["entrega"],
            "contact": ["yes"],
        }
        response = Response.objects.get()
        assert (response.hides_comment, response.resumes_at, response.is_suspect) == (True, None, False)
        assert response.answered_at == NOW + timedelta(seconds=20)
        assert not ResponseRevision.objects.exists()

    def test_the_place_is_said_in_words_in_title_and_heading(self, mail):
        send(mail, step=1, csat="4")

        html = see(mail).content.decode()

        assert re.search(r"<title>\s*(Paso 2 de 5|Step 2 of 5)\s*· ", html)
        assert re.search(r"<h1[^>]*>(Paso 2 de 5|Step 2 of 5)\s*</h1>", html)

    def test_the_same_link_goes_on_at_the_next_step(self, mail):
        send(mail, step=1, csat="4")
        assert asked(see(mail)) == ["nps", "promise"]

        send(mail, step=2, nps="9")
        assert asked(see(mail, at=NOW + timedelta(days=2))) == [
            *("missing", "missing_facts", "affiliate_rating", "influence")
        ]

    def test_the_reminders_link_goes_on_too(self, mail):
        send(mail, step=1, csat="4")
        reminder = send_mail(Invitation.objects.get(), "reminder")

        assert asked(see(reminder)) == ["nps", "promise"]

    def test_a_tapped_rating_leads_to_the_first_step_again(self, mail):
        send(mail, step=1, csat="4")

        html = see(mail, "?q=2").content.decode()

        assert is_checked(html, "csat", "2")

    def test_back_keeps_what_is_there_and_shows_what_was_said(self, mail):
        send(mail, step=1, csat="4")

        assert where_to(mail, send(mail, step=2, go="back", nps="9")) == "?step=1"
        assert is_checked(see(mail, "?step=1").content.decode(), "csat", "4")
        assert given() == {"csat": 4, "nps": 9}
        assert is_checked(see(mail, "?step=2").content.decode(), "nps", "9")

    def test_finish_ends_at_any_step(self, mail):
        send(mail, step=1, csat="4")

        assert where_to(mail, send(mail, step=2, go="finish", nps="9")) == THANKS
        assert Response.objects.get().resumes_at is None
        assert len(asked(see(mail))) > 10  # to be changed, on one page

    def test_who_only_rated_may_say_more_another_time(self, mail):
        send(mail, step=1, csat="4")
        send(mail, step=2, go="finish")

        assert Response.objects.partial().count() == 1
        assert asked(see(mail)) == ["nps", "promise"]

    def test_a_step_without_an_answer_saves_nothing_and_goes_on(self, mail):
        send(mail, step=1, csat="4")
        before = Response.objects.get().updated_at

        assert where_to(mail, send(mail, at=NOW + timedelta(hours=1), step=2)) == "?step=3"
        assert (given(), Response.objects.get().updated_at) == ({"csat": 4}, before)

    def test_all_at_once_needs_no_steps(self, mail):
        assert where_to(mail, send(mail, csat="4", nps="9", keep_text="El trato")) == THANKS
        assert given() == {"csat": 4, "nps": 9, "keep_text": "El trato"}
        assert Response.objects.complete().count() == 1

    def test_a_program_that_sends_all_fields_with_the_steps_own_is_heard_whole(self, mail):
        send(mail, step=1, csat="2", nps="9", part="delivery", contact="no")

        assert given() == {"csat": 2, "nps": 9, "part": ["delivery"], "contact": ["no"]}

    @pytest.mark.parametrize("step", ["0", "6", "99", "x", "-1", "1.0", "²", "9" * 5000, "\0", ""])
    def test_a_step_that_there_is_not_is_nowhere(self, mail, step):
        send(mail, step=1, csat="4")

        assert asked(see(mail, f"?step={step}")) == ["nps", "promise"]
        assert send(mail, step=step, nps="9").status_code == 303
        assert given() == {"csat": 4, "nps": 9}

    def test_nobody_begins_in_the_middle(self, mail):
        assert asked(see(mail, "?step=3")) == ["csat"]

        html = send(mail, step=3, missing="yes", missing_facts=["deadlines"]).content.decode()

        assert not Response.objects.exists()
        assert is_checked(html, "missing_facts", "deadlines")
        assert 'name="csat"' in html

    def test_two_tabs_keep_both(self, mail):
        send(mail, step=1, csat="4")
        client = Client()
        with time_machine.travel(NOW, tick=False) as clock:
            nonces = [NONCE.search(client.get(url_of(mail)).content.decode()).group(1) for _tab in range(2)]
            clock.shift(10)
            client.post(url_of(mail), {"nonce": nonces[0], "step": 2, "nps": "9"})
            client.post(url_of(mail), {"nonce": nonces[1], "step": 2, "promise": "1"})
            client.post(url_of(mail), {"nonce": nonces[1], "step": 2, "promise": "1"})

        assert given() == {"csat": 4, "nps": 9, "promise": 1}
        assert not ResponseRevision.objects.exists()

    def test_the_chosen_language_goes_along(self, mail):
        assert where_to(mail, send(mail, query="?lang=en", step=1, csat="4")) == "?step=2&q=4&lang=en"

    def test_consents_stay_as_they_are_where_they_are_not_shown(self, mail):
        send(mail, step=1, csat="4")
        send(mail, step=4, keep_text="El trato", hide_comment="on", publish="on")

        send(mail, step=3, missing="no")
        assert Response.objects.values_list("hides_comment", "publishes").get() == (True, True)

        html = see(mail, "?step=4").content.decode()
        assert 'name="consents_shown" value="True"' in html
        send(mail, step=4, consents_shown="True", publish="on")
        assert Response.objects.values_list("hides_comment", "publishes").get() == (False, True)

    def test_no_step_costs_more_than_another(self, mail, django_assert_num_queries):
        send(mail, step=1, csat="4")

        with django_assert_num_queries(2):  # all behind the link, and what was answered; the questions are remembered
            see(mail, "?step=4")


class TestWhoRecommendedIt:
    def test_the_affiliate_named_is_credited_and_then_rated(self, uncredited, ana):
        send(uncredited, step=1, csat="4")

        named = send(uncredited, step=3, missing="no", recommended_by="ana")

        assert where_to(uncredited, named) == "?step=3"
        assert asked(see(uncredited, "?step=3")) == ["missing", "missing_facts", "affiliate_rating", "influence"]
        standing = Attribution.objects.current().get(purchase=Invitation.objects.get().purchase)
        assert (standing.affiliate, standing.reason) == (ana, "self_declared")

    def test_anybody_else_is_kept_and_the_way_goes_on(self, uncredited):
        send(uncredited, step=1, csat="4")

        assert where_to(uncredited, send(uncredited, step=3, recommended_by="Mi vecina")) == "?step=4"
        assert given() == {"csat": 4, "recommended_by": "Mi vecina"}


class TestWhatChangesMeanwhile:
    def test_a_new_version_of_the_survey_leaves_this_one_as_it_was_asked(self, mail, ana):
        send(mail, step=1, csat="4")
        Survey.objects.update(status=Survey.Status.RETIRED)
        assert publish_standard_survey(ana.brand).version == 2

        send(mail, step=2, nps="9")

        assert given() == {"csat": 4, "nps": 9}
        assert Response.objects.get().answers.filter(question__survey__version=1).count() == 2

    def test_a_chip_taken_out_while_the_page_was_open_is_still_taken(self, mail):
        send(mail, step=1, csat="4")
        Aspect.objects.filter(code="soporte").update(is_active=False)

        assert 'value="soporte"' not in see(mail, "?step=4").content.decode()
        send(mail, step=4, keep=["soporte", "precio"])

        assert given()["keep"] == ["precio", "soporte"]


class TestSuspects:
    """Nobody is told that they look suspect: they go through the same pages."""

    def test_a_quick_first_tap_is_put_right_by_the_next_step(self, mail):
        assert where_to(mail, send(mail, after=1.0, step=1, csat="4")) == "?step=2&q=4"
        assert Response.objects.get().is_suspect

        page = see(mail, "?step=2&q=4")
        assert asked(page) == ["nps", "promise"]
        assert '<input type="hidden" name="csat" value="4"' in page.content.decode()
        send(mail, step=2, csat="4", nps="9")

        assert given() == {"csat": 4, "nps": 9}
        assert not Response.objects.get().is_suspect

    def test_one_tap_in_a_later_step_may_be_quick(self, mail):
        send(mail, step=1, csat="4")

        send(mail, after=0.6, step=2, nps="9")
        send(mail, after=0.4, step=3, missing="yes")

        assert given() == {"csat": 4, "nps": 9}
        assert ResponseRevision.objects.get().answers["suspect_reasons"] == ["too_fast"]

    def test_a_machine_that_presses_every_button_is_suspect_to_the_end(self, mail):
        location = url_of(mail)
        for number in range(1, 6):
            response = send(mail, after=0.9, step=number, csat="1", nps="0")
            location = response["Location"]

        assert location == thanks_of(mail)
        assert Response.objects.get().is_suspect
        assert not Response.objects.needing_follow_up().exists()


class TestWords:
    def test_a_brand_that_says_usted(self, mail, ana):
        ana.brand.formality = Brand.Formality.USTED
        ana.brand.save()

        html = see(mail).content.decode()

        assert '<html lang="es-x-usted">' in html
        assert "¿cómo valora su compra?" in html
        assert Response.objects.count() == 0
        send(mail, csat="4", nps="9")
        assert Response.objects.get().language == "es"

    def test_the_follow_up_asks_questions_of_its_own(self, ana):
        purchase = factories.make_purchase(factories.make_customer(ana.brand), affiliate=ana)
        survey = publish_standard_survey(ana.brand, Wave.FOLLOW_UP)
        mail = send_mail(make_invitation(purchase, wave=Wave.FOLLOW_UP, survey=survey))

        page = see(mail, "?q=5")
        assert asked(page) == ["buy_again"]
        assert is_checked(page.content.decode(), "buy_again", "5")
        assert where_to(mail, send(mail, step=1, buy_again="5")) == "?step=2&q=5"
        assert asked(see(mail)) == ["alternatives", "distinction", "hide_comment", "publish"]
        send(mail, step=2, alternatives="1", distinction="El servicio")
        assert asked(see(mail)) == ["needs", "contact", "hide_comment", "publish"]
        assert where_to(mail, send(mail, step=3, needs="Recambios", contact="no")) == THANKS
        assert given() == {
            "buy_again": 5,
            "alternatives": 1,
            "distinction": "El servicio",
            "needs": "Recambios",
            "contact": ["no"],
        }
