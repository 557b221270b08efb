"""What affiliates were told directly: written down apart, read by staff, counted nowhere."""

from datetime import date

import pytest
from django.test import Client
from django.urls import reverse

from affiliates.models import Affiliate
from insights.models import HeardFeedback, Rollup, ShownCount
from tests.factories import NOW, make_affiliate, make_member, make_staff
from tests.insights.conftest import Shop

PAGE = "/portal/heard/"
TOLD = {
    "text": "El envío me salió gratis y no lo sabía",
    "kind": "praise",
    "theme": "entrega",
    "heard_on": "2026-03-09",
}


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database's clock, as the views read it."""
    monkeypatch.setattr("dashboards.views.heard.database_now", lambda: NOW)


def test_it_is_written_down_once_and_stands_apart(as_ana: Client, ana: Affiliate, shop: Shop) -> None:
    for _click in range(2):
        assert as_ana.post(PAGE, TOLD)["Location"] == PAGE

    heard = HeardFeedback.objects.get()
    assert (heard.affiliate, heard.brand, heard.heard_on, heard.theme) == (ana, shop.brand, date(2026, 3, 9), "entrega")
    page = as_ana.get(PAGE)
    assert [(each.text, theme) for each, theme, _url in page.context["rows"]] == [(TOLD["text"], "Entrega")]
    assert not Rollup.objects.exists()
    assert not ShownCount.objects.exists()
    assert TOLD["text"] not in as_ana.get("/portal/opinions/").content.decode()


def test_what_two_clicks_wrote_at_once_stops_no_third(as_ana: Client, ana: Affiliate, shop: Shop) -> None:
    """Before the second waited for the first both could be written."""
    for _twin in range(2):
        HeardFeedback.objects.create(brand=shop.brand, affiliate=ana, created_at=NOW, **TOLD)

    assert as_ana.post(PAGE, TOLD)["Location"] == PAGE
    assert HeardFeedback.objects.count() == 2


def test_staff_read_it(as_ana: Client, shop: Shop) -> None:
    as_ana.post(PAGE, TOLD)
    staff = Client()
    staff.force_login(make_staff(shop.brand))

    assert TOLD["text"] in staff.get(reverse("admin:insights_heardfeedback_changelist")).content.decode()


@pytest.mark.parametrize(
    "change",
    [
        {"text": ""},
        {"text": "Lo dijo carla@correo.example"},
        {"kind": "rumour"},
        {"theme": "nada"},
        {"heard_on": "2026-03-11"},
        {"heard_on": "ayer"},
    ],
)
def test_what_leads_to_somebody_or_makes_no_sense_is_refused(as_ana: Client, change: dict[str, str]) -> None:
    page = as_ana.post(PAGE, TOLD | change)

    assert page.status_code == 200
    assert page.context["form"].errors
    assert not HeardFeedback.objects.exists()


def test_one_s_own_can_be_taken_away_and_nobody_else_s(as_ana: Client, shop: Shop, ana: Affiliate) -> None:
    as_ana.post(PAGE, TOLD)
    url = as_ana.get(PAGE).context["rows"][0][2]
    rival, staff = Client(), Client()
    rival.force_login(make_member(make_affiliate(shop.brand, "Bruno")))
    staff.force_login(make_staff(shop.brand))

    assert rival.post(url).status_code == 404
    assert rival.get(PAGE).context["rows"] == []
    looked = url.replace("/portal/", f"/portal/affiliates/{shop.brand.slug}/{ana.code}/")
    assert staff.post(looked).status_code == 403
    assert staff.post(looked.rpartition("heard/")[0] + "heard/", TOLD).status_code == 403
    assert HeardFeedback.objects.count() == 1

    as_ana.post(url)
    assert not HeardFeedback.objects.exists()
