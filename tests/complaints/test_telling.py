"""What other systems are told of cases: opened, opened again, resolved. Never what it is about."""

import json
from datetime import timedelta

import pytest

from affiliates.models import Purchase
from complaints.services import (
    add_note,
    merge_complaint,
    reopen_complaint,
    resolve_complaint,
    take_complaint,
    unmerge_complaint,
)
from mailing.models import WebhookEvent
from tests import factories
from tests.complaints.factories import make_complaint
from tests.factories import NOW
from tests.listening import listen, told

pytestmark = pytest.mark.django_db
OPENED, RESOLVED = WebhookEvent.Kind.COMPLAINT_OPENED, WebhookEvent.Kind.COMPLAINT_RESOLVED
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def case(purchase):
    listen(purchase.brand, OPENED, RESOLVED)
    return make_complaint(purchase, subject="Carla está furiosa", text="Soy Carla y llegó roto")


def test_a_case_is_told_when_it_opens_ends_and_opens_again(case, sofia) -> None:
    take_complaint(case, by=sofia, now=NOW)
    add_note(case, text="Carla llamó", by=sofia, now=NOW)
    resolve_complaint(case, resolution="Otro par para Carla", by=sofia, now=LATER)
    reopen_complaint(case, reason="Carla dice que no", by=sofia, now=LATER)

    opened, again = told(OPENED)
    [resolved] = told(RESOLVED)
    assert opened == {
        "number": case.number,
        "kind": "complaint",
        "state": "new",
        "severity": "medium",
        "purchase": "PEDIDO-77",
        "opened_at": "2026-03-10T12:00:00Z",
        "legal_due_at": "2026-04-10T21:59:59Z",
        "service_due_at": opened["service_due_at"],
        "reopened": False,
    }
    assert (again["state"], again["reopened"]) == ("in_progress", True)
    assert (resolved["state"], resolved["resolved_at"], resolved["merged_into"]) == (
        "resolved",
        "2026-03-10T13:00:00Z",
        None,
    )
    assert "Carla" not in json.dumps([opened, again, resolved])


def test_what_is_added_to_an_open_case_opens_none(case, purchase) -> None:
    make_complaint(purchase, text="Y además tarde")

    assert len(told(OPENED)) == 1


def test_a_merged_case_ends_and_goes_on_when_it_is_separated(case, purchase, sofia) -> None:
    other = make_complaint(factories.make_purchase(purchase.customer))
    merge_complaint(other, case, by=sofia, now=LATER)
    [ended] = told(RESOLVED)
    assert (ended["number"], ended["state"], ended["merged_into"]) == (other.number, "resolved", case.number)

    unmerge_complaint(other, by=sofia, now=LATER)

    told_of = [(each["number"], each["reopened"]) for each in told(OPENED)]
    assert told_of == [(case.number, False), (other.number, False), (other.number, True)]


def test_a_test_purchase_is_told_to_nobody(purchase) -> None:
    listen(purchase.brand, OPENED)
    Purchase.objects.update(source=Purchase.TEST)
    purchase.refresh_from_db()

    make_complaint(purchase)

    assert told(OPENED) == []
