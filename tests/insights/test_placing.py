"""In which quarter an affiliate stands: of values that lean on the programme, once a month, never of a few."""

from datetime import UTC, datetime, timedelta

from insights.models import Standing
from insights.services.placing import place_affiliates, quarters_of
from tests.factories import make_affiliate
from tests.insights.test_alerting import publish

NIGHT = datetime(2026, 3, 1, 3, tzinfo=UTC)


def test_quarters_go_by_what_leans_on_the_programme():
    cells = {number: (20 + 4 * number, 80) for number in range(12)}

    assert quarters_of(cells) == {0: 1, 1: 1, 2: 1, 3: 2, 4: 2, 5: 2, 6: 3, 7: 3, 8: 3, 9: 4, 10: 4, 11: 4}


def test_a_few_answers_that_are_all_good_do_not_stand_above_many():
    cells = {number: (255 - 2 * number, 300) for number in range(11)} | {99: (20, 20)}

    quarters = quarters_of(cells)

    # By their raw shares, 100 % and 85 %, it would be the other way round.
    assert (quarters[0], quarters[99]) == (4, 3)


def test_of_too_few_affiliates_or_answers_nobody_stands_anywhere():
    assert quarters_of(dict.fromkeys(range(9), (170, 200))) == {}
    assert quarters_of(dict.fromkeys(range(30), (10, 19))) == {}


def test_those_alike_stand_alike():
    assert set(quarters_of(dict.fromkeys(range(10), (16, 20))).values()) == {3}


def test_it_is_worked_out_once_a_month_from_the_months_before(shop):
    others = [make_affiliate(shop.brand, f"Otra {number:02}") for number in range(12)]
    for number, other in enumerate(others):
        publish(shop, other, "2026-02", 80, csat__5=20 + 4 * number, csat__1=60 - 4 * number)
        publish(shop, other, "2025-02", 80, csat__1=80)  # longer ago than a year
        publish(shop, other, "2026-03", 800, csat__5=800 if number < 3 else 0, csat__1=0 if number < 3 else 800)

    place_affiliates(shop.brand, now=NIGHT)
    first = dict(Standing.objects.values_list("affiliate__name", "quarter"))
    place_affiliates(shop.brand, now=NIGHT + timedelta(days=20))

    assert first == {f"Otra {number:02}": number // 3 + 1 for number in range(12)}
    assert dict(Standing.objects.values_list("affiliate__name", "quarter")) == first

    place_affiliates(shop.brand, now=NIGHT + timedelta(days=40))

    april = Standing.objects.filter(month="2026-04-01").order_by("affiliate__name").values_list("quarter", flat=True)
    assert list(april)[:3] == [4, 4, 4]
