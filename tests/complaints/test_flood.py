"""What customers write has an end a machine reaches and a person does not; nothing typed is lost, Redis or no Redis."""

from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django.fixtures import Settings

from complaints.models import ComplaintEvent
from tests.accounts.test_sign_in import NOWHERE
from tests.complaints.factories import make_complaint
from tests.complaints.test_receiving import PNG
from tests.factories import make_customer, make_purchase

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_counted_yet() -> None:
    cache.clear()


@pytest.fixture
def case(brand: Any, purchase: Any) -> Any:
    brand.max_messages_per_address = 2
    brand.save(update_fields=["max_messages_per_address"])
    return make_complaint(purchase)


def write(case: Any, text: str, address: str = "203.0.113.1") -> Any:
    return Client(REMOTE_ADDR=address).post(f"/c/{case.token}/", {"text": text})


def written() -> list[str]:
    return list(ComplaintEvent.objects.filter(kind="customer_wrote").order_by("pk").values_list("text", flat=True))


def test_more_from_one_address_has_to_wait_and_keeps_what_was_typed(case: Any) -> None:
    answers = [write(case, f"Mensaje {number}") for number in range(3)]

    assert [answer.status_code for answer in answers] == [303, 303, 429]
    assert "Mensaje 2" in answers[-1].text
    assert written() == ["Mensaje 0", "Mensaje 1"]


def test_of_too_much_no_picture_is_even_opened(case: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("complaints.services.attaching.check_file", lambda name, data: opened.append(name))
    for number in range(4):
        photo = SimpleUploadedFile(f"{number}.png", PNG)
        answer = Client().post(f"/c/{case.token}/", {"text": "", "enclosed": photo})  # nor is one without words free

    assert (answer.status_code, opened) == (429, ["0.png", "1.png"])


def test_one_link_has_an_end_wherever_one_writes_from(case: Any) -> None:
    answers = [write(case, f"Mensaje {number}", f"198.51.100.{number}").status_code for number in range(3)]

    assert answers == [303, 303, 429]


def test_somebody_elses_case_is_not_shut(case: Any, brand: Any) -> None:
    other = make_complaint(make_purchase(make_customer(brand, "Lucía")))
    for number in range(3):
        write(case, f"Mensaje {number}", "198.51.100.7")

    assert write(other, "Hola").status_code == 303


def test_without_redis_it_holds_too(case: Any, settings: Settings) -> None:
    settings.CACHES = NOWHERE

    assert [write(case, f"Mensaje {number}").status_code for number in range(3)] == [303, 303, 429]


def test_a_brand_may_set_no_end(case: Any, brand: Any) -> None:
    brand.max_messages_per_address = 0
    brand.save(update_fields=["max_messages_per_address"])

    assert {write(case, f"Mensaje {number}").status_code for number in range(4)} == {303}
