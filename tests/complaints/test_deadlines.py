"""Deadlines as staff read them: the sum, what was not counted, and whether a promise was kept."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse
from django.utils.translation import override

from complaints.casefile.deadlines import Deadline, deadlines_of
from complaints.models import Complaint, DayOff, Recount
from complaints.services import customer_wrote, merge_complaint, reply, resolve_complaint
from complaints.services.recounting import _next_batch, ask_recount, recount_deadlines
from tests import factories
from tests.complaints.factories import make_complaint
from tests.complaints.test_admin import client_of, page_of, see
from tests.factories import NOW

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
MADRID = ZoneInfo("Europe/Madrid")


@pytest.fixture
def office(brand):
    """An office of a large firm: Monday to Friday from 9 to 18, an answer in 8 hours, a solution in 40."""
    brand.legal_regime = "large_firm"
    brand.service_opens, brand.service_closes = time(9), time(18)
    brand.first_answer_hours, brand.solution_hours = 8, 40
    brand.save()
    return brand


def told(case: Complaint, *, now: datetime = NOW) -> dict[str, Deadline]:
    case.refresh_from_db()
    with override("en"):
        return {deadline.label: deadline for deadline in deadlines_of(case, now=now, zone=MADRID)}


def test_each_deadline_shows_its_sum(office, purchase):
    found = told(make_complaint(purchase))

    hours = "counted Monday to Friday from 9 a.m. to 6 p.m., without holidays"
    assert found["First answer"].sum == [f"The customer waits since Tuesday, March 10 at 1 p.m., + 8 hours, {hours}."]
    assert found["Solution"].sum == [f"Received on Tuesday, March 10 at 1 p.m., + 40 hours, {hours}."]
    assert found["Term of the law"].sum == [
        "Received on Tuesday, March 10, 2026, + 15 working days (Ley 10/2025).",
        "Not counted: 6 days of weekends.",
        "Last day: Tuesday, March 31, 2026. Waiting for the customer does not stop it.",
        "To be confirmed by your lawyer: this was read in a summary of the law.",
    ]
    assert found["Term of the law"].clock.text == "due March 31"


def test_holidays_that_are_not_counted_are_named(office, purchase):
    DayOff.objects.create(brand=office, day=date(2026, 3, 26), name="Fiesta local", is_public=True)

    law = told(make_complaint(purchase, now=NOW + 14 * 24 * HOUR))["Term of the law"]

    named = "Thursday, March 26, 2026 (Fiesta local) and Friday, April 3, 2026 (Good Friday)"
    assert law.sum[1] == f"Not counted: 6 days of weekends, {named}."


def test_pauses_are_part_of_the_sum(office, purchase, sofia):
    case = make_complaint(purchase, wants_contact=True)
    reply(case, text="¿Qué talla?", by=sofia, now=NOW + HOUR, waits=True)
    standing = told(case, now=NOW + 2 * HOUR)
    customer_wrote(case, text="42", now=NOW + 49 * HOUR)

    assert standing["Solution"].clock.text == "stands while we wait for the customer"
    assert standing["First answer"].clock.text == "kept, 22 h before"
    assert told(case)["Solution"].sum[1] == "Not counted: 2 days of waiting for the customer."


def test_a_closed_case_says_what_was_kept_and_what_was_missed(office, purchase, sofia):
    case = make_complaint(purchase, wants_contact=True)
    reply(case, text="Va otro.", by=sofia, now=NOW + 100 * HOUR)
    resolve_complaint(case, resolution="Enviado", by=sofia, now=NOW + 101 * HOUR)

    found = told(case, now=NOW + 500 * HOUR)

    assert [(each.clock.text, each.clock.tone, each.is_running) for each in found.values()] == [
        ("missed by 3 days", "alarm", False),
        ("kept, 1 day before", "", False),
        ("kept, 17 days before", "", False),
    ]


def test_other_rules_since_are_admitted(office, purchase):
    case = make_complaint(purchase)
    office.first_answer_hours = 2
    office.save()

    assert "the brand’s rules have changed since" in told(Complaint.objects.get(pk=case.pk))["First answer"].sum[-1]


def test_a_merged_case_has_none(office, purchase, sofia):
    other = make_complaint(factories.make_purchase(purchase.customer))
    case = make_complaint(purchase)
    merge_complaint(case, other, by=sofia, now=NOW)

    assert told(case) == {}


# --- Days off ------------------------------------------------------------------------------------------------------
def test_a_day_taken_off_moves_open_cases_and_no_others(office, purchase, sofia):
    closed = make_complaint(factories.make_purchase(purchase.customer))
    resolve_complaint(closed, resolution="Hecho", by=sofia, now=NOW)
    case = make_complaint(purchase)
    DayOff.objects.create(brand=office, day=date(2026, 3, 11), name="Fiesta local", is_public=True)

    ask_recount(office, since=date(2026, 3, 11), by=sofia, now=NOW)
    recount_deadlines(now=NOW)

    case.refresh_from_db()
    assert case.service_due_at == datetime(2026, 3, 12, 11, 0, tzinfo=UTC)
    assert case.legal_due_at.astimezone(MADRID).date() == date(2026, 4, 1)
    assert case.legal_sum["holidays"] == ["2026-03-11"]
    assert Complaint.objects.get(pk=closed.pk).legal_due_at == closed.legal_due_at
    event = case.events.get(kind="deadlines_moved")
    assert (event.actor, event.at) == (sofia, NOW)
    assert event.data["moved"]["answer"] == ["2026-03-11T11:00:00+00:00", "2026-03-12T11:00:00+00:00"]
    assert [each.kind for each in closed.events.filter(kind="deadlines_moved")] == []


def test_it_goes_batch_by_batch_and_a_second_day_begins_it_again(office, purchase, sofia, monkeypatch):
    monkeypatch.setattr("complaints.services.recounting.AT_ONCE", 1)
    cases = [make_complaint(factories.make_purchase(purchase.customer)) for _ in range(2)]
    DayOff.objects.create(brand=office, day=date(2026, 3, 12), name="Puente", is_public=True)
    ask_recount(office, since=date(2026, 3, 12), by=sofia, now=NOW)
    recount_deadlines(now=NOW, seconds=0.0)  # nothing in no time
    _next_batch(now=NOW)
    halfway = Recount.objects.get()

    DayOff.objects.create(brand=office, day=date(2026, 3, 11), name="Fiesta local", is_public=True)
    ask_recount(office, since=date(2026, 3, 11), by=sofia, now=NOW)
    recount_deadlines(now=NOW)

    assert (halfway.looked_at, halfway.moved, halfway.finished_at) == (1, 1, None)
    done = Recount.objects.get()
    assert (done.since, done.looked_at, done.moved, done.finished_at) == (date(2026, 3, 11), 2, 3, NOW)
    for case in cases:
        case.refresh_from_db()
        assert case.legal_sum["holidays"] == ["2026-03-11", "2026-03-12"]
    assert recount_deadlines(now=NOW) == 0


def test_administrators_take_days_off_and_give_them_back(office, purchase, sofia):
    case = make_complaint(purchase)
    desk = client_of(sofia)
    given = {"brand": office.pk, "day": "2026-03-11", "name": "Fiesta local", "is_public": "on"}

    desk.post(reverse("admin:complaints_dayoff_add"), given)
    asked = see(desk, reverse("admin:complaints_dayoff_changelist"))
    recount_deadlines(now=NOW)
    case.refresh_from_db()
    when_taken = case.legal_sum["holidays"]
    desk.post(reverse("admin:complaints_dayoff_delete", args=[DayOff.objects.get().pk]), {"post": "yes"})
    recount_deadlines(now=NOW)
    case.refresh_from_db()

    assert (when_taken, case.legal_sum["holidays"]) == (["2026-03-11"], [])
    assert "Being reckoned anew" in asked
    assert [recount.moved for recount in Recount.objects.all()] == [1, 1]
    page = see(desk, page_of(case))
    assert page.count("Deadlines moved by a day off") == 2
    assert "Tuesday, March 31 → Wednesday, April 1" in page


def test_the_page_of_a_case_shows_the_sums(office, purchase, sofia):
    case = make_complaint(purchase)

    html = see(client_of(sofia), page_of(case))

    assert html.count('class="desk-sum"') == 3
    assert "Ley 10/2025" in html
