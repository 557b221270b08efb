"""«Captar y cuidar», entered by its address: what an affiliate may know of who comes back, and all for staff."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import translation

from accounts.models import AccessLog
from affiliates.models import Customer, Product, Purchase
from complaints.services.opening import Problem, open_complaint
from dashboards.wording import of_ten
from insights.services.attending import count_attention
from insights.services.contributing import count_contributions
from tests.dashboards.test_views import words
from tests.factories import make_affiliate, make_brand, make_customer, make_member, make_purchase, make_staff
from tests.insights.conftest import Shop
from tests.insights.test_privacy import respond_many

ENGLISH = {"accept-language": "en"}
NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
BRAND_PAGE = "/portal/brands/lumbre/customers/"


def buy(shop: Shop, affiliate, *months: int, state: str = "open") -> None:
    """A customer buys in these months of 2026."""
    customer = make_customer(shop.brand)
    for month in months:
        at = datetime(2026, month, 10, 12, tzinfo=UTC)
        make_purchase(customer, affiliate=affiliate, purchased_at=at, state=state)


@pytest.fixture
def loyal(shop, ana):
    """Forty customers of January, ten of whom came back in March and four in April; twelve of June."""
    for number in range(40):
        buy(shop, ana, *((1, 3) if number < 10 else (1, 4) if number < 14 else (1,)))
    for _i in range(12):
        buy(shop, ana, 6)
    count_contributions(shop.brand, now=NOW)


def test_how_many_come_back_and_what_that_rests_on(as_ana, loyal):
    said = words(as_ana.get("/portal/customers/", headers=ENGLISH))

    assert "4 out of 10 buy again within 90 days." in said
    assert "Of 40 customers who first bought 90 days ago or more; it may be between 22% and 50%." in said
    assert "New customers what it means 52 From January 2026 to June 2026: 40, 0, 0, 0, 0, 12" in said
    assert "Purchases what it means 66" in said
    assert "Purchases of somebody who had bought before what it means 14 (21%)" in said
    assert "Half of those who come back do so within what it means about 8 weeks" in said
    assert "Given back what it means between 0–6%" in said
    assert "Recommended by your customers what it means fewer than 5" in said


def test_tenths_are_told_where_there_are_several_and_not_all():
    with translation.override("en"):
        assert [of_ten(share) for share in (0.08, 0.2, 0.94, 0.98)] == ["8%", "2 out of 10", "9 out of 10", "98%"]


def test_small_cells_of_the_triangle_are_dots(as_ana, loyal):
    said = words(as_ana.get("/portal/customers/", headers=ENGLISH))

    # In April four came back; nobody else did who could hide them. June still runs.
    assert "Jan 26 40 · fewer than 5 25% · fewer than 5 · fewer than 5 · fewer than 5" in said
    assert "Jun 26 12" not in said


def test_with_few_customers_the_programme_speaks(as_ana, shop, ana):
    for number in range(5):
        other = make_affiliate(shop.brand, f"Otra {number}")
        for _i in range(8):
            buy(shop, other, 1)
        for _i in range(2):
            buy(shop, other, 1, 2)
    for _i in range(4):
        buy(shop, ana, 1, 2)
    count_contributions(shop.brand, now=NOW)

    said = words(as_ana.get("/portal/customers/", headers=ENGLISH))

    assert "With fewer than 5 customers there is nothing to tell yet about who comes back." in said
    assert "In the rest of the programme 20% buy again within 90 days." in said


def test_with_nothing_sold_the_page_says_what_happens_next(as_ana):
    assert "Nobody has bought through you yet" in words(as_ana.get("/portal/customers/", headers=ENGLISH))


def test_a_refund_changes_nothing_that_is_seen(as_ana, shop, loyal):
    before = [as_ana.get(address).content for address in ("/portal/customers/", "/portal/customers.csv")]

    for purchase in Purchase.objects.order_by("pk")[:4]:
        Purchase.objects.filter(pk=purchase.pk).update(state="refunded")
        count_contributions(shop.brand, now=NOW + timedelta(hours=1))

    after = [as_ana.get(address).content for address in ("/portal/customers/", "/portal/customers.csv")]
    assert [strip(body) for body in after] == [strip(body) for body in before]


def strip(body: bytes) -> str:
    """Without what differs at every look: the token of a form."""
    return "".join(line for line in body.decode().splitlines(keepends=True) if "csrfmiddlewaretoken" not in line)


def test_the_same_goes_out_as_csv(as_ana, loyal):
    response = as_ana.get("/portal/customers.csv", headers=ENGLISH)

    rows = list(csv.reader(io.StringIO(response.content.decode("utf-8-sig"))))
    assert response["Content-Disposition"] == 'attachment; filename="ana-customers.csv"'
    assert rows[1:6] == [
        ["Figure", "Customers", "", "", "", "", "52"],
        ["Figure", "Bought within a year", "", "", "", "", "52"],
        ["Figure", "Bought again within 90 days", "", "0.3500", "0.2213", "0.5049", "40"],
        ["Figure", "Given back", "", "", "0.0000", "0.0606", ""],
        ["Figure", "Complained about", "", "", "0.0000", "0.0606", ""],
    ]
    assert ["First bought in", "2026-01", "2", "0.2500", "", "", "10"] in rows
    assert ["First bought in", "2026-01", "3", "", "", "", ""] in rows


@pytest.fixture
def as_sofia(client, shop):
    client.force_login(make_staff(shop.brand))
    return client


def test_staff_see_every_count_and_every_affiliate(as_sofia, shop, loyal, bruno):
    buy(shop, bruno, 1, 3, state="refunded")
    buy(shop, bruno, 1)
    respond_many(shop, bruno, 1, csat=1)
    count_contributions(shop.brand, now=NOW)

    said = words(as_sofia.get(BRAND_PAGE, headers=ENGLISH))
    one = words(as_sofia.get(f"{BRAND_PAGE}ana/", headers=ENGLISH))

    assert "Bruno 2 2 4 0% 0–66% 2 (50%) 0 (0%) —" in said
    assert "Ana 52 52 66 35% 22–50% 0 (0%) 0 (0%) —" in said
    assert "Jan 26 40 0% 25% 10% 0% 0% Jun 26 12" in one
    assert "Customers 52 New to the brand 52 Purchases 66" in one


def test_staff_search_and_order(as_sofia, shop, loyal, bruno):
    buy(shop, bruno, 1, 2)
    count_contributions(shop.brand, now=NOW)

    def listed(query: str) -> list[str]:
        text = as_sofia.get(BRAND_PAGE + query).text
        return [name for _at, name in sorted((text.find(f">{name}</a>"), name) for name in ("Ana", "Bruno")) if _at > 0]

    assert listed("") == ["Ana", "Bruno"]
    assert listed("?order=repeat") == ["Bruno", "Ana"]
    assert listed("?q=bru") == ["Bruno"]
    assert listed("?q=nobody") == []
    assert listed("?order=password") == ["Ana", "Bruno"]


def test_staff_take_all_as_csv_and_that_is_recorded(as_sofia, loyal):
    response = as_sofia.get("/portal/brands/lumbre/customers.csv", headers=ENGLISH)

    rows = list(csv.reader(io.StringIO(response.content.decode("utf-8-sig"))))
    assert rows[1][:7] == ["ana", "Ana", "52", "52", "52", "40", "0.3500"]
    assert AccessLog.objects.filter(purpose=AccessLog.Purpose.EXPORT, object_type="contribution").count() == 1


def test_staff_read_who_needs_looking_after_by_name(as_sofia, client, shop, ana):
    buy(shop, ana, 1, 2)
    Purchase.objects.update(product=Product.objects.create(brand=shop.brand, sku="moka", name="Cafetera"))
    customer = Customer.objects.get()
    count_contributions(shop.brand, now=NOW)
    count_attention(shop.brand, now=NOW)

    said = words(as_sofia.get(BRAND_PAGE, headers=ENGLISH))
    client.force_login(make_staff(shop.brand, "Alba", role="analyst"))
    to_an_analyst = words(client.get(BRAND_PAGE, headers=ENGLISH))

    silent = "1 customer who used to come back has been silent for more than twice as long as usual."
    assert f"Long silence {silent} {customer} last bought on Feb. 10, 2026 · Cafetera" in said
    assert silent in to_an_analyst
    assert str(customer) not in to_an_analyst
    assert AccessLog.objects.filter(purpose=AccessLog.Purpose.VIEW, object_type="attention").count() == 1


def test_numbers_alone_are_no_look_at_a_customer(as_sofia, shop, ana):
    purchase = make_purchase(make_customer(shop.brand), affiliate=ana)
    open_complaint(shop.brand, Problem("complaint", "Roto"), purchase=purchase, now=NOW)
    count_contributions(shop.brand, now=NOW)
    count_attention(shop.brand, now=NOW)

    assert "1 waits for an answer of ours." in words(as_sofia.get(BRAND_PAGE, headers=ENGLISH))
    assert not AccessLog.objects.exists()


def test_affiliates_read_how_many_and_what_they_can_do(as_ana, shop, ana):
    for _i in range(5):
        buy(shop, ana, 1, 2)
    count_contributions(shop.brand, now=NOW)
    uncounted = words(as_ana.get("/portal/customers/", headers=ENGLISH))
    count_attention(shop.brand, now=NOW - timedelta(days=365))
    before = words(as_ana.get("/portal/customers/", headers=ENGLISH))
    count_attention(shop.brand, now=NOW)

    after = words(as_ana.get("/portal/customers/", headers=ENGLISH))

    assert "Who needs looking after" not in uncounted
    assert "Nothing presses: fewer than 5 of your customers wait for an answer" in before
    assert "About 5 customers who used to come back have been silent for twice as long as usual." in after
    assert not any(str(customer) in after for customer in Customer.objects.all())


def test_a_look_as_the_affiliate_is_recorded_as_what_it_was(as_sofia, loyal):
    own = "/portal/affiliates/lumbre/ana/customers"
    as_sofia.get(f"{own}/")
    as_sofia.get(f"{own}.csv")

    purposes = list(AccessLog.objects.order_by("pk").values_list("purpose", flat=True))
    assert purposes == [AccessLog.Purpose.IMPERSONATE, AccessLog.Purpose.EXPORT]


def test_the_brands_pages_are_for_its_staff(client, shop, ana, loyal):
    pages = [BRAND_PAGE, f"{BRAND_PAGE}ana/", "/portal/brands/lumbre/customers.csv"]
    for user in (make_member(ana), make_staff(make_brand("otra"), "Olga")):
        client.force_login(user)
        assert [client.get(page).status_code for page in pages] == [404, 404, 404]
    client.force_login(make_staff(shop.brand))
    make_affiliate(make_brand("tercera"), "Ajena")
    assert client.get(f"{BRAND_PAGE}ajena/").status_code == 404


@pytest.mark.parametrize("affiliates", [1, 3])
def test_pages_ask_the_database_as_often_for_many(as_sofia, shop, loyal, affiliates, django_assert_max_num_queries):
    for number in range(affiliates):
        buy(shop, make_affiliate(shop.brand, f"Otra {number}"), 1, 2)
    count_contributions(shop.brand, now=NOW)
    count_attention(shop.brand, now=NOW)

    with django_assert_max_num_queries(13):
        as_sofia.get(BRAND_PAGE)
    with django_assert_max_num_queries(24):
        as_sofia.get("/portal/affiliates/lumbre/ana/customers/")


@pytest.fixture
def bruno(shop):
    return make_affiliate(shop.brand, "Bruno")
