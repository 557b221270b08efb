"""A coupon stands for one affiliate at a time; a purchase goes to whoever had it then."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.clock import database_now
from accounts.models import Brand, Membership
from affiliates.models import Affiliate, Coupon
from affiliates.services import CustomerInput, PurchaseInput, end_coupon, give_coupon, record_purchases
from tests.factories import NOW, make_affiliate, make_brand, make_staff

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def brand() -> Brand:
    return make_brand()


@pytest.fixture
def ana(brand: Brand) -> Affiliate:
    return make_affiliate(brand)


@pytest.fixture
def bruno(brand: Brand) -> Affiliate:
    return make_affiliate(brand, "Bruno")


@pytest.fixture
def sofia(brand: Brand) -> Client:
    client = Client()
    client.force_login(make_staff(brand))
    return client


def history() -> list[tuple[Any, ...]]:
    return list(Coupon.objects.order_by("pk").values_list("code", "affiliate__code", "valid_from", "valid_until"))


def test_it_changes_hands_and_both_owners_stay_on_record(brand, ana, bruno):
    give_coupon(brand, " OTOÑO10 ", ana, now=NOW)
    give_coupon(brand, "otoño10", bruno, now=NOW + DAY)

    assert history() == [("otoño10", "ana", NOW, NOW + DAY), ("otoño10", "bruno", NOW + DAY, None)]


def test_a_purchase_goes_to_whoever_had_the_coupon_when_it_was_bought(brand, ana, bruno):
    give_coupon(brand, "otoño10", ana, now=NOW - 9 * DAY)
    give_coupon(brand, "otoño10", bruno, now=NOW - 5 * DAY)
    end_coupon(Coupon.objects.get(affiliate=bruno), now=NOW - 2 * DAY)
    days = [10, 7, 5, 3, 1]
    bought = [
        PurchaseInput(f"P{day}", NOW - day * DAY, coupon="OTOÑO10", customer=CustomerInput(external_id=f"{day}"))
        for day in days
    ]

    recorded = record_purchases(brand, bought, now=NOW, source="api")

    owners = [each.attribution.affiliate for each in recorded if each.attribution]
    assert owners == [None, ana, bruno, bruno, None]


def test_given_again_to_its_owner_nothing_changes(brand, ana):
    first = give_coupon(brand, "otoño10", ana, now=NOW)

    assert give_coupon(brand, "OTOÑO10", ana, now=NOW + DAY) == first
    assert history() == [("otoño10", "ana", NOW, None)]


def test_one_that_ends_later_can_be_given_on_before(brand, ana, bruno):
    Coupon.objects.create(brand=brand, affiliate=ana, code="otoño10", valid_from=NOW - DAY, valid_until=NOW + 9 * DAY)

    give_coupon(brand, "otoño10", bruno, now=NOW)

    assert history() == [("otoño10", "ana", NOW - DAY, NOW), ("otoño10", "bruno", NOW, None)]


def test_one_that_begins_later_is_nobodys_to_give_yet(brand, ana, bruno):
    Coupon.objects.create(brand=brand, affiliate=ana, code="otoño10", valid_from=NOW + DAY)

    with pytest.raises(ValidationError) as refusal:
        give_coupon(brand, "otoño10", bruno, now=NOW)

    assert list(refusal.value.message_dict) == ["code"]
    assert history() == [("otoño10", "ana", NOW + DAY, None)]


@pytest.mark.parametrize("code", ["", "  ", "x" * 61])
def test_not_a_coupon_is_refused(brand, ana, code):
    with pytest.raises(ValidationError) as refusal:
        give_coupon(brand, code, ana, now=NOW)

    assert list(refusal.value.message_dict) == ["code"]
    assert history() == []


def test_brands_have_coupons_of_their_own(brand, ana):
    faro = make_brand("faro")
    give_coupon(brand, "otoño10", ana, now=NOW)

    give_coupon(faro, "otoño10", make_affiliate(faro, "Olmo"), now=NOW)
    with pytest.raises(ValidationError):
        give_coupon(faro, "otoño20", ana, now=NOW)

    assert [(code, owner, until) for code, owner, _from, until in history()] == [
        ("otoño10", "ana", None),
        ("otoño10", "olmo", None),
    ]


def test_it_ends_once(brand, ana):
    coupon = give_coupon(brand, "otoño10", ana, now=NOW)

    assert end_coupon(coupon, now=NOW + DAY)
    assert not end_coupon(coupon, now=NOW + 2 * DAY)
    assert history() == [("otoño10", "ana", NOW, NOW + DAY)]


@pytest.mark.django_db(transaction=True)
def test_given_to_ten_at_once_it_has_one_owner_at_any_moment():
    brand, barrier = make_brand(), Barrier(10)
    affiliates = [make_affiliate(brand, f"Ana{number}") for number in range(10)]

    def give(number: int) -> None:
        barrier.wait()
        try:
            give_coupon(brand, "otoño10", affiliates[number], now=NOW)
        except ValidationError:
            pass
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(give, range(10)))

    assert [(begin, end) for _code, _owner, begin, end in history()] == [(NOW, None)]


# --- At the desk -----------------------------------------------------------------------------------------------------
def test_staff_give_pass_on_and_end_a_coupon(brand, ana, bruno, sofia):
    give = reverse("admin:affiliates_affiliate_decide", args=[ana.pk, "coupon"])
    assert give in sofia.get(reverse("admin:affiliates_affiliate_change", args=[ana.pk])).text
    assert sofia.post(give, {"code": "OTOÑO10"}).status_code == 302
    first = Coupon.objects.get()

    passed = sofia.post(reverse("admin:affiliates_coupon_decide", args=[first.pk, "pass"]), {"affiliate": "bruno"})
    assert passed.status_code == 302
    second = Coupon.objects.get(affiliate=bruno)
    ended = sofia.post(reverse("admin:affiliates_coupon_decide", args=[second.pk, "end"]))

    assert ended.status_code == 302
    assert [(owner, until is not None) for _code, owner, _from, until in history()] == [("ana", True), ("bruno", True)]
    assert sofia.get(reverse("admin:affiliates_coupon_add")).status_code == 403


def test_its_history_names_who_gave_it_and_who_took_it(brand, ana, bruno, sofia):
    rosa, tomas = make_staff(brand, "Rosa"), make_staff(brand, "Tomás")
    give_coupon(brand, "otoño10", ana, by=rosa, now=NOW - 2 * DAY)
    coupon = give_coupon(brand, "otoño10", bruno, by=tomas, now=NOW - DAY)
    end_coupon(coupon, by=rosa, now=NOW)

    assert list(Coupon.objects.order_by("pk").values_list("given_by", "ended_by")) == [
        (rosa.pk, tomas.pk),
        (tomas.pk, rosa.pk),
    ]
    page = sofia.get(reverse("admin:affiliates_coupon_change", args=[coupon.pk])).text
    lines = re.findall(r"<li>([^<]*)</li>", page[page.index("field-owners") :])
    assert [re.findall(r"Ana|Bruno|Rosa|Tomás", line) for line in lines[:2]] == [
        ["Bruno", "Tomás", "Rosa"],
        ["Ana", "Rosa", "Tomás"],
    ]


def test_one_that_begins_later_is_refused_in_the_form(brand, ana, bruno, sofia):
    """What the service says of a field that the form does not have still ends at the form."""
    later = database_now() + DAY
    coupon = Coupon.objects.create(brand=brand, affiliate=ana, code="otoño10", valid_from=later)

    response = sofia.post(reverse("admin:affiliates_coupon_decide", args=[coupon.pk, "pass"]), {"affiliate": "bruno"})

    assert response.status_code == 200
    assert list(response.context["form"].errors) == ["__all__"]
    assert history() == [("otoño10", "ana", later, None)]


@pytest.mark.parametrize("code", ["nadie", "olmo", ""])
def test_a_coupon_is_not_passed_to_nobody_or_to_another_brand(brand, ana, sofia, code):
    make_affiliate(make_brand("faro"), "Olmo")
    coupon = give_coupon(brand, "otoño10", ana, now=NOW)

    response = sofia.post(reverse("admin:affiliates_coupon_decide", args=[coupon.pk, "pass"]), {"affiliate": code})

    assert list(response.context["form"].errors) == ["affiliate"]
    assert history() == [("otoño10", "ana", NOW, None)]


def test_reading_staff_give_nothing(brand, ana):
    client = Client()
    client.force_login(make_staff(brand, "Rosa", role=Membership.Role.ANALYST))

    response = client.post(reverse("admin:affiliates_affiliate_decide", args=[ana.pk, "coupon"]), {"code": "x"})

    assert response.status_code == 403
    assert not Coupon.objects.exists()
