"""A survey's mail before anybody gets it: what staff see, what they may send themselves, and that it asks nobody."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from accounts.models import Brand, Membership, User
from affiliates.models import Purchase
from mailing.models import OutgoingMail, Suppression
from mailing.services import suppress
from mailing.services.sending import send_due_mail
from surveys.models import Invitation, InvitationMail, Response, SampleMail, Survey, Wave
from surveys.services import pause_asking
from surveys.services.previewing import MOST_SAMPLES_AN_HOUR, Look, preview_mail, send_sample
from surveys.standard import publish_standard_survey
from tests.factories import NOW, make_brand, make_customer, make_product, make_purchase, make_staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def purchase(brand: Brand) -> Purchase:
    customer = make_customer(brand, "Carla Ruiz", email="carla@correo.example")
    return make_purchase(customer, external_id="P-1", product=make_product(brand, name="Botas"))


def recorded() -> tuple[int, int, int]:
    return Invitation.objects.count(), InvitationMail.objects.count(), Response.objects.count()


def test_a_preview_is_the_mail_and_stores_nothing(survey: Survey, purchase: Purchase) -> None:
    message, token = preview_mail(Look(survey, purchase, "es"), to="sofia@lumbre.example", now=NOW)
    in_english, _token = preview_mail(Look(survey, purchase, "en", "reminder"), to="sofia@lumbre.example", now=NOW)

    assert "Hola Carla" in message.texts.text
    assert "Botas" in message.texts.html
    assert message.sender == "encuestas@lumbre.example"
    assert f"/s/{token}/?q=5" in message.texts.html
    assert "Hello Carla" in in_english.texts.text
    assert (OutgoingMail.objects.count(), recorded()) == (0, (0, 0, 0))


def test_a_test_goes_to_whoever_sends_it_by_the_ledger(survey: Survey, purchase: Purchase, sofia: User) -> None:
    sample = send_sample(Look(survey, purchase, "es"), by=sofia, now=NOW)

    mail = OutgoingMail.objects.get()
    assert sample.mail == mail
    assert (mail.to_address, mail.template, mail.language) == (sofia.email, "surveys/invitation", "es")
    assert mail.is_survey_mail
    assert recorded() == (0, 0, 0)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("wave", "kind"), [("first", "first"), ("first", "reminder"), ("follow_up", "first")])
def test_a_test_says_that_it_is_one_and_goes_out_though_asking_is_paused(
    brand: Brand, purchase: Purchase, sofia: User, mailbox: Any, wave: str, kind: str
) -> None:
    now = datetime.now(UTC) - timedelta(seconds=1)
    survey = publish_standard_survey(brand, Wave(wave))
    pause_asking(brand, now=now)

    send_sample(Look(survey, purchase, "en", kind), by=sofia, now=now)
    send_due_mail()

    (mail,) = mailbox.mails()
    assert mail.to == sofia.email
    assert mail.subject.startswith("[Test] ")
    assert "This is a test for you alone" in mail.text
    assert dict(mail.headers)["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert OutgoingMail.objects.get().state == "sent"


@pytest.mark.parametrize("role", [Membership.Role.ANALYST, Membership.Role.READ_ONLY])
def test_who_only_reads_sends_none(survey: Survey, purchase: Purchase, brand: Brand, role: str) -> None:
    with pytest.raises(PermissionDenied):
        send_sample(Look(survey, purchase, "es"), by=make_staff(brand, "Aitor", role), now=NOW)

    assert not OutgoingMail.objects.exists()


def test_nobody_sends_anothers_survey_or_with_anothers_purchase(
    survey: Survey, purchase: Purchase, sofia: User
) -> None:
    brasa = make_brand("brasa")
    theirs = make_purchase(make_customer(brasa))
    for look in (Look(publish_standard_survey(brasa), theirs, "es"), Look(survey, theirs, "es")):
        with pytest.raises(PermissionDenied):
            send_sample(look, by=sofia, now=NOW)

    assert not OutgoingMail.objects.exists()


def test_tests_are_limited_by_the_hour_and_person(survey: Survey, purchase: Purchase, sofia: User) -> None:
    look = Look(survey, purchase, "es")
    for _n in range(MOST_SAMPLES_AN_HOUR):
        send_sample(look, by=sofia, now=NOW)

    with pytest.raises(ValidationError):
        send_sample(look, by=sofia, now=NOW + timedelta(minutes=59))
    send_sample(look, by=make_staff(survey.brand, "Berta"), now=NOW)
    send_sample(look, by=sofia, now=NOW + timedelta(minutes=61))

    assert SampleMail.objects.filter(sent_by=sofia).count() == MOST_SAMPLES_AN_HOUR + 1


def test_whoever_asked_for_no_more_surveys_gets_no_tests(survey: Survey, purchase: Purchase, sofia: User) -> None:
    suppress(survey.brand, sofia.email, scope="surveys", reason=Suppression.Reason.OPTED_OUT, now=NOW)

    with pytest.raises(ValidationError, match=sofia.email):
        send_sample(Look(survey, purchase, "es"), by=sofia, now=NOW)


def test_a_survey_without_a_scale_says_so(brand: Brand, purchase: Purchase, sofia: User) -> None:
    empty = Survey.objects.create(brand=brand, version=7)

    with pytest.raises(ValidationError):
        send_sample(Look(empty, purchase, "es"), by=sofia, now=NOW)
