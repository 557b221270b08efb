"""What an affiliate's customers bring by recommending the brand: told by k at once, and of one order only among k."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client

from affiliates.models import Affiliate, Attribution
from affiliates.selectors import as_filed
from affiliates.services import ClaimInput, decline_claim, file_claim
from insights.services.contributing import count_contributions
from tests.factories import NOW, make_customer, make_purchase, make_staff
from tests.insights.conftest import Shop

PAGE = "/portal/sales/?by=customers"
IN_ENGLISH = {"Accept-Language": "en"}


@pytest.fixture
def own_customers(shop: Shop, ana: Affiliate) -> None:
    for _number in range(5):
        make_purchase(make_customer(shop.brand), affiliate=ana)


def recommend(shop: Shop, ana: Affiliate, n: int) -> None:
    """So many purchases by people to whom Ana's customers recommended the brand, counted as at night."""
    for number in range(n):
        purchase = make_purchase(
            make_customer(shop.brand, f"Luis {number}"), external_id=f"R-{number}", amount=Decimal("33.10")
        )
        Attribution.objects.filter(purchase=purchase).update(
            method="referral", reason="customer_referral", indirect_affiliate=ana
        )
    count_contributions(shop.brand, now=NOW)


def read(client: Client, url: str = PAGE) -> str:
    return " ".join(client.get(url, headers=IN_ENGLISH).content.decode().split())


@pytest.mark.usefixtures("own_customers")
@pytest.mark.parametrize("n", [0, 1, 4])
def test_fewer_than_k_are_not_told(as_ana: Client, shop: Shop, ana: Affiliate, n: int) -> None:
    nothing = read(as_ana)
    recommend(shop, ana, n)

    page = read(as_ana)

    assert without_secrets(page) == without_secrets(nothing)
    assert "There is nothing to tell yet." in page


@pytest.mark.usefixtures("own_customers")
def test_from_k_on_a_number_reached_is_told_and_no_single_purchase(as_ana: Client, shop: Shop, ana: Affiliate) -> None:
    recommend(shop, ana, 5)
    page = read(as_ana)
    assert "has led to 5 purchases or a few more" in page
    assert [word for word in ("Luis", "R-0", "33.10", "March 2026") if word in page] == []

    recommend_one_more = make_purchase(make_customer(shop.brand), external_id="R-9")
    Attribution.objects.filter(purchase=recommend_one_more).update(indirect_affiliate=ana)
    count_contributions(shop.brand, now=NOW + timedelta(days=1))
    assert without_secrets(read(as_ana)) == without_secrets(page)


@pytest.mark.usefixtures("own_customers")
def test_they_are_not_among_ones_own_sales(as_ana: Client, shop: Shop, ana: Affiliate) -> None:
    recommend(shop, ana, 5)

    page = read(as_ana, "/portal/sales/")

    assert "5 purchases are credited to you." in page
    assert f'href="{PAGE}"' in page


@pytest.mark.usefixtures("own_customers")
@pytest.mark.parametrize(("n", "is_told"), [(1, False), (4, False), (5, True)])
def test_a_claimed_order_says_that_a_customer_recommended_it_only_among_k(
    as_ana: Client, shop: Shop, ana: Affiliate, n: int, is_told: bool
) -> None:
    recommend(shop, ana, n)
    bought_on = (NOW - timedelta(days=3)).date()
    given = ClaimInput(order_reference="R-0", purchased_on=bought_on, amount=Decimal("33.10"), currency="EUR")
    claim, _is_new = file_claim(ana, given, by=ana.members.get().user, now=NOW)
    claim = decline_claim(claim, reason="outside_rules", by=make_staff(shop.brand), now=NOW)

    page = read(as_ana, f"/portal/sales/claims/{as_filed(claim).mark}/")

    assert ("A customer whom you had brought recommended the shop." in page) == is_told
    assert ("there is no visit, coupon or other evidence of yours" in page) != is_told
    assert "Luis" not in page


@pytest.mark.usefixtures("own_customers")
def test_what_a_rivals_customers_bring_is_not_there(as_ana: Client, shop: Shop, ana: Affiliate) -> None:
    recommend(shop, ana, 5)
    Attribution.objects.filter(indirect_affiliate=ana).update(indirect_affiliate=None)
    count_contributions(shop.brand, now=NOW)

    assert as_ana.get("/portal/affiliates/lumbre/bruno/sales/?by=customers").status_code == 404


def without_secrets(page: str) -> str:
    return " ".join(part for part in page.split() if "nonce=" not in part and "value=" not in part)
