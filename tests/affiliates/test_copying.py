"""COPY writes what an INSERT would: whatever the texts contain, and however the values of a column are alike."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from affiliates.models import Click, Customer, Product, Purchase
from affiliates.services.copying import copy_rows, copy_values, new_row
from tests.factories import NOW, make_affiliate, make_brand, make_link

pytestmark = pytest.mark.django_db
ODD = ["", "\\N", "\\", "a\tb", "a\nb\r", 'say "hi"', "ñ 😀", "a,b", "{}"]


def read_back(names: list[str]) -> list[tuple[object, ...]]:
    return list(Purchase.objects.order_by("id").values_list(*names))


def test_odd_texts_come_back_as_they_were():
    brand = make_brand()
    copy_values(Product, ["brand_id", "sku", "name", "category", "kind"], [(brand.pk, n, n, "", "goods") for n in ODD])

    assert list(Product.objects.order_by("id").values_list("sku", "name")) == [(each, each) for each in ODD]


@pytest.mark.parametrize("how_many", [1, 3, 2500])
def test_columns_of_one_value_of_several_and_of_none_come_back(how_many):
    brand = make_brand()
    customer = Customer(brand=brand)
    purchases = [
        new_row(
            Purchase,
            {"brand": brand, "customer": customer, "product": None},
            external_id=f"P{number}",
            purchased_at=NOW + timedelta(seconds=number),
            delivered_at=NOW if number % 2 else None,
            amount=Decimal(number) / 100,
            currency="EUR",
            click_ids=ODD if number % 3 else [],
            metadata={"text": ODD[number % len(ODD)], "nothing": None},
        )
        for number in range(how_many)
    ]

    copy_rows([customer], purchases)

    names = ["id", "customer_id", "product_id", *("external_id", "purchased_at", "delivered_at", "amount", "currency")]
    assert read_back([*names, "click_ids", "metadata"]) == [
        tuple(getattr(each, name) for name in [*names, "click_ids", "metadata"]) for each in purchases
    ]
    assert {each.customer_id for each in purchases} == {Customer.objects.get().pk}


def test_a_default_that_only_the_database_has_is_sent_too():
    link = make_link(make_affiliate(make_brand()), "guia")
    clicks = [Click(link=link, occurred_at=NOW), new_row(Click, {"link": link}, occurred_at=NOW)]

    copy_rows(clicks)

    assert list(Click.objects.values_list("is_own_device", flat=True)) == [False, False]


def test_a_new_row_is_like_one_made_by_its_model():
    brand, customer = make_brand(), Customer(brand=make_brand("Otra"))
    values = {"external_id": "P1", "purchased_at": timezone.now(), "coupon_code": "ana10"}

    row = new_row(Purchase, {"brand": brand, "customer": customer, "product": None}, **values)

    usual = Purchase(brand=brand, customer=customer, product=None, **values)
    fields = [field.attname for field in Purchase._meta.concrete_fields]
    assert [getattr(row, name) for name in fields] == [getattr(usual, name) for name in fields]
    assert (row.brand, row.customer, row.product, row._state.adding) == (brand, customer, None, True)


def test_what_the_database_refuses_is_refused_as_any_statement_is():
    brand = make_brand()
    rows = [(brand.pk, "same", "same", "", "goods")] * 2

    with pytest.raises(IntegrityError), transaction.atomic():
        copy_values(Product, ["brand_id", "sku", "name", "category", "kind"], rows)

    assert not Product.objects.exists()
