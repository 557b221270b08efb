"""«¿Por qué esta venta es (o no es) mía?»: an affiliate reads its side of a sale, and attacks the page for the rest."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from accounts.models import Brand, User
from affiliates.models import Affiliate, Attribution, Claim, Click, Coupon, Purchase
from affiliates.selectors import as_filed
from affiliates.services import (
    ClaimInput,
    CustomerInput,
    ProductInput,
    PurchaseInput,
    accept_claim,
    change_purchase,
    correct_attribution,
    decline_claim,
    file_claim,
    record_purchases,
    record_refund,
)
from insights.reasons import as_sales, sales_of
from tests.dashboards.test_views import words
from tests.factories import NOW, make_affiliate, make_link, make_member, make_staff
from tests.insights.conftest import Shop

SALES, CLAIMS = "/portal/sales/", "/portal/sales/claims/"
DAY = timedelta(days=1)
IN_ENGLISH = {"Accept-Language": "en"}
BOUGHT = NOW - 3 * DAY - timedelta(minutes=23, seconds=17)  # 7 March, 12:36:43 in Madrid
CUSTOMER = CustomerInput(external_id="K-77331", email="carla.ruiz@correo.example", name="Carla Ruiz")


@pytest.fixture
def bruno(shop: Shop) -> Affiliate:
    bruno = make_affiliate(shop.brand, "Bruno Rival", code="bruno-r")
    Coupon.objects.create(brand=shop.brand, affiliate=bruno, code="rival5", valid_from=NOW - 400 * DAY)
    return bruno


@pytest.fixture
def click(ana: Affiliate, bruno: Affiliate) -> Callable[..., str]:
    links = {"ana": make_link(ana, "guia", campaign="Guía de botas"), "bruno": make_link(bruno, "rv", campaign="Rival")}

    def follow(whose: str, at: datetime, **fields: Any) -> str:
        return Click.objects.create(link=links[whose], occurred_at=at, **fields).public_id

    return follow


def buy(brand: Brand, **evidence: Any) -> Purchase:
    given = PurchaseInput(
        "L-90210",
        BOUGHT,
        amount=Decimal("149.35"),
        currency="EUR",
        customer=CUSTOMER,
        product=ProductInput(sku="BOT-42", name="Botas de secreto"),
    )
    [recorded] = record_purchases(brand, [given._replace(**evidence)], now=NOW, source="api")
    assert recorded.purchase is not None, recorded.errors
    return recorded.purchase


def page_of_sale(affiliate: Affiliate, own: str = "/portal/") -> str:
    [sale] = as_sales(affiliate, list(sales_of(affiliate)))
    return f"{own}sales/{sale.on.isoformat()}/{sale.mark}/"


def claim(affiliate: Affiliate, brand: Brand, *, reason: str = "", **told: Any) -> Claim:
    """Filed, and declined where a reason is given."""
    given = {"order_reference": "L-90210", "purchased_on": BOUGHT.date(), "amount": Decimal("149.35")} | told
    filed, _is_new = file_claim(affiliate, ClaimInput(currency="EUR", **given), by=None, now=NOW)  # type: ignore[arg-type]
    if reason:
        decline_claim(filed, reason=reason, by=staff_of(brand), now=NOW)
    return filed


def staff_of(brand: Brand) -> User:
    return User.objects.filter(memberships__brand=brand).first() or make_staff(brand)


def page_of_claim(client: Client) -> str:
    """Where the list of claims leads to."""
    [path] = re.findall(r'href="([^"]*/sales/claims/[0-9a-f]+/)"', client.get(CLAIMS).text)
    return path


def bare(page: Any) -> str:
    """The page without what differs at every look, and without the address of itself."""
    text = re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"|nonce="[^"]+"', "", page.text)
    return text.replace(page.request["PATH_INFO"], "")


def assert_tells_nothing(text: str, purchase: Purchase) -> None:
    """Nothing of who bought, of the hour, of ids, or of rivals."""
    customer = purchase.customer
    times = [BOUGHT, *Click.objects.values_list("occurred_at", flat=True)]
    secrets = [
        *(
            "Carla",
            "Ruiz",
            "carla.ruiz",
            "correo.example",
            "K-77331",
            "L-90210",
            "149.35",
            "149,35",
            "BOT-42",
            "Botas de secreto",
        ),
        *("Bruno", "bruno-r", "rival5", "RIVAL5", "Rival", "/r/rv"),
        *(str(customer.uuid), purchase.created_at.isoformat()),
        *Click.objects.values_list("public_id", flat=True),
        *{f"{at + shift:%H:%M}" for at in times for shift in (0 * DAY, timedelta(hours=1), timedelta(hours=2))},
    ]
    assert [secret for secret in secrets if secret in text] == []


# --- It is mine ------------------------------------------------------------------------------------------------------
def test_a_sale_by_link_says_so_and_no_more(
    as_ana: Client, shop: Shop, ana: Affiliate, bruno: Affiliate, click: Callable[..., str]
) -> None:
    shown = [click("ana", BOUGHT - 5 * DAY), click("bruno", BOUGHT - 6 * DAY), click("ana", BOUGHT - 40 * DAY)]
    purchase = buy(shop.brand, click_ids=tuple(shown))

    listed, page = as_ana.get(SALES, headers=IN_ENGLISH), as_ana.get(page_of_sale(ana), headers=IN_ENGLISH)

    assert f'href="{page_of_sale(ana)}"' in listed.text
    why = page.context["why"]
    assert [(row.what, str(row.on), row.won) for row in why.evidence] == [
        ("A visit by your link “Guía de botas”", "2026-03-02", True),
        ("A visit by your link “Guía de botas”", "2026-01-26", False),
    ]
    assert "30 days" in why.evidence[1].outcome
    assert (why.is_own, why.on.isoformat()) == (True, "2026-03-07")
    for text in (listed.text, page.text):
        assert_tells_nothing(text, purchase)


@pytest.mark.parametrize(
    ("evidence", "how"),
    [
        ({"coupon": "ANA10"}, "coupon"),
        ({"affiliate": "ana"}, "declared"),
        ({"affiliate": "ana", "coupon": "rival5"}, "declared"),
    ],
)
def test_other_ways_are_told_as_well(
    as_ana: Client, shop: Shop, ana: Affiliate, bruno: Affiliate, evidence: dict[str, str], how: str
) -> None:
    Coupon.objects.create(brand=shop.brand, affiliate=ana, code="ana10", valid_from=NOW - 400 * DAY)
    purchase = buy(shop.brand, **evidence)

    page = as_ana.get(page_of_sale(ana))

    [sale] = as_sales(ana, list(sales_of(ana)))
    assert (sale.method, page.context["why"].evidence[0].won) == (how, True)
    assert page.context["why"].evidence[0].on is None
    assert_tells_nothing(page.text, purchase)


def test_that_a_customer_came_back_ties_no_two_purchases(as_ana: Client, shop: Shop, ana: Affiliate) -> None:
    buy(shop.brand, external_id="L-1", purchased_at=BOUGHT - 50 * DAY, affiliate="ana")
    buy(shop.brand)

    [sale] = [each for each in as_sales(ana, list(sales_of(ana))) if each.method == "customer"]
    page = as_ana.get(f"/portal/sales/{sale.on}/{sale.mark}/")

    assert [row.on for row in page.context["why"].evidence] == [None]
    assert "2026-01-16" not in page.text
    assert "16 de enero" not in words(page)


def test_nobody_learns_who_answered_a_survey(as_ana: Client, shop: Shop, ana: Affiliate) -> None:
    """A sale that the customer ascribed to Ana, maybe in a survey, and one that staff did: the same to the letter."""
    pages = []
    for number, by_staff in enumerate((True, False)):
        who = CustomerInput(external_id=f"K-{number}")
        purchase = buy(
            shop.brand, external_id=f"M-{number}", customer=who, **({} if by_staff else {"recommended_by": "ana"})
        )
        if by_staff:
            correct_attribution(purchase, affiliate=ana, by=make_staff(shop.brand), note="Lo comprobé", now=NOW)
        pages.append((bare(as_ana.get(page_of_sale(ana))), listed_of(as_ana)))
        current = Attribution.objects.current().get(purchase=purchase)
        assert current.reason == ("manual" if by_staff else "self_declared")
        current.delete()

    assert pages[0] == pages[1]
    assert "Lo comprobé" not in pages[0][0]


def listed_of(client: Client) -> str:
    return re.sub(r"[\d-]+/[0-9a-f]{20}/", "—", bare(client.get(SALES)))


def test_what_becomes_of_a_purchase_changes_nothing_here(
    as_ana: Client, shop: Shop, ana: Affiliate, click: Callable[..., str]
) -> None:
    purchase = buy(shop.brand, click_ids=(click("ana", BOUGHT - 5 * DAY),))
    address = page_of_sale(ana)
    before = (bare(as_ana.get(address)), bare(as_ana.get(SALES)))

    change_purchase(purchase, {"delivered_at": NOW, "promised_on": NOW.date()})
    record_refund(purchase, external_id="D-1", amount=Decimal("149.35"), refunded_at=NOW)
    purchase.refresh_from_db()

    assert purchase.state == "refunded"
    assert (bare(as_ana.get(address)), bare(as_ana.get(SALES))) == before


def test_which_of_a_day_came_first_is_not_told(shop: Shop, ana: Affiliate) -> None:
    day = BOUGHT.replace(hour=8)
    for number in range(12):
        who = CustomerInput(external_id=f"K-{number}")
        buy(
            shop.brand,
            external_id=f"M-{number}",
            customer=who,
            affiliate="ana",
            purchased_at=day + timedelta(minutes=number),
        )

    attributions = list(sales_of(ana))

    marks = [sale.mark for sale in as_sales(ana, attributions)]
    assert marks == sorted(marks)
    assert marks == [sale.mark for sale in as_sales(ana, attributions[::-1])]


# --- What is not mine is not there -----------------------------------------------------------------------------------
def test_a_sale_of_somebody_else_has_no_page(
    as_ana: Client, client: Client, shop: Shop, ana: Affiliate, bruno: Affiliate
) -> None:
    purchase = buy(shop.brand, coupon="rival5")
    theirs = page_of_sale(bruno)
    mark = theirs.rstrip("/").rpartition("/")[2]

    for guess in (mark, "0" * 20, str(purchase.pk), "L-90210", str(purchase.customer.uuid)):
        assert as_ana.get(f"/portal/sales/2026-03-07/{guess}/").status_code == 404
        assert as_ana.get(f"/portal/affiliates/lumbre/bruno-r/sales/2026-03-07/{guess}/").status_code == 404
    rival = Client()
    rival.force_login(make_member(bruno))
    assert rival.get(theirs).status_code == 200


@pytest.mark.parametrize("day", ["2026-03-06", "2026-03-08", "ayer", "2026-02-30", "0001-01-01", "9999-12-31"])
def test_a_mark_opens_its_own_day_only(as_ana: Client, shop: Shop, ana: Affiliate, day: str) -> None:
    buy(shop.brand, affiliate="ana")
    mark = page_of_sale(ana).rstrip("/").rpartition("/")[2]

    assert as_ana.get(f"/portal/sales/{day}/{mark}/").status_code == 404


def test_a_sale_that_is_taken_away_has_no_page_any_more(as_ana: Client, shop: Shop, ana: Affiliate) -> None:
    purchase = buy(shop.brand, affiliate="ana")
    address = page_of_sale(ana)

    correct_attribution(purchase, affiliate=None, by=make_staff(shop.brand), note="Error", now=NOW)

    assert as_ana.get(address).status_code == 404


# --- Claimed, and not mine -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("case", "outcome"),
    [
        ("window_over", "More than 30 days"),
        ("coupon", "Other evidence counts more"),
        ("later_click", "the last one counts"),
        ("suspended", "Your account was not active"),
        ("self_referral", "is you, or somebody of your account"),
        ("after", "It came after the purchase"),
        ("robot", "robot"),
    ],
)
def test_a_declined_claim_says_which_rule_lost(
    as_ana: Client, shop: Shop, ana: Affiliate, bruno: Affiliate, click: Callable[..., str], case: str, outcome: str
) -> None:
    evidence: dict[str, Any] = {"click_ids": (click("ana", BOUGHT - 5 * DAY),)}
    if case == "window_over":
        evidence = {"click_ids": (click("ana", BOUGHT - 45 * DAY),)}
    elif case == "coupon":
        evidence["coupon"] = "rival5"
    elif case == "later_click":
        evidence["click_ids"] += (click("bruno", BOUGHT - 2 * DAY),)
    elif case == "suspended":
        Affiliate.objects.filter(pk=ana.pk).update(status="suspended")
    elif case == "self_referral":
        evidence["customer"] = CustomerInput(email=ana.members.get().user.email)
    elif case == "after":
        evidence = {"click_ids": (click("ana", BOUGHT + DAY),)}
    elif case == "robot":
        evidence = {"click_ids": (click("ana", BOUGHT - DAY, kind="bot"),)}
    purchase = buy(shop.brand, **evidence)
    Affiliate.objects.filter(pk=ana.pk).update(status="active")
    claim(ana, shop.brand, reason=Claim.Reason.OUTSIDE_RULES)

    page = as_ana.get(page_of_claim(as_ana), headers=IN_ENGLISH)

    why = page.context["why"]
    assert (why.is_own, len(why.evidence)) == (False, 1)
    assert outcome in why.evidence[0].outcome
    assert "The rules of the programme do not credit it." in words(page)
    told = page.text.replace("L-90210", "")  # the number is the affiliate's own word here
    assert_tells_nothing(told, purchase)


def test_an_accepted_claim_is_explained_as_mine(
    as_ana: Client, shop: Shop, ana: Affiliate, bruno: Affiliate, click: Callable[..., str]
) -> None:
    purchase = buy(shop.brand, coupon="rival5", click_ids=(click("ana", BOUGHT - 5 * DAY),))
    accept_claim(claim(ana, shop.brand), by=make_staff(shop.brand), now=NOW)

    page = as_ana.get(page_of_claim(as_ana))

    assert page.context["why"].is_own
    assert_tells_nothing(page.text.replace("L-90210", ""), purchase)


def test_an_open_claim_tells_nothing_of_an_order(as_ana: Client, shop: Shop, ana: Affiliate) -> None:
    filed = claim(ana, shop.brand)
    address = f"{CLAIMS}{as_filed(filed).mark}/"
    without = bare(as_ana.get(address))
    buy(shop.brand, affiliate="ana")

    assert bare(as_ana.get(address)) == without
    assert as_ana.get(address).context["why"] is None


def test_whoever_guesses_order_numbers_learns_nothing(
    as_ana: Client, shop: Shop, ana: Affiliate, bruno: Affiliate, click: Callable[..., str]
) -> None:
    """No such order; one of a rival; one that Ana's link was followed for, of another amount or on another day."""
    made: list[Callable[[], Any]] = [
        lambda: None,
        lambda: buy(shop.brand, coupon="rival5"),
        lambda: buy(shop.brand, coupon="rival5", click_ids=(first,), amount=Decimal("1.00")),
        lambda: buy(shop.brand, coupon="rival5", click_ids=(first,), purchased_at=BOUGHT - 4 * DAY),
    ]
    first = click("ana", BOUGHT - 6 * DAY)
    pages = set()
    for make in made:
        make()
        claim(ana, shop.brand, reason=Claim.Reason.NOT_CONFIRMED)
        page = as_ana.get(page_of_claim(as_ana))
        assert page.context["why"] is None
        pages.add(bare(page))
        Claim.objects.all().delete()
        Attribution.objects.all().delete()
        Purchase.objects.all().delete()

    assert len(pages) == 1


def test_a_rivals_claim_is_not_there(as_ana: Client, shop: Shop, ana: Affiliate, bruno: Affiliate) -> None:
    theirs = as_filed(claim(bruno, shop.brand, reason=Claim.Reason.TOO_VAGUE))

    assert as_ana.get(f"{CLAIMS}{theirs.mark}/").status_code == 404
    assert as_ana.get(f"{CLAIMS}{Claim.objects.get().pk}/").status_code == 404


# --- The list --------------------------------------------------------------------------------------------------------
def test_a_long_list_has_pages_and_asks_as_much_as_a_short_one(
    as_ana: Client, shop: Shop, ana: Affiliate, django_assert_num_queries: Any
) -> None:
    def sell(number: int) -> None:
        who = CustomerInput(external_id=f"K-{number}")
        buy(shop.brand, external_id=f"M-{number}", customer=who, affiliate="ana")

    sell(0)
    as_ana.get(SALES)
    with django_assert_num_queries(20, exact=False) as one:
        as_ana.get(SALES)
    for number in range(1, 30):
        sell(number)

    with django_assert_num_queries(len(one)):
        page = as_ana.get(SALES)
    assert len(page.context["rows"]) == 25
    assert len(as_ana.get(f"{SALES}?page=2").context["rows"]) == 5
    assert len({row.url for row in [*page.context["rows"], *as_ana.get(f"{SALES}?page=2").context["rows"]]}) == 30


def test_staff_read_it_as_the_affiliate_does(client: Client, shop: Shop, ana: Affiliate) -> None:
    buy(shop.brand, affiliate="ana")
    client.force_login(make_staff(shop.brand))

    own = "/portal/affiliates/lumbre/ana/"
    assert client.get(page_of_sale(ana, own)).status_code == 200
    assert f'href="{page_of_sale(ana, own)}"' in client.get(f"{own}sales/").text
