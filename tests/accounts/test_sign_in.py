"""Guessing: what it costs, what it tells, and whom it never shuts out."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.hashers import MD5PasswordHasher, make_password
from django.core.cache import cache, caches
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from accounts import sign_in
from accounts.models import User
from accounts.sign_in import begin_attempt
from accounts.throttling import Limit
from affiliates.adapter import may_ask_for_reset
from mailing.models import OutgoingMail
from tests.factories import (
    NOW,
    PASSWORD,
    hashed_password,
    make_affiliate,
    make_brand,
    make_member,
    make_staff,
    make_user,
)

pytestmark = pytest.mark.django_db

LOGIN, RESET = "/accounts/login/", "/accounts/password/reset/"
NOWHERE = {
    "default": {"BACKEND": "postventa.cache.KeptRedisCache", "LOCATION": "unix:///nowhere.sock"},
    "process": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
}


@pytest.fixture(autouse=True)
def _nothing_counted_yet() -> None:
    cache.clear()


@pytest.fixture(autouse=True)
def _hashes_are_quick(settings: Settings) -> None:
    """What is counted is how many; ours take a fifth of a second each, on purpose."""
    hashed_password()  # which all others share, made as it should be
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def sofia() -> User:
    user = make_staff(make_brand())
    User.objects.update(password=make_password(PASSWORD))
    user.refresh_from_db()
    return user


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A line for each time that a password was hashed, which is nearly all of a sign-in's time."""
    made: list[str] = []
    hash_one = MD5PasswordHasher.encode

    def encode(self: Any, password: str, salt: str) -> str:
        made.append(salt)
        return hash_one(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", encode)
    return made


def visitor(address: str = "203.0.113.1") -> Client:
    return Client(REMOTE_ADDR=address, headers={"accept-language": "en"})


def guess(client: Client, email: str, password: str = "wrong") -> HttpResponse:
    return client.post(LOGIN, {"login": email, "password": password})


def is_let_in(response: HttpResponse) -> bool:
    return response.status_code == 302


def plain(response: HttpResponse, email: str) -> str:
    """What the page says, without what was typed and the token that differs each time."""
    context: Any = response.context
    return response.text.replace(email, "").replace(str(context["csrf_token"]), "")


@pytest.mark.parametrize("state", ["known", "closed", "without a password"])
def test_a_wrong_guess_costs_one_hash_and_says_the_same_whoever_is_tried(
    sofia: User, hashes: list[str], state: str
) -> None:
    User.objects.filter(pk=sofia.pk).update(is_active=state != "closed")
    if state == "without a password":
        User.objects.filter(pk=sofia.pk).update(password="!")
    nobody = guess(visitor(), "nadie@lumbre.example")
    cost_of_nobody, hashes[:] = len(hashes), []

    somebody = guess(visitor(), sofia.email)

    assert (cost_of_nobody, len(hashes)) == (1, 1)
    assert plain(somebody, sofia.email) == plain(nobody, "nadie@lumbre.example")
    assert somebody.status_code == nobody.status_code == 200


def test_the_right_password_of_a_closed_account_says_no_more_than_a_wrong_one(sofia: User) -> None:
    User.objects.filter(pk=sofia.pk).update(is_active=False)

    right, wrong = guess(visitor(), sofia.email, PASSWORD), guess(visitor(), sofia.email)

    assert plain(right, sofia.email) == plain(wrong, sofia.email)


@pytest.mark.parametrize("email", ["sofia@lumbre.example", "nadie@lumbre.example"])
def test_after_five_guesses_from_one_address_nothing_more_is_compared(
    sofia: User, hashes: list[str], email: str
) -> None:
    for _time in range(5):
        guess(visitor(), email)

    refused = guess(visitor(), email, PASSWORD)

    assert len(hashes) == 5
    assert "Too many tries" in refused.text
    assert not is_let_in(refused)


def test_somebody_elsewhere_does_not_shut_the_owner_out(sofia: User) -> None:
    for _time in range(6):
        guess(visitor("198.51.100.7"), sofia.email)

    assert is_let_in(guess(visitor("203.0.113.1"), sofia.email, PASSWORD))


# --- Who is counted with whom: at the door itself, where a guess is cheap ------------------------------
EMAIL = "sofia@lumbre.example"


def request_from(address: str, cookies: dict[str, str] | None = None) -> HttpRequest:
    request = RequestFactory().post(LOGIN, REMOTE_ADDR=address)
    request.COOKIES.update(cookies or {})
    return request


def may_guess(address: str, account: str = EMAIL, cookies: dict[str, str] | None = None) -> bool:
    return begin_attempt(request_from(address, cookies), "password", account).is_allowed


def device_of(account: str) -> dict[str, str]:
    response = HttpResponse()
    sign_in.remember_device(response, request_from("203.0.113.1"), account)
    return {sign_in.COOKIE: response.cookies[sign_in.COOKIE].value}


def test_an_attack_from_many_addresses_does_not_reach_a_device_that_is_known() -> None:
    allowed = [may_guess(f"198.51.100.{number}") for number in range(51)]

    assert allowed == [True] * 50 + [False]
    assert not may_guess("192.0.2.9")
    assert may_guess("192.0.2.9", cookies=device_of(EMAIL))
    assert not may_guess("192.0.2.9", cookies=device_of("ana@ana.example"))


def test_a_known_device_has_an_end_of_its_own() -> None:
    device, other = device_of(EMAIL), device_of(EMAIL)

    assert [may_guess("203.0.113.1", cookies=device) for _time in range(11)] == [True] * 10 + [False]
    assert may_guess("203.0.113.1", cookies=other)


def test_refused_tries_of_one_address_do_not_use_up_those_of_others() -> None:
    assert [may_guess("198.51.100.7") for _time in range(100)].count(True) == 5

    assert may_guess("203.0.113.1")


def test_one_address_cannot_try_one_password_on_everybody() -> None:
    assert all(may_guess("203.0.113.1", f"persona{number}@lumbre.example") for number in range(50))

    assert not may_guess("203.0.113.1")
    assert may_guess("203.0.113.2")


def test_a_household_of_ipv6_is_one_address() -> None:
    assert all(may_guess(f"2001:db8:1:2::{number + 1}") for number in range(5))

    assert not may_guess("2001:db8:1:2:ffff::1")
    assert may_guess("2001:db8:1:3::1")


def test_a_password_that_was_right_is_given_back() -> None:
    for _time in range(20):
        attempt = begin_attempt(request_from("203.0.113.1"), "password", EMAIL)
        assert attempt.is_allowed
        attempt.succeeded()


def test_codes_are_counted_apart_from_passwords() -> None:
    assert [may_guess("203.0.113.1") for _time in range(6)][-1] is False

    assert begin_attempt(request_from("203.0.113.1"), "code", EMAIL).is_allowed


def test_without_redis_guesses_are_counted_all_the_same(settings: Settings) -> None:
    settings.CACHES = NOWHERE

    assert [may_guess("203.0.113.1") for _time in range(6)] == [True] * 5 + [False]
    assert may_guess("203.0.113.2")
    assert caches["process"].get("limits-rest")


def test_the_next_quarter_of_an_hour_counts_anew() -> None:
    with time_machine.travel(NOW, tick=False):
        assert [may_guess("203.0.113.1") for _time in range(6)][-1] is False
    with time_machine.travel(NOW + timedelta(minutes=15), tick=False):
        assert may_guess("203.0.113.1")


def test_a_device_is_known_for_the_account_that_signed_in_on_it_alone(sofia: User) -> None:
    ana = make_member(make_affiliate(make_brand("otra")))
    client = visitor()
    guess(client, sofia.email, PASSWORD)
    [cookie] = [client.cookies[sign_in.COOKIE]]

    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/accounts/")
    assert sofia.email not in cookie.value
    request = client.get(LOGIN).wsgi_request
    assert sign_in.known_device(request, sofia.email)
    assert not sign_in.known_device(request, ana.email)


@pytest.mark.parametrize("value", ["", "x", "a:b:c", "W10:1abc:sig", "\0"])
def test_a_forged_device_is_not_known(sofia: User, value: str) -> None:
    client = visitor()
    client.cookies[sign_in.COOKIE] = value

    assert not sign_in.known_device(client.get(LOGIN).wsgi_request, sofia.email)


def test_without_redis_people_sign_in(sofia: User, settings: Settings) -> None:
    settings.CACHES = NOWHERE

    assert is_let_in(guess(visitor(), sofia.email, PASSWORD))


# --- A new password by mail ----------------------------------------------------------------------------------------
def ask_for_reset(email: str, address: str = "203.0.113.1") -> HttpResponse:
    return visitor(address).post(RESET, {"email": email})


def test_asking_for_a_new_password_does_the_same_work_for_nobody(sofia: User, hashes: list[str]) -> None:
    work = {}
    for email in (sofia.email, "nadie@lumbre.example"):
        with CaptureQueriesContext(connection) as queries:
            response = ask_for_reset(email)
        work[email] = ([q["sql"].split()[0] for q in queries], response.status_code, response.headers["Location"])

    (known, *said_to_known), (unknown, *said_to_unknown) = work.values()
    assert said_to_known == said_to_unknown
    assert known == ["SELECT", "SELECT", "INSERT", "SELECT"]
    assert [statement for statement in unknown if statement in known] == known
    assert hashes == []
    assert [mail.to_address for mail in OutgoingMail.objects.all()] == [sofia.email]


def test_somebody_who_asks_again_and_again_does_not_fill_a_mailbox() -> None:
    assert [may_ask_for_reset(EMAIL.upper()) for _time in range(6)] == [True] * 5 + [False]
    assert may_ask_for_reset("ana@ana.example")


def test_a_form_sent_too_often_says_when_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sign_in.FORMS, "account_reset_password", Limit(1, 15 * 60))
    ask_for_reset("una@lumbre.example")

    refused = ask_for_reset("otra@lumbre.example")

    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 15 * 60
    assert "Too many tries" in refused.text
    assert "css/tokens" in refused.text
    assert ask_for_reset("otra@lumbre.example", "203.0.113.2").status_code == 302


def test_a_superuser_of_no_brand_is_asked_for_a_password_as_everybody(hashes: list[str]) -> None:
    make_user("root@example.com", "Root", is_superuser=True, is_staff=True)

    guess(visitor(), "root@example.com")

    assert len(hashes) == 1
