"""A second factor: asked for by the brand, in one place for all that a session opens; and kept sealed."""

import time
from collections.abc import Iterator

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.core.cache import cache
from django.db import connection
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import Brand, User
from tests.accounts.test_sign_in import NOWHERE
from tests.factories import NOW, PASSWORD, make_affiliate, make_brand, make_member, make_staff, make_user

pytestmark = pytest.mark.django_db
SETUP = "/accounts/second-factor/"


@pytest.fixture(autouse=True)
def _nothing_counted_yet() -> None:
    cache.clear()


@pytest.fixture(autouse=True)
def _time_stands_still() -> Iterator[None]:
    """Or the half minute of a code may be over by the time it is sent."""
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def brand() -> Brand:
    return make_brand(requires_second_factor=True)


@pytest.fixture
def sofia(brand: Brand) -> User:
    return make_staff(brand)


def signed_in(user: User) -> Client:
    """By password alone, as a session from before the brand asked for more."""
    client = Client(headers={"accept-language": "en"})
    client.force_login(user)
    return client


def set_up(user: User) -> str:
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    return secret


def code_of(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


@pytest.mark.parametrize("path", ["/admin/", "/admin/accounts/brand/", "/portal/", "/accounts/email/"])
def test_without_one_staff_come_no_further_than_its_set_up(sofia: User, path: str) -> None:
    response = signed_in(sofia).get(path)

    assert response.status_code == 302
    assert response.headers["Location"].startswith(f"{SETUP}?next=%2F")


def test_the_page_says_who_asks_for_it_and_leads_to_both_ways(sofia: User) -> None:
    page = signed_in(sofia).get(SETUP).text

    assert "Lumbre asks its staff for a second factor" in page
    assert 'href="/accounts/2fa/totp/activate/"' in page
    assert 'href="/accounts/2fa/webauthn/add/"' in page


def test_a_fragment_leads_the_whole_page_there(sofia: User) -> None:
    response = signed_in(sofia).get("/admin/", headers={"HX-Request": "true"})

    assert response.status_code == 204
    assert response.headers["HX-Redirect"].startswith(SETUP)


def test_what_needs_no_sign_in_and_the_way_out_stay_open(sofia: User) -> None:
    client = signed_in(sofia)

    assert client.get("/help/").status_code == 200
    assert client.post("/language/", {"language": "es"}).status_code == 302
    assert client.post("/accounts/logout/").headers["Location"] == "/"
    assert "_auth_user_id" not in client.session


def test_who_came_by_another_door_is_asked_too(sofia: User, settings: Settings) -> None:
    """A session that some other backend opened knows nothing of duties: then they are looked up."""
    other = "django.contrib.auth.backends.ModelBackend"
    settings.AUTHENTICATION_BACKENDS = [other]
    client = Client()
    client.force_login(sofia, backend=other)

    assert client.get("/admin/").headers["Location"].startswith(SETUP)


def test_nobody_else_is_asked(brand: Brand, sofia: User) -> None:
    relaxed = make_brand("brasa")

    assert signed_in(make_member(make_affiliate(brand))).get("/portal/").status_code == 200
    assert signed_in(make_staff(relaxed, "Olga")).get("/admin/").status_code == 200


def test_whoever_works_for_a_strict_brand_too_is_asked(brand: Brand) -> None:
    both = make_staff(make_brand("brasa"), "Olga")
    both.memberships.create(brand=brand, role="analyst")

    assert signed_in(both).get("/admin/").status_code == 302


def test_a_superuser_is_asked_as_soon_as_one_brand_asks() -> None:
    root = make_user("root@example.com", "Root", is_staff=True, is_superuser=True)
    make_brand("brasa")
    assert signed_in(root).get("/admin/").status_code == 200

    make_brand("lumbre", requires_second_factor=True)

    assert signed_in(root).get("/admin/").status_code == 302


def test_set_up_with_password_and_code_it_opens_the_desk_and_gives_recovery_codes(sofia: User) -> None:
    client = signed_in(sofia)
    assert "/accounts/reauthenticate/" in client.get("/accounts/2fa/totp/activate/").headers["Location"]
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    client.get("/accounts/2fa/totp/activate/")
    secret = client.session["mfa.totp.secret"]

    done = client.post("/accounts/2fa/totp/activate/", {"code": code_of(secret)})

    assert done.headers["Location"] == "/accounts/2fa/recovery-codes/"
    codes = client.get(done.headers["Location"])
    assert codes.status_code == 200
    assert len(codes.context["unused_codes"]) == 10
    assert client.get("/admin/").status_code == 200


def test_a_session_that_knows_but_the_password_must_show_it(sofia: User) -> None:
    secret = set_up(sofia)
    client = signed_in(sofia)
    way = client.get("/admin/accounts/brand/").headers["Location"]
    assert way == "/accounts/2fa/reauthenticate/?next=%2Fadmin%2Faccounts%2Fbrand%2F"

    wrong = client.post(way, {"code": "000000", "next": "/admin/accounts/brand/"})
    right = client.post(way, {"code": code_of(secret), "next": "/admin/accounts/brand/"})

    assert wrong.status_code == 200
    assert right.headers["Location"] == "/admin/accounts/brand/"
    assert client.get("/admin/accounts/brand/").status_code == 200


def test_with_the_password_alone_nobody_adds_or_removes_a_factor(sofia: User) -> None:
    set_up(sofia)
    client = signed_in(sofia)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})

    for path in (
        "totp/activate/",
        "totp/deactivate/",
        "webauthn/add/",
        "recovery-codes/",
        "recovery-codes/generate/",
        "",
    ):
        for answer in (client.get(f"/accounts/2fa/{path}"), client.post(f"/accounts/2fa/{path}", {"code": "000000"})):
            assert answer.headers["Location"].startswith("/accounts/2fa/reauthenticate/")
    assert client.get("/admin/").status_code == 302
    assert Authenticator.objects.filter(user=sofia).count() == 1


def test_signing_in_asks_for_it_and_a_recovery_code_stands_in_once(sofia: User) -> None:
    set_up(sofia)
    RecoveryCodes.activate(sofia)
    [code, *_others] = Authenticator.objects.get(user=sofia, type="recovery_codes").wrap().get_unused_codes()

    def sign_in(code: str) -> Client:
        client = Client()
        client.post("/accounts/login/", {"login": sofia.email, "password": PASSWORD})
        client.post("/accounts/2fa/authenticate/", {"code": code})
        return client

    assert sign_in(code).get("/admin/").status_code == 200
    assert sign_in(code).get("/admin/").status_code == 302


def test_codes_cannot_be_guessed(sofia: User) -> None:
    secret = set_up(sofia)
    client = signed_in(sofia)
    for _time in range(5):
        client.post("/accounts/2fa/reauthenticate/", {"code": "000000"})

    refused = client.post("/accounts/2fa/reauthenticate/", {"code": code_of(secret)})

    assert "Too many tries" in refused.text


def test_a_code_works_once_also_without_redis(sofia: User, settings: Settings) -> None:
    settings.CACHES = NOWHERE
    secret = set_up(sofia)
    code = code_of(secret)

    first = signed_in(sofia).post("/accounts/2fa/reauthenticate/?next=/admin/", {"code": code})
    again = signed_in(sofia).post("/accounts/2fa/reauthenticate/?next=/admin/", {"code": code})

    assert (first.status_code, again.status_code) == (302, 200)


def test_the_last_one_cannot_be_removed_where_it_is_asked_for(sofia: User) -> None:
    secret = set_up(sofia)
    client = signed_in(sofia)
    client.post("/accounts/2fa/reauthenticate/", {"code": code_of(secret)})

    refused = client.post("/accounts/2fa/totp/deactivate/")
    assert "Your brand asks its staff for a second factor" in refused.text
    assert Authenticator.objects.filter(user=sofia).exists()

    Brand.objects.update(requires_second_factor=False)
    client.post("/accounts/2fa/totp/deactivate/")
    assert not Authenticator.objects.filter(user=sofia).exists()


def test_its_secret_lies_sealed_in_the_table(sofia: User) -> None:
    secret = set_up(sofia)
    RecoveryCodes.activate(sofia)

    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(a::text, ' ') FROM mfa_authenticator AS a")
        row = cursor.fetchone()[0]

    assert secret not in row
    assert row.count("gAAAA") == 2


def test_whom_nobody_asks_is_led_to_the_page_of_choices(client: Client) -> None:
    client.force_login(make_member(make_affiliate(make_brand("brasa"))))

    assert client.get(SETUP).headers["Location"] == "/accounts/2fa/"


def test_the_page_leads_on_where_one_has_a_factor_and_never_elsewhere(sofia: User) -> None:
    set_up(sofia)
    client = signed_in(sofia)

    assert client.get(f"{SETUP}?next=/admin/").headers["Location"] == "/admin/"
    assert client.get(f"{SETUP}?next=https://evil.example/").headers["Location"] == "/accounts/2fa/"


def test_asking_costs_no_statement_more(django_assert_num_queries, sofia: User) -> None:  # type: ignore[no-untyped-def]
    client = signed_in(sofia)

    with django_assert_num_queries(3):  # session, person, and whether there is a factor
        client.get("/admin/")
