"""Mail about accounts: asked for on a page, through the ledger, into a mailbox, and no secret of it in the table."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from pytest_django.fixtures import Settings

from accounts import sign_in
from accounts.models import User
from affiliates.adapter import brand_of
from mailing.models import OutgoingMail
from mailing.selectors.story import preview_of
from mailing.services import recover_expired_leases, send_due_mail
from tests.factories import PASSWORD, make_affiliate, make_brand, make_member, make_staff, make_user

pytestmark = pytest.mark.django_db

RESET = "/accounts/password/reset/"
NEW_PASSWORD = "una-frase-bien-larga"


def ask_for_reset(email: str, language: str = "es") -> Any:
    return Client(headers={"Accept-Language": language}).post(RESET, {"email": email})


def link_in(text: str) -> str:
    [path] = re.findall(r"https?://[^/\s]+(/accounts/password/reset/key/\S+)", text)
    return str(path)


@pytest.mark.integration
@pytest.mark.django_db(transaction=True)
def test_a_forgotten_password_is_changed_by_the_link_in_the_mail(mailbox: Any) -> None:
    ana = make_member(make_affiliate(make_brand(name="Lumbre")))

    assert ask_for_reset(ana.email.upper()).status_code == 302
    send_due_mail()

    [mail] = mailbox.mails()
    assert mail.to == ana.email
    assert "atencion@lumbre.example" in dict(mail.headers)["From"]
    assert "List-Unsubscribe" not in dict(mail.headers)
    link = link_in(mail.text)
    assert mail.html.count(link) == 1
    client = Client()
    form = client.get(link, follow=True)
    done = client.post(form.request["PATH_INFO"], {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD}, follow=True)
    assert b'href="/accounts/login/"' in done.content
    ana.refresh_from_db()
    assert ana.check_password(NEW_PASSWORD)
    assert sign_in.COOKIE in client.cookies  # from now on strangers' guesses do not shut this device out
    # The link worked once.
    again = Client().get(link, follow=True)
    assert b'name="password1"' not in again.content


def test_no_secret_lies_in_the_table_and_none_is_shown_to_staff() -> None:
    brand = make_brand()
    ana = make_member(make_affiliate(brand))
    ask_for_reset(ana.email)
    mail = OutgoingMail.objects.get()

    with connection.cursor() as cursor:
        cursor.execute("SELECT mail::text FROM mailing_outgoingmail AS mail")
        row = cursor.fetchone()[0]

    assert "password_reset" in row
    assert "/key/" not in row
    assert mail.context == {"hours": 2}
    assert bytes(mail.sealed_context).startswith(b"gAAAA")
    preview = preview_of(mail)
    assert preview is not None
    assert "/key/" not in preview.subject + preview.text


def test_it_has_to_arrive_and_is_worth_nothing_after_an_hour() -> None:
    before = datetime.now(UTC)
    ask_for_reset(make_staff(make_brand()).email)

    mail = OutgoingMail.objects.get()
    assert mail.guarantee == OutgoingMail.Guarantee.AT_LEAST_ONCE
    assert mail.scopes == []
    assert mail.expires_at is not None
    assert timedelta(hours=1) <= mail.expires_at - before < timedelta(hours=1, minutes=1)


@pytest.mark.integration
@pytest.mark.django_db(transaction=True)
def test_a_mail_perhaps_lost_comes_again_under_its_id_and_with_its_link(mailbox: Any) -> None:
    ask_for_reset(make_staff(make_brand()).email)
    send_due_mail()
    # As a worker leaves it that was killed before it could write down what the server said.
    now = datetime.now(UTC)
    OutgoingMail.objects.update(
        state="handing_over", sent_at=None, lease_owner="00000000-0000-0000-0000-000000000001", lease_until=now
    )
    recover_expired_leases()
    send_due_mail()

    first, second = mailbox.mails()
    assert dict(first.headers)["Message-ID"] == dict(second.headers)["Message-ID"]
    assert link_in(first.text) == link_in(second.text)


@pytest.mark.parametrize("language", ["es", "en"])
def test_it_speaks_the_language_of_whoever_asks(language: str) -> None:
    ask_for_reset(make_staff(make_brand()).email, language)

    assert OutgoingMail.objects.get().language == language


def test_nobody_is_written_to_who_has_no_account() -> None:
    known, unknown = ask_for_reset(make_staff(make_brand()).email), ask_for_reset("nadie@correo.example")

    assert (known.status_code, known.url) == (unknown.status_code, unknown.url)
    assert OutgoingMail.objects.count() == 1


def test_a_person_of_no_brand_is_written_to_directly(mailoutbox: list[Any]) -> None:
    make_user("root@example.com", "Root", is_superuser=True, is_staff=True)

    ask_for_reset("root@example.com")

    assert [mail.to for mail in mailoutbox] == [["root@example.com"]]
    assert not OutgoingMail.objects.exists()


def test_the_brand_that_writes_is_the_one_they_have_been_with_for_longest() -> None:
    lumbre, brasa = make_brand(), make_brand("brasa")
    sofia = make_staff(brasa)
    sofia.memberships.create(brand=lumbre, role="agent")
    ana = make_member(make_affiliate(lumbre))
    nobody = make_user("nadie@example.com", "Nadie")

    assert [brand_of(user) for user in (sofia, ana, nobody)] == [brasa, lumbre, None]


@pytest.mark.integration
@pytest.mark.django_db(transaction=True)
def test_what_allauth_has_to_say_besides_goes_the_same_way(mailbox: Any, settings: Settings) -> None:
    ana = make_member(make_affiliate(make_brand()))
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(User.objects.get(pk=ana.pk))

    words = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    client.post("/accounts/password/change/", words)
    send_due_mail()

    [mail] = mailbox.mails()
    assert mail.to == ana.email
    assert OutgoingMail.objects.get().template == "accounts/notice"
    assert "Your password has been changed." in mail.text
    assert "Your password has been changed." in mail.html
