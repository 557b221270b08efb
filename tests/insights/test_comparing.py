"""How an affiliate compares, in exact figures, and that no look tells of a single customer."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from insights.comparing import Comparison, Parts, compare_affiliate
from insights.models import Alert, Standing, Target
from insights.overview import brand_changes, brand_progress, compare_affiliates, responsibility, rivalry
from insights.services import fold_changes
from insights.services.reckoning import reckon_figures
from insights.statistics import wilson_interval
from insights.targets import Reading
from surveys.models import Survey, Wave
from tests.factories import NOW, make_affiliate
from tests.insights.conftest import Shop
from tests.insights.test_cases import complain
from tests.insights.test_privacy import fill_programme, respond_many


def ask_later(shop: Shop, affiliate: Any, n: int, *, at: datetime = NOW, words: str = "", **given: Any) -> None:
    """So many customers answer the survey that comes months later."""
    survey, _is_new = Survey.objects.get_or_create(
        brand=shop.brand, wave=Wave.FOLLOW_UP, version=50, status=Survey.Status.DRAFT
    )
    keys = {"alternatives": "scale", "buy_again": "scale", "distinction": "text", "needs": "text"}
    questions = {
        key: survey.questions.get_or_create(key=key, defaults={"kind": kind, "position": number})[0]
        for number, (key, kind) in enumerate(keys.items())
    }
    for _number in range(n):
        response = shop.respond(affiliate, at=at)
        response.invitation.wave = Wave.FOLLOW_UP
        response.invitation.save(update_fields=["wave"])
        for key, value in given.items():
            field = {"codes": value} if isinstance(value, list) else {"number": value}
            response.answers.create(question=questions[key], **field)
        if words:
            response.answers.create(
                question=questions["distinction"], text=words, redacted_text=words, language="es", aspects=["entrega"]
            )


def look(affiliate: Any, **how: Any) -> Comparison:
    return compare_affiliate(affiliate, **{"now": NOW, **how})


# --- Against the programme -------------------------------------------------------------------------------------------
def test_an_affiliate_stands_beside_the_programme_without_itself(shop, ana):
    fill_programme(shop)
    respond_many(shop, ana, 12, csat=5)
    respond_many(shop, ana, 8, csat=2)
    fold_changes(now=NOW)
    Standing.objects.create(brand=shop.brand, affiliate=ana, month="2026-02-01", quarter=2)
    Standing.objects.create(brand=shop.brand, affiliate=ana, month="2026-03-01", quarter=1)

    place = look(ana).place

    assert place is not None
    assert (place.reference, place.csat.value, place.csat.verdict, place.successes) == (0.8, 0.6, "below", 12)
    assert (place.quarter, place.widening) == (1, None)
    assert look(ana, now=datetime(2026, 4, 2, tzinfo=UTC)).place.quarter is None  # nobody was placed this month


def test_with_fewer_than_20_answers_or_without_a_programme_nobody_stands_anywhere(shop, ana, bruno):
    respond_many(shop, bruno, 30, csat=5)
    fill_programme(shop)
    respond_many(shop, ana, 19, csat=5)
    fold_changes(now=NOW)

    assert look(ana).place is None
    assert look(bruno).place is not None


def test_staff_see_all_affiliates_those_that_stand_out_first(shop, ana):
    others = fill_programme(shop)
    respond_many(shop, ana, 2, csat=5)
    respond_many(shop, ana, 18, csat=1)
    respond_many(shop, others[0], 40, csat=5)
    fold_changes(now=NOW)

    field = compare_affiliates(shop.brand)

    assert field is not None
    assert field.reference == (2 + 48 + 40) / 120
    assert [(each.name, each.satisfied, each.n, each.verdict) for each in field.affiliates[:3]] == [
        ("Ana", 2, 20, "well_below"),
        ("Otra 0", 48, 50, "well_above"),
        ("Otra 1", 8, 10, None),
    ]
    assert field.affiliates[0].interval == wilson_interval(2, 20)
    assert compare_affiliates(shop.brand, period="2020") is None


# --- Changes ---------------------------------------------------------------------------------------------------------
def test_changes_are_those_of_the_newest_two_quarters_or_of_the_period(shop, ana):
    for month, good, bad in [(5, 27, 3), (8, 15, 17), (11, 2, 2)]:
        at = datetime(2025, month, 10, tzinfo=UTC)
        respond_many(shop, ana, good, csat=5, at=at)
        respond_many(shop, ana, bad, csat=1, at=at)
    fold_changes(now=NOW)

    newest, august, november = look(ana).changes, look(ana, period="2025-08").changes, look(ana, period="2025-11")

    assert newest is not None
    assert (newest.now, newest.before) == ("2025-Q3", "2025-Q2")
    assert [(c.key, c.n_before, c.n_now, c.verdict) for c in newest.changes] == [("csat", 30, 32, "worsened")]
    assert (august.now, august.before, august.changes) == ("2025-08", "2025-07", ())
    assert november.changes.changes == ()


# --- Targets ---------------------------------------------------------------------------------------------------------
def test_targets_of_the_brand_are_held_against_ones_own_figures(shop, ana):
    for figure, aim in [("csat", "70"), ("missing", "10"), ("nps", "95"), ("response_rate", "15"), ("first_answer", 8)]:
        Target.objects.create(brand=shop.brand, figure=figure, aim=aim)
    respond_many(shop, ana, 30, csat=5, missing=["yes"], nps=9)
    fold_changes(now=NOW)

    targets = look(ana).targets

    assert [(each.figure, each.aim, each.judgement) for each in targets] == [
        ("csat", 0.7, "met"),
        ("missing", 0.1, "missed"),
        ("nps", 95, "open"),
    ]
    assert targets[0].reading == Reading(1, *wilson_interval(30, 30), 30)


def test_staff_see_the_brands_own_figures_beside_all_targets(shop, ana):
    for figure, aim in [("csat", "70"), ("first_answer", 8)]:
        Target.objects.create(brand=shop.brand, figure=figure, aim=aim)
    respond_many(shop, ana, 15, csat=1)
    respond_many(shop, None, 15, csat=1)
    fold_changes(now=NOW)
    reckon_figures(shop.brand, now=NOW)

    assert [(each.figure, each.judgement, each.reading and each.reading.n) for each in brand_progress(shop.brand)] == [
        ("csat", "missed", 30),
        ("first_answer", "open", None),
    ]


# --- Whose part ------------------------------------------------------------------------------------------------------
def test_each_is_told_its_own_part(shop, ana):
    respond_many(shop, ana, 5, csat=2, part=["sale"])
    respond_many(shop, ana, 3, csat=2, part=["delivery"])
    for part in ("sale", "delivery", "delivery", "", "service"):
        complain(shop, ana, part=part)
    fold_changes(now=NOW)

    found = look(ana)

    assert found.said == Parts({"sale": 5, "product": 0, "delivery": 3, "service": 0}, 8)
    assert found.found == Parts({"sale": 1, "product": 0, "delivery": 2, "service": 1}, 5)
    assert (found.said.of_affiliate, found.found.known) == (5, 4)


def test_staff_see_parts_of_everybody_by_kind_and_affiliate(shop, ana, bruno):
    respond_many(shop, None, 1, csat=1, part=["product"])
    for affiliate, part, kind in [(ana, "sale", "claim"), (bruno, "", "claim"), (None, "service", "return")]:
        complain(shop, affiliate, part=part, kind=kind)
    fold_changes(now=NOW)

    found = responsibility(shop.brand)

    assert found.said == Parts({"sale": 0, "product": 1, "delivery": 0, "service": 0}, 1)
    assert found.found == Parts({"sale": 1, "product": 0, "delivery": 0, "service": 1}, 3)
    assert [(kind, parts.n, parts.known) for kind, parts in found.by_kind] == [("claim", 2, 1), ("return", 1, 1)]
    assert [(each.name, each.parts.of_affiliate) for each in found.by_affiliate] == [("Ana", 1), ("Bruno", 0)]


# --- The alternatives ------------------------------------------------------------------------------------------------
def test_what_customers_say_months_later_reaches_the_affiliate_in_blocks(shop, ana):
    respond_many(shop, ana, 5, csat=5)
    ask_later(shop, ana, 4, alternatives=2, buy_again=5)
    fold_changes(now=NOW)
    assert look(ana).alternatives is None

    respond_many(shop, ana, 5, csat=5)
    ask_later(shop, ana, 1, alternatives=-1, buy_again=1)
    ask_later(shop, ana, 2, alternatives=["none"])
    fold_changes(now=NOW)

    found = look(ana).alternatives
    assert found is not None
    assert (found.better.value, found.known, found.others, found.again.value) == (0.8, 5, 2, 0.8)
    assert dict(found.counts) == {"-2": 0, "-1": 1, "0": 0, "1": 0, "2": 4}


def test_staff_see_how_the_brand_compares_month_by_month_and_why(shop, ana):
    ask_later(shop, None, 2, alternatives=2, at=datetime(2026, 1, 5, tzinfo=UTC), words="Llega antes")
    ask_later(shop, ana, 3, alternatives=-1, at=NOW)
    fold_changes(now=NOW)

    found = rivalry(shop.brand, language="es", now=NOW)

    assert [(point.month.month, point.n, point.value) for point in found.trend] == [(1, 2, 1), (2, 0, None), (3, 3, 0)]
    assert (found.alternatives.known, found.described, found.words) == (5, 2, ("Llega antes", "Llega antes"))


# --- Alerts ----------------------------------------------------------------------------------------------------------
def test_what_has_fallen_is_named_in_the_readers_language(shop, ana, bruno):
    figures = {"since": "2026-01-01", "good_before": 28, "n_before": 30, "good_now": 8, "n_now": 30, "opened_at": NOW}
    for affiliate, key, ended in [
        (ana, "info_previa", None),
        (ana, "csat", None),
        (ana, "precio", NOW),
        (bruno, "entrega", None),
    ]:
        Alert.objects.create(
            brand=shop.brand, affiliate=affiliate, key=key, has_to_improve=True, ended_at=ended, **figures
        )

    assert [(fall.label, fall.owner) for fall in look(ana).falls] == [
        ("", "both"),
        ("Información antes de la compra", "both"),
    ]


# --- The attack ------------------------------------------------------------------------------------------------------
def test_a_look_after_every_single_answer_and_case_tells_of_none(shop, ana):
    """Two worlds in which two customers of a block have swapped what they said look the same after every step."""
    fill_programme(shop)
    Target.objects.create(brand=shop.brand, figure="csat", aim=70)
    worlds = []
    for name, turned in (("Uno", False), ("Dos", True)):
        affiliate = make_affiliate(shop.brand, name)
        said = [(5, "sale", 2), (1, "product", -2)]
        looks = []
        for number in range(12):
            score, part, better = said[(number + turned) % 2] if number in (1, 2) else said[number % 2]
            shop.respond(affiliate, csat=score, part=[part])
            complain(shop, affiliate, part=part)
            ask_later(shop, affiliate, 1, alternatives=better, buy_again=score)
            fold_changes(now=NOW + timedelta(minutes=number))
            looks.append([look(affiliate, period=period) for period in ("all", "2026-Q1", "2026-03")])
        worlds.append(looks)

    assert worlds[0] == worlds[1]
    for of_period in zip(*worlds[0], strict=True):
        assert len({str(each) for each in of_period}) == 3  # before, after the first block, after the second


@pytest.mark.parametrize("answers", [40, 80])
def test_it_asks_the_database_as_often_for_many_answers(shop, ana, django_assert_num_queries, answers):
    fill_programme(shop)
    for number in range(answers):
        shop.respond(ana, csat=5, at=NOW - timedelta(days=90 * (number % 2)))
    fold_changes(now=NOW)

    with django_assert_num_queries(15):
        look(type(ana).objects.select_related("brand").get(pk=ana.pk))


def test_changes_of_the_programme_are_told_to_staff(shop):
    for month, score in [(5, 5), (8, 1)]:
        for number in range(6):
            other = make_affiliate(shop.brand, f"Otra {month} {number}")
            respond_many(shop, other, 10, csat=score, at=datetime(2025, month, 10, tzinfo=UTC))
    fold_changes(now=NOW)

    found = brand_changes(shop.brand)

    assert (found.now, found.before) == ("2025-Q3", "2025-Q2")
    assert [(change.key, change.n_now, change.verdict) for change in found.changes] == [("csat", 60, "worsened")]
