"""Lists of the admin: long ones are not counted to their end, and say so."""

import re
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from accounts.admin import BoundedPaginator, BrandModelAdmin, rules
from accounts.models import Brand, Membership
from affiliates.models import Click
from tests.factories import NOW, make_affiliate, make_brand, make_customer, make_link, make_staff

pytestmark = pytest.mark.django_db
IN_ENGLISH = {"Accept-Language": "en"}


@pytest.fixture
def brand() -> Brand:
    return make_brand()


@pytest.fixture
def desk(client: Client, brand: Brand) -> Client:
    client.force_login(make_staff(brand))
    return client


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if three rows were many."""
    monkeypatch.setattr(rules, "MOST_LISTED", 3)


def listed(client: Client, query: str = "") -> Any:
    return client.get(reverse("admin:affiliates_customer_changelist") + query, headers=IN_ENGLISH)


def test_every_list_of_ours_counts_no_further() -> None:
    ours = [model for model in admin.site._registry.values() if isinstance(model, BrandModelAdmin)]

    assert len(ours) > 20
    assert [model for model in ours if not issubclass(model.paginator, BoundedPaginator)] == []


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(("rows", "said"), [(2, "2 customers"), (3, "3 customers"), (4, "more than 3;")])
def test_a_list_says_how_many_or_that_there_are_more(desk: Client, brand: Brand, rows: int, said: str) -> None:
    for _number in range(rows):
        make_customer(brand)

    page = listed(desk)

    assert said in " ".join(page.content.decode().split())
    assert page.context["cl"].result_count == min(rows, 3)
    assert len(page.context["cl"].result_list) == rows  # a page shows what fits


@pytest.mark.usefixtures("few")
def test_counting_reads_one_row_more_than_is_said(
    desk: Client, brand: Brand, django_assert_max_num_queries: Any
) -> None:
    for _number in range(6):
        make_customer(brand)

    with django_assert_max_num_queries(20) as asked:
        listed(desk)

    counts = [query["sql"] for query in asked.captured_queries if "COUNT(" in query["sql"]]
    assert [sql for sql in counts if "affiliates_customer" in sql and "LIMIT 4" not in sql] == []
    assert any("LIMIT 4" in sql for sql in counts)


@pytest.mark.usefixtures("few")
def test_all_of_them_are_offered_without_a_number_that_is_wrong(desk: Client, brand: Brand) -> None:
    link = make_link(make_affiliate(brand))
    for _number in range(4):
        Click.objects.create(link=link, occurred_at=NOW, kind=Click.Kind.VISIT)
    url = reverse("admin:affiliates_click_changelist")

    short = desk.get(url, {"q": "nothing"}, headers=IN_ENGLISH).content.decode()
    long = desk.get(url, headers=IN_ENGLISH).content.decode()

    assert "Select all that were found" in long
    assert "Select all that were found" not in short


def test_whoever_works_for_one_brand_need_not_name_it(client: Client, desk: Client, brand: Brand) -> None:
    page = reverse("admin:affiliates_affiliate_add")
    of_one = desk.get(page).context["adminform"].form.fields["brand"].initial
    of_two = make_staff(make_brand("otra"), "Olga")
    Membership.objects.create(user=of_two, brand=brand, role=Membership.Role.ADMIN)
    client.force_login(of_two)

    assert of_one == brand
    assert client.get(page).context["adminform"].form.fields["brand"].initial is None


def test_a_page_is_headed_by_its_row(desk: Client, brand: Brand) -> None:
    customer = make_customer(brand, name="Carla Ruiz")
    page = desk.get(reverse("admin:affiliates_customer_change", args=[customer.pk]), headers=IN_ENGLISH).text

    assert re.findall("<h1>(.*?)</h1>", page) == ["Carla Ruiz"]
