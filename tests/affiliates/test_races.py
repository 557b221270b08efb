"""Two people who want the same code at the same moment: one gets it, the other is told in the form."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import Brand
from accounts.services import create_api_key
from affiliates.models import Affiliate, TrackingLink
from affiliates.services import approve_affiliate, create_link
from tests.affiliates.test_admin import NO_PEOPLE, formset, formsets
from tests.factories import NOW, make_affiliate, make_brand, make_staff
from tests.waiting import wait_for_blocked

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def brand() -> Brand:
    return make_brand()


@pytest.fixture
def sofia(brand: Brand) -> Client:
    client = Client()
    client.force_login(make_staff(brand))
    return client


@contextmanager
def meanwhile(do: Callable[[], Any]) -> Iterator[list[Any]]:
    """Inside, somebody has written what is not committed yet; `do` runs into it and waits until the end of the block.

    What `do` gave or raised is the only element afterwards.
    """
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(do())
        except Exception as error:
            outcome.append(error)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        yield outcome
        pool.submit(run)
        wait_for_blocked()


def test_an_affiliate_added_twice_at_once_is_refused_in_the_form(brand: Brand, sofia: Client) -> None:
    url = reverse("admin:affiliates_affiliate_add")
    data = {"brand": brand.pk, "code": "ana", "name": "La otra Ana", "status": "active"} | formsets(*NO_PEOPLE)

    with meanwhile(lambda: sofia.post(url, data)) as outcome:
        make_affiliate(brand, "Ana")

    [response] = outcome
    assert response.status_code == 200
    assert list(response.context["adminform"].form.errors) != []
    assert Affiliate.objects.get().name == "Ana"


def test_a_link_added_twice_at_once_is_refused_in_the_form(brand: Brand, sofia: Client) -> None:
    ana, bruno = make_affiliate(brand), make_affiliate(brand, "Bruno")
    url = reverse("admin:affiliates_trackinglink_add")
    data = {"affiliate": ana.pk, "destination": "https://lumbre.example/", "code": "botas"} | formset("promises")

    with meanwhile(lambda: sofia.post(url, data)) as outcome:
        create_link(bruno, "https://lumbre.example/", code="botas")

    [response] = outcome
    assert response.status_code == 200
    assert list(response.context["adminform"].form.errors) == ["code"]
    assert TrackingLink.objects.get().affiliate == bruno


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/api/v1/links/", {"affiliate": "ana", "destination": "https://lumbre.example/", "code": "botas"}),
        ("/api/v1/affiliates/", {"code": "bruno", "name": "El otro Bruno"}),
    ],
)
def test_by_api_the_second_gets_a_conflict(brand: Brand, path: str, asked: dict[str, str]) -> None:
    client, ana = APIClient(), make_affiliate(brand)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {create_api_key(brand, name='tienda')[1]}")

    with meanwhile(lambda: client.post(path, asked, format="json")) as outcome:
        create_link(ana, "https://lumbre.example/", code="botas")
        make_affiliate(brand, "Bruno")

    [response] = outcome
    assert (response.status_code, response.json()["error"]["code"]) == (409, "code_taken")


def test_an_applicant_gets_no_code_that_somebody_took_meanwhile(brand: Brand) -> None:
    sofia = make_staff(brand)
    applicant = make_affiliate(brand, "Celia", code="x7", status=Affiliate.Status.APPLIED)

    with meanwhile(lambda: approve_affiliate(applicant, code="bruno", by=sofia, now=NOW)) as outcome:
        make_affiliate(brand, "Bruno")

    [refusal] = outcome
    assert isinstance(refusal, ValidationError)
    assert list(refusal.message_dict) == ["code"]
    applicant.refresh_from_db()
    assert (applicant.code, applicant.status) == ("x7", "applied")


def test_the_same_promise_typed_twice_is_refused_in_the_form(brand: Brand, sofia: Client) -> None:
    ana = make_affiliate(brand)
    data = {"affiliate": ana.pk, "destination": "https://lumbre.example/", "code": "botas"}
    twice = formset("promises", {"text": "Gratis"}, {"text": "Gratis"})

    response = sofia.post(reverse("admin:affiliates_trackinglink_add"), data | twice)

    assert response.status_code == 200
    assert not TrackingLink.objects.exists()
