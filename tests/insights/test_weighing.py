"""What each opinion weighs: worked out here in other ways too, and told to affiliates as a block is."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import numpy as np
import pytest
from statsmodels.api import OLS, add_constant

from insights import importance
from insights.findings import AspectFinding, Figure, Findings
from insights.importance import Performance, Reply, Weight, Weights, performance_of, place, weigh
from insights.models import Weighing
from insights.services import fold_changes, measure_brand
from surveys.models import Response
from tests.factories import NOW, make_affiliate
from tests.insights.conftest import Shop

ASPECTS = ("entrega", "precio", "producto")


def make_replies(n: int, seed: int = 5, *, affiliates: int = 7) -> list[Reply]:
    """Customers for whom the promise matters most, then the delivery, and the product not at all."""
    random = np.random.default_rng(seed)
    replies = []
    for number in range(n):
        promise, missing = int(random.integers(-2, 3)), float(random.random() < 0.3)
        praised = frozenset(a for a in ASPECTS if random.random() < 0.4)
        criticised = frozenset(a for a in ASPECTS if a not in praised and random.random() < 0.4)
        score = 3.4 + 0.6 * promise - 0.5 * missing + 0.5 * ("entrega" in praised) - 0.9 * ("entrega" in criticised)
        score += 0.2 * ("precio" in praised) + random.normal() * 0.7
        ratings = {"promise": promise, "missing": missing}
        stars = int(np.clip(round(score), 1, 5))
        replies.append(Reply(number % affiliates + 1, NOW, stars, ratings, praised, criticised))
    return replies


def columns_of(replies: Iterable[Reply]) -> np.ndarray:
    return np.array(
        [
            [
                *(r.ratings[question] for question in ("promise", "missing")),
                *(float(aspect in side) for aspect in ASPECTS for side in (r.praised, r.criticised)),
            ]
            for r in replies
        ]
    )


# --- Weighing --------------------------------------------------------------------------------------------------------
def johnson_by_regressions(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Johnson (2000) the long way: uncorrelated stand-ins by singular values, y regressed on them, X on them."""
    X, y = (X - X.mean(0)) / X.std(0), (y - y.mean()) / y.std()
    left, _values, right = np.linalg.svd(X, full_matrices=False)
    stand_ins = left @ right * np.sqrt(len(y))
    of_y = OLS(y, stand_ins).fit().params
    of_x = np.array([OLS(column, stand_ins).fit().params for column in X.T])
    return of_x**2 @ of_y**2


def test_weights_are_those_of_regressions_added_up_by_driver():
    replies = make_replies(400)
    X, y = columns_of(replies), np.array([r.score for r in replies], dtype=float)

    found = weigh(replies, ("promise", "missing"), ASPECTS)

    assert found
    raw = johnson_by_regressions(X, y)
    by_driver = {("question", "promise"): raw[0], ("question", "missing"): raw[1]}
    by_driver |= {("aspect", aspect): raw[2 + 2 * i] + raw[3 + 2 * i] for i, aspect in enumerate(ASPECTS)}
    assert found.explained == pytest.approx(OLS(y, add_constant(X)).fit().rsquared)
    assert {each.driver: each.value for each in found.drivers} == pytest.approx(
        {driver: weight / raw.sum() for driver, weight in by_driver.items()}
    )
    assert (found.method, found.answers, found.even) == ("weights", 400, 0.2)


def test_they_are_near_the_mean_gain_over_all_orders_of_entering():
    """Lindeman, Merenda and Gold's measure, of which Johnson's is the shortcut."""
    replies = make_replies(600)
    X, y = columns_of(replies)[:, :4], np.array([r.score for r in replies], dtype=float)
    gains = np.zeros(4)
    for order in permutations(range(4)):
        before = 0.0
        for place_in_order in range(4):
            entered = list(order[: place_in_order + 1])
            now = OLS(y, add_constant(X[:, entered])).fit().rsquared
            gains[order[place_in_order]] += (now - before) / 24
            before = now

    found = weigh(replies, ("promise", "missing"), ("entrega",))

    assert found
    assert found.explained is not None
    values = {each.code: each.value * found.explained for each in found.drivers}
    assert values["promise"] == pytest.approx(gains[0], abs=0.01)
    assert values["missing"] == pytest.approx(gains[1], abs=0.01)
    assert values["entrega"] == pytest.approx(gains[2] + gains[3], abs=0.01)


def test_intervals_hold_the_truth_and_repeat():
    """Of what matters: what does not is never given less than nothing, so its interval lies above its weight of 0."""
    truth = weigh(make_replies(20_000, seed=1), ("promise", "missing"), ASPECTS)
    assert truth
    expected = {each.code: each.value for each in truth.drivers}
    samples = [weigh(make_replies(300, seed), ("promise", "missing"), ASPECTS) for seed in range(20, 50)]

    held = [
        each.low <= expected[each.code] <= each.high
        for found in samples
        if found
        for each in found.drivers
        if each.code != "producto"
    ]

    assert 0.9 < sum(held) / len(held) <= 1
    assert weigh(make_replies(300), ("promise",), ASPECTS) == weigh(make_replies(300), ("promise",), ASPECTS)


def test_no_order_is_claimed_where_intervals_overlap():
    def weights(*intervals: tuple[float, float, float]) -> Weights:
        drivers = [Weight("aspect", str(i), *each) for i, each in enumerate(intervals)]
        return Weights("weights", 300, 0.5, tuple(drivers))

    assert [w.code for w in weights((0.5, 0.45, 0.6), (0.3, 0.2, 0.4), (0.2, 0.1, 0.3)).leaders] == ["0"]
    assert [w.code for w in weights((0.5, 0.35, 0.6), (0.3, 0.2, 0.4), (0.2, 0.1, 0.3)).leaders] == ["0", "1"]
    ordered = weigh(make_replies(2000), ("promise", "missing"), ASPECTS)
    assert ordered
    assert [each.code for each in ordered.leaders] == ["promise"]


@pytest.mark.parametrize(("n", "method"), [(29, None), (30, "ranks"), (113, "ranks"), (114, "weights")])
def test_it_takes_fifty_answers_and_eight_a_column_to_weigh_and_thirty_to_rank(n, method):
    """Eight columns."""
    found = weigh(make_replies(n, seed=8), ("promise", "missing"), ASPECTS)

    assert (found and found.method) == method


def test_ranks_say_which_way_it_goes_and_order_nothing():
    found = weigh(make_replies(100, seed=8), ("promise", "missing"), ASPECTS)

    assert found
    by_code = {each.code: each for each in found.drivers}
    assert by_code["promise"].low > 0
    assert by_code["missing"].value < 0
    assert by_code["entrega"].low > 0
    assert (found.of_aspects, found.explained) == ({}, None)


def test_what_hardly_anybody_says_is_left_out():
    replies = make_replies(400)
    rare = [replace(r, praised=r.praised | ({"pago"} if i < 9 else set())) for i, r in enumerate(replies)]

    found = weigh(rare, ("promise",), (*ASPECTS, "pago"))

    assert found
    assert {each.code for each in found.drivers} == {"promise", *ASPECTS}


def test_the_same_score_from_all_weighs_nothing():
    same = [replace(r, score=5) for r in make_replies(200)]

    assert weigh(same, ("promise",), ASPECTS) is None
    assert weigh(make_replies(200), (), ()) is None


def test_a_question_that_few_were_asked_does_not_empty_the_rest():
    replies = make_replies(100)
    asked = [replace(r, ratings=r.ratings | ({"affiliate_rating": 5} if i < 49 else {})) for i, r in enumerate(replies)]

    assert importance.asked_questions(asked) == ("promise", "missing")
    assert importance.asked_questions(asked[:98]) == ("promise", "missing", "affiliate_rating")
    assert len(importance.complete(asked, ("promise", "affiliate_rating"))) == 49
    assert importance.asked_questions([]) == ()


# --- Importance and performance --------------------------------------------------------------------------------------
def findings(n: int = 60, **shares: tuple[float, float, float]) -> Findings:
    keep = tuple(AspectFinding(code, code, 1, *share, "keep", 30, "brand") for code, share in shares.items())
    figure = Figure(0.8, 0.7, 0.9, 60)
    return Findings(n, None, None, None, figure, Figure(0.2, 0.1, 0.3, 60), keep, (), (), (), "")


def test_own_performance_is_placed_by_the_programmes_mean_and_the_even_weight():
    weights = Weights(
        "weights",
        400,
        0.5,
        (
            Weight("question", "promise", 0.5, 0.4, 0.6),
            Weight("aspect", "entrega", 0.4, 0.3, 0.5),
            Weight("aspect", "precio", 0.05, 0.01, 0.1),
            Weight("question", "missing", 0.05, 0.01, 0.3),
        ),
    )
    own = findings(entrega=(0.4, 0.3, 0.5), precio=(0.95, 0.9, 1.0))

    found = place(own, findings(entrega=(0.6, 0.5, 0.7), precio=(0.6, 0.5, 0.7)), weights)

    assert found
    assert found.mean == pytest.approx((0.8 + 0.6 + 0.6 + 0.8) / 4)
    assert found.even == 0.25
    assert [(each.weight.code, each.field) for each in found.found] == [
        ("promise", "keep"),
        ("entrega", "improve_first"),
        ("precio", "possible_excess"),
        ("missing", "undecided"),
    ]
    assert found.found[3].performance == Performance(0.8, 0.7, 0.9, 60)


def test_what_has_too_few_answers_is_not_placed():
    few = AspectFinding("entrega", "Entrega", 5, 0.5, 0.2, 0.8, "inconclusive", 9, "brand")
    own = Findings(60, None, None, None, Figure(0.8, 0.5, 0.9, 19), None, (few,), (), (), (), "")

    assert performance_of(own) == {}


def test_ranks_place_nothing():
    weights = Weights("ranks", 40, None, (Weight("question", "promise", 0.5, 0.4, 0.6),))

    assert place(findings(), findings(), weights) is None


# --- From the answers of a brand -------------------------------------------------------------------------------------
def answer(shop: Shop, replies: Iterable[Reply], affiliates: list, **given) -> None:
    for r in replies:
        assert r.affiliate is not None
        shop.respond(
            affiliates[r.affiliate - 1],
            csat=r.score,
            promise=int(r.ratings["promise"]),
            missing=["yes" if r.ratings["missing"] else "no"],
            keep=sorted(r.praised) or None,
            improve=sorted(r.criticised) or None,
            **given,
        )


def measured(shop: Shop, audience: str) -> Weights | None:
    fold_changes(now=NOW)
    measure_brand(shop.brand, now=NOW)
    row = Weighing.objects.filter(brand=shop.brand, audience=audience).first()
    return row and row.result


@pytest.fixture
def affiliates(shop: Shop) -> list:
    return [make_affiliate(shop.brand, f"Otra {number}") for number in range(7)]


def test_answers_are_read_as_they_were_given(shop, affiliates):
    replies = make_replies(120)
    answer(shop, replies, affiliates)
    shop.respond(affiliates[0], csat=1)  # and came no further
    shop.respond(affiliates[0], csat=1, promise=2)  # did not say whether something was missing
    shop.respond(affiliates[0], csat=1, promise=2, missing=["yes"], suspect=True)

    found = measured(shop, "staff")

    # The shop's brand knows no aspect «producto».
    expected = weigh(replies, ("promise", "missing"), ("entrega", "precio"))
    assert found
    assert expected
    assert found.answers == 120
    assert {w.driver: w.value for w in found.drivers} == pytest.approx({w.driver: w.value for w in expected.drivers})


def test_what_words_are_about_counts_as_a_chip_where_it_may(shop, affiliates):
    replies = make_replies(120)
    answer(shop, replies, affiliates)
    before = measured(shop, "staff")
    response = shop.respond(affiliates[0], csat=1, promise=-2, missing=["yes"], improve_text="Tardó un mes")
    response.answers.filter(question__key="improve_text").update(aspects=["entrega"], aspects_from="staff")

    found = measured(shop, "staff")

    said = Reply(1, NOW, 1, {"promise": -2, "missing": 1}, frozenset(), frozenset({"entrega"}))
    expected = weigh([*replies, said], ("promise", "missing"), ("entrega", "precio"))
    assert found != before
    assert found
    assert expected
    assert {w.driver: w.value for w in found.drivers} == pytest.approx({w.driver: w.value for w in expected.drivers})


def test_who_is_still_answering_is_not_read_yet(shop, affiliates):
    answer(shop, make_replies(40), affiliates)
    before = measured(shop, "staff")
    response = shop.respond(affiliates[0], csat=1, promise=1, missing=["no"])
    Response.objects.filter(pk=response.pk).update(resumes_at=3)

    assert measured(shop, "staff") == before


def test_with_too_few_answers_left_there_are_no_weights_any_more(shop, affiliates):
    answer(shop, make_replies(30), affiliates)
    assert measured(shop, "staff")

    shop.judge(Response.objects.earliest("pk"), suspect=True)

    assert measured(shop, "staff") is None


def test_imported_scores_without_these_questions_are_not_weighed(shop, affiliates):
    """A word that is bad news because its score is bad would explain the score by itself."""
    for number in range(60):
        shop.respond(affiliates[number % 7], csat=number % 5 + 1, nps=number % 11)

    assert measured(shop, "staff") is None


# --- What affiliates are told ----------------------------------------------------------------------------------------
def test_they_are_told_what_no_single_affiliate_stands_out_in(shop, affiliates):
    replies = make_replies(126)
    only_here = [
        replace(r, praised=r.praised - {"precio"}, criticised=r.criticised - {"precio"}) if r.affiliate != 1 else r
        for r in replies
    ]
    answer(shop, only_here, affiliates)

    staff, told = measured(shop, "staff"), measured(shop, "programme")

    assert staff
    assert told
    assert {each.code for each in staff.drivers} == {"promise", "missing", "entrega", "precio"}
    assert {each.code for each in told.drivers} == {"promise", "missing", "entrega"}
    assert sum(each.value for each in told.drivers) == pytest.approx(1)


@pytest.mark.parametrize("counts", [[20] * 5, [80, 8, 8, 8, 8, 8], [8] * 6])
def test_they_are_told_nothing_where_one_stands_out_or_few_answered(shop, affiliates, counts):
    replies = iter(make_replies(sum(counts)))
    for affiliate, n in zip(affiliates, counts, strict=False):
        answer(shop, [next(replies) for _n in range(n)], [affiliate] * 7)

    assert measured(shop, "staff")
    assert measured(shop, "programme") is None


def test_whoever_looks_every_night_sees_it_move_by_whole_blocks_of_the_programme(shop, affiliates):
    """Fifty new answers of five affiliates, none with more than its part, or not at all: not for single ones."""
    answer(shop, make_replies(126), affiliates)
    first = measured(shop, "programme")
    seen = []
    for n, reply in enumerate(make_replies(56, seed=9), start=1):
        answer(shop, [reply], affiliates, at=NOW + timedelta(minutes=n))
        if n % 7 == 0 or n > 48:
            seen.append((n, measured(shop, "programme")))

    assert first
    assert [n for n, told in seen if told == first] == [7, 14, 21, 28, 35, 42, 49]
    assert {told.answers for n, told in seen if n > 49 and told} == {176}


def test_what_one_affiliates_customers_say_moves_nothing(shop, affiliates):
    answer(shop, make_replies(126), affiliates)
    first = measured(shop, "programme")
    answer(shop, make_replies(80, seed=9), affiliates[:1] * 7, at=NOW + timedelta(minutes=1))

    assert measured(shop, "programme") == first
    staff = measured(shop, "staff")
    assert staff
    assert staff.answers == 206
