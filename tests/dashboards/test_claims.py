"""Sales that an affiliate misses, claimed in the portal."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils.formats import date_format

from accounts.clock import database_now
from affiliates.models import Affiliate, Claim
from affiliates.services import accept_claim, decline_claim
from tests.factories import make_affiliate, make_customer, make_purchase, make_staff
from tests.insights.conftest import Shop

CLAIMS = "/portal/sales/claims/"


@pytest.fixture
def given(db: None) -> dict[str, str]:
    bought_on = (database_now() - timedelta(days=3)).date()
    return {
        "order_reference": "L-1001",
        "purchased_on": bought_on.isoformat(),
        "amount": "49.90",
        "currency": "EUR",
        "text": "Usó mi cupón",
    }


def test_a_claim_is_filed_and_listed_with_its_due_date(as_ana: Client, ana: Affiliate, given: dict[str, str]) -> None:
    response = as_ana.post(CLAIMS, given)

    claim = Claim.objects.get()
    assert response.headers["Location"] == CLAIMS
    assert (claim.affiliate, claim.filed_by, claim.order_reference) == (ana, ana.members.get().user, "L-1001")
    [listed] = as_ana.get(CLAIMS).context["page_obj"]
    assert (listed.order_reference, listed.state, listed.due_on) == ("L-1001", "open", claim.due_on)


@pytest.mark.parametrize("changed", [{}, {"amount": "1"}, {"order_reference": " l-1001 "}])
def test_claiming_an_order_twice_shows_the_first_with_its_due_date(
    as_ana: Client, given: dict[str, str], changed: dict[str, str]
) -> None:
    as_ana.post(CLAIMS, given, follow=True)
    again = as_ana.post(CLAIMS, {**given, **changed}, follow=True)

    claim = Claim.objects.get()
    assert str(claim.amount) == "49.90"
    assert again.context["claim"].order_reference == "L-1001"
    [said] = [str(message) for message in again.context["messages"]]
    assert "L-1001" in said
    assert date_format(claim.due_on, "DATE_FORMAT") in said


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("order_reference", " "),
        ("purchased_on", "2999-01-01"),
        ("purchased_on", "2001-01-01"),
        ("purchased_on", "ayer"),
        ("amount", "-1"),
        ("amount", "mucho"),
        ("currency", "XXQ"),
        ("text", "x" * 1001),
    ],
)
def test_what_does_not_hold_is_said_and_nothing_is_lost(
    as_ana: Client, given: dict[str, str], field: str, value: str
) -> None:
    response = as_ana.post(CLAIMS, {**given, field: value})

    form = response.context["form"]
    assert response.status_code == 200
    assert list(form.errors) == [field]
    assert {name: form[name].value() for name in given} == {**given, field: value}
    assert not Claim.objects.exists()


def test_filing_tells_nothing_of_an_order(as_ana: Client, shop: Shop, given: dict[str, str]) -> None:
    """An order that is not there, one that is, and one of a rival: the same answer, letter for letter."""
    customer = make_customer(shop.brand, "Carla Ruiz")
    rival = make_affiliate(shop.brand, "Bruno")
    make_purchase(customer, external_id="L-1002")
    make_purchase(customer, affiliate=rival, external_id="L-1003")

    pages = {file_and_read(as_ana, {**given, "order_reference": f"L-100{number}"}) for number in (1, 2, 3)}

    assert len(pages) == 1
    assert "Carla" not in pages.pop()


def file_and_read(client: Client, given: dict[str, str]) -> str:
    """The page after filing, without the order's own number and the form's secret."""
    page = client.post(CLAIMS, given, follow=True).content.decode()
    Claim.objects.all().delete()
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"|nonce="[^"]+"', "", page).replace(
        given["order_reference"], "—"
    )


def test_the_answer_is_read_with_its_reason(as_ana: Client, shop: Shop, given: dict[str, str]) -> None:
    make_purchase(make_customer(shop.brand, "Carla Ruiz"), external_id="L-1001")
    for order in ("L-1001", "L-1002"):
        as_ana.post(CLAIMS, {**given, "order_reference": order})
    answered: dict[str, Any] = {"by": make_staff(shop.brand), "now": database_now()}
    accept_claim(Claim.objects.get(order_reference="L-1001"), answer="Gracias", **answered)
    declined = Claim.objects.get(order_reference="L-1002")
    decline_claim(declined, reason=Claim.Reason.TOO_VAGUE, answer="Falta la fecha", **answered)

    response = as_ana.get(CLAIMS)

    listed = {claim.order_reference: (claim.state, claim.reason) for claim in response.context["page_obj"]}
    assert listed == {"L-1001": ("accepted", "credited"), "L-1002": ("declined", "too_vague")}
    assert "Gracias" in response.content.decode()
    assert "Falta la fecha" in response.content.decode()
    assert "Carla" not in response.content.decode()


def test_a_rivals_claims_are_not_there(as_ana: Client, shop: Shop, given: dict[str, str]) -> None:
    bruno = make_affiliate(shop.brand, "Bruno")
    as_ana.post(CLAIMS, given)
    Claim.objects.update(affiliate=bruno)

    assert list(as_ana.get(CLAIMS).context["page_obj"]) == []
    assert as_ana.get("/portal/affiliates/lumbre/bruno/sales/claims/").status_code == 404
    assert as_ana.post("/portal/affiliates/lumbre/bruno/sales/claims/", given).status_code == 404


def test_staff_read_claims_but_file_none(client: Client, shop: Shop, ana: Affiliate, given: dict[str, str]) -> None:
    client.force_login(make_staff(shop.brand))
    path = "/portal/affiliates/lumbre/ana/sales/claims/"

    assert 'name="order_reference"' not in client.get(path).content.decode()
    assert client.post(path, given).status_code == 403
    assert not Claim.objects.exists()


def test_sales_lead_to_claims(as_ana: Client) -> None:
    assert f'href="{CLAIMS}"' in as_ana.get("/portal/sales/").content.decode()
