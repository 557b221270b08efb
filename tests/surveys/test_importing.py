"""Answers of another tool: each once, the latest of a purchase counting, refusals with reasons."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Brand
from affiliates.models import Customer, Purchase
from mailing.models import OutgoingMail
from surveys.models import Answer, Invitation, Reason, Response, ResponseChange, ResponseRevision
from surveys.selectors import survey_states
from surveys.services.answering import said_in, submit_response
from surveys.services.importing import ImportedResponse, import_responses
from surveys.standard import publish_standard_survey
from tests import factories
from tests.factories import NOW
from tests.surveys.factories import make_invitation, said, send_mail

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def brand() -> Brand:
    return factories.make_brand()


@pytest.fixture
def purchase(brand: Brand) -> Purchase:
    return factories.make_purchase(factories.make_customer(brand, "Carla Ruiz"), external_id="P-1")


ROW = ImportedResponse(
    external_id="R-1",
    purchase_external_id="P-1",
    answered_at=NOW - 3 * DAY,
    sent_at=NOW - 5 * DAY,
    csat=2,
    nps=4,
    comment=" Llegó tarde, firmado Carla ",
    title="Mal",
    language="pt",
)


def take(brand: Brand, *rows: ImportedResponse, **options: Any) -> list[str]:
    return [result.status for result in import_responses(brand, rows, now=NOW, **options)]


def given(response: Response) -> dict[str, Any]:
    return {key: one.as_json for key, one in said_in(response).given.items()}


def test_a_row_becomes_an_answered_invitation(brand, purchase):
    assert take(brand, ROW) == ["created"]

    response = Response.objects.get()
    assert given(response) == {"csat": 2, "nps": 4, "title": "Mal", "comment": "Llegó tarde, firmado Carla"}
    assert (response.source, response.external_id, response.language) == ("import", "R-1", "pt")
    assert (response.answered_at, response.is_quotable, response.follow_up) == (NOW - 3 * DAY, False, "none")
    assert Answer.objects.get(question__key="comment").redacted_text == "Llegó tarde, firmado [nome]"
    assert response.invitation.sent_elsewhere_at == NOW - 5 * DAY
    assert survey_states([purchase], now=NOW)[purchase.pk].state == "answered"
    assert ResponseChange.objects.get().response == response
    assert not OutgoingMail.objects.exists()


def test_nothing_of_who_was_erased_comes_back_with_an_old_file(brand, purchase):
    Customer.objects.filter(pk=purchase.customer_id).update(erased_at=NOW, email=None, email_hash=None)

    assert take(brand, ROW) == ["duplicate"]
    assert not Response.objects.exists()
    assert not Invitation.objects.exists()


def test_again_it_is_a_duplicate_and_changes_nothing(brand, purchase):
    take(brand, ROW)

    assert take(brand, ROW, replace(ROW, csat=5)) == ["duplicate", "duplicate"]

    assert given(Response.objects.get())["csat"] == 2
    assert (ResponseChange.objects.count(), ResponseRevision.objects.count()) == (1, 0)


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("in_order", [True, False])
def test_of_two_answers_to_a_purchase_the_later_counts(brand, purchase, together, in_order):
    later = replace(ROW, external_id="R-2", csat=5, nps=None, title="", comment="Ya llegó", answered_at=NOW - DAY)
    rows = [ROW, later] if in_order else [later, ROW]

    statuses = take(brand, *rows) if together else [take(brand, row)[0] for row in rows]

    assert statuses == ["created", "updated"]
    response = Response.objects.get()
    assert (response.external_id, response.answered_at) == ("R-2", NOW - DAY)
    assert given(response) == {"csat": 5, "comment": "Ya llegó"}
    revision = ResponseRevision.objects.get()
    assert (revision.external_id, revision.answered_at) == ("R-1", NOW - 3 * DAY)
    assert revision.answers["given"]["csat"] == 2
    assert take(brand, *rows) == ["duplicate", "duplicate"]
    assert (Response.objects.count(), ResponseRevision.objects.count()) == (1, 1)


def test_an_id_twice_in_one_set_is_stored_once(brand, purchase):
    assert take(brand, ROW, ROW) == ["created", "duplicate"]


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"purchase_external_id": "P-9"}, [("purchase", "unknown")]),
        ({"external_id": ""}, [("external_id", "required")]),
        ({"csat": 6}, [("csat", "out_of_range")]),
        ({"csat": 0, "nps": 11}, [("csat", "out_of_range"), ("nps", "out_of_range")]),
        ({"answered_at": NOW + DAY}, [("answered_at", "in_the_future")]),
        ({"csat": None, "nps": None, "comment": " \x00", "title": ""}, [("csat", "empty")]),
        ({"comment": "a" * 10_001}, [("comment", "too_long")]),
    ],
)
def test_a_refused_row_says_why_and_stops_no_other(brand, purchase, changes, errors):
    other = factories.make_purchase(purchase.customer, external_id="P-2")

    results = import_responses(
        brand, [replace(ROW, **changes), replace(ROW, external_id="R-2", purchase_external_id="P-2")], now=NOW
    )

    assert [result.status for result in results] == ["rejected", "created"]
    assert [(error.field, error.code) for error in results[0].errors] == errors
    assert Response.objects.get().invitation.purchase == other


def test_a_purchase_of_another_brand_is_unknown(purchase):
    assert take(factories.make_brand("otra"), ROW) == ["rejected"]
    assert not Response.objects.exists()


def test_who_answered_elsewhere_is_not_asked_again(brand, purchase):
    invitation = make_invitation(purchase, state=Invitation.State.PLANNED)
    mail = send_mail(invitation, is_sent=False)
    too_old = factories.make_purchase(purchase.customer, external_id="P-2")
    make_invitation(too_old, state=Invitation.State.CANCELLED, reason=Reason.TOO_OLD)

    take(brand, ROW, replace(ROW, external_id="R-2", purchase_external_id="P-2"))

    mail.refresh_from_db()
    assert mail.state == OutgoingMail.State.CANCELLED
    assert set(Invitation.objects.values_list("state", "reason")) == {(Invitation.State.QUEUED, "")}
    assert {state.state for state in survey_states([purchase, too_old], now=NOW).values()} == {"answered"}


def test_a_later_import_replaces_a_web_answer_and_an_earlier_one_joins_its_history(brand, purchase):
    invitation = make_invitation(purchase)
    submit_response(invitation, said(csat=4, keep_text="Bien"), language="es", suspicions=[], now=NOW - 2 * DAY)

    assert take(brand, ROW) == ["updated"]
    assert given(Response.objects.get()) == {"csat": 4, "keep_text": "Bien"}
    assert ResponseRevision.objects.get().external_id == "R-1"

    assert take(brand, replace(ROW, external_id="R-2", answered_at=NOW - DAY)) == ["updated"]
    assert given(Response.objects.get())["csat"] == 2
    assert ResponseRevision.objects.count() == 2


def test_a_suspect_answer_gives_way_whatever_its_date(brand, purchase):
    submit_response(make_invitation(purchase), said(csat=1), language="es", suspicions=["scanner"], now=NOW)

    take(brand, ROW)

    response = Response.objects.get()
    assert (response.is_suspect, response.external_id) == (False, "R-1")


def test_only_when_asked_to_are_words_quotable_and_bad_answers_followed_up(brand, purchase):
    take(brand, ROW, quotable=True, open_follow_up=True)

    assert Response.objects.needing_follow_up().get().follow_up == "medium"
    assert Response.objects.get().is_quotable


def test_statements_do_not_grow_with_rows(brand):
    carla = factories.make_customer(brand, "Carla Ruiz")

    def statements(first: int, count: int) -> int:
        rows = []
        for n in range(first, first + count):
            factories.make_purchase(carla, external_id=f"P-{n}")
            row = replace(ROW, external_id=f"A-{n}", purchase_external_id=f"P-{n}")
            rows += [row, replace(row, external_id=f"B-{n}", answered_at=NOW - DAY)]
        import_responses(brand, rows[:1], now=NOW)  # so that one answer stands and is replaced
        with CaptureQueriesContext(
            connection,
        ) as captured:
            import_responses(brand, rows, now=NOW)
        return len(captured)

    assert statements(1, 2) == statements(100, 40)


@pytest.mark.django_db(transaction=True)
def test_two_imports_of_the_same_rows_at_once_store_each_row_once():
    brand = factories.make_brand()
    carla = factories.make_customer(brand, "Carla Ruiz")
    rows = []
    for n in range(40):
        factories.make_purchase(carla, external_id=f"P-{n}")
        rows.append(replace(ROW, external_id=f"R-{n}", purchase_external_id=f"P-{n}"))
    publish_standard_survey(brand)
    start = Barrier(3)

    def run(_n: int) -> list[str]:
        try:
            start.wait()
            return take(brand, *rows)
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        statuses = Counter(status for result in pool.map(run, range(3)) for status in result)

    assert statuses == {"created": 40, "duplicate": 80}
    assert (Response.objects.count(), ResponseChange.objects.count(), ResponseRevision.objects.count()) == (40, 40, 0)


def test_whoever_has_the_address_answered_about_their_own_last_purchase(brand: Brand) -> None:
    carla, other = (factories.make_customer(brand, email=f"{name}@correo.example") for name in ("carla", "otra"))
    theirs = factories.make_customer(factories.make_brand("otra"), email="carla@correo.example")
    for customer, order, days in ((carla, "P-1", 9), (carla, "P-2", 2), (other, "P-3", 5), (theirs, "P-4", 5)):
        factories.make_purchase(customer, external_id=order, purchased_at=NOW - days * DAY)
    row = replace(ROW, purchase_external_id="", email="carla@correo.example")

    assert take(brand, row) == ["created"]
    assert take(brand, replace(row, external_id="R-2", answered_at=NOW - 30 * DAY)) == ["rejected"]

    assert Response.objects.get().invitation.purchase.external_id == "P-1"


def test_finding_purchases_by_address_takes_one_statement_however_many_rows(brand: Brand) -> None:
    def statements(count: int) -> int:
        rows = []
        for n in range(count):
            customer = factories.make_customer(brand, email=f"{count}-{n}@correo.example")
            factories.make_purchase(customer, purchased_at=NOW - 9 * DAY)
            rows.append(replace(ROW, external_id=f"{count}-{n}", purchase_external_id="", email=customer.email))
        with CaptureQueriesContext(connection) as captured:
            assert set(take(brand, *rows)) == {"created"}
        return len(captured)

    publish_standard_survey(brand)
    assert statements(1) == statements(5)
