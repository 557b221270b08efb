"""«My actions», entered by its address: written down, measured, corrected, closed, and nobody else's."""

import uuid
from datetime import UTC, date, datetime

import pytest
from django.test import Client

from insights.models import Action, Finding
from insights.services import fold_changes
from tests.dashboards.test_views import words
from tests.factories import make_affiliate, make_link, make_member, make_staff
from tests.insights.test_privacy import respond_many

ENGLISH = {"accept-language": "en"}


@pytest.fixture
def today(monkeypatch):
    """The database's clock, as the views read it."""

    def set_to(now: datetime) -> None:
        monkeypatch.setattr("dashboards.views.actions.database_now", lambda: now)

    set_to(datetime(2026, 4, 20, 12, tzinfo=UTC))
    return set_to


@pytest.fixture
def measured(shop, ana):
    """Ten of twenty-five satisfied in February, twenty-four of twenty-five in April."""
    for month, good, bad in ((2, 10, 15), (3, 0, 5), (4, 24, 1)):
        at = datetime(2026, month, 10, 12, tzinfo=UTC)
        respond_many(shop, ana, good, csat=5, at=at)
        respond_many(shop, ana, bad, csat=1, at=at)
        fold_changes(now=at)


def write(client: Client, **given: str):
    data = {"about": "csat", "text": "Digo el plazo real", "changed_on": "2026-03-02", "link": "", **given}
    return client.post("/portal/actions/new/", data, headers=ENGLISH)


def test_a_change_is_written_down_and_measured(as_ana, ana, measured, today):
    response = write(as_ana)
    action = Action.objects.get()

    assert response["Location"] == f"/portal/actions/{action.uuid}/"
    said = words(as_ana.get(response["Location"], headers=ENGLISH))
    assert "Digo el plazo real" in said
    assert "Since then it goes better." in said
    assert "Before it was 40%, afterwards 96%: 56 points more (between +31 and +73)." in said
    assert "February 2026 yours 40% 23% to 59% 25 April 2026 yours 96% 80% to 99% 25" in said
    listed = words(as_ana.get("/portal/actions/", headers=ENGLISH))
    assert "better Since then it goes better." in listed
    assert (action.affiliate, action.brand, action.written_by.name) == (ana, ana.brand, "Ana")
    # A second click on the same button.
    assert write(as_ana)["Location"] == response["Location"]
    assert Action.objects.count() == 1


@pytest.mark.parametrize(
    ("aim", "sentence"),
    [
        ("75", "The aim is reached: at least 75%."),
        ("98", "The aim is at least 98%; whether it is reached cannot be told yet."),
        ("99.9", "The aim is not reached: at least 100%."),
    ],
)
def test_what_was_aimed_at_is_held_against_what_came_of_it(as_ana, measured, today, aim, sentence):
    page = write(as_ana, aim=aim)["Location"]

    assert sentence in words(as_ana.get(page, headers=ENGLISH))
    assert f'value="{float(aim)}"' in as_ana.get(f"{page}edit/", headers=ENGLISH).text


def test_of_what_should_become_less_the_aim_is_the_most(as_ana, measured, today):
    page = write(as_ana, about="missing", aim="10")["Location"]

    assert "The aim is at most 10%; whether" in words(as_ana.get(page, headers=ENGLISH))


def test_with_too_few_answers_it_says_what_it_takes_and_no_count(as_ana, shop, ana, today):
    at = datetime(2026, 2, 10, tzinfo=UTC)
    respond_many(shop, ana, 25, csat=5, at=at)
    respond_many(shop, ana, 3, csat=1, at=datetime(2026, 4, 10, tzinfo=UTC))
    fold_changes(now=datetime(2026, 4, 10, tzinfo=UTC))

    write(as_ana)

    said = words(as_ana.get(f"/portal/actions/{Action.objects.get().uuid}/", headers=ENGLISH))
    assert "It cannot be known yet: too few have answered since." in said
    assert "It will usually take about 170 more purchases to know." in said
    assert "April 2026 yours — — too few" in said


def test_each_point_to_improve_and_each_missing_fact_leads_to_writing_it_down(as_ana, answer):
    answer(20, csat=1, improve=["entrega"], missing=["yes"], missing_facts=["plazos"], keep=["precio"])

    body = as_ana.get("/portal/").content.decode()

    assert 'href="/portal/actions/new/?about=aspect:entrega"' in body
    assert 'href="/portal/actions/new/?about=fact:plazos"' in body
    assert "about=aspect:precio" not in body
    form = as_ana.get("/portal/actions/new/?about=aspect:entrega").content.decode()
    assert '<option value="aspect:entrega" selected>' in form


def test_an_action_on_a_finding_sets_it_in_progress(as_ana, answer, ana, today):
    answer(20, csat=1, improve=["entrega"], at=datetime(2026, 2, 10, tzinfo=UTC))

    write(as_ana, about="aspect:entrega")

    assert Finding.objects.get(kind="improve").status == Finding.Status.IN_PROGRESS


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"text": ""}, "This field is required."),
        ({"changed_on": "2026-05-01"}, "This day has not come yet."),
        ({"changed_on": "0001-01-01"}, "Ensure this value is greater than or equal to"),
        ({"about": "aspect:nothing"}, "Select a valid choice."),
        ({"aim": "101"}, "A share lies between 0 and 100"),
        ({"about": "nps", "aim": "-100.5"}, "the NPS between"),
        ({"about": ""}, "This field is required."),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(as_ana, today, given, complaint):
    response = write(as_ana, **given)

    assert response.status_code == 200
    assert complaint in response.text
    assert not Action.objects.exists()


def test_a_link_of_somebody_else_is_no_choice(as_ana, bruno, today):
    link = make_link(bruno, "ajeno")

    assert "ajeno" not in as_ana.get("/portal/actions/new/").text
    assert write(as_ana, link=str(link.pk)).status_code == 200
    assert not Action.objects.exists()


def test_it_is_corrected_while_open_and_closed_once(as_ana, ana, today):
    write(as_ana)
    action = Action.objects.get()
    page = f"/portal/actions/{action.uuid}/"
    new = {"about": "nps", "text": "Otra", "changed_on": "2026-03-01", "link": str(make_link(ana, "guia").pk)}

    assert as_ana.post(f"{page}edit/", new)["Location"] == page
    action.refresh_from_db()
    assert (action.key, action.text, action.changed_on, action.link.code) == ("nps", "Otra", date(2026, 3, 1), "guia")

    as_ana.post(f"{page}close/")
    today(datetime(2026, 6, 20, tzinfo=UTC))
    as_ana.post(f"{page}close/")
    action.refresh_from_db()
    assert action.closed_on == date(2026, 4, 20)
    assert "This action is closed." in as_ana.post(f"{page}edit/", new, headers=ENGLISH).text
    assert "Close it" not in as_ana.get(page, headers=ENGLISH).text


def test_rivals_and_other_brands_find_nothing(client, as_ana, bruno, shop, today):
    write(as_ana)
    action = Action.objects.get()
    client.force_login(make_member(bruno))

    assert "Digo el plazo real" not in client.get("/portal/actions/").text
    for address in ("", "edit/", "close/"):
        assert client.get(f"/portal/actions/{action.uuid}/{address}").status_code in (404, 405)
        assert client.post(f"/portal/actions/{action.uuid}/{address}").status_code in (404, 405)
    assert client.get(f"/portal/actions/{uuid.uuid4()}/").status_code == 404
    action.refresh_from_db()
    assert action.is_open


def test_staff_look_and_change_nothing(client, as_ana, shop, ana, today):
    write(as_ana)
    action = Action.objects.get()
    client.force_login(make_staff(shop.brand))
    own = f"/portal/affiliates/{shop.brand.slug}/ana/actions/"

    assert "Digo el plazo real" in client.get(own).text
    assert client.get(f"{own}new/").status_code == 403
    assert client.post(f"{own}{action.uuid}/close/").status_code == 403
    assert client.post(f"{own}{action.uuid}/edit/", {"text": "x"}).status_code == 403


def test_text_is_escaped(as_ana, today):
    write(as_ana, text="<script>x</script>")

    assert "<script>x" not in as_ana.get("/portal/actions/").text


def test_without_actions_the_page_says_how_it_begins(as_ana):
    assert "No change written down yet" in words(as_ana.get("/portal/actions/", headers=ENGLISH))


@pytest.fixture
def bruno(shop):
    return make_affiliate(shop.brand, "Bruno")
