"""Who changed what: written with the change, told without personal data, and never changed afterwards."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.forms import modelform_factory
from django.test import Client
from django.urls import reverse
from django.utils import translation

from accounts.admin.rules import differences
from accounts.append_only import ERASURE, RETENTION, open_door
from accounts.models import AccessLog, AuditEntry, Brand
from accounts.services import record_change
from affiliates.models import AffiliateEvent
from affiliates.services import correct_attribution, decide_suspicion
from complaints.models import ComplaintEvent
from complaints.services import set_severity
from surveys.models import Response
from tests.factories import NOW
from tests.world import World, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def sofia(world: World, client: Client) -> Client:
    client.force_login(world.staff)
    return client


def entries(**wanted: Any) -> list[tuple[Any, ...]]:
    found = AuditEntry.objects.filter(**wanted).order_by("pk")
    return list(found.values_list("user", "action", "object_type", "object_id", "data"))


def test_a_setting_says_from_what_to_what_and_a_text_only_that_it_changed(world: World) -> None:
    form_class = modelform_factory(Brand, fields=["k", "sender_name", "is_spread"])
    form = form_class({"k": 7, "sender_name": "Lumbre de Carla", "is_spread": False}, instance=world.brand)

    assert form.is_valid()
    assert differences(form) == {"k": [5, 7], "sender_name": None}


def test_who_is_credited_and_what_is_suspect_leave_who_decided(world: World) -> None:
    suspicion = world.affiliate.suspicions.get()
    correct_attribution(world.purchase, affiliate=None, by=world.staff, note="Carla lo pidió", now=NOW)
    decide_suspicion(suspicion, is_confirmed=False, by=world.staff, now=NOW)

    assert entries(action="credited") == [
        (world.staff.pk, "credited", "purchase", str(world.purchase.pk), {"affiliate": [world.affiliate.pk, None]})
    ]
    assert entries(action="decided")[0][3:] == (str(suspicion.pk), {"state": ["open", "dismissed"]})


def test_what_is_done_to_many_answers_is_told_of_each(world: World, sofia: Client) -> None:
    responses = list(Response.objects.values_list("pk", flat=True))

    sofia.post(reverse("admin:surveys_response_changelist"), {"action": "take_out", "answer": responses})

    assert {entry.object_repr for entry in LogEntry.objects.all()} == {f"respuesta {pk}" for pk in responses}
    assert entries(object_type="response") == [
        (world.staff.pk, "changed", "response", str(pk), {"said": "taken out"}) for pk in responses
    ]


def test_a_case_tells_what_was_done_and_not_what_was_said(world: World) -> None:
    set_severity(world.complaint, severity="high", by=world.staff, now=NOW)

    assert entries(action="case") == [
        (world.staff.pk, "case", "complaint", str(world.complaint.pk), {"event": "severity"})
    ]


def test_neither_is_there_without_the_other(world: World) -> None:
    with transaction.atomic():
        record_change(world.staff, world.brand, AuditEntry.Action.CHANGED, world.brand, k=[7, 9])
        transaction.set_rollback(True)

    assert entries(data__k=[7, 9]) == []


@pytest.mark.parametrize("model", [AccessLog, AuditEntry, AffiliateEvent, ComplaintEvent])
def test_the_database_refuses_to_change_or_delete_history(world: World, model: Any) -> None:
    before = list(model.objects.values())
    assert before

    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        model.objects.update(id=F("id"))
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        model.objects.all().delete()
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {model._meta.db_table}")

    assert list(model.objects.values()) == before


def test_a_door_opens_to_its_own_tables_and_closes_behind_itself(world: World) -> None:
    with pytest.raises(IntegrityError), open_door(ERASURE):
        AuditEntry.objects.all().delete()
    with open_door(RETENTION):
        AuditEntry.objects.all().delete()
    record_change(world.staff, Brand.objects.get(pk=world.brand.pk), AuditEntry.Action.CHANGED, world.brand)

    with pytest.raises(IntegrityError), transaction.atomic():
        AuditEntry.objects.all().delete()


def test_an_update_passes_through_no_door(world: World) -> None:
    with pytest.raises(IntegrityError), open_door(RETENTION):
        AccessLog.objects.update(object_id="9")


def test_what_became_of_a_case_is_told_in_words(world: World, sofia: Client) -> None:
    set_severity(world.complaint, severity="high", by=world.staff, now=NOW)

    page = sofia.get(reverse("admin:accounts_auditentry_changelist")).content.decode()

    with translation.override("es"):
        said = f"{ComplaintEvent._meta.verbose_name}: {ComplaintEvent.Kind.SEVERITY.label}"
    assert said in page
    assert "event: severity" not in page
