"""The clocks of a case as it lives: promises, pauses kept, and what the law does not care about."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.db import IntegrityError, transaction

from complaints.models import Complaint, DayOff, Pause
from complaints.services import customer_wrote, reopen_complaint, reply, resolve_complaint, set_state
from tests import factories
from tests.complaints.factories import make_complaint
from tests.factories import NOW

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def promising(brand):
    brand.solution_hours = 72
    brand.save()
    return brand


@pytest.fixture
def case(promising, purchase) -> Complaint:
    return make_complaint(purchase, wants_contact=True)


def pauses(case: Complaint) -> list[tuple[str, float, float | None]]:
    """What they were for, and their ends in hours after NOW."""
    return [
        (each.cause, (each.began_at - NOW) / HOUR, (each.ended_at - NOW) / HOUR if each.ended_at else None)
        for each in case.pauses.all()
    ]


def dues(case: Complaint) -> list[float | None]:
    """First answer, answer, solution: in hours after NOW."""
    case.refresh_from_db()
    moments = (case.first_due_at, case.service_due_at, case.solution_due_at)
    return [(moment - NOW) / HOUR if moment else None for moment in moments]


def test_a_case_begins_with_what_was_promised(case):
    assert dues(case) == [24, 24, 72]
    assert pauses(case) == []


def test_waiting_for_the_customer_stops_the_promises_and_not_the_law(case, sofia):
    legal = case.legal_due_at

    reply(case, text="¿Qué talla?", by=sofia, now=NOW + HOUR, waits=True)
    while_waiting = dues(case)
    customer_wrote(case, text="La 42.", now=NOW + 11 * HOUR)

    assert while_waiting == [24, None, None]
    assert pauses(case) == [("customer", 1, 11)]
    assert dues(case) == [24, 35, 82]
    assert case.legal_due_at == legal


def test_whatever_way_its_customer_speaks_a_case_that_waited_for_them_goes_on(case, sofia):
    reply(case, text="¿Qué talla?", by=sofia, now=NOW + HOUR, waits=True)

    # By a shop, by telephone, by an answer to a survey: all of them are added to the open case.
    make_complaint(case.purchase, text="La 39", now=NOW + 5 * HOUR)

    assert dues(case) == [24, 5 + 24, 72 + 4]
    assert case.state == "in_progress"
    assert pauses(case) == [("customer", 1, 5)]


def test_waiting_before_an_answer_was_given_moves_that_answer(case, sofia):
    set_state(case, state="waiting", by=sofia, now=NOW + 2 * HOUR)
    set_state(case, state="in_progress", by=sofia, now=NOW + 5 * HOUR)

    assert dues(case) == [27, 27, 75]


def test_a_case_that_is_opened_again_is_not_late_at_once(case, sofia):
    reply(case, text="Va otro en camino.", by=sofia, now=NOW + HOUR)
    resolve_complaint(case, resolution="Enviado", by=sofia, now=NOW + 10 * HOUR)
    when_closed = dues(case)
    reopen_complaint(case, reason="No llegó", by=sofia, now=NOW + 500 * HOUR)

    assert when_closed == [24, 24, 72]
    assert pauses(case) == [("resolved", 10, 500)]
    assert dues(case)[2] == 72 + 490


def test_clocks_that_disagree_make_a_pause_of_no_time(case, sofia):
    set_state(case, state="waiting", by=sofia, now=NOW + HOUR)
    set_state(case, state="in_progress", by=sofia, now=NOW)

    assert pauses(case) == [("customer", 1, 1)]
    assert dues(case) == [24, 24, 72]


def test_without_a_promise_of_a_solution_none_is_due(brand, purchase, sofia):
    case = make_complaint(purchase)
    set_state(case, state="waiting", by=sofia, now=NOW + HOUR)
    set_state(case, state="in_progress", by=sofia, now=NOW + 2 * HOUR)

    assert dues(case) == [25, 25, None]


def test_promises_run_in_the_hours_of_the_brand_and_days_off_count_for_no_one(promising, purchase):
    promising.service_opens, promising.service_closes, promising.first_answer_hours = time(9), time(18), 8
    promising.save()
    DayOff.objects.create(brand=promising, day=datetime(2026, 3, 11, tzinfo=UTC).date(), name="Inventario")

    case = make_complaint(purchase)  # Tuesday 13:00 in Madrid: 5 h that day, then 3 h on Thursday from 9

    assert case.service_due_at == datetime(2026, 3, 12, 11, 0, tzinfo=UTC)
    assert case.legal_due_at == datetime(2026, 4, 10, 21, 59, 59, tzinfo=UTC)


def test_a_holiday_of_the_town_moves_terms_of_working_days(brand, purchase):
    brand.legal_regime = "large_firm"
    brand.save()
    DayOff.objects.create(brand=brand, day=datetime(2026, 3, 12, tzinfo=UTC).date(), name="Fiesta", is_public=True)
    DayOff.objects.create(brand=brand, day=datetime(2026, 3, 13, tzinfo=UTC).date(), name="Puente")

    case = make_complaint(purchase)

    assert case.legal_due_at == datetime(2026, 4, 1, 21, 59, 59, tzinfo=UTC)
    assert case.legal_sum == {
        "law": "Ley 10/2025",
        "amount": 15,
        "unit": "working_days",
        "received_on": "2026-03-10",
        "due_on": "2026-04-01",
        "weekend_days": 6,
        "holidays": ["2026-03-12"],
    }


def test_the_database_keeps_pauses_in_order(case):
    Pause.objects.create(complaint=case, cause="customer", began_at=NOW)

    for fields in ({"began_at": NOW}, {"began_at": NOW, "ended_at": NOW - HOUR}, {"began_at": NOW, "cause": "nap"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Pause.objects.create(complaint=case, **{"cause": "customer", **fields})


def test_an_earlier_promise_of_a_solution_comes_first_in_the_inbox(promising, purchase, sofia):
    answered = make_complaint(purchase, kind="inquiry", wants_contact=True)
    reply(answered, text="Lo miro.", by=sofia, now=NOW)
    waiting = make_complaint(factories.make_purchase(purchase.customer), kind="inquiry", now=NOW + 50 * HOUR)
    answered.refresh_from_db()

    assert answered.due_at == NOW + 72 * HOUR
    assert list(Complaint.objects.open().most_urgent_first()) == [answered, waiting]
    assert list(Complaint.objects.open().due_by(NOW + 73 * HOUR)) == [answered]
