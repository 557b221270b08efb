import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts import views
from accounts.models import User
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def visitor() -> Client:
    return Client(headers={"accept-language": "en"})


def test_whoever_comes_before_anybody_can_sign_in_is_told_how_it_begins(visitor: Client) -> None:
    assert visitor.get("/").headers["Location"] == reverse("not_set_up")


def test_visitors_are_told_what_this_is(visitor: Client) -> None:
    User.objects.create_user("sofia@lumbre.example")

    response = visitor.get("/")

    assert response.status_code == 200
    assert reverse("account_login") in response.text


def test_staff_go_to_their_desk(client: Client) -> None:
    client.force_login(User.objects.create_user("sofia@lumbre.example", is_staff=True))

    assert client.get("/").headers["Location"] == reverse("admin:index")


def test_affiliates_go_to_their_portal(client: Client) -> None:
    client.force_login(User.objects.create_user("ana@ana.example"))

    assert client.get("/").headers["Location"] == reverse("dashboards:home")


def test_public_pages_set_no_cookie(visitor: Client) -> None:
    for path in ("/", "/help/", "/privacy/", "/nowhere/"):
        assert not visitor.get(path).cookies


@pytest.mark.parametrize(
    "term",
    [
        *["csat", "nps", "ces", "promesa", "intervalo", "orientativo", "bloque", "menos-de-5", "mantener", "mejorar"],
        *["falto", "expectativas", "tasa-de-respuesta", "recompra", "programa", "proxima-venta", "no-concluyente"],
    ],
)
def test_every_figure_has_its_entry_in_the_glossary(visitor: Client, term: str) -> None:
    assert f'<dt id="{term}">' in visitor.get("/help/").text


def test_the_glossary_never_uses_an_id_twice(visitor: Client) -> None:
    ids = re.findall(r'id="([^"]+)"', visitor.get("/help/").text)

    assert len(ids) == len(set(ids))


# --- Language ------------------------------------------------------------------------------------------------------
def test_a_visitor_chooses_a_language_and_comes_back(visitor: Client) -> None:
    response = visitor.post("/language/", {"language": "es", "next": "/help/#nps"})

    assert response.status_code == 302
    assert response.headers["Location"] == "/help/#nps"
    assert visitor.get("/help/").headers["Content-Language"] == "es"


def test_who_is_signed_in_keeps_the_language_in_the_account(client: Client) -> None:
    user = User.objects.create_user("ana@ana.example", language="es")
    client.force_login(user)

    client.post("/language/", {"language": "en", "next": "/help/"})

    user.refresh_from_db()
    assert user.language == "en"
    assert client.get("/help/").headers["Content-Language"] == "en"


@pytest.mark.parametrize("language", ["fr", "", "es\0", "../es", "e" * 300])
def test_a_language_we_do_not_speak_changes_nothing(client: Client, language: str) -> None:
    user = User.objects.create_user("ana@ana.example", language="es")
    client.force_login(user)

    assert client.post("/language/", {"language": language}).status_code == 302

    user.refresh_from_db()
    assert user.language == "es"
    assert client.get("/help/").headers["Content-Language"] == "es"


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_the_choice_of_language_leads_nowhere_else(visitor: Client, target: str) -> None:
    response = visitor.post("/language/", {"language": "es", "next": target})

    assert urlsplit(response.headers["Location"]).netloc == ""
    assert "evil" not in response.headers["Location"]
    assert "javascript" not in response.headers["Location"]


def test_looking_at_the_choice_of_language_changes_nothing(visitor: Client) -> None:
    assert visitor.get("/language/?language=es").status_code == 405


# --- A tenant's colour ---------------------------------------------------------------------------------------------
def test_a_brands_colour_is_served_readable_in_both_themes(visitor: Client) -> None:
    factories.make_brand("luna", color="#ffb000")

    response = visitor.get("/brand/luna.css")

    assert response.headers["Content-Type"] == "text/css; charset=utf-8"
    assert response.text.strip() == (
        ":root { --brand: light-dark(#996a00, #ffb000); --on-brand: light-dark(#ffffff, #000000); }"
    )


def test_an_unknown_brand_has_no_colour(visitor: Client) -> None:
    assert visitor.get("/brand/nobody.css").status_code == 404


# --- Errors --------------------------------------------------------------------------------------------------------
def test_a_page_that_is_not_there_says_so_in_our_look(visitor: Client) -> None:
    response = visitor.get("/nowhere/")

    assert response.status_code == 404
    assert "There is nothing here" in response.text
    assert "css/tokens" in response.text


def test_a_program_is_told_in_the_contracts_shape(visitor: Client) -> None:
    response = visitor.get("/api/v1/nowhere/")

    assert response.status_code == 404
    error = response.json()["error"]
    assert set(error) == {"code", "message", "fields", "request_id"}
    assert error["code"] == "not_found"


def test_each_refusal_has_an_id_by_which_its_log_lines_are_found(visitor: Client) -> None:
    ids = [visitor.get("/api/v1/purchases/").json()["error"]["request_id"] for _ in range(2)]

    assert all(ids)
    assert ids[0] != ids[1]


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (lambda request: views.bad_request(request, Exception()), 400),
        (lambda request: views.permission_denied(request, Exception()), 403),
        (lambda request: views.page_not_found(request, Exception()), 404),
        (views.server_error, 500),
    ],
)
def test_errors_need_no_user_and_no_database(rf: RequestFactory, answer: Any, status: int) -> None:
    request = rf.get("/anything/")  # as it is before any middleware: no user, no session, no messages

    response: HttpResponse = answer(request)

    assert response.status_code == status
    assert "<h1>" in response.text


def test_a_form_from_elsewhere_is_refused_in_our_look() -> None:
    strict = Client(enforce_csrf_checks=True, headers={"accept-language": "en"})

    response = strict.post(reverse("account_login"), {"login": "ana@ana.example", "password": "x"})

    assert response.status_code == 403
    assert "The page was open too long" in response.text


# --- Sign-in -------------------------------------------------------------------------------------------------------
def test_signing_in_leads_home(visitor: Client) -> None:
    User.objects.create_user("ana@ana.example", factories.PASSWORD)

    response = visitor.post(reverse("account_login"), {"login": "Ana@Ana.example", "password": factories.PASSWORD})

    assert response.headers["Location"] == "/"


def test_a_wrong_password_is_said_in_words_beside_nothing_else(visitor: Client) -> None:
    response = visitor.post(reverse("account_login"), {"login": "ana@ana.example", "password": "wrong"})

    assert "not correct" in response.text
    assert 'role="alert"' in response.text


def test_nobody_can_sign_up(visitor: Client) -> None:
    response = visitor.post(
        reverse("account_signup"),
        {"email": "new@example.com", "password1": factories.PASSWORD, "password2": factories.PASSWORD},
    )

    assert response.status_code == 200
    assert "closed" in response.text
    assert not User.objects.exists()
    assert reverse("account_signup") not in visitor.get(reverse("account_login")).text


ACCOUNT_PAGES = ["account_change_password", "account_email", "account_logout", "account_reauthenticate", "mfa_index"]


@pytest.mark.parametrize("name", ACCOUNT_PAGES)
def test_every_account_page_comes_out_in_our_look(client: Client, name: str) -> None:
    client.force_login(User.objects.create_user("ana@ana.example", factories.PASSWORD))

    response = client.get(reverse(name))

    assert response.status_code == 200
    assert "css/tokens" in response.text
    assert len(re.findall("<h1>", response.text)) == 1
    assert "button-main" in response.text or name == "mfa_index"


def test_a_security_key_is_named_in_the_readers_language(client: Client) -> None:
    client.force_login(User.objects.create_user("ana@ana.example", factories.PASSWORD, language="en"))
    client.post(reverse("account_reauthenticate"), {"password": factories.PASSWORD})

    response = client.get(reverse("mfa_add_webauthn"))

    assert '<label for="id_name">Name of the key</label>' in response.text


def test_the_desk_begins_with_what_waits_for_an_answer(client: Client) -> None:
    client.force_login(factories.make_staff(factories.make_brand()))

    apps = client.get("/admin/").context["app_list"]

    assert apps[0]["app_label"] == "complaints"
    assert len(apps) > 1
