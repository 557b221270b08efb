"""Counts of answers: right after every change, whatever happens meanwhile, and equal to counting all anew."""

import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction

from affiliates.models import PurchaseChange
from complaints.models import ComplaintChange
from insights.models import CountedResponse, Rollup
from insights.services import fold_changes, rebuild_rollups
from insights.services.folding import _lock
from surveys.models import ResponseChange, Wave
from tests.factories import NOW, make_affiliate, make_brand, make_link, make_product
from tests.insights.conftest import Shop
from tests.world import new_case


def rollups(**which: Any) -> dict[tuple[str, str], int]:
    return {
        (row.question, row.value): row.count for row in Rollup.objects.filter(**which).order_by("question", "value")
    }


def everything() -> list[tuple[Any, ...]]:
    return sorted(
        Rollup.objects.values_list(
            "brand", "affiliate", "link", "product", "wave", "day", "question", "value", "count"
        ),
        key=str,
    )


def test_answers_are_counted_by_value_and_by_who_answered(shop, ana, fold):
    shop.respond(ana, csat=5, keep=["entrega", "precio"], missing=["no"])
    shop.respond(ana, csat=5, keep=["entrega"], keep_text="Todo bien")
    shop.respond(ana, csat=1, promise=-2, affiliate_rating=["none"])

    assert fold() == 3
    assert rollups(affiliate=ana) == {
        ("affiliate_rating", ""): 1,
        ("affiliate_rating", "none"): 1,
        ("answers", ""): 3,
        ("csat", ""): 3,
        ("csat", "1"): 1,
        ("csat", "5"): 2,
        ("keep", ""): 2,
        ("keep", "entrega"): 2,
        ("keep", "precio"): 1,
        ("keep_text", ""): 1,
        ("missing", ""): 1,
        ("missing", "no"): 1,
        ("promise", ""): 1,
        ("promise", "-2"): 1,
    }
    assert not ResponseChange.objects.exists()


def test_cells_tell_apart_link_product_wave_and_day(shop, ana, fold):
    link, product = make_link(ana), make_product(shop.brand)
    response = shop.respond(ana, link=link, csat=4)
    response.invitation.purchase.product = product
    response.invitation.purchase.save(update_fields=["product"])

    fold()

    assert set(Rollup.objects.values_list("affiliate", "link", "product", "wave", "day")) == {
        (ana.pk, link.pk, product.pk, Wave.FIRST, NOW.date())
    }


def test_days_are_those_of_the_brands_time_zone(shop, ana, fold):
    shop.respond(ana, at=datetime(2026, 1, 31, 22, 59, tzinfo=UTC), csat=5)
    shop.respond(ana, at=datetime(2026, 1, 31, 23, 1, tzinfo=UTC), csat=5)

    fold()

    days = Rollup.objects.filter(question="answers").order_by("day").values_list("day", "count")
    assert list(days) == [(date(2026, 1, 31), 1), (date(2026, 2, 1), 1)]


def test_suspect_answers_count_nowhere_until_they_are_cleared(shop, ana, fold):
    response = shop.respond(ana, csat=5, suspect=True)
    fold()
    assert not Rollup.objects.exists()

    shop.judge(response, suspect=False)
    fold()
    assert rollups() == {("answers", ""): 1, ("csat", ""): 1, ("csat", "5"): 1}

    shop.judge(response, suspect=True)
    fold()
    assert not Rollup.objects.exists()
    assert not CountedResponse.objects.exists()


def test_an_edit_leaves_its_old_value(shop, ana, fold):
    response = shop.respond(ana, csat=1, missing_facts=["plazos"])
    fold()

    shop.edit(response, csat=4, missing_facts=None)
    fold()

    assert rollups() == {("answers", ""): 1, ("csat", ""): 1, ("csat", "4"): 1}


def test_a_corrected_attribution_leaves_the_old_affiliate(shop, ana, bruno, fold):
    response = shop.respond(ana, csat=1)
    shop.respond(ana, csat=5)
    fold()

    shop.credit(response, bruno)
    fold()

    assert rollups(affiliate=ana) == {("answers", ""): 1, ("csat", ""): 1, ("csat", "5"): 1}
    assert rollups(affiliate=bruno) == {("answers", ""): 1, ("csat", ""): 1, ("csat", "1"): 1}

    shop.credit(response, None)
    fold()

    assert rollups(affiliate=bruno) == {}
    assert rollups(affiliate=None) == {("answers", ""): 1, ("csat", ""): 1, ("csat", "1"): 1}


def test_an_erased_answer_leaves_by_itself(shop, ana, fold):
    response = shop.respond(ana, csat=1)
    shop.respond(ana, csat=5)
    fold()

    shop.erase(response)
    fold()

    assert rollups() == {("answers", ""): 1, ("csat", ""): 1, ("csat", "5"): 1}
    assert CountedResponse.objects.count() == 1


def test_an_answer_dated_otherwise_leaves_its_old_day(shop, ana, fold):
    response = shop.respond(ana, csat=5)
    fold()

    response.answered_at = NOW - timedelta(days=40)
    response.save(update_fields=["answered_at"])
    shop.edit(response, csat=5)
    fold()

    assert set(Rollup.objects.values_list("day", flat=True)) == {(NOW - timedelta(days=40)).date()}


def test_folding_twice_counts_once(shop, ana, fold):
    shop.respond(ana, csat=5)
    fold()
    before = everything()

    assert fold() == 0
    assert everything() == before


def test_many_changes_are_taken_in_batches(shop, ana, fold, monkeypatch):
    monkeypatch.setattr("insights.services.folding.BATCH", 3)
    shop.respond_many(ana, 7, csat=5)

    assert fold() == 7
    assert rollups()["answers", ""] == 7


def test_rebuilding_from_nothing_equals_what_stands(shop, ana, bruno, fold):
    link = make_link(ana)
    other = Shop(make_brand("vela"))
    responses = [
        shop.respond(affiliate, link=link if number % 3 == 0 else None, at=NOW - timedelta(days=11 * number), **given)
        for number, (affiliate, given) in enumerate(
            [(ana, {"csat": 5, "keep": ["entrega"]}), (bruno, {"csat": 2, "nps": 3}), (None, {"nps": 10})] * 4
        )
    ]
    other.respond(make_affiliate(other.brand, "Eva"), csat=3)
    fold()
    shop.edit(responses[0], csat=1)
    shop.credit(responses[1], ana)
    shop.judge(responses[2], suspect=True)
    shop.erase(responses[3])
    fold()
    standing = everything()

    Rollup.objects.filter(day__lt=NOW.date()).delete()
    CountedResponse.objects.filter(brand=shop.brand).delete()
    rebuild_rollups(shop.brand, now=NOW)

    assert everything() == standing
    assert len(standing) > 20


def test_rebuilding_follows_a_new_time_zone(shop, ana, fold):
    shop.respond(ana, at=datetime(2026, 1, 31, 23, 30, tzinfo=UTC), csat=5)
    fold()

    shop.brand.timezone = "America/Sao_Paulo"
    shop.brand.save(update_fields=["timezone"])
    rebuild_rollups(shop.brand, now=NOW)

    assert set(Rollup.objects.values_list("day", flat=True)) == {date(2026, 1, 31)}


def test_changes_of_purchases_without_answers_and_of_cases_are_taken_away(shop, ana, fold):
    purchase = shop.purchase(ana)
    PurchaseChange.objects.create(purchase=purchase)
    shop.respond(ana, csat=1)
    case = new_case(shop.brand, "2026-000007", purchase=purchase, customer=purchase.customer, subject="Llegó roto")
    ComplaintChange.objects.create(complaint=case)

    assert fold() == 3
    assert not PurchaseChange.objects.exists()
    assert not ComplaintChange.objects.exists()


@pytest.mark.parametrize("answers", [1, 30])
def test_folding_asks_the_database_no_more_for_many_answers(shop, ana, fold, django_assert_max_num_queries, answers):
    for number in range(answers):
        shop.respond(ana, csat=5, keep_text="Bien", at=NOW - timedelta(days=number * 20))

    with django_assert_max_num_queries(45):
        fold()


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_lose_nothing_and_count_nothing_twice():
    shop = Shop(make_brand())
    ana = make_affiliate(shop.brand, "Ana")
    failures: list[BaseException] = []
    done = threading.Event()

    def work() -> None:
        try:
            while not done.is_set():
                fold_changes(now=NOW)
        except BaseException as error:
            failures.append(error)
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work) for _i in range(3)]
    for worker in workers:
        worker.start()
    for number in range(40):
        with transaction.atomic():
            shop.respond(ana, csat=1 + number % 5)
    done.set()
    for worker in workers:
        worker.join()
    fold_changes(now=NOW)

    assert failures == []
    assert rollups()["answers", ""] == 40
    assert [rollups()["csat", str(value)] for value in range(1, 6)] == [8] * 5


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_dies_leaves_the_changes_to_the_next(monkeypatch):
    shop = Shop(make_brand())
    shop.respond(make_affiliate(shop.brand, "Ana"), csat=5)

    def die(*_args: Any, **_kwargs: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as broken:
        broken.setattr("insights.services.folding.publish_blocks", die)
        with pytest.raises(SystemExit):
            fold_changes(now=NOW)
    assert not Rollup.objects.exists()

    assert fold_changes(now=NOW) == 1
    assert rollups()["csat", "5"] == 1


@pytest.mark.django_db(transaction=True)
def test_a_brand_that_another_worker_folds_is_left_alone():
    shop = Shop(make_brand())
    shop.respond(make_affiliate(shop.brand, "Ana"), csat=5)
    is_locked, may_end = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            _lock(shop.brand, waits=True)
            is_locked.set()
            may_end.wait(30)
        connection.close()

    other = threading.Thread(target=hold)
    other.start()
    is_locked.wait(30)
    assert fold_changes(now=NOW) == 0
    may_end.set()
    other.join()
    assert fold_changes(now=NOW) == 1


def test_who_is_on_the_way_from_step_to_step_is_counted_at_the_end_or_after_a_while(shop, ana):
    going, stopped = shop.respond(ana, csat=5), shop.respond(ana, csat=1)
    for response in (going, stopped):
        response.resumes_at, response.updated_at = 2, NOW
        response.save()

    assert fold_changes(now=NOW + timedelta(minutes=14)) == 0
    going.resumes_at = None
    going.save()
    assert fold_changes(now=NOW + timedelta(minutes=14)) == 1
    assert rollups(question="csat", value="5") == {("csat", "5"): 1}
    assert fold_changes(now=NOW + timedelta(minutes=15)) == 1
    assert rollups(question="csat", value="1") == {("csat", "1"): 1}
