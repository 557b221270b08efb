"""What staff and shops do for a customer who asks: the pages of the admin, the API, the copy of everything."""

import io
import json
import zipfile
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import AccessLog, AuditEntry, Membership
from accounts.services import create_api_key
from affiliates.models import Customer
from complaints.models import AttachmentContent, ComplaintEvent
from intake.models import Erasure
from intake.rights.erasing import work_erasures
from tests.factories import NOW, make_staff
from tests.world import World, make_world


@pytest.fixture
def world(db: None) -> World:
    return make_world()


@pytest.fixture
def carla(world: World) -> Customer:
    Customer.objects.filter(pk=world.purchase.customer_id).update(external_id="C-1")
    return Customer.objects.get(pk=world.purchase.customer_id)


@pytest.fixture
def sofia(world: World, client: Client) -> Client:
    client.force_login(world.staff)
    return client


@pytest.fixture
def shop(world: World) -> APIClient:
    return APIClient(headers={"Authorization": f"Bearer {world.key_text}"})


# --- Staff -----------------------------------------------------------------------------------------------------------
def test_staff_see_what_goes_and_what_stays_before_they_erase(world: World, carla: Customer, sofia: Client) -> None:
    page = sofia.get(reverse("admin:intake_erase_customer", args=[carla.pk])).text

    assert world.complaint.number in page  # which is open
    assert not Erasure.objects.filter(door="staff", requested_by=world.staff).exists()


def test_staff_erase_and_follow_it_to_the_end(world: World, carla: Customer, sofia: Client) -> None:
    answer = sofia.post(reverse("admin:intake_erase_customer", args=[carla.pk]))

    erasure = Erasure.objects.get(requested_by=world.staff)
    assert answer.headers["Location"] == reverse("admin:intake_erasure_change", args=[erasure.pk])
    carla.refresh_from_db()
    assert carla.blocked_at is not None
    work_erasures(now=NOW)
    page = sofia.get(answer.headers["Location"]).text
    assert str(erasure.uuid) in page
    assert "Carla" not in page


def test_who_is_no_administrator_of_the_brand_may_neither_erase_nor_take_a_copy(
    world: World, carla: Customer, client: Client
) -> None:
    client.force_login(make_staff(world.brand, "Marta", role=Membership.Role.AGENT))
    for page in ("erase", "export"):
        assert client.post(reverse(f"admin:intake_{page}_customer", args=[carla.pk])).status_code == 403
    client.force_login(world.olga)
    for page in ("erase", "export"):
        assert client.post(reverse(f"admin:intake_{page}_customer", args=[carla.pk])).status_code == 404

    assert Erasure.objects.filter(finished_at=None).count() == 0


def test_the_copy_holds_everything_and_is_noted(world: World, carla: Customer, sofia: Client) -> None:
    ComplaintEvent.objects.create(complaint=world.complaint, kind="note", text="Llamar el lunes", at=NOW)
    page = sofia.get(reverse("admin:intake_export_customer", args=[carla.pk]))
    assert page.status_code == 200

    answer = sofia.post(reverse("admin:intake_export_customer", args=[carla.pk]))

    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    told: dict[str, Any] = json.loads(archive.read("data.json"))["held"]
    [file] = AttachmentContent.objects.select_related("attachment")
    assert archive.read(f"files/{file.attachment.uuid}") == bytes(file.data)
    assert world.brand.name in archive.read("README.txt").decode()
    assert told["affiliates.Customer"][0]["email"] == carla.email
    assert told["affiliates.Purchase"][0]["external_id"] == world.purchase.external_id
    assert [answer["number"] for answer in told["surveys.Answer"]] == [1]
    assert "Llamar el lunes" in [event["text"] for event in told["complaints.ComplaintEvent"]]
    assert [mail["to_address"] for mail in told["mailing.OutgoingMail"]] == [carla.email]
    [access] = AccessLog.objects.filter(purpose="export", object_type="customer")
    assert (access.user, access.api_key, access.object_id) == (world.staff, None, str(carla.pk))


# --- API -------------------------------------------------------------------------------------------------------------
def test_a_shop_has_a_customer_erased_and_asks_how_far_it_is(world: World, carla: Customer, shop: APIClient) -> None:
    answer = shop.post("/api/v1/customers/erase/", {"email": (carla.email or "").upper()})

    assert answer.status_code == 202
    assert (answer.json()["step"], answer.json()["is_done"]) == ("messages", False)
    [entry] = AuditEntry.objects.filter(action=AuditEntry.Action.ERASURE)
    assert (entry.user, entry.data, entry.object_id) == (None, {"api_key": world.api_key.pk}, str(carla.pk))
    work_erasures(now=NOW)
    later = shop.get(f"/api/v1/erasures/{answer.json()['id']}/").json()
    assert later["rows"]["affiliates.Customer"] == 1


def test_a_shop_asks_what_is_held_by_its_own_id(world: World, carla: Customer, shop: APIClient) -> None:
    told = shop.post("/api/v1/customers/export/", {"external_id": "C-1"}).json()

    assert told["held"]["affiliates.Customer"][0]["email"] == carla.email
    [access] = AccessLog.objects.filter(purpose="export")
    assert (access.user, access.api_key) == (None, world.api_key)


@pytest.mark.parametrize(
    ("who", "status"),
    [({}, 400), ({"email": "nadie@correo.example"}, 404), ({"external_id": "\0"}, 400), ({"external_id": "C-2"}, 404)],
)
def test_nobody_is_erased_for_another(carla: Customer, shop: APIClient, who: dict[str, str], status: int) -> None:
    for address in ("erase", "export"):
        assert shop.post(f"/api/v1/customers/{address}/", who).status_code == status

    assert not Erasure.objects.filter(finished_at=None).exists()


def test_a_key_of_another_brand_finds_neither_customer_nor_certificate(world: World, carla: Customer) -> None:
    _key, text = create_api_key(world.olga.memberships.get().brand, name="x")
    other = APIClient(headers={"Authorization": f"Bearer {text}"})

    assert other.post("/api/v1/customers/erase/", {"email": carla.email}).status_code == 404
    assert other.get(f"/api/v1/erasures/{Erasure.objects.get().uuid}/").status_code == 404
