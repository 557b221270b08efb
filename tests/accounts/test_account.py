"""One's own account: name, language, clock, address, and where one is signed in."""

import re
import time
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from allauth.usersessions.models import UserSession
from django.core.cache import cache
from django.test import Client
from pytest_django.fixtures import Settings
from structlog.testing import capture_logs

from accounts.devices import device_in_words
from accounts.models import User
from mailing.models import OutgoingMail
from mailing.rendering import texts_of
from tests.factories import NOW, PASSWORD, make_affiliate, make_brand, make_member, make_staff, make_user

pytestmark = pytest.mark.django_db
NEW = "ana.nueva@correo.example"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile Safari/604.1"


@pytest.fixture(autouse=True)
def _nothing_counted_yet() -> None:
    cache.clear()


@pytest.fixture
def ana() -> User:
    return make_member(make_affiliate(make_brand()))


def signed_in(user: User, agent: str = FIREFOX, address: str = "203.0.113.1") -> Client:
    client = Client(REMOTE_ADDR=address, headers={"user-agent": agent, "accept-language": "en"})
    assert client.post("/accounts/login/", {"login": user.email, "password": PASSWORD}).status_code == 302
    return client


@pytest.mark.parametrize("page", ["profile", "email", "sessions"])
def test_nobody_sees_it_without_signing_in(page: str) -> None:
    assert "/accounts/login/" in Client().get(f"/accounts/{page}/").headers["Location"]


@pytest.mark.parametrize("page", ["profile", "email", "sessions"])
def test_each_page_is_there_for_both_worlds(ana: User, page: str) -> None:
    for user in (ana, make_staff(make_brand("brasa"), "Olga")):
        client = Client()
        client.force_login(user)

        response = client.get(f"/accounts/{page}/")

        assert response.status_code == 200
        assert len(re.findall("<h1>", response.text)) == 1


# --- Profile -------------------------------------------------------------------------------------------------------
def test_name_language_and_clock_are_one_s_own(ana: User, client: Client) -> None:
    client.force_login(ana)

    client.post("/accounts/profile/", {"name": "Ana Ruiz", "language": "en", "timezone": "America/Mexico_City"})

    ana.refresh_from_db()
    assert (ana.name, ana.language, ana.timezone) == ("Ana Ruiz", "en", "America/Mexico_City")
    assert client.get("/help/").headers["Content-Language"] == "en"


def test_nothing_else_is_taken_from_the_form(ana: User, client: Client) -> None:
    client.force_login(ana)

    client.post("/accounts/profile/", {"name": "Ana", "email": NEW, "is_staff": "on", "is_superuser": "on"})

    ana.refresh_from_db()
    assert (ana.email, ana.is_staff, ana.is_superuser) == ("ana@lumbre-afiliados.example", False, False)


@pytest.mark.parametrize("change", [{"timezone": "Mars/Olympus"}, {"language": "fr"}, {"timezone": "../etc"}])
def test_what_is_not_offered_is_refused(ana: User, client: Client, change: dict[str, str]) -> None:
    client.force_login(ana)

    assert client.post("/accounts/profile/", {"name": "Otra", **change}).status_code == 200

    ana.refresh_from_db()
    assert ana.name == "Ana"


# --- Another address -----------------------------------------------------------------------------------------------
def ask(client: Client, email: str, password: str = PASSWORD) -> Any:
    return client.post("/accounts/email/", {"email": email, "password": password})


def said_in_mail() -> str:
    return texts_of(OutgoingMail.objects.latest("pk")).text


def link_in_mail() -> str:
    [path] = re.findall(r"https?://[^/\s]+(/accounts/email/confirm/\S+)", said_in_mail())
    return str(path)


def test_the_address_changes_by_the_link_alone_and_the_old_one_is_told(ana: User, client: Client) -> None:
    old = ana.email
    client.force_login(ana)
    ask(client, NEW.upper())
    link = link_in_mail()
    visitor = Client(headers={"accept-language": "en"})

    looked = visitor.get(link)
    ana.refresh_from_db()
    assert (ana.email, looked.status_code, looked.headers["Referrer-Policy"]) == (old, 200, "same-origin")
    assert OutgoingMail.objects.latest("pk").to_address == NEW

    visitor.post(link)
    ana.refresh_from_db()
    assert ana.email == NEW
    assert OutgoingMail.objects.latest("pk").to_address == old
    assert NEW in said_in_mail()
    assert visitor.get(link).status_code == 404
    assert visitor.post("/accounts/login/", {"login": NEW, "password": PASSWORD}).status_code == 302


def test_somebody_elses_address_is_answered_alike_and_never_taken(ana: User, client: Client) -> None:
    bruno = make_member(make_affiliate(make_brand("brasa"), "Bruno"))
    client.force_login(ana)

    free, taken = ask(client, NEW), ask(client, bruno.email)

    assert (free.status_code, free.headers["Location"]) == (taken.status_code, taken.headers["Location"])
    assert [mail.to_address for mail in OutgoingMail.objects.order_by("pk")] == [NEW, bruno.email]
    assert "/confirm/" not in said_in_mail()


def test_an_address_taken_meanwhile_stays_with_who_has_it(ana: User, client: Client) -> None:
    client.force_login(ana)
    ask(client, NEW)
    make_user(NEW, "Otra")

    client.post(link_in_mail())

    ana.refresh_from_db()
    assert ana.email == "ana@lumbre-afiliados.example"


def test_without_the_password_nothing_is_sent(ana: User, client: Client) -> None:
    client.force_login(ana)

    assert ask(client, NEW, "wrong").status_code == 200

    assert not OutgoingMail.objects.exists()


def test_the_link_is_over_after_two_hours_or_another_change(ana: User, client: Client) -> None:
    client.force_login(ana)
    with time_machine.travel(NOW, tick=False):
        ask(client, NEW)
        link = link_in_mail()
    with time_machine.travel(NOW + timedelta(hours=2, seconds=1), tick=False):
        assert Client().get(link).status_code == 404
    with time_machine.travel(NOW + timedelta(hours=1), tick=False):
        User.objects.filter(pk=ana.pk).update(email="ana.tercera@correo.example")
        assert Client().get(link).status_code == 404


@pytest.mark.parametrize("token", ["x", "W10:1abc:sig", "a:b:c", "%00"])
def test_a_forged_link_opens_nothing(token: str) -> None:
    assert Client().post(f"/accounts/email/confirm/{token}/").status_code == 404


# --- Sessions ------------------------------------------------------------------------------------------------------
def test_all_sessions_are_listed_this_one_first(ana: User) -> None:
    here = signed_in(ana)
    signed_in(ana, IPHONE, "198.51.100.7")

    listed = here.get("/accounts/sessions/").context["sessions"]

    assert [(each.device, each.address, each.is_this_one) for each in listed] == [
        ("Firefox · Windows", "203.0.113.1", True),
        ("Safari · iPhone", "198.51.100.7", False),
    ]


def test_one_that_is_ended_has_to_sign_in_again(ana: User) -> None:
    here, there, third = signed_in(ana), signed_in(ana, IPHONE), signed_in(ana, IPHONE)
    [_here, *others] = here.get("/accounts/sessions/").context["sessions"]

    here.post("/accounts/sessions/end/", {"session": others[0].pk})
    assert sorted([there.get("/portal/").status_code, third.get("/portal/").status_code]) == [200, 302]

    here.post("/accounts/sessions/end/", {"session": "others"})
    assert [client.get("/portal/").status_code for client in (here, there, third)] == [200, 302, 302]


def test_nobody_ends_somebody_elses(ana: User) -> None:
    bruno = make_member(make_affiliate(make_brand("brasa"), "Bruno"))
    there = signed_in(bruno)
    row = UserSession.objects.get(user=bruno)

    here = signed_in(ana)
    here.post("/accounts/sessions/end/", {"session": row.pk})
    here.post("/accounts/sessions/end/", {"session": "others"})

    assert there.get("/portal/").status_code == 200
    assert here.post("/accounts/sessions/end/", {"session": "x"}).status_code == 400


def test_a_new_password_ends_all_others_and_tells_by_mail(ana: User) -> None:
    here, there = signed_in(ana), signed_in(ana, IPHONE)
    words = {"oldpassword": PASSWORD, "password1": "otra-frase-bien-larga", "password2": "otra-frase-bien-larga"}

    here.post("/accounts/password/change/", words)

    assert [client.get("/portal/").status_code for client in (here, there)] == [200, 302]
    assert [each.is_this_one for each in here.get("/accounts/sessions/").context["sessions"]] == [True]
    assert OutgoingMail.objects.latest("pk").to_address == ana.email


def test_a_session_notes_every_few_minutes_that_it_lives(ana: User) -> None:
    client = signed_in(ana)
    before = UserSession.objects.get().last_seen_at
    client.get("/portal/")
    assert UserSession.objects.get().last_seen_at == before

    session = client.session
    session["seen_at"] = time.time() - 301
    session.save()
    client.get("/portal/", REMOTE_ADDR="198.51.100.9")

    row = UserSession.objects.get()
    assert row.last_seen_at > before
    assert row.ip == "198.51.100.9"


def test_a_session_ends_after_so_many_days_however_often_it_is_used(ana: User, settings: Settings) -> None:
    client = signed_in(ana)
    session = client.session
    session["begun_at"] = time.time() - (settings.SESSION_MAX_DAYS * 24 * 3600 - 3600)
    session["seen_at"] = time.time() - 301  # and it is noted again that it lives
    session.save()
    assert client.get("/portal/").status_code == 200

    session = client.session
    session["begun_at"] -= 3601
    session.save()

    assert "/accounts/login/" in client.get("/portal/").headers["Location"]
    assert not UserSession.objects.filter(user=ana).exists()
    assert signed_in(ana).get("/portal/").status_code == 200


@pytest.mark.parametrize(
    "page",
    ["accounts/profile/", "accounts/sessions/", "accounts/email/", "accounts/2fa/", "accounts/2fa/totp/activate/"],
)
def test_nobody_keeps_a_page_of_somebody_signed_in(ana: User, page: str) -> None:
    """Neither a cache on the way nor the browser, for whoever sits before it next."""
    response = signed_in(ana).get(f"/{page}", follow=True)

    assert response.status_code == 200
    assert "no-store" in response.headers["Cache-Control"]


def test_sign_ins_and_refusals_stand_in_the_log_without_whom_was_tried(ana: User) -> None:
    with capture_logs() as lines:
        for address, password in ((ana.email, PASSWORD), (ana.email, "wrong"), ("nadie@correo.example", "wrong")):
            Client().post("/accounts/login/", {"login": address, "password": password})

    told = [line for line in lines if line["event"] in ("signed_in", "sign_in_failed")]
    assert [(line["event"], line["log_level"]) for line in told] == [
        ("signed_in", "info"),
        ("sign_in_failed", "warning"),
        ("sign_in_failed", "warning"),
    ]
    assert told[0]["user"] == ana.pk
    assert "correo.example" not in str(told)


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        (FIREFOX, "Firefox · Windows"),
        (IPHONE, "Safari · iPhone"),
        ("Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36", "Chrome · Android"),
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/130.0 Safari/537.36 Edg/130.0", "Edge · Linux"),
        ("curl/8.0", ""),
        ("", ""),
    ],
)
def test_a_device_is_called_by_words(agent: str, device: str) -> None:
    assert device_in_words(agent) == device


def test_the_admin_has_no_page_for_passwords_of_its_own() -> None:
    olga = make_staff(make_brand("brasa"), "Olga")

    answer = signed_in(olga).post("/admin/password_change/", {"old_password": "x", "new_password1": "y"})

    assert answer.headers["Location"] == "/accounts/password/change/"
