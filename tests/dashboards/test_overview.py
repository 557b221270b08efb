"""The programme at a glance: what needs somebody first, by name, with the way to it."""

from datetime import timedelta

import pytest
from django.test import Client

from affiliates.models import Affiliate
from complaints.models import Complaint
from dashboards.views import programme
from insights import overview
from insights.services import fold_changes
from insights.services.reckoning import reckon_figures
from tests.complaints.factories import make_complaint
from tests.dashboards.test_comparison import fall
from tests.dashboards.test_views import words
from tests.factories import NOW, make_affiliate, make_brand, make_customer, make_purchase, make_staff
from tests.insights.conftest import Shop
from tests.insights.test_privacy import fill_programme, respond_many

PAGE = "/portal/brands/lumbre/"
ENGLISH = {"accept-language": "en"}
DAY = timedelta(days=1)


@pytest.fixture
def as_sofia(client: Client, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr(programme, "database_now", lambda: NOW)
    client.force_login(make_staff(shop.brand))
    return client


def promised(shop: Shop, affiliate: Affiliate, order: str) -> None:
    """For today, and not reported delivered."""
    make_purchase(
        make_customer(shop.brand),
        affiliate=affiliate,
        external_id=order,
        purchased_at=NOW - 2 * DAY,
        delivered_at=None,
        promised_on=NOW.date(),
    )


def test_with_nothing_to_show_it_says_so(as_sofia: Client, shop: Shop) -> None:
    page = as_sofia.get(PAGE, headers=ENGLISH)

    said = words(page)
    for sentence in (
        "Nobody has answered in the last 90 days.",
        "None: no order and no case is near its end or past it.",
        "Nobody stands out for the worse by more than chance.",
        "Nobody has said yet what to improve, or too few have.",
        "No purchase is old enough yet to be asked about.",
    ):
        assert sentence in said
    assert f'/admin/surveys/response/?brand={shop.brand.pk}"' in page.content.decode()


def test_it_names_what_is_at_risk_who_needs_attention_and_what_to_improve(
    as_sofia: Client, shop: Shop, ana: Affiliate
) -> None:
    fill_programme(shop)
    respond_many(shop, ana, 20, csat=1, improve=["info_previa"])
    fold_changes(now=NOW)
    reckon_figures(shop.brand, now=NOW)
    fall(None, shop.brand, "csat")
    make_purchase(make_customer(shop.brand), purchased_at=NOW - 20 * DAY)  # a shop that reports deliveries
    promised(shop, ana, "P-today")
    case = make_complaint(make_purchase(make_customer(shop.brand)), subject="Llegó roto")
    Complaint.objects.filter(pk=case.pk).update(service_due_at=NOW - DAY)

    page = as_sofia.get(PAGE, headers=ENGLISH)

    said, body = words(page), page.content.decode()
    assert "1 order has to arrive within a day and is not reported delivered." in said
    assert "P-today due today 11:59 p.m. the day that the shop named · Ana" in said
    assert "1 case is late." in said
    assert f"{case.number} was due 1 day ago Llegó roto" in said
    assert "The whole programme Satisfied customers have fallen" in said
    assert "Ana 0% satisfied (0–16%, 20 answers): well below the programme." in said
    assert "Brand and affiliates together info_previa 0% would keep it" in said
    assert "Satisfied customers" in said
    assert f'href="/portal/affiliates/lumbre/{ana.code}/">Ana</a>' in body
    assert f'href="/admin/complaints/complaint/{case.pk}/change/"' in body


def test_it_is_for_its_staff_alone(client: Client, as_ana: Client) -> None:
    assert as_ana.get(PAGE).status_code == 404

    client.force_login(make_staff(make_brand("otra"), "Olga"))
    assert client.get(PAGE).status_code == 404


@pytest.mark.parametrize("many", [12, 15])
def test_it_asks_no_more_for_many_and_counts_the_others(
    as_sofia: Client, shop: Shop, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries, many: int
) -> None:
    monkeypatch.setattr(overview, "MOST_ALERTS", 10)
    for number in range(many):
        other = make_affiliate(shop.brand, f"Otra {number}")
        respond_many(shop, other, 5, csat=5, improve=["entrega"])
        fall(other, shop.brand)
        promised(shop, other, f"P-late-{number}")
        make_complaint(make_purchase(make_customer(shop.brand), affiliate=other, purchased_at=NOW - 20 * DAY))
    fold_changes(now=NOW)
    reckon_figures(shop.brand, now=NOW)
    as_sofia.get(PAGE)

    with django_assert_num_queries(27):
        page = as_sofia.get(PAGE).context["page"]
    assert [len(page.attention), page.more_attention] == [8, many - 8]
