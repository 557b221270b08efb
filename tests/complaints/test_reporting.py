"""Reports: times, promises, ages, and what lies behind cases; with what must not count."""

from datetime import timedelta
from decimal import Decimal

import pytest

from complaints.models import Complaint, Remedy
from complaints.selectors.reporting import CaseReport, Group, Kept, RemedyCount, Window, report_cases, rows_of_cases
from complaints.services import HistoricComplaint, import_complaints, merge_complaint, resolve_complaint
from tests import factories
from tests.complaints.factories import make_complaint
from tests.factories import NOW

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def make(brand, ana, sofia):
    """A case so many days old, answered and resolved after so many hours."""
    brand.solution_hours = 48
    brand.save()
    product = factories.make_product(brand)

    def made(days: float, answered: float | None = None, resolved: float | None = None, cause: str = "late", **fields):
        purchase = factories.make_purchase(factories.make_customer(brand), affiliate=ana, product=product)
        case = make_complaint(purchase, now=NOW - days * DAY, **{"wants_contact": True, **fields})
        if answered is not None:
            Complaint.objects.filter(pk=case.pk).update(answered_at=case.opened_at + answered * HOUR, waits_since=None)
        if resolved is not None:
            at = case.opened_at + resolved * HOUR
            resolve_complaint(case, resolution="Hecho", cause=cause, by=sofia, now=at)
        case.refresh_from_db()
        return case

    return made


def window(brand) -> Window:
    return Window(brand, NOW - 90 * DAY, NOW)


def report(brand) -> CaseReport:
    return report_cases(window(brand), now=NOW)


def test_half_and_nine_of_ten(make, brand):
    for hours in (1, 2, 3, 4, 100):
        make(20, answered=hours, resolved=hours + 10)

    found = report(brand)

    assert (found.opened, found.resolved, found.answered.n) == (5, 5, 5)
    assert (found.answered.median, found.answered.p90) == (3 * HOUR, timedelta(hours=61, minutes=36))
    assert found.solved.median == 13 * HOUR


def test_promises_are_kept_missed_or_running(make, brand):
    make(10, answered=2, resolved=20)  # all kept
    make(10, answered=30, resolved=60)  # answer and solution missed
    make(5)  # answer and solution late, the law's term runs
    make(0.5)  # all run

    assert report(brand).promises == {"answer": Kept(1, 2, 1), "solution": Kept(1, 2, 1), "law": Kept(2, 0, 2)}
    assert report(brand).promises["law"].share == 1.0


def test_who_did_not_ask_for_an_answer_is_not_owed_one(make, brand):
    make(10, wants_contact=False)

    assert report(brand).promises["answer"] == Kept(0, 0, 0)


def test_open_cases_by_age_whenever_they_were_opened(make, brand):
    for days in (0.2, 0.9, 2, 40, 200):
        make(days)
    make(2, answered=1, resolved=2)

    assert report(brand).ages == [(1, 2), (3, 1), (7, 0), (15, 0), (30, 0), (0, 2)]
    assert report(brand).opened == 5


def test_what_lies_behind_them(make, brand):
    make(10, answered=1, resolved=10, cause="late")
    make(10, answered=1, resolved=30, cause="late")
    make(10, answered=1, resolved=100, cause="faulty")
    make(1)

    groups = report(brand).groups
    assert groups["cause"] == [
        Group("late", 2, 2, 20 * HOUR, 0),
        Group("faulty", 1, 1, 100 * HOUR, 1),
        Group("", 1, 0, None, 0),
    ]
    assert [(each.name, each.n) for each in groups["part"]] == [("delivery", 2), ("product", 1), ("", 1)]
    assert [(each.name, each.n) for each in groups["product"]] == [("Botas de montaña", 4)]
    assert [(each.name, each.n) for each in groups["affiliate"]] == [("Ana", 4)]


def test_remedies_and_what_they_cost(make, brand):
    case = make(10)
    done = {"complaint": case, "state": "done", "done_on": NOW.date(), "created_at": NOW}
    Remedy.objects.create(kind="refund", cost=Decimal("20"), currency="EUR", **done)
    Remedy.objects.create(kind="refund", cost=Decimal("9.90"), currency="EUR", **done)
    Remedy.objects.create(
        complaint=case, kind="refund", state="offered", cost=Decimal("50"), currency="EUR", created_at=NOW
    )
    Remedy.objects.create(kind="apology", **done)

    assert report(brand).remedies == [
        RemedyCount("refund", "EUR", 3, 2, Decimal("29.90")),
        RemedyCount("apology", "", 1, 1, Decimal(0)),
    ]


def test_duplicates_tests_and_other_brands_do_not_count(make, brand, sofia):
    case, duplicate, trial = make(3), make(3), make(3)
    Complaint.objects.filter(pk=duplicate.pk).update(customer=case.customer)
    duplicate.refresh_from_db()
    merge_complaint(duplicate, case, by=sofia, now=NOW)
    trial.purchase.source = "test"
    trial.purchase.save()
    other = factories.make_brand("otra")
    make_complaint(factories.make_purchase(factories.make_customer(other)), now=NOW - DAY)

    assert report(brand).opened == 1
    assert [row[0] for row in rows_of_cases(window(brand))] == [case.number]


def test_history_without_dates_takes_no_time_and_was_promised_nothing(brand):
    rows = [
        HistoricComplaint("a", "Roto", NOW - 9 * DAY, state="resolved", kind="inquiry"),
        HistoricComplaint("b", "Roto", NOW - 9 * DAY, state="resolved", resolved_at=NOW - 8 * DAY, kind="inquiry"),
        HistoricComplaint("c", "Roto", NOW - 80 * DAY, state="resolved", kind="claim"),
        HistoricComplaint("d", "Roto", NOW - 80 * DAY, state="new", kind="claim"),
    ]
    import_complaints(brand, rows, now=NOW)

    found = report(brand)

    assert (found.solved.n, found.solved.median) == (1, DAY)
    assert found.promises == {"answer": Kept(0, 0, 0), "solution": Kept(0, 0, 0), "law": Kept(0, 1, 0)}


def test_nothing_at_all(brand):
    found = report(brand)

    assert (found.opened, found.answered.median, found.promises["law"].share, found.groups["cause"]) == (
        0,
        None,
        None,
        [],
    )


def test_a_report_costs_the_same_for_many(make, brand, django_assert_num_queries):
    make(3)
    with django_assert_num_queries(4):
        report(brand)
    make(3)
    make(3)
    with django_assert_num_queries(4):
        report(brand)
