"""Working through many cases: filters, views that one keeps, the same done to several, and none of another brand."""

import re
from typing import Any

import pytest
from django.urls import reverse

from accounts.models import Membership
from accounts.paging import page_of
from complaints.models import Complaint, SavedView
from complaints.services import add_tags, resolve_complaint, set_tags, take_complaint
from tests import factories
from tests.complaints.factories import make_complaint
from tests.complaints.test_admin import INBOX, client_of, numbers, see
from tests.factories import NOW

pytestmark = pytest.mark.django_db
BULK = reverse("admin:complaints_complaint_bulk")
KEEP = reverse("admin:complaints_complaint_save_view")


@pytest.fixture
def desk(sofia):
    return client_of(sofia)


@pytest.fixture
def cases(brand) -> list[Complaint]:
    customer = factories.make_customer(brand)
    kinds = ["complaint", "warranty", "warranty", "inquiry"]
    return [make_complaint(factories.make_purchase(customer), kind=kind, wants_contact=True) for kind in kinds]


def do(client: Any, action: str, cases: list[Complaint], **data: Any) -> str:
    """What the page says afterwards."""
    data = {"action": action, "case": [case.pk for case in cases], "back": "queue=all", **data}
    response = client.post(BULK, data)
    assert (response.status_code, response["Location"]) == (302, f"{INBOX}?queue=all")
    return client.get(INBOX).content.decode()


def kinds_of(case: Complaint) -> list[str]:
    return list(case.events.values_list("kind", flat=True))


# --- Filters and views ---------------------------------------------------------------------------------------------
def test_filters_narrow_every_queue(desk, cases, sofia):
    take_complaint(cases[1], by=sofia, now=NOW)
    set_tags(cases[2], tags=["Lote 7"], by=sofia, now=NOW)
    resolve_complaint(cases[3], resolution="Hecho", by=sofia, now=NOW)

    shown = {
        query: sorted(numbers(see(desk, f"{INBOX}?{query}")))
        for query in ("kind=warranty", f"owner={sofia.pk}", "tag=lote+7", "queue=all&kind=inquiry", "kind=inquiry")
    }

    assert shown == {
        "kind=warranty": [cases[1].number, cases[2].number],
        f"owner={sofia.pk}": [cases[1].number],
        "tag=lote+7": [cases[2].number],
        "queue=all&kind=inquiry": [cases[3].number],
        "kind=inquiry": [],
    }


@pytest.mark.parametrize(
    "query",
    ["kind=x", "owner=x", "owner=99999999999999999999", "severity=%00", "tag=%00", "part=sale&part=x", "at=%ff"],
)
def test_filters_that_nobody_understands_show_a_page(desk, cases, query):
    see(desk, f"{INBOX}?{query}")


def test_a_view_is_kept_for_whoever_kept_it(desk, cases, sofia, brand):
    desk.post(KEEP, {"name": "Garantías", "query": "kind=warranty&nonsense=1&at=xyz"})
    desk.post(KEEP, {"name": "Garantías", "query": "queue=all&kind=warranty"})

    view = SavedView.objects.get()
    assert (view.user, view.name, view.query) == (sofia, "Garantías", "queue=all&kind=warranty")
    assert f'href="?{view.query.replace("&", "&amp;")}" aria-current="page">Garantías' in see(
        desk, f"{INBOX}?{view.query}"
    )
    lia = client_of(factories.make_staff(brand, "Lía"))
    assert "Garantías" not in see(lia, INBOX)
    lia.post(reverse("admin:complaints_complaint_remove_view", args=[view.pk]))
    assert SavedView.objects.exists()
    desk.get(reverse("admin:complaints_complaint_remove_view", args=[view.pk]))
    assert SavedView.objects.exists()
    desk.post(reverse("admin:complaints_complaint_remove_view", args=[view.pk]))
    assert not SavedView.objects.exists()


def test_a_view_leads_nowhere_else(desk, cases):
    response = desk.post(KEEP, {"name": "x", "query": "//evil.example/?q=1"})

    assert response["Location"].startswith(INBOX)
    assert SavedView.objects.get().query == ""


def test_deep_pages_follow_on(desk, brand, sofia, monkeypatch):
    monkeypatch.setitem(page_of.__kwdefaults__, "size", 2)
    customer = factories.make_customer(brand)
    made = [make_complaint(factories.make_purchase(customer)).number for _ in range(5)]

    seen, url = [], f"{INBOX}?queue=all"
    while url:
        html = see(desk, url)
        seen += numbers(html)
        following = re.search(r'rel="next" href="([^"]+)"', html)
        url = INBOX + following[1].replace("&amp;", "&") if following else ""

    assert seen == made[::-1]


# --- Many at once --------------------------------------------------------------------------------------------------
def test_each_of_many_gets_one_event(desk, cases, sofia):
    add_tags(cases[0], tags=["vieja"], by=sofia, now=NOW)

    do(desk, "severity", cases, severity="high")
    do(desk, "kind", cases[:2], kind="return")
    do(desk, "tag", cases[:2], tags="Lote 7,  urgente , ")
    html = do(desk, "resolve", cases[2:], resolution="Hecho", cause="late")

    for case in cases:
        case.refresh_from_db()
    assert {case.severity for case in cases} == {"high"}
    assert [case.kind for case in cases[:2]] == ["return", "return"]
    assert [case.tags for case in cases[:2]] == [["lote 7", "urgente", "vieja"], ["lote 7", "urgente"]]
    assert [case.state for case in cases] == ["new", "new", "resolved", "resolved"]
    assert kinds_of(cases[1]) == ["opened", "severity", "kind_changed", "tags"]
    assert {event.actor for event in cases[1].events.exclude(kind="opened")} == {sofia}
    assert "Done with 2 cases." in html


def test_what_one_button_needs_does_not_stop_the_others(desk, cases):
    html = see(desk, INBOX)

    form = html[html.index('id="desk-bulk"') : html.index("</form>", html.index('id="desk-bulk"'))]
    assert 'name="resolution"' in form
    assert "required" not in form


def test_one_that_is_refused_stops_no_other(desk, cases, sofia):
    resolve_complaint(cases[0], resolution="Hecho", by=sofia, now=NOW)

    html = do(desk, "resolve", cases[:2], resolution="Hecho", cause="late")

    cases[1].refresh_from_db()
    assert cases[1].state == "resolved"
    assert "Done with 1 case." in html
    assert f"Not done with {cases[0].number}" in html


def test_they_are_given_to_colleagues_alone(desk, cases, sofia, brand):
    stranger = factories.make_staff(factories.make_brand("otra"), "Olga")
    reader = factories.make_staff(brand, "Lía", Membership.Role.READ_ONLY)

    for nobody in (stranger, reader):
        do(desk, "assign", cases, assignee=nobody.pk)
    assert not Complaint.objects.exclude(assignee=None).exists()
    do(desk, "assign", cases, assignee=sofia.pk)
    assert Complaint.objects.filter(assignee=sofia).count() == len(cases)


def test_nothing_is_done_to_another_brands_cases_or_by_who_may_only_read(cases, brand, desk):
    olga = client_of(factories.make_staff(factories.make_brand("otra"), "Olga"))
    lia = client_of(factories.make_staff(brand, "Lía", Membership.Role.READ_ONLY))

    assert "Tick the cases first." in do(olga, "resolve", cases, resolution="Hecho", cause="late")
    assert "Your role may read cases" in do(lia, "resolve", cases, resolution="Hecho", cause="late")
    assert "desk-bulk" not in see(lia, INBOX)
    assert Complaint.objects.open().count() == len(cases)


@pytest.mark.parametrize(
    ("action", "data", "status"),
    [
        ("resolve", {}, 302),
        ("kind", {"kind": "x"}, 302),
        ("take", {}, 404),
        ("", {}, 404),
        ("reply", {"text": "x"}, 404),
    ],
)
def test_incomplete_and_unknown_actions_change_nothing(desk, cases, action, data, status):
    answered = desk.post(BULK, {"action": action, "case": [case.pk for case in cases] + ["x", "9" * 30], **data})

    assert answered.status_code == status
    assert desk.get(BULK).status_code in (302, 404)
    assert {tuple(kinds_of(case)) for case in cases} == {("opened",)}
