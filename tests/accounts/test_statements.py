"""Statements written once find the same as querysets: whole objects, of several tables, and a word beside."""

from contextlib import closing

import pytest
from django.db import DataError, connection, models, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import ApiKey, Brand
from accounts.services import create_api_key
from accounts.statements import execute_planned, select
from affiliates.models import Purchase
from tests.factories import make_brand, make_customer, make_purchase

pytestmark = pytest.mark.django_db


def values_of(row: models.Model) -> dict[str, object]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def test_objects_are_as_a_queryset_finds_them():
    purchase = make_purchase(make_customer(make_brand()), metadata={"basket": [1, None]}, click_ids=["c1"])

    [(found,)] = select([Purchase], " FROM affiliates_purchase WHERE id = %s", [purchase.pk])

    assert (found, values_of(found)) == (purchase, values_of(Purchase.objects.get()))
    assert (found._state.adding, found._state.db) == (False, "default")


def test_two_objects_and_a_word_come_in_one_row_by_one_statement_after_another():
    brand = make_brand()
    create_api_key(brand, name="shop")
    joined = ", 'word' FROM accounts_apikey JOIN accounts_brand ON accounts_brand.id = brand_id WHERE brand_id = %s"

    with CaptureQueriesContext(connection) as queries:
        [(key, its_brand, word)] = select([ApiKey, Brand], joined, [7, brand.pk], first="SELECT %s; ")

    assert len(queries) == 1
    assert (key, values_of(its_brand), word) == (ApiKey.objects.get(), values_of(Brand.objects.get()), "word")


def planned() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return [statement for (statement,) in cursor.fetchall()]


def test_a_statement_is_planned_once_and_runs_with_other_values():
    doubled = []
    for number in (3, 4):
        with connection.cursor() as cursor:
            execute_planned(cursor, "SELECT 2 * $1::int, $2::text", [number, "a'b"])
            doubled.append(cursor.fetchone())

    assert doubled == [(6, "a'b"), (8, "a'b")]
    assert len([statement for statement in planned() if "SELECT 2 * $1" in statement]) == 1


def test_a_statement_that_failed_at_first_runs_the_next_time():
    with connection.cursor() as cursor:
        with pytest.raises(DataError), transaction.atomic():
            execute_planned(cursor, "SELECT 12 / $1::int", [0])
        execute_planned(cursor, "SELECT 12 / $1::int", [4])

        assert cursor.fetchone() == (3,)


def test_another_connection_plans_anew():
    other = connection.copy()
    with connection.cursor() as cursor:
        execute_planned(cursor, "SELECT 5 + $1::int", [1])

    other.connect()
    with closing(other):
        assert other.planned == {}


@pytest.mark.django_db(transaction=True)
def test_a_column_of_another_type_is_planned_anew():
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE parcel AS SELECT 'PEDIDO-1'::varchar(10) AS name")
        for kind in ("varchar(20)", "text"):
            execute_planned(cursor, "SELECT name FROM parcel WHERE name = $1", ["PEDIDO-1"])
            cursor.execute(f"ALTER TABLE parcel ALTER COLUMN name TYPE {kind}")

        execute_planned(cursor, "SELECT name FROM parcel WHERE name = $1", ["PEDIDO-1"])

        assert cursor.fetchone() == ("PEDIDO-1",)
        cursor.execute("DROP TABLE parcel")
