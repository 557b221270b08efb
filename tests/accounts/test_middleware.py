from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone, translation

import affiliates.views
from accounts.middleware import ReaderMiddleware
from accounts.models import User
from tests.factories import make_affiliate, make_brand, make_link

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("asked_for", "spoken"),
    [("en-GB,en;q=0.9", "en"), ("es-MX", "es"), ("fr,de;q=0.5", "es"), ("", "es"), (";;;", "es")],
)
def test_visitors_get_their_browsers_language_else_spanish(asked_for: str, spoken: str) -> None:
    response = Client(headers={"accept-language": asked_for}).get("/privacy/")

    assert response.headers["Content-Language"] == spoken
    assert f'<html lang="{spoken}">' in response.text


def test_what_a_visitor_chose_comes_before_the_browser(client: Client) -> None:
    client.cookies["postventa_language"] = "en"

    assert client.get("/", headers={"accept-language": "es"}).headers["Content-Language"] == "en"


def test_what_a_person_set_comes_before_everything(client: Client) -> None:
    client.force_login(User.objects.create_user("ana@ana.example", language="es"))
    client.cookies["postventa_language"] = "en"

    assert client.get("/help/", headers={"accept-language": "en"}).headers["Content-Language"] == "es"


def test_a_person_without_a_preference_reads_as_the_browser_says(client: Client) -> None:
    client.force_login(User.objects.create_user("ana@ana.example"))

    assert client.get("/help/", headers={"accept-language": "en"}).headers["Content-Language"] == "en"


def test_copies_are_kept_apart_by_language(client: Client) -> None:
    assert {"Accept-Language", "Cookie"} <= set(client.get("/").headers["Vary"].split(", "))


def test_everybody_sees_their_own_time_and_nobody_the_one_of_the_reader_before(rf: RequestFactory) -> None:
    noon = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
    hours = []

    def view(request: HttpRequest) -> HttpResponse:
        hours.append(timezone.localtime(noon).hour)
        return HttpResponse()

    for user in (User(timezone="Europe/Madrid"), User(timezone="America/Mexico_City"), User()):
        request = rf.get("/")
        request.user = user
        ReaderMiddleware(view)(request)

    assert hours == [13, 6, 12]


def patterns(found: Iterable[URLPattern | URLResolver]) -> Iterator[URLPattern]:
    for pattern in found:
        if isinstance(pattern, URLResolver):
            yield from patterns(pattern.url_patterns)
        else:
            yield pattern


def made_for_visitors() -> list[URLPattern]:
    found = patterns(get_resolver().url_patterns)
    return [pattern for pattern in found if getattr(pattern.callback, "is_for_visitors", False)]


def test_pages_for_visitors_are_known() -> None:
    """Nobody is asked there who they are: a new one is a decision."""
    assert {str(pattern.pattern).split("/")[0] for pattern in made_for_visitors()} == {
        *("affiliates", "c", "help", "i", "r", "s", "staff", "u"),
        "<str:token>",  # under /o/: what a brand shows in public
    }
    assert all(pattern.callback.login_required is False for pattern in made_for_visitors())


@pytest.mark.parametrize("pattern", made_for_visitors(), ids=lambda pattern: pattern.name)
def test_pages_for_visitors_need_no_csrf_token(pattern: URLPattern) -> None:
    """Its check stands behind them: what a POST does there is opened by a secret in the address, or refused."""
    if not getattr(pattern.callback, "csrf_exempt", False):
        parameters = dict.fromkeys(pattern.pattern.converters, "x")

        assert pattern.callback(RequestFactory().post("/"), **parameters).status_code == 405


def test_a_visitor_passes_by_what_serves_people_signed_in(client: Client) -> None:
    response = client.get("/r/unknown")

    assert response.status_code == 404
    assert not hasattr(response.wsgi_request, "session")
    assert not response.wsgi_request.user.is_authenticated
    assert response.headers["X-Frame-Options"] == "DENY"
    assert "Content-Security-Policy" in response.headers
    assert response.wsgi_request.resolver_match.view_name == "affiliates:follow_link"


def test_whoever_is_signed_in_is_known_on_a_visitors_page(client: Client) -> None:
    user = User.objects.create_user("ana@ana.example")
    client.force_login(user)

    assert client.get("/r/unknown").wsgi_request.user == user


def test_a_link_leads_on_without_a_word_and_says_what_it_cannot_in_the_visitors_language(client: Client) -> None:
    link = make_link(make_affiliate(make_brand()))
    user = User.objects.create_user("ana@ana.example", language="es")

    there = client.get(f"/r/{link.code}", headers={"accept-language": "en"})
    nowhere = client.get("/r/unknown", headers={"accept-language": "en"})
    client.force_login(user)
    hers = client.get("/r/unknown", headers={"accept-language": "en"})

    assert there.status_code == 302
    assert {"Content-Language", "Vary"}.isdisjoint(there.headers)
    assert [answer.headers["Content-Language"] for answer in (nowhere, hers)] == ["en", "es"]
    assert {"Accept-Language", "Cookie"} <= set(nowhere.headers["Vary"].split(", "))


def test_what_fails_before_a_language_is_chosen_speaks_the_visitors(client: Client) -> None:
    translation.activate("es")  # the thread's last reader's

    refused = client.get("/r/unknown", headers={"accept-language": "en", "host": "evil.example"})

    assert refused.status_code == 400
    assert '<html lang="en">' in refused.text


def test_a_visitors_page_fails_as_every_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(code: str) -> None:
        raise RuntimeError

    monkeypatch.setattr(affiliates.views, "link_target", fail)

    response = Client(raise_request_exception=False).get("/r/unknown")

    assert response.status_code == 500
    assert "Content-Security-Policy" in response.headers


@pytest.fixture(autouse=True)
def _leave_no_language_behind() -> None:
    translation.deactivate()
    timezone.deactivate()
