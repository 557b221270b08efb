"""Cases of another tool: once each, without a mail, and open ones go on here."""

from datetime import timedelta
from typing import Any

import pytest

from affiliates.models import Customer
from complaints.models import Complaint, ComplaintChange, ComplaintEvent
from complaints.services import HistoricComplaint, import_complaints, take_complaint
from mailing.models import OutgoingMail
from mailing.services.suppression import remember_erased
from surveys.models import Hold
from tests import factories
from tests.complaints.factories import make_complaint
from tests.factories import NOW

pytestmark = pytest.mark.django_db
THEN, LATER = NOW - timedelta(days=100), NOW + timedelta(days=1)


def row(external_id: str = "ra-1", **fields: Any) -> HistoricComplaint:
    return HistoricComplaint(
        external_id=external_id, **{"subject": "Tv danificada", "text": "Não liga", "opened_at": THEN, **fields}
    )


def statuses(brand: Any, *rows: HistoricComplaint) -> list[str]:
    return [imported.status for imported in import_complaints(brand, rows, now=NOW)]


def test_history_comes_in_with_its_dates_and_mails_nobody(brand):
    result = statuses(
        brand,
        row("ra-1", state="resolved", resolved_at=THEN + timedelta(days=4), language="pt", email="a@correo.example"),
        row("ra-2", kind="inquiry"),
    )

    assert result == ["created", "created"]
    resolved, standing = Complaint.objects.order_by("id")
    assert (resolved.opened_at, resolved.resolved_at, resolved.state) == (THEN, THEN + timedelta(days=4), "resolved")
    assert (resolved.language, resolved.customer.email) == ("pt", "a@correo.example")
    assert resolved.number.startswith("2025-")
    assert (standing.state, standing.kind, standing.customer) == ("new", "inquiry", None)
    assert list(ComplaintEvent.objects.order_by("id").values_list("complaint", "kind")) == [
        (resolved.pk, "opened"),
        (resolved.pk, "resolved"),
        (standing.pk, "opened"),
    ]
    assert ComplaintChange.objects.count() == 2
    assert not OutgoingMail.objects.exists()


def test_the_same_file_again_doubles_nothing(brand):
    statuses(brand, row("ra-1"), row("ra-2", state="resolved"))

    assert statuses(brand, row("ra-1"), row("ra-2", state="resolved"), row("ra-1")) == ["duplicate"] * 3
    assert Complaint.objects.count() == 2


def test_nothing_of_who_was_erased_comes_back_with_an_old_file(brand, purchase):
    Customer.objects.filter(pk=purchase.customer_id).update(erased_at=NOW, email=None, email_hash=None)

    assert statuses(brand, row(purchase=purchase.external_id)) == ["duplicate"]
    assert not Complaint.objects.exists()


def test_nor_by_their_address_but_for_what_they_wrote_afterwards(brand, purchase):
    remember_erased(brand, "carla@correo.example", now=NOW)
    other_brand = factories.make_brand("brasa")

    before = row("ra-1", email="Carla@correo.example")
    after = row("ra-2", email="carla@correo.example", opened_at=LATER)

    assert statuses(brand, before, after) == ["duplicate", "created"]
    assert [case.external_id for case in Complaint.objects.all()] == ["ra-2"]
    assert statuses(other_brand, before) == ["created"]


def test_what_the_other_tool_resolved_since_is_resolved(brand, purchase):
    statuses(brand, row(purchase="PEDIDO-77"))

    assert statuses(brand, row(purchase="PEDIDO-77", state="resolved", resolved_at=NOW)) == ["updated"]
    assert Complaint.objects.get().resolved_at == NOW
    assert not Hold.objects.standing().exists()


def test_a_case_somebody_works_on_here_is_not_closed_from_there(brand, sofia):
    statuses(brand, row())
    take_complaint(Complaint.objects.get(), by=sofia, now=NOW)

    assert statuses(brand, row(state="resolved", resolved_at=NOW)) == ["duplicate"]
    assert Complaint.objects.get().state == "in_progress"


def test_an_open_case_belongs_to_its_purchase_and_holds_its_surveys(brand, purchase):
    statuses(brand, row(purchase="PEDIDO-77"))

    case = Complaint.objects.get()
    assert (case.purchase, case.customer) == (purchase, purchase.customer)
    assert Hold.objects.standing().get().cause == f"complaint:{case.pk}"


def test_refused_rows_say_why_and_stop_no_other(brand, purchase):
    make_complaint(purchase)
    other = factories.make_brand("otra")
    factories.make_purchase(factories.make_customer(other), external_id="AJENO")

    results = import_complaints(
        brand,
        [
            row("ra-1", purchase="AJENO"),
            row("ra-2", purchase="PEDIDO-77"),
            row("ra-3", subject=" "),
            row("ra-4", kind="x", state="y"),
            row("ra-5", purchase="PEDIDO-77", state="resolved"),
        ],
        now=NOW,
    )

    assert [(each.status, [(e.field, e.code) for e in each.errors]) for each in results] == [
        ("rejected", [("purchase", "unknown_purchase")]),
        ("rejected", [("purchase", "open_case")]),
        ("rejected", [("subject", "required")]),
        ("rejected", [("kind", "invalid_choice"), ("state", "invalid_choice")]),
        ("created", []),
    ]


def test_a_file_costs_as_many_statements_as_a_row(brand, django_assert_max_num_queries):
    with django_assert_max_num_queries(15) as one:
        statuses(brand, row("a-1", email="a1@correo.example"))
    with django_assert_max_num_queries(15) as many:
        statuses(brand, *(row(f"b-{number}", email=f"b{number}@correo.example") for number in range(50)))

    assert len(one) == len(many)
    assert Complaint.objects.values("number").distinct().count() == 51


def test_an_empty_file_is_no_mistake(brand):
    assert import_complaints(brand, [], now=NOW) == []
