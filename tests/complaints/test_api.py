from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import AccessLog, Scope
from accounts.services import create_api_key
from affiliates.models import Customer
from complaints.models import Complaint
from mailing.models import OutgoingMail
from tests import factories
from tests.complaints.factories import make_complaint
from tests.factories import NOW

pytestmark = pytest.mark.django_db
URL = "/api/v1/complaints/"


@pytest.fixture
def api(brand):
    return client_of(brand)


def client_of(brand: Any, **options: Any) -> APIClient:
    _key, text = create_api_key(brand, name="tienda", **options)
    return APIClient(headers={"Authorization": f"Bearer {text}", "Accept-Language": "en"})


def complaint(**fields: Any) -> dict[str, Any]:
    return {"kind": "complaint", "subject": "Llegó roto", "text": "La suela", **fields}


def errors(response: Any) -> dict[str, str]:
    assert response.status_code == 400
    return {error["field"]: error["code"] for error in response.json()["error"]["fields"]}


def test_a_complaint_about_a_purchase_opens_a_case(api, purchase):
    response = api.post(URL, complaint(purchase="PEDIDO-77"))

    case = Complaint.objects.get()
    assert response.status_code == 201
    assert response.json() == {
        "number": case.number,
        "kind": "complaint",
        "state": "new",
        "purchase": "PEDIDO-77",
        "opened_at": case.opened_at.isoformat().replace("+00:00", "Z"),
        "legal_due_at": case.legal_due_at.isoformat().replace("+00:00", "Z"),
        "service_due_at": (case.opened_at + timedelta(hours=24)).isoformat().replace("+00:00", "Z"),
    }
    assert case.customer == purchase.customer
    assert OutgoingMail.objects.get().template == "complaints/acknowledgement"


def test_a_second_one_is_added_to_the_open_case(api, purchase):
    first = api.post(URL, complaint(purchase="PEDIDO-77"))
    second = api.post(URL, complaint(purchase="PEDIDO-77", text="Y nadie contesta"))

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["number"] == second.json()["number"]
    assert Complaint.objects.get().events.count() == 2


def test_an_unknown_address_becomes_a_customer_who_can_be_answered(api, brand):
    response = api.post(URL, complaint(email="Nueva@Correo.example", kind="inquiry"))

    assert (response.status_code, response.json()["purchase"]) == (201, None)
    assert Customer.objects.get().email == "nueva@correo.example"
    assert Complaint.objects.get().can_be_written_to
    assert OutgoingMail.objects.get().to_address == "nueva@correo.example"


def test_a_known_address_is_that_customer(api, purchase):
    api.post(URL, complaint(email="CARLA@correo.example"))

    assert Complaint.objects.get().customer == purchase.customer
    assert Customer.objects.count() == 1


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({}, {"kind": "required", "subject": "required"}),
        (complaint(), {"purchase": "required", "email": "required"}),
        (complaint(purchase="nadie"), {"purchase": "unknown_purchase"}),
        (complaint(purchase="PEDIDO-77", email="otra@correo.example"), {"email": "customer_mismatch"}),
        (complaint(email="nadie"), {"email": "invalid"}),
        (complaint(email="a@correo.example", kind="follow_up"), {"kind": "invalid_choice"}),
        (complaint(email="a@correo.example", subject="x" * 201), {"subject": "max_length"}),
        (complaint(email="a@correo.example", text="a\0"), {"text": "null_characters_not_allowed"}),
    ],
)
def test_what_is_wrong_is_told_by_field_and_opens_nothing(api, purchase, sent, expected):
    assert errors(api.post(URL, sent)) == expected
    assert not Complaint.objects.exists()
    assert not OutgoingMail.objects.exists()


def test_the_list_is_newest_first_and_the_brands_own(api, brand, purchase):
    first = make_complaint(purchase)
    second = make_complaint(factories.make_purchase(purchase.customer), now=NOW + timedelta(days=1))
    other = factories.make_brand("otra")
    make_complaint(factories.make_purchase(factories.make_customer(other)))

    page = api.get(URL).json()

    assert [row["number"] for row in page["results"]] == [second.number, first.number]
    assert (page["next"], page["previous"]) == (None, None)


def test_the_list_costs_the_same_for_many(api, purchase, django_assert_num_queries):
    make_complaint(purchase)
    api.get(URL)  # notes that the key was used
    with django_assert_num_queries(3):  # the key, the cases, and that they were read
        api.get(URL)
    for _ in range(3):
        make_complaint(factories.make_purchase(purchase.customer))
    with django_assert_num_queries(3):
        api.get(URL)
    assert list(AccessLog.objects.values_list("purpose", "object_type").distinct()) == [("export", "complaint")]


def test_another_brands_purchase_is_unknown(purchase):
    stranger = client_of(factories.make_brand("otra"))

    assert errors(stranger.post(URL, complaint(purchase="PEDIDO-77"))) == {"purchase": "unknown_purchase"}


def test_a_key_needs_the_scope(brand, purchase):
    reader = client_of(brand, scopes=[Scope.COMPLAINTS_READ])
    writer = client_of(brand, scopes=[Scope.COMPLAINTS_WRITE])

    assert (reader.get(URL).status_code, reader.post(URL, complaint(purchase="PEDIDO-77")).status_code) == (200, 403)
    assert (writer.get(URL).status_code, writer.post(URL, complaint(purchase="PEDIDO-77")).status_code) == (403, 201)
