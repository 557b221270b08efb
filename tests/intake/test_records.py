"""The pages on which administrators see who looked at whose data, and who changed what."""

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from accounts.models import AccessLog, AuditEntry, Brand, Membership
from accounts.services import record_access, record_change
from affiliates.models import Customer
from tests.factories import make_staff
from tests.world import World, make_world

LOG = reverse("admin:accounts_accesslog_changelist")
SHOWING = ("change", "history")  # a row
AUDIT = reverse("admin:accounts_auditentry_changelist")


@pytest.fixture
def world(db: None) -> World:
    return make_world()


@pytest.fixture
def sofia(world: World, client: Client) -> Client:
    client.force_login(world.staff)
    return client


def look(world: World, kind: str, pk: int) -> int:
    record_access(world.staff, world.brand, purpose=AccessLog.Purpose.VIEW, object_type=kind, object_id=str(pk))
    return AccessLog.objects.latest("pk").pk


def listed(client: Client, **query: str) -> set[int]:
    return {row.pk for row in client.get(LOG, query).context["cl"].result_list}


def test_all_looks_at_a_customer_are_found_by_address_order_or_case(world: World, sofia: Client) -> None:
    customer = world.purchase.customer
    looks = {
        look(world, "customer", customer.pk),
        look(world, "purchase", world.purchase.pk),
        look(world, "complaint", world.complaint.pk),
    }
    look(world, "customer", customer.pk + 1000)

    for term in (customer.email or "", world.purchase.external_id, world.complaint.number):
        assert listed(sofia, q=term) == looks
    assert listed(sofia, q=world.staff.email) > looks


def test_a_page_of_a_list_is_one_record_of_how_much_it_showed(world: World, sofia: Client) -> None:
    for query in ({}, {"q": world.purchase.external_id, "state__exact": "open", "o": "1"}, {"q": "nobody"}):
        sofia.get(reverse("admin:affiliates_purchase_changelist"), query)

    seen = AccessLog.objects.filter(purpose=AccessLog.Purpose.LIST).order_by("pk")
    assert list(seen.values_list("user", "brand", "object_type", "object_id", "rows", "criteria")) == [
        (world.staff.pk, world.brand.pk, "purchase", "", 1, 0),
        (world.staff.pk, world.brand.pk, "purchase", "", 1, 2),
    ]
    assert "1 row · 2 criteria" in sofia.get(LOG, headers={"Accept-Language": "en"}).text


def test_nothing_at_the_desk_names_a_customer_without_a_record(world: World, client: Client) -> None:
    """Every list that its page says tells of customers, and that of a row; the other ones name nobody
    (tests/accounts/test_roles.py)."""
    customer = world.purchase.customer
    Customer.objects.filter(pk=customer.pk).update(name="Zenobia Quirós")
    client.force_login(make_staff(world.brand, "Lía", Membership.Role.READ_ONLY))
    named, unrecorded = set(), set()

    for page in admin.site._registry.values():
        if not getattr(page, "tells_of_customers", False):
            continue
        name = f"admin:{page.opts.app_label}_{page.opts.model_name}"
        row = page.model._default_manager.visible_to(world.staff).first()
        for address in (reverse(f"{name}_changelist"), *(reverse(f"{name}_{at}", args=[row.pk]) for at in SHOWING)):
            noted = AccessLog.objects.count()
            text = client.get(address).text
            if "Zenobia" in text or (customer.email or "?") in text:
                named.add(page.opts.model_name)
                unrecorded |= {address} if AccessLog.objects.count() == noted else set()

    assert unrecorded == set()
    assert named >= {"customer", "purchase", "invitation", "response", "complaint", "outgoingmail"}


def test_the_page_names_who_and_leads_to_what(world: World, sofia: Client) -> None:
    look(world, "purchase", world.purchase.pk)
    purpose = AccessLog.Purpose.EXPORT
    record_access(world.api_key, world.brand, purpose=purpose, object_type="customer", object_id="1")

    page = sofia.get(LOG).text

    assert reverse("admin:affiliates_purchase_change", args=[world.purchase.pk]) in page
    assert "Sofía" in page
    assert world.api_key.prefix in page
    assert "Carla" not in page


def test_changes_are_told_from_what_to_what(world: World, sofia: Client) -> None:
    assert f"{Brand._meta.get_field('k').verbose_name}: 5 → 7" in sofia.get(AUDIT).text


@pytest.mark.parametrize("page", [LOG, AUDIT])
def test_only_administrators_of_the_brand_see_either(world: World, client: Client, page: str) -> None:
    client.force_login(make_staff(world.brand, "Marta", role=Membership.Role.AGENT))
    assert client.get(page).status_code == 403
    client.force_login(world.olga)
    assert len(client.get(page).context["cl"].result_list) == 0


@pytest.mark.parametrize("page", ["accesslog", "auditentry"])
def test_nobody_edits_either(world: World, sofia: Client, page: str) -> None:
    row: Any = AccessLog.objects.first() if page == "accesslog" else AuditEntry.objects.first()
    change = reverse(f"admin:accounts_{page}_change", args=[row.pk])

    assert sofia.post(change, {"object_id": "9"}).status_code == 403
    assert sofia.get(reverse(f"admin:accounts_{page}_add")).status_code == 403


def test_what_a_program_did_is_no_person_s_who_is_gone(world: World, sofia: Client) -> None:
    record_change(None, world.brand, AuditEntry.Action.ERASURE, world.purchase.customer, api_key=world.api_key.pk)

    page = sofia.get(
        AUDIT, {"q": str(world.purchase.customer_id), "action": "erasure"}, headers={"accept-language": "en"}
    )

    assert "A person who is gone" not in page.text
    assert f"api_key: {world.api_key.pk}" in page.text
