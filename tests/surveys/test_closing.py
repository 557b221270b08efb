"""How a closed case ended: asked once, answered on the survey's page, and heard where it did not end well."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Brand
from affiliates.models import Customer, Purchase
from mailing.models import OutgoingMail, Suppression
from mailing.rendering import render
from mailing.services import send_due_mail, suppress
from surveys.models import Answer, Invitation, InvitationMail, Question, Response, Survey, Wave
from surveys.services.answering import follow_up_for
from surveys.services.closing import ClosedCase, ask_about_case, do_not_ask_about_case
from surveys.services.holding import plan_put_aside
from surveys.services.previewing import Look, preview_mail
from surveys.standard import publish_standard_survey
from tests import factories
from tests.factories import NOW
from tests.surveys.factories import said

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def carla(brand: Brand) -> Customer:
    return factories.make_customer(brand, "Carla Ruiz")


@pytest.fixture
def purchase(carla: Customer) -> Purchase:
    return factories.make_purchase(carla, product=factories.make_product(carla.brand))


def closed(customer: Customer, purchase: Purchase | None = None, **fields: Any) -> ClosedCase:
    known = {"brand": customer.brand, "occasion": "case:5", "number": "2026-000005", "language": "es"}
    return ClosedCase(**{**known, "customer": customer, "purchase": purchase, **fields})


def ask(case: ClosedCase, now: datetime = NOW) -> OutgoingMail:
    invitation = ask_about_case(case, now=now)
    return InvitationMail.objects.select_related("mail__brand").get(invitation=invitation).mail


def test_a_closed_case_is_asked_about_a_day_later(carla: Customer, purchase: Purchase) -> None:
    invitation = ask_about_case(closed(carla, purchase), now=NOW)

    assert invitation is not None
    assert (invitation.wave, invitation.occasion, invitation.purchase) == (Wave.CLOSING, "case:5", purchase)
    assert (invitation.state, invitation.reason, invitation.scheduled_for) == ("queued", "", NOW + DAY)
    mail = invitation.mails.get().mail
    assert (mail.to_address, mail.not_before, mail.guarantee) == (carla.email, NOW + DAY, "at_most_once")
    assert mail.scopes == ["surveys", f"purchase:{purchase.pk}"]
    assert invitation.remind_at is None


def test_the_mail_says_which_case_and_asks_whether_it_was_put_right(carla: Customer, purchase: Purchase) -> None:
    mail = ask(closed(carla, purchase, language="en"))

    texts = render(mail, now=NOW).texts

    assert texts.subject == "Was your case with Lumbre put right?"
    assert "Hello Carla, we have closed your case about Botas de montaña" in texts.text
    assert "Was what you told us about put right?" in texts.text
    assert [f"{label}: " in texts.text for label in ("No", "In part", "Yes")] == [True, True, True]
    assert f"/s/{mail.token}/?q=3" in texts.html
    assert "We are writing about your case 2026-000005 with Lumbre." in texts.text


def test_a_case_without_a_purchase_names_none(carla: Customer) -> None:
    mail = ask(closed(carla, language="en"))

    texts = render(mail, now=NOW).texts

    assert "Hello Carla, we have closed your case and would like to know" in texts.text
    assert "purchase" not in texts.text
    assert mail.scopes == ["surveys"]


def test_a_discreet_brand_names_neither_itself_nor_what_was_bought(carla: Customer, purchase: Purchase) -> None:
    Brand.objects.update(is_discreet=True, discreet_name="LB Envíos")
    carla.brand.refresh_from_db()

    texts = render(ask(closed(carla, purchase, language="en")), now=NOW).texts

    assert [word for word in ("Lumbre", "Botas") for text in vars(texts).values() if word in text] == []
    assert "We are writing about your case 2026-000005." in texts.text


def test_nobody_is_asked_twice_however_often_a_case_is_closed(carla: Customer) -> None:
    first = ask_about_case(closed(carla), now=NOW)

    assert ask_about_case(closed(carla), now=NOW + 9 * DAY) == first
    assert OutgoingMail.objects.count() == 1


def test_a_case_that_opens_again_is_not_asked_about_until_it_is_closed_again(carla: Customer) -> None:
    first = ask(closed(carla))

    assert do_not_ask_about_case("case:5", now=NOW)
    assert not do_not_ask_about_case("case:5", now=NOW)
    first.refresh_from_db()
    assert (first.state, Invitation.objects.get().reason) == ("cancelled", "open_complaint")

    second = ask(closed(carla), now=NOW + 3 * DAY)

    assert (second.state, second.not_before) == ("queued", NOW + 4 * DAY)
    assert Invitation.objects.get().state == "queued"
    assert second.token != first.token


def test_what_has_gone_out_is_not_taken_back(carla: Customer) -> None:
    mail = ask(closed(carla))
    OutgoingMail.objects.filter(pk=mail.pk).update(state=OutgoingMail.State.SENT, sent_at=NOW + DAY)

    assert not do_not_ask_about_case("case:5", now=NOW + 2 * DAY)
    assert Invitation.objects.get().state == "queued"


def test_a_brand_that_does_not_ask_asks_nobody(carla: Customer) -> None:
    carla.brand.closing_question_after = None

    assert ask_about_case(closed(carla), now=NOW) is None
    assert not Invitation.objects.exists()


def test_a_customer_without_an_address_is_not_asked(carla: Customer) -> None:
    carla.email = None

    invitation = ask_about_case(closed(carla), now=NOW)

    assert invitation is not None
    assert (invitation.state, invitation.reason) == ("cancelled", "no_email")
    assert not OutgoingMail.objects.exists()


def test_the_brands_own_words_and_delay_are_kept(carla: Customer) -> None:
    carla.brand.closing_question_after = timedelta(hours=2)
    survey = publish_standard_survey(carla.brand, Wave.CLOSING)
    Survey.objects.filter(pk=survey.pk).update(mail_texts={"es": {"subject": "{name}, ¿quedó bien?"}})

    mail = ask(closed(carla))

    assert render(mail, now=NOW).texts.subject == "Carla, ¿quedó bien?"
    assert mail.not_before == NOW + timedelta(hours=2)


@pytest.mark.django_db(transaction=True)
def test_whoever_wants_no_surveys_is_not_asked(carla: Customer) -> None:
    carla.brand.closing_question_after = timedelta(0)
    suppress(carla.brand, str(carla.email), scope="surveys", reason=Suppression.Reason.OPTED_OUT, now=NOW)
    mail = ask(closed(carla), now=timezone.now())

    send_due_mail()

    mail.refresh_from_db()
    assert (mail.state, mail.reason) == ("cancelled", "opted_out")


@pytest.mark.django_db(transaction=True)
def test_a_pause_is_too_long_for_a_question_about_how_it_ended(carla: Customer) -> None:
    carla.brand.closing_question_after = timedelta(0)
    ask(closed(carla), now=timezone.now())
    Brand.objects.update(asking_paused_at=NOW)

    send_due_mail()
    plan_put_aside(now=NOW)

    invitation = Invitation.objects.get()
    assert (invitation.state, invitation.reason, invitation.scheduled_for) == ("cancelled", "paused", None)


# --- What they answer ------------------------------------------------------------------------------------------------
def sent(case: ClosedCase) -> OutgoingMail:
    mail = ask(case)
    OutgoingMail.objects.filter(pk=mail.pk).update(state=OutgoingMail.State.SENT, sent_at=NOW, handed_over_at=NOW)
    return mail


def visit(mail: OutgoingMail, query: str = "") -> str:
    return reverse("surveys:answer", args=[mail.token]) + query


@pytest.mark.parametrize("has_purchase", [True, False])
def test_the_page_asks_what_remains_and_how_easy_it_was(
    client: Client, carla: Customer, purchase: Purchase, time_machine: Any, has_purchase: bool
) -> None:
    time_machine.move_to(NOW + DAY, tick=False)
    mail = sent(closed(carla, purchase if has_purchase else None, language="en"))
    page = client.get(visit(mail, "?q=2")).content.decode()
    assert "How did your case with Lumbre end?" in page
    nonce = page.partition('name="nonce" value="')[2].partition('"')[0]
    time_machine.move_to(NOW + DAY + timedelta(minutes=1), tick=False)

    posted = client.post(visit(mail), {"nonce": nonce, "solved": "2", "remains": "The sole is still loose", "ces": "3"})

    assert posted.status_code == 303
    response = Response.objects.get()
    given = {
        answer.question.key: answer.number or answer.text for answer in response.answers.select_related("question")
    }
    assert given == {"solved": 2, "remains": "The sole is still loose", "ces": 3}
    assert (response.is_suspect, response.follow_up) == (False, "medium")
    assert client.get(posted["Location"]).status_code == 200


def test_words_about_what_remains_are_for_staff_and_ask_no_consent(
    client: Client, carla: Customer, time_machine: Any
) -> None:
    time_machine.move_to(NOW + DAY)
    mail = sent(closed(carla, language="en"))

    page = client.get(visit(mail, "?step=all")).content.decode()

    assert 'name="remains"' in page
    assert 'name="publish"' not in page
    assert 'name="hide_comment"' not in page


@pytest.mark.parametrize(
    ("given", "urgency"),
    [
        ({"solved": 1, "ces": 7}, "high"),
        ({"solved": 2, "ces": 3}, "medium"),
        ({"solved": 3, "ces": 3}, "medium"),
        ({"solved": 2, "ces": 4}, "low"),
        ({"solved": 3, "ces": 4}, "none"),
        ({"solved": 3}, "none"),
    ],
)
def test_a_case_that_did_not_end_well_is_looked_at_again(given: dict[str, int], urgency: str) -> None:
    assert follow_up_for(said(**given).given) == urgency


# --- What staff see --------------------------------------------------------------------------------------------------
def test_staff_see_the_mail_as_for_a_purchase(brand: Brand, purchase: Purchase) -> None:
    survey = publish_standard_survey(brand, Wave.CLOSING)

    message, _token = preview_mail(Look(survey, purchase, "en"), to="sofia@lumbre.example", now=NOW)

    assert "We are writing about your case 2026-000001 with Lumbre." in message.texts.text
    assert not OutgoingMail.objects.exists()


def test_staff_begin_a_version_of_their_own_and_word_its_one_mail(desk: Client, brand: Brand) -> None:
    published = publish_standard_survey(brand, Wave.CLOSING)
    desk.post(reverse("admin:surveys_survey_add"), {"wave": "closing", "brand": brand.pk})
    draft = Survey.objects.get(brand=brand, wave=Wave.CLOSING, status=Survey.Status.DRAFT)

    words = desk.get(reverse("admin:surveys_survey_mail", args=[draft.pk])).content.decode()

    assert list(draft.questions.values_list("key", flat=True)) == list(
        published.questions.values_list("key", flat=True)
    )
    assert "es.subject" in words
    assert "es.reminder_subject" not in words


def test_the_lists_of_staff_show_an_answer_about_a_case_without_a_purchase(desk: Client, carla: Customer) -> None:
    invitation = ask_about_case(closed(carla), now=NOW)
    assert invitation is not None
    response = Response.objects.create(brand=carla.brand, invitation=invitation, answered_at=NOW, updated_at=NOW)
    question = Question.objects.get(survey=invitation.survey, key="solved")
    Answer.objects.create(response=response, question=question, number=1)

    pages = {
        url: desk.get(url).status_code
        for url in (
            reverse("admin:surveys_response_changelist"),
            reverse("admin:surveys_response_change", args=[response.pk]),
            reverse("admin:surveys_invitation_changelist"),
            reverse("admin:surveys_invitation_change", args=[invitation.pk]),
        )
    }

    assert pages == dict.fromkeys(pages, 200)
