"""Where an affiliate stands on what weighs: from what it has been shown, and only beside enough others."""

from datetime import datetime
from typing import Any

import pytest

from insights.importance import Performance
from insights.priorities import affiliate_priorities, programme_priorities
from insights.privacy import own_words, programme_weights
from insights.services import fold_changes
from insights.services.reading import read_words
from insights.services.weighing import weigh_opinions
from insights.statistics import wilson_interval
from tests.factories import NOW
from tests.insights.test_privacy import World, fill_programme, pairs_to_swap, respond_many, swap, tell_story, weigh


@pytest.fixture
def weighed(shop):
    """The programme praises the delivery in eight of ten cases, and keeps what is promised in nine of ten."""
    for other in fill_programme(shop):
        respond_many(shop, other, 9, csat=5, promise=0)
        respond_many(shop, other, 1, csat=2, promise=-1)
    weigh(shop, "programme", entrega=0.7, precio=0.3)
    weigh(shop, "staff", entrega=0.7, precio=0.3)
    return shop


def test_own_shown_performance_stands_beside_the_programmes_mean(weighed, ana):
    respond_many(weighed, ana, 5, csat=2, improve=["entrega"])
    respond_many(weighed, ana, 15, csat=4, keep=["precio"], improve=["entrega"])
    fold_changes(now=NOW)
    respond_many(weighed, ana, 4, csat=5, keep=["entrega"])  # counted, and not yet published
    fold_changes(now=NOW)
    for_staff = affiliate_priorities(ana, view="staff")

    found = affiliate_priorities(ana)

    # Of the programme only the delivery is known, and a mean takes two.
    assert (found, for_staff) == (None, None)
    for other in weighed.brand.affiliates.exclude(pk=ana.pk):
        respond_many(weighed, other, 10, csat=5, keep=["precio"])
    fold_changes(now=NOW)
    found, for_staff = affiliate_priorities(ana), affiliate_priorities(ana, view="staff")
    assert found
    assert for_staff
    assert (found.mean, found.even) == (pytest.approx((0.8 + 1.0) / 2), 0.5)
    assert [(each.weight.code, each.field) for each in found.found] == [
        ("entrega", "improve_first"),
        ("precio", "undecided"),
    ]
    assert found.found[0].performance == Performance(0, *wilson_interval(0, 20), 20)
    assert for_staff.found[0].performance == Performance(4 / 24, *wilson_interval(4, 24), 24)


def test_with_fewer_than_twenty_answers_there_is_no_place(weighed, ana):
    respond_many(weighed, ana, 19, csat=2, improve=["entrega"])
    fold_changes(now=NOW)

    assert affiliate_priorities(ana) is None


def test_weights_for_staff_alone_place_nothing_for_affiliates(shop, ana):
    for other in fill_programme(shop):
        respond_many(shop, other, 10, csat=5, keep=["precio"])
    respond_many(shop, ana, 20, csat=2, improve=["entrega"])
    fold_changes(now=NOW)
    weigh(shop, "staff", entrega=0.7, precio=0.3)

    assert affiliate_priorities(ana) is None
    assert affiliate_priorities(ana, view="staff") is not None


def test_without_enough_others_there_is_no_line_to_stand_by(shop, ana, bruno):
    respond_many(shop, ana, 20, csat=2, improve=["entrega"], keep=["precio"])
    respond_many(shop, bruno, 60, csat=5, improve=["entrega"], keep=["precio"])
    fold_changes(now=NOW)
    weigh(shop, "programme", entrega=0.7, precio=0.3)

    assert affiliate_priorities(ana) is None


def test_the_programme_is_placed_for_staff(weighed):
    for other in weighed.brand.affiliates.all():
        respond_many(weighed, other, 10, csat=5, keep=["precio"])
    fold_changes(now=NOW)

    found = programme_priorities(weighed.brand)

    assert found
    assert {each.weight.code: each.performance.value for each in found.found} == {"entrega": 0.8, "precio": 1.0}


# --- The attack ------------------------------------------------------------------------------------------------------
class Nights(World):
    """As the story goes on, a night after each step: all that Ana could read of weights, places and words."""

    def __init__(self, slug: str) -> None:
        super().__init__(slug)
        for other in self.shop.brand.affiliates.exclude(pk__in=[self.ana.pk, self.bruno.pk]):
            respond_many(self.shop, other, 10, csat=4, missing=["no"], keep=["precio"], keep_text="Todo bien")
        fold_changes(now=NOW)
        self.pass_a_night()

    def pass_a_night(self) -> None:
        weigh_opinions(self.shop.brand)
        read_words(self.shop.brand)

    def observe(self, period: str, now: datetime) -> Any:
        if period != "all":
            return None
        self.pass_a_night()
        words = [(word.form, word.comments) for word in own_words(self.ana)]
        return programme_weights(self.shop.brand), affiliate_priorities(self.ana), words


def test_a_look_every_night_tells_no_two_customers_apart(db):
    """In two worlds in which two customers of a block have swapped their answers all nights look the same."""
    story = tell_story(seed=1, steps=44)
    world = Nights("lumbre")
    world.play(story)
    pairs = pairs_to_swap(story, world.blocks)
    assert pairs

    twin = Nights("vela")
    twin.play(swap(story, "given", pairs))

    assert twin.seen == world.seen
    weights, places, words = world.seen[-1][0]
    assert weights
    assert len({str(seen) for seen, _month in world.seen}) > 2
    assert places or words
