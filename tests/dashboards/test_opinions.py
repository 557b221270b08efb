"""What an affiliate can do about words that should not stand there, and what staff decide."""

import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from affiliates.models import Affiliate
from insights.models import Quote, QuoteReport
from tests.factories import make_affiliate, make_member, make_staff
from tests.insights.conftest import Shop

OPINIONS = "/portal/opinions/"


def texts(client: Client, path: str = OPINIONS) -> set[str]:
    return {row.text for row in client.get(path).context["page_obj"]}


def report_url(client: Client, text: str) -> str:
    return next(url for row, url, *_rest in client.get(OPINIONS).context["listed"] if row.text == text)


@pytest.fixture
def told(answer: Callable[..., None]) -> None:
    answer(4, csat=5)
    answer(1, csat=2, improve_text="Soy la de la floristería de Teruel", expectation="Envío gratis", keep_text="Bien")


@pytest.fixture
def staff(shop: Shop) -> Client:
    client = Client()
    client.force_login(make_staff(shop.brand))
    return client


def decide(staff: Client, action: str) -> None:
    report = QuoteReport.objects.get()
    data = {"action": action, "_selected_action": [report.pk]}
    staff.post(reverse("admin:insights_quotereport_changelist"), data)


def test_what_reveals_somebody_is_gone_at_once_everywhere(as_ana: Client, told: None) -> None:
    url = report_url(as_ana, "Soy la de la floristería de Teruel")

    assert "floristería" in as_ana.get(url).content.decode()
    as_ana.post(url, {"reason": "reveals"})

    for path in ("/portal/", OPINIONS, "/portal/insights.csv", f"{OPINIONS}?q=teruel"):
        assert "floristería" not in as_ana.get(path).content.decode()
    assert texts(as_ana) == {"Envío gratis", "Bien"}
    assert as_ana.get(url).status_code == 404
    # A second click on the same button.
    assert as_ana.post(url, {"reason": "reveals"})["Location"] == OPINIONS
    assert QuoteReport.objects.count() == 1


def test_what_is_not_theirs_stays_until_it_is_decided(as_ana: Client, staff: Client, told: None) -> None:
    url = report_url(as_ana, "Envío gratis")
    as_ana.post(url, {"reason": "not_mine"})

    assert "Envío gratis" in texts(as_ana)
    assert report_url(as_ana, "Envío gratis") == ""
    decide(staff, "take_down")

    assert "Envío gratis" not in texts(as_ana)
    report = QuoteReport.objects.get()
    assert (report.decision, bool(report.decided_by), bool(report.decided_at)) == ("hidden", True, True)


def test_staff_can_show_it_again_and_that_is_final(as_ana: Client, staff: Client, told: None) -> None:
    url = report_url(as_ana, "Bien")
    as_ana.post(url, {"reason": "reveals"})
    decide(staff, "leave")
    assert "Bien" in texts(as_ana)

    as_ana.post(url, {"reason": "reveals"})

    assert "Bien" in texts(as_ana)
    assert QuoteReport.objects.count() == 1


def test_the_address_of_words_is_ones_own(
    as_ana: Client, staff: Client, shop: Shop, ana: Affiliate, told: None
) -> None:
    url = report_url(as_ana, "Bien")
    rival = Client()
    rival.force_login(make_member(make_affiliate(shop.brand, "Bruno")))

    assert re.fullmatch(r"/portal/opinions/[0-9a-f]{20}/", url)
    assert rival.post(url, {"reason": "reveals"}).status_code == 404
    looked = url.replace("/portal/", f"/portal/affiliates/{shop.brand.slug}/{ana.code}/")
    assert staff.post(looked, {"reason": "reveals"}).status_code == 403
    assert not Quote.objects.exclude(hidden_at=None).exists()


@pytest.mark.parametrize("data", [{}, {"reason": "bad"}])
def test_a_report_says_why(as_ana: Client, told: None, data: dict[str, str]) -> None:
    response = as_ana.post(report_url(as_ana, "Bien"), data)

    assert response.status_code == 200
    assert response.context["form"].errors
    assert not QuoteReport.objects.exists()


def test_reports_go_with_the_words(as_ana: Client, told: None) -> None:
    as_ana.post(report_url(as_ana, "Bien"), {"reason": "not_mine"})

    Quote.objects.filter(text="Bien").delete()

    assert not QuoteReport.objects.exists()
