"""The desk, as Sofía works at it; as an analyst reads it; as Olga of another brand does not."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from accounts.models import AccessLog, Membership
from complaints.models import Complaint, ComplaintEvent
from complaints.services import add_note, open_cases_for_bad_answers, resolve_complaint, take_complaint
from mailing.models import OutgoingMail
from tests import factories
from tests.complaints.factories import make_complaint
from tests.factories import NOW

pytestmark = pytest.mark.django_db
INBOX = reverse("admin:complaints_complaint_changelist")


@pytest.fixture
def desk(sofia):
    return client_of(sofia)


@pytest.fixture
def case(purchase) -> Complaint:
    return make_complaint(purchase, wants_contact=True)


def client_of(user: Any) -> Client:
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(user)
    return client


def page_of(case: Complaint) -> str:
    return reverse("admin:complaints_complaint_change", args=[case.pk])


def see(client: Client, url: str, *, at: Any = NOW) -> str:
    with time_machine.travel(at, tick=False):
        response = client.get(url)
    assert response.status_code == 200
    return response.content.decode()


def act(client: Client, case: Complaint, name: str, *, version: str | None = None, **data: Any) -> Any:
    url = reverse("admin:complaints_complaint_act", args=[case.pk, name])
    given = {"version": case.version if version is None else version, **data}
    with time_machine.travel(NOW + timedelta(minutes=10), tick=False):
        return client.post(url, given)


def numbers(html: str) -> list[str]:
    return re.findall(r'<th scope="row"><a [^>]+>([^<]+)</a>', html)


# --- Inbox ---------------------------------------------------------------------------------------------------------
def test_open_cases_come_most_urgent_first(desk, brand, sofia):
    def make(**fields: Any) -> Complaint:
        return make_complaint(factories.make_purchase(factories.make_customer(brand)), **fields)

    fresh = make(now=NOW)
    old = make(now=NOW - timedelta(days=2))
    grave = make(now=NOW, severity="high")
    resolved = make(now=NOW - timedelta(days=3))
    resolve_complaint(resolved, resolution="Hecho", by=sofia, now=NOW)

    assert numbers(see(desk, INBOX)) == [old.number, grave.number, fresh.number]
    assert resolved.number in numbers(see(desk, f"{INBOX}?queue=all"))


def test_each_queue_holds_what_it_says(desk, brand, sofia):
    def make(hours_ago: int) -> Complaint:
        customer = factories.make_customer(brand)
        return make_complaint(factories.make_purchase(customer), kind="inquiry", now=NOW - timedelta(hours=hours_ago))

    late, today, tomorrow, waiting = make(30), make(20), make(1), make(19)
    take_complaint(tomorrow, by=sofia, now=NOW)
    act(desk, waiting, "wait")  # whose promise stands meanwhile

    shown = {
        queue: numbers(see(desk, f"{INBOX}?queue={queue}"))
        for queue in ("mine", "unassigned", "today", "late", "waiting")
    }

    assert shown == {
        "mine": [tomorrow.number],
        "unassigned": [late.number, today.number, waiting.number],
        "today": [today.number],
        "late": [late.number],
        "waiting": [waiting.number],
    }
    counts = re.findall(r'queue=(\w+)"[^>]*>[^<]+<span class="desk-count">(\d+)', see(desk, INBOX))
    assert counts == [
        ("open", "4"),
        ("mine", "1"),
        ("unassigned", "3"),
        ("today", "1"),
        ("late", "1"),
        ("waiting", "1"),
    ]


def test_a_row_says_whose_it_is_and_how_late(desk, case):
    html = see(desk, INBOX, at=NOW + timedelta(hours=26))

    assert "Carla Ruiz" in html
    assert "Llegó roto" in html
    assert "was due 2 h ago" in html


@pytest.mark.parametrize("what", ["number", "order", "email"])
def test_search_finds_by_the_whole_of_it(desk, case, sofia, what):
    resolve_complaint(case, resolution="Hecho", by=sofia, now=NOW)
    make_complaint(factories.make_purchase(factories.make_customer(case.brand)))
    text = {"number": case.number, "order": "PEDIDO-77", "email": "CARLA@correo.example"}[what]

    assert numbers(see(desk, f"{INBOX}?q={text}")) == [case.number]


@pytest.mark.parametrize("query", ["?queue=nonsense", "?page=0", "?page=x", "?page=99999999999", "?q=%00", "?q=@"])
def test_odd_addresses_show_a_page(desk, case, query):
    see(desk, INBOX + query)


def test_the_inbox_costs_the_same_for_many(desk, case, django_assert_max_num_queries):
    with django_assert_max_num_queries(16) as one:
        see(desk, INBOX)
    for _ in range(3):
        make_complaint(factories.make_purchase(factories.make_customer(case.brand)))
    with django_assert_max_num_queries(16) as four:
        see(desk, INBOX)

    assert len(one) == len(four)


# --- A case --------------------------------------------------------------------------------------------------------
def test_the_case_page_holds_all_that_is_known(desk, bad_answer):
    open_cases_for_bad_answers(now=NOW)
    html = see(desk, page_of(Complaint.objects.get()))

    for known in (
        "Carla Ruiz",
        "carla@correo.example",
        "PEDIDO-77",
        "Botas de montaña",
        "49.90 EUR",
        "Ana",
        "The shop named the affiliate",
        "Llegó roto y nadie contesta.",
        "1 of 5",
    ):
        assert known in html, known


def test_opening_a_case_is_recorded(desk, case, sofia):
    see(desk, page_of(case))

    logged = AccessLog.objects.get()
    assert (logged.user, logged.brand, logged.purpose) == (sofia, case.brand, "view")
    assert (logged.object_type, logged.object_id) == ("complaint", str(case.pk))


def test_the_case_page_costs_the_same_for_a_long_story(desk, case, sofia, django_assert_max_num_queries):
    add_note(case, text="Nota", by=sofia, now=NOW)
    with django_assert_max_num_queries(29) as short:
        see(desk, page_of(case))
    for number in range(5):
        add_note(case, text=f"Nota {number}", by=sofia, now=NOW)
    with django_assert_max_num_queries(29) as long:
        see(desk, page_of(case))

    assert len(short) == len(long)


def test_a_case_is_taken_answered_and_resolved(desk, case, sofia):
    assert act(desk, case, "take")["Location"] == page_of(case)
    case.refresh_from_db()
    act(desk, case, "reply", text="Te enviamos otro.", waits="on")
    case.refresh_from_db()
    assert (case.state, case.assignee) == ("waiting", sofia)
    act(desk, case, "note", text="Ojo con la talla")
    case.refresh_from_db()
    act(desk, case, "resolve", resolution="Cambiado", cause="damaged")
    case.refresh_from_db()

    assert (case.state, case.resolution) == ("resolved", "Cambiado")
    html = see(desk, page_of(case))
    story = [html.index(words) for words in ("Llegó roto.", "Te enviamos otro.", "Ojo con la talla", "Cambiado")]
    assert story == sorted(story)


def test_it_is_sorted_and_opened_again(desk, case, sofia):
    for name, data in [
        ("assign", {"assignee": sofia.pk}),
        ("kind", {"kind": "warranty"}),
        ("part", {"part": "product"}),
        ("wait", {}),
        ("continue", {}),
        ("resolve", {"resolution": "Hecho", "cause": "faulty"}),
        ("reopen", {"reason": "Sigue roto"}),
    ]:
        assert act(desk, case, name, **data).status_code == 302, name
        case.refresh_from_db()

    assert (case.assignee, case.kind, case.part, case.state) == (sofia, "warranty", "product", "in_progress")


def test_a_refused_answer_is_not_lost(desk, case, sofia):
    shown = case.version
    add_note(case, text="Mientras tanto", by=sofia, now=NOW)

    response = act(desk, case, "reply", version=shown, text="Una respuesta larga")

    html = response.content.decode()
    assert response.status_code == 200
    assert "Somebody changed this case" in html
    assert "Una respuesta larga</textarea>" in html
    assert "Mientras tanto" in html
    # Whoever has read what changed sends it again as it stands.
    assert (
        act(desk, case, "reply", version=re.findall(r'name="version" value="([^"]+)"', html)[0], text="Una").status_code
        == 302
    )


@pytest.mark.parametrize(
    ("name", "data"), [("resolve", {}), ("note", {}), ("kind", {"kind": "x"}), ("assign", {"assignee": "0"})]
)
def test_an_incomplete_form_changes_nothing(desk, case, name, data):
    before = ComplaintEvent.objects.count()

    assert act(desk, case, name, **data).status_code == 200
    assert ComplaintEvent.objects.count() == before


def test_an_analyst_reads_and_does_not_write(brand, case):
    analyst = client_of(factories.make_staff(brand, "Lía", Membership.Role.READ_ONLY))
    mails = OutgoingMail.objects.count()

    html = see(analyst, page_of(case))
    refused = act(analyst, case, "resolve", resolution="Hecho", cause="late")

    assert "Your role may read cases, not change them." in html
    assert "/resolve/" not in html
    assert refused.status_code == 403
    case.refresh_from_db()
    assert (case.state, OutgoingMail.objects.count()) == ("new", mails)


def test_staff_of_another_brand_find_nothing(case, sofia):
    olga = client_of(factories.make_staff(factories.make_brand("otra"), "Olga"))

    assert olga.get(page_of(case)).status_code == 404
    assert act(olga, case, "resolve", resolution="Hecho", cause="late").status_code == 404
    for query in ("", "?queue=all", f"?q={case.number}", "?q=PEDIDO-77", "?q=carla@correo.example"):
        html = see(olga, INBOX + query)
        assert (numbers(html), "Carla" in html) == ([], False)
    case.refresh_from_db()
    assert case.state == "new"


@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_at_an_actions_address_does_nothing(desk, case, method):
    response = getattr(desk, method)(reverse("admin:complaints_complaint_act", args=[case.pk, "take"]))

    assert (response.status_code, response["Location"]) == (302, page_of(case))
    case.refresh_from_db()
    assert case.state == "new"


def test_there_is_no_other_action(desk, case):
    assert act(desk, case, "delete-all").status_code == 404
    assert desk.get(reverse("admin:complaints_complaint_change", args=["x"])).status_code == 404
    assert desk.get(reverse("admin:complaints_complaint_delete", args=[case.pk])).status_code == 403


def test_a_form_of_another_site_is_refused(sofia, case):
    client = Client(enforce_csrf_checks=True)
    client.force_login(sofia)

    assert act(client, case, "take").status_code == 403
