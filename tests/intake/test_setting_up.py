"""The first brand is made by whoever runs the installation, once, and leads to a desk that says what comes next."""

from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from accounts.models import Brand, Membership, Role, User
from accounts.services import create_api_key
from affiliates.models import Purchase
from intake.services import AlreadySetUp, set_up_first_brand
from intake.setting_up import first_steps, set_up_url
from surveys.models import Survey
from tests.factories import make_affiliate, make_brand, make_customer, make_purchase, make_staff

GIVEN = {
    "brand_name": "Lumbre",
    "host": "https://www.lumbre.example/tienda?x=1",
    "sender": "hola@lumbre.example",
    "language": "es",
    "country": "es",
    "timezone": "Atlantic/Canary",
    "name": "Sofía Ruiz",
    "email": "Sofia@lumbre.example",
    "password": "cafe-con-ascuas",
    "password_again": "cafe-con-ascuas",
}


@pytest.fixture
def link(db: None, settings: Any) -> str:
    out = StringIO()
    call_command("setup_link", stdout=out)
    return out.getvalue().strip().removeprefix(settings.BASE_URL)


def test_from_the_link_to_a_signed_in_administrator(client: Client, link: str) -> None:
    page = client.get(link)
    assert (page.status_code, page["Cache-Control"]) == (200, "no-store")
    # Without a referrer a browser would send the form of origin `null`, and that is refused.
    assert page["Referrer-Policy"] == "same-origin"

    response = client.post(link, GIVEN)

    assert (response.status_code, response["Location"]) == (302, "/admin/")
    brand, user = Brand.objects.get(), User.objects.get()
    assert (brand.slug, brand.name, brand.country, brand.timezone) == ("lumbre", "Lumbre", "ES", "Atlantic/Canary")
    assert (brand.allowed_hosts, brand.languages) == (["www.lumbre.example"], ["es", "en"])
    assert brand.survey_sender == brand.service_sender == brand.reply_to == "hola@lumbre.example"
    assert Survey.objects.filter(brand=brand, status=Survey.Status.PUBLISHED).exists()
    assert (user.email, user.role_in(brand)) == ("sofia@lumbre.example", Role.ADMIN)
    assert user.check_password("cafe-con-ascuas")
    assert not user.is_superuser
    # A password alone opens no customer's data.
    assert client.get("/admin/")["Location"].startswith("/accounts/second-factor/")


def test_nobody_gets_in_by_it_afterwards(client: Client, link: str) -> None:
    client.post(link, GIVEN)

    for path in (link, "/setup/"):
        assert Client().get(path).status_code == 404
    assert Client().post(link, {**GIVEN, "brand_name": "Otra", "email": "otra@otra.example"}).status_code == 404
    assert Brand.objects.count() == User.objects.count() == 1
    with pytest.raises(CommandError):
        call_command("setup_link")


def test_without_the_link_one_is_told_where_it_is(client: Client, db: None) -> None:
    assert "setup_link" in client.get("/setup/").text
    assert client.post("/setup/", GIVEN).status_code == 405
    assert client.get("/setup/made-up/").status_code == 404
    assert client.post("/setup/made-up/", GIVEN).status_code == 404
    assert not User.objects.exists()


def test_the_link_is_over_after_a_day(client: Client, db: None, settings: Any) -> None:
    with time_machine.travel("2026-03-10 12:00Z", tick=False):
        link = set_up_url().removeprefix(settings.BASE_URL)
    with time_machine.travel("2026-03-11 12:01Z", tick=False):
        assert client.get(link).status_code == 404


@pytest.mark.parametrize(
    ("field", "value", "codes"),
    [
        ("host", "una tienda", ["invalid"]),
        ("country", "1X", ["invalid"]),
        ("timezone", "Europe/Atlantis", ["invalid_choice"]),
        ("password_again", "otra-cosa-distinta", ["differ"]),
        ("sender", "lumbre", ["invalid"]),
    ],
)
def test_what_does_not_hold_is_said_and_makes_nothing(
    client: Client, link: str, field: str, value: str, codes: list[str]
) -> None:
    response = client.post(link, {**GIVEN, field: value})

    assert response.status_code == 200
    errors = response.context["form"].errors.as_data()
    assert {name: [error.code for error in found] for name, found in errors.items()} == {field: codes}
    assert not Brand.objects.exists()


def test_a_weak_password_is_refused_with_everything_else_kept(client: Client, link: str) -> None:
    response = client.post(link, {**GIVEN, "password": "1234567890", "password_again": "1234567890"})

    assert [error.code for error in response.context["form"].errors.as_data()["password"]] == ["password_too_common"]
    assert 'value="Lumbre"' in response.text
    assert not Brand.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_browsers_at_the_same_time_make_one_brand() -> None:
    def attempt(number: int) -> str:
        try:
            person = {"email": f"a{number}@lumbre.example", "name": "Ana", "password": "cafe-con-ascuas"}
            return set_up_first_brand(brand={"name": f"Marca {number}"}, **person).email
        except AlreadySetUp:
            return ""
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(attempt, range(2)))

    assert [email for email in made if email] == list(User.objects.values_list("email", flat=True))
    assert Brand.objects.count() == Membership.objects.count() == 1


def test_a_new_brand_is_led_until_its_first_sale(client: Client, db: None, django_assert_num_queries: Any) -> None:
    brand = make_brand()
    sofia, agent = make_staff(brand), make_staff(brand, "Marta", role=Role.AGENT)
    with django_assert_num_queries(1):
        (led,) = first_steps(sofia)
    assert [step.is_done for step in led.steps] == [True, False, False, False, False]
    client.force_login(sofia)
    page = client.get("/admin/").text
    assert all(f'href="{step.url}"' in page for step in led.steps)
    assert {client.get(step.url).status_code for step in led.steps} == {200}
    assert first_steps(agent) == []

    create_api_key(brand, name="tienda")
    make_affiliate(brand)
    make_purchase(make_customer(brand), source=Purchase.TEST)
    assert [step.is_done for step in first_steps(sofia)[0].steps] == [True, False, True, True, True]

    make_purchase(make_customer(brand))
    assert first_steps(sofia) == []
