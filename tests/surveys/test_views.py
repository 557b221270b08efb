"""The page behind a survey's link, entered as customers, hurried customers, scanners and affiliates enter it."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from affiliates.models import Affiliate
from affiliates.services.copying import new_ids
from mailing.models import OutgoingMail
from surveys.models import Answer, Aspect, Invitation, InvitationMail, Response, ResponseChange, ResponseRevision
from tests import factories
from tests.factories import NOW
from tests.surveys.factories import ASKED_AT, make_invitation, send_mail
from tests.surveys.visits import NONCE, given, is_checked, see, send, thanks_of, url_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    cache.clear()


@pytest.fixture
def ana() -> Affiliate:
    return factories.make_affiliate(factories.make_brand(), "Ana", public_name="Ana Botas")


@pytest.fixture
def invitation(ana: Affiliate) -> Invitation:
    customer = factories.make_customer(ana.brand, "Carla Ruiz", "carla.ruiz@correo.example")
    return make_invitation(factories.make_purchase(customer, affiliate=ana, external_id="PEDIDO-77"))


@pytest.fixture
def mail(invitation: Invitation) -> OutgoingMail:
    return send_mail(invitation)


# --- Seeing --------------------------------------------------------------------------------------------------------
class TestSeeing:
    @pytest.mark.parametrize("method", ["get", "head", "options"])
    def test_looking_writes_nothing(self, mail, method):
        for rating in range(1, 6):
            getattr(Client(), method)(f"{url_of(mail)}?q={rating}")

        assert not Response.objects.exists()

    def test_the_tapped_rating_is_chosen(self, mail):
        html = see(mail, "?q=2").content.decode()

        assert [is_checked(html, "csat", str(n)) for n in range(1, 6)] == [False, True, False, False, False]

    @pytest.mark.parametrize("query", ["", "?q=0", "?q=6", "?q=x", "?q=", "?q=2%00", "?q[]=3"])
    def test_otherwise_nothing_is_chosen(self, mail, query):
        response = see(mail, query)

        assert response.status_code == 200
        assert " checked" not in response.content.decode()

    def test_all_of_the_contracts_fields_are_there(self, mail):
        names = set(re.findall(r'name="([a-z_]+)"', see(mail, "?step=all").content.decode()))

        assert names >= {
            *("csat", "nps", "promise", "missing", "missing_facts", "keep", "improve", "keep_text", "improve_text"),
            *("expectation", "affiliate_rating", "part", "contact", "hide_comment", "publish", "nonce"),
        }
        assert "comment" not in names

    def test_the_affiliates_own_rating_is_asked_where_somebody_is_credited_and_else_who_it_was(self, mail, ana):
        purchase = factories.make_purchase(factories.make_customer(ana.brand))
        html = see(send_mail(make_invitation(purchase)), "?step=all").content.decode()

        assert 'name="affiliate_rating"' not in html
        assert 'name="recommended_by"' in html
        assert 'name="hide_comment"' in html
        assert 'name="recommended_by"' not in see(mail, "?step=all").content.decode()

    def test_something_wrong_and_no_more_surveys_are_one_tap_away(self, mail):
        html = see(mail).content.decode()

        assert f'href="{reverse("complaints:report", args=[mail.token])}"' in html
        assert f'href="{reverse("mailing:unsubscribe", args=[mail.token])}"' in html

    def test_who_is_forwarded_the_mail_learns_nothing_of_the_customer(self, mail):
        html = see(mail).content.decode()

        for secret in ("Carla", "Ruiz", "carla.ruiz", "PEDIDO-77", "49"):
            assert secret not in html.replace(mail.token, "")

    def test_it_speaks_the_mails_language_and_the_one_chosen(self, invitation):
        mail = send_mail(invitation, language="en")

        assert "How was your purchase from Lumbre?" in see(mail).content.decode()
        spanish = see(mail, "?lang=es")
        assert '<html lang="es">' in spanish.content.decode()
        assert "En general, ¿cómo valoras tu compra?" in spanish.content.decode()
        assert "Overall, how would you rate" in see(mail, "?lang=xx").content.decode()

    def test_nobody_may_keep_or_pass_on_the_address_and_no_cookie_is_set(self, mail):
        for response in (see(mail), see(mail, "?lang=en"), send(mail, csat=4), Client().get("/s/unknown/")):
            assert response.headers["Referrer-Policy"] == "no-referrer"
            assert response.headers["Cache-Control"] == "no-store"
            assert response.headers["X-Robots-Tag"] == "noindex, nofollow"
            assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
            assert not response.cookies

    def test_an_unknown_link_and_a_malformed_one_are_the_same_page(self, mail):
        pages = [
            Client().get(f"/s/{token}/")
            for token in ("A" * 22, "x", mail.token[:-1], mail.token + "A", "ñ" * 30, "%00", "a" * 2000)
        ]

        assert {page.status_code for page in pages} == {404}
        assert len({page.content for page in pages}) == 1

    def test_a_posted_answer_to_an_unknown_link_is_the_same_page(self, mail):
        assert Client().post("/s/unknown/", {"csat": 5}).content == Client().get("/s/other/").content

    def test_a_discreet_brand_names_neither_itself_nor_what_was_bought(self):
        brand = factories.make_brand("velvet", is_discreet=True, discreet_name="VLV Servicios")
        product = factories.make_product(brand, name="Suscripción Noche")
        purchase = factories.make_purchase(factories.make_customer(brand), product=product)

        html = see(send_mail(make_invitation(purchase))).content.decode()

        assert "VLV Servicios" in html
        assert "Suscripción Noche" not in html
        assert "Velvet" not in html

    def test_the_number_of_statements_does_not_grow(self, mail, django_assert_num_queries):
        with django_assert_num_queries(3):  # all behind the link; questions and chips, which are remembered
            see(mail)
        with django_assert_num_queries(1):
            see(mail)

    def test_a_chip_is_offered_in_other_words_at_once(self, mail):
        see(mail)
        Aspect.objects.filter(code="precio").update(labels={"es": "Lo que cuesta"})

        assert "Lo que cuesta" in see(mail, "?step=all").content.decode()


# --- Sending -------------------------------------------------------------------------------------------------------
class TestSending:
    def test_the_number_of_statements_is_as_small_for_all_as_for_one(self, mail, django_assert_max_num_queries):
        new_ids({Response: 1, Answer: 1, ResponseChange: 1})  # the names of their sequences are remembered
        page = see(mail)
        nonce = NONCE.search(page.content.decode())
        data = {"nonce": nonce and nonce.group(1), "csat": 4, "nps": 9, "keep": ["precio"], "keep_text": "El trato."}

        # Link; code, lock, what is known, ids, rows, mails that wait, who listens; and a savepoint, for this is a test.
        with time_machine.travel(NOW + timedelta(seconds=20), tick=False), django_assert_max_num_queries(10):
            Client().post(url_of(mail), data)

        assert Answer.objects.count() == 4

    def test_the_whole_form_is_stored_and_thanked_for(self, mail):
        response = send(
            mail,
            csat="2",
            nps="3",
            promise="-2",
            expectation="Que llegara en mayo",
            missing="yes",
            missing_facts=["deadlines", "total_price"],
            keep=["soporte"],
            keep_text="El trato",
            improve=["entrega", "precio"],
            improve_text="Los plazos\r\nde entrega",
            affiliate_rating="4",
            part="delivery",
            contact="yes",
            hide_comment="on",
        )

        assert (response.status_code, response["Location"]) == (303, thanks_of(mail))
        assert given() == {
            "csat": 2,
            "nps": 3,
            "promise": -2,
            "expectation": "Que llegara en mayo",
            "missing": ["yes"],
            "missing_facts": ["deadlines", "total_price"],
            "keep": ["soporte"],
            "keep_text": "El trato",
            "improve": ["entrega", "precio"],
            "improve_text": "Los plazos\nde entrega",
            "affiliate_rating": 4,
            "part": ["delivery"],
            "contact": ["yes"],
        }
        stored = Response.objects.get()
        assert (stored.hides_comment, stored.publishes, stored.is_suspect) == (True, False, False)
        assert stored.answered_at == NOW + timedelta(seconds=20)

    def test_the_first_question_is_enough(self, mail):
        send(mail, csat="5")

        assert given() == {"csat": 5}

    def test_without_it_the_form_comes_back_with_everything_typed(self, mail):
        response = send(mail, nps="9", keep=["soporte"], improve_text="Los plazos", hide_comment="on")

        html = response.content.decode()
        assert response.status_code == 200
        assert is_checked(html, "nps", "9")
        assert is_checked(html, "keep", "soporte")
        assert "Los plazos</textarea>" in html
        assert re.search(r'<input[^>]*name="hide_comment"[^>]*checked', html)
        assert not Response.objects.exists()

    @pytest.mark.parametrize("nonce", ["", "x", "1773144000.000:forged", "\0"])
    def test_without_a_nonce_it_comes_back_too_and_can_be_sent_from_there(self, mail, nonce):
        client = Client()
        with time_machine.travel(NOW, tick=False) as clock:
            page = client.post(url_of(mail), {"csat": "4", "keep_text": "El trato", "nonce": nonce})
            html = page.content.decode()
            assert not Response.objects.exists()
            assert is_checked(html, "csat", "4")
            assert "El trato</textarea>" in html
            clock.shift(5)
            fresh = NONCE.search(html)
            assert fresh
            client.post(url_of(mail), {"csat": "4", "keep_text": "El trato", "nonce": fresh.group(1)})

        assert given() == {"csat": 4, "keep_text": "El trato"}
        assert not Response.objects.get().is_suspect

    def test_a_page_left_open_for_more_than_a_day_comes_back(self, mail):
        assert send(mail, after=24 * 3600 + 1, csat="4").status_code == 200
        assert not Response.objects.exists()
        assert send(mail, after=24 * 3600 - 1, csat="4").status_code == 303

    def test_a_nonce_of_another_link_is_none(self, mail, invitation):
        reminder = send_mail(invitation, InvitationMail.Kind.REMINDER)
        with time_machine.travel(NOW, tick=False) as clock:
            nonce = NONCE.search(Client().get(url_of(reminder)).content.decode())
            assert nonce
            clock.shift(20)
            assert Client().post(url_of(mail), {"nonce": nonce.group(1), "csat": "4"}).status_code == 200

    def test_both_mails_lead_to_one_response(self, mail, invitation):
        send(mail, csat="4")
        send(send_mail(invitation, InvitationMail.Kind.REMINDER), csat="2")

        assert given() == {"csat": 2}

    @pytest.mark.parametrize(
        "wrong",
        [{"csat": "6"}, {"csat": "0"}, {"csat": "none"}, {"csat": "4", "nps": "11"}, {"csat": "4", "promise": "3"},
         {"csat": "4", "keep": ["unknown"]}, {"csat": "4", "missing": "perhaps"}, {"csat": "4", "part": "'; DROP"}],
    )  # fmt: skip
    def test_what_no_choice_offers_is_refused_and_the_rest_kept(self, mail, wrong):
        response = send(mail, improve_text="Los plazos", **wrong)

        assert response.status_code == 200
        assert "Los plazos</textarea>" in response.content.decode()
        assert 'class="errorlist"' in response.content.decode()
        assert not Response.objects.exists()

    def test_ten_thousand_characters_are_kept_and_one_more_is_explained(self, mail):
        send(mail, csat="4", keep_text="ñ" * 10_000)
        assert given()["keep_text"] == "ñ" * 10_000

        html = send(mail, csat="4", keep_text="ñ" * 10_001).content.decode()
        assert "10.001" in html or "10001" in html
        assert "ñ" * 10_001 in html

    def test_words_come_through_as_they_were_written(self, mail):
        send(mail, csat="4", keep_text="  👍🏽 שלום\x00 a\x07b\tc\r\nd <b>&amp; ")

        assert given()["keep_text"] == "👍🏽 שלום ab\tc\nd <b>&amp;"

    def test_fields_and_files_that_belong_to_nobody_are_let_lie(self, mail, tmp_path):
        (tmp_path / "foto.png").write_bytes(b"\x89PNG")
        with (tmp_path / "foto.png").open("rb") as upload:
            send(
                mail, csat="4", keep_text="bien", photo=upload, is_suspect="true", answered_at="2001-01-01", comment="x"
            )

        assert given() == {"csat": 4, "keep_text": "bien"}

    def test_the_language_chosen_on_the_page_is_the_answers(self, mail):
        response = send(mail, query="?lang=en", csat="4")

        assert response["Location"] == f"{thanks_of(mail)}?lang=en"
        assert Response.objects.get().language == "en"


# --- Changing ------------------------------------------------------------------------------------------------------
class TestChanging:
    def test_the_page_shows_numbers_again_but_no_words_and_no_chips(self, mail):
        send(mail, csat="2", nps="0", promise="none", keep=["soporte"], keep_text="secreto", missing="yes")

        html = see(mail, at=NOW + timedelta(days=1)).content.decode()

        assert is_checked(html, "csat", "2")
        assert is_checked(html, "nps", "0")
        assert is_checked(html, "promise", "none")
        assert is_checked(html, "missing", "yes")
        assert not is_checked(html, "keep", "soporte")
        assert "secreto" not in html

    def test_another_rating_in_the_mail_is_chosen_over_the_stored_one(self, mail):
        send(mail, csat="2")

        assert is_checked(see(mail, "?q=5").content.decode(), "csat", "5")

    def test_an_empty_box_changes_nothing_and_a_ticked_removal_does(self, mail):
        send(mail, csat="2", keep_text="El trato", improve=["entrega"], improve_text="Los plazos")

        send(mail, at=NOW + timedelta(days=1), csat="3", remove_improve="on")

        assert given() == {"csat": 3, "keep_text": "El trato"}

    def test_a_consent_is_taken_back_where_it_was_shown_and_kept_where_it_was_not(self, mail):
        send(mail, csat="4", hide_comment="on", publish="on")
        send(mail, csat="3")  # a second tab, opened before the first was sent
        assert Response.objects.values_list("hides_comment", "publishes").get() == (True, True)

        send(mail, csat="3", consents_shown="True", hide_comment="on")
        assert Response.objects.values_list("hides_comment", "publishes").get() == (True, False)

    def test_it_can_be_changed_for_seven_days(self, mail):
        send(mail, csat="2")

        send(mail, at=NOW + timedelta(days=6, hours=23), csat="4")
        assert given() == {"csat": 4}
        assert ResponseRevision.objects.count() == 1

        late = NOW + timedelta(days=7, minutes=1)
        assert see(mail, at=late).status_code == 200
        assert 'name="csat"' not in see(mail, at=late).content.decode()
        assert send(mail, at=late, csat="1").status_code == 410
        assert given() == {"csat": 4}

    def test_a_link_stays_open_for_45_days(self, mail):
        assert 'name="csat"' in see(mail, at=ASKED_AT + timedelta(days=45)).content.decode()

        late = ASKED_AT + timedelta(days=45, seconds=1)
        html = see(mail, at=late).content.decode()
        assert 'name="csat"' not in html
        assert "atencion@lumbre.example" in html
        assert send(mail, at=late, csat="1").status_code == 410
        assert not Response.objects.exists()

    def test_who_answered_on_the_last_day_may_still_change_it(self, mail):
        send(mail, at=ASKED_AT + timedelta(days=44), csat="1")

        send(mail, at=ASKED_AT + timedelta(days=50), csat="5")

        assert given() == {"csat": 5}


# --- Machines ------------------------------------------------------------------------------------------------------
class TestMachines:
    def reasons(self) -> list[str]:
        return Response.objects.get().suspect_reasons

    def test_faster_than_anybody_reads(self, mail):
        assert send(mail, after=1.4, csat="1").status_code == 303
        assert self.reasons() == ["too_fast"]

    def test_a_second_and_a_half_is_believed(self, mail):
        send(mail, after=1.5, csat="1")
        assert self.reasons() == []

    def test_the_box_that_nobody_sees(self, mail):
        send(mail, csat="1", website="https://spam.example")
        assert self.reasons() == ["honeypot"]

    def test_a_later_human_replaces_it(self, mail):
        send(mail, after=0.1, csat="1", nps="0", improve_text="xx")
        fresh = see(mail).content.decode()
        assert not is_checked(fresh, "csat", "1")

        send(mail, at=NOW + timedelta(hours=1), csat="5")

        assert given() == {"csat": 5}
        assert self.reasons() == []

    def test_eleven_customers_at_one_address(self, ana):
        mails = [
            send_mail(make_invitation(factories.make_purchase(factories.make_customer(ana.brand)))) for _i in range(11)
        ]
        for mail in mails:
            send(mail, csat="5")
        send(mails[0], csat="4")  # the same customer again is no new one

        suspects = Response.objects.filter(is_suspect=True)
        assert [r.suspect_reasons for r in suspects] == [["many_from_one_address"]]
        assert suspects.get().invitation.mails.get().mail == mails[10]

    def test_a_brand_may_switch_that_off(self, ana):
        ana.brand.max_posts_per_address = 0
        ana.brand.save()
        for _i in range(12):
            send(send_mail(make_invitation(factories.make_purchase(factories.make_customer(ana.brand)))), csat="5")

        assert not Response.objects.filter(is_suspect=True).exists()

    def test_a_scanner_that_opens_every_link_as_the_mail_comes_in(self, mail):
        OutgoingMail.objects.update(handed_over_at=NOW - timedelta(seconds=10))
        for rating in (1, 2, 3):
            see(mail, f"?q={rating}")

        send(mail, csat="1")

        assert self.reasons() == ["scanner"]

    def test_somebody_who_opens_three_links_in_a_minute_is_none(self, mail):
        OutgoingMail.objects.update(handed_over_at=NOW - timedelta(seconds=10))
        for second, rating in ((0, 1), (9, 2), (18, 3)):
            see(mail, f"?q={rating}", at=NOW + timedelta(seconds=second))

        send(mail, at=NOW + timedelta(seconds=20), csat="1")

        assert self.reasons() == []

    def test_the_affiliate_in_the_same_browser(self, mail, ana):
        client = Client()
        client.force_login(factories.make_member(ana))

        send(mail, client=client, csat="5")

        assert self.reasons() == ["own_device"]

    def test_somebody_elses_affiliate_is_a_customer_like_any_other(self, mail):
        client = Client()
        client.force_login(factories.make_member(factories.make_affiliate(factories.make_brand("otra"), "Bruno")))

        send(mail, client=client, csat="5")

        assert self.reasons() == []

    def test_without_redis_nobody_is_a_suspect_and_nothing_is_lost(self, mail, settings):
        settings.CACHES = {
            "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "unix:///nowhere.sock"}
        }
        assert see(mail, "?q=3").status_code == 200

        assert send(mail, csat="5").status_code == 303
        assert self.reasons() == []
