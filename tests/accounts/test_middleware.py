from datetime import UTC, datetime

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone, translation

from accounts.middleware import ReaderMiddleware
from accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("asked_for", "spoken"),
    [("en-GB,en;q=0.9", "en"), ("es-MX", "es"), ("fr,de;q=0.5", "es"), ("", "es"), (";;;", "es")],
)
def test_visitors_get_their_browsers_language_else_spanish(asked_for: str, spoken: str) -> None:
    response = Client(headers={"accept-language": asked_for}).get("/")

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


@pytest.fixture(autouse=True)
def _leave_no_language_behind() -> None:
    translation.deactivate()
    timezone.deactivate()
