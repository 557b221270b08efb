"""Blocks: when they come, of which month they are, what rides in them, and what never changes."""

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta

import pytest

from affiliates.models import Affiliate
from insights.blocks import Delta, at_least, cut, programme_rule, splits_by_link
from insights.models import Block, Finding, PublishedCount, Quote, ShownCount
from insights.services import fold_changes, rebuild_rollups
from tests.factories import NOW, make_affiliate, make_link

MARCH = date(2026, 3, 1)


def blocks(affiliate: Affiliate | None) -> list[tuple[date, int]]:
    found = Block.objects.filter(affiliate=affiliate).order_by("sequence")
    return list(found.values_list("month", "n"))


def shown(affiliate: Affiliate | None) -> dict[str, dict[str, int]]:
    counts: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for row in ShownCount.objects.filter(affiliate=affiliate, link=None):
        counts[row.question][row.value] = counts[row.question].get(row.value, 0) + row.count
    return {question: {v: n for v, n in values.items() if n} for question, values in counts.items()}


def words(affiliate: Affiliate) -> list[str]:
    return sorted(Quote.objects.filter(affiliate=affiliate).values_list("text", flat=True))


# --- When ------------------------------------------------------------------------------------------------------------
def test_the_fifth_answer_publishes_a_block(shop, ana, bruno, fold):
    for score in (5, 5, 4, 1):
        shop.respond(ana, csat=score)
        shop.respond(bruno, csat=score)
        fold()
    assert blocks(ana) == []
    assert shown(ana) == {}

    shop.respond(ana, csat=2)
    fold()

    assert blocks(ana) == [(MARCH, 5)]
    assert shown(ana) == {"answers": {"": 5}, "csat": {"": 5, "1": 1, "2": 1, "4": 1, "5": 2}}
    assert blocks(bruno) == []


def test_what_is_left_over_waits_for_the_next_block(shop, ana, fold):
    for _number in range(14):
        shop.respond(ana, csat=5)
        fold()

    assert blocks(ana) == [(MARCH, 5), (MARCH, 5)]
    assert shown(ana)["answers"] == {"": 10}


def test_a_brand_may_ask_for_larger_blocks(shop, ana, fold):
    shop.brand.k = 8
    shop.brand.save(update_fields=["k"])
    shop.respond_many(ana, 7, csat=5)
    fold()
    assert blocks(ana) == []

    shop.respond(ana, csat=5)
    fold()
    assert blocks(ana) == [(MARCH, 8)]


def test_suspect_and_uncredited_answers_make_no_block(shop, ana, fold):
    shop.respond_many(ana, 4, csat=5)
    shop.respond(ana, csat=5, suspect=True)
    shop.respond_many(None, 9, csat=5)

    fold()

    assert not Block.objects.exists()


def test_an_answer_of_another_wave_is_no_part_of_a_block(shop, ana, fold):
    for _i in range(5):
        invitation = shop.respond(ana, csat=5).invitation
        invitation.wave = "follow_up"
        invitation.save(update_fields=["wave"])

    fold()

    assert not Block.objects.exists()


# --- Of which month --------------------------------------------------------------------------------------------------
def test_history_is_published_as_it_would_have_been(shop, ana, fold):
    for month, answers in [(10, 6), (11, 3), (12, 1), (1, 1), (2, 4)]:
        shop.respond_many(ana, answers, csat=5, at=datetime(2025 if month > 9 else 2026, month, 15, tzinfo=UTC))

    fold()

    # November's three and December's one are too few until January's; February's wait for March's.
    assert blocks(ana) == [(date(2025, 10, 1), 6), (date(2026, 1, 1), 5)]


def test_history_that_comes_late_leaves_published_months_alone(shop, ana, fold):
    shop.respond_many(ana, 5, csat=5)
    fold()
    shop.respond_many(ana, 6, csat=1, at=NOW - timedelta(days=60))

    fold()

    assert blocks(ana) == [(MARCH, 5), (date(2026, 1, 1), 6)]
    january = ShownCount.objects.get(affiliate=ana, month=date(2026, 1, 1), question="csat", value="1")
    assert january.count == 6


def test_no_block_is_later_than_now(shop, ana, fold):
    shop.respond_many(ana, 5, csat=5, at=NOW + timedelta(days=60))

    fold()

    assert blocks(ana) == [(MARCH, 5)]


# --- What rides in them ----------------------------------------------------------------------------------------------
def test_corrections_ride_in_the_next_block(shop, ana, bruno, fold):
    first = [shop.respond(ana, csat=5) for _i in range(5)]
    fold()
    shop.edit(first[0], csat=1)
    shop.judge(first[1], suspect=True)
    shop.erase(first[2])
    shop.credit(first[3], bruno)
    fold()
    assert shown(ana) == {"answers": {"": 5}, "csat": {"": 5, "5": 5}}

    # Three have left: eight new ones are a difference of five.
    for _i in range(7):
        shop.respond(ana, csat=4)
        fold()
    assert blocks(ana) == [(MARCH, 5)]
    shop.respond(ana, csat=4)
    fold()

    assert blocks(ana) == [(MARCH, 5), (MARCH, 5)]
    assert shown(ana) == {"answers": {"": 10}, "csat": {"": 10, "1": 1, "4": 8, "5": 1}}
    assert Block.objects.get(sequence=2).counts == {"answers": {"": 5}, "csat": {"": 5, "1": 1, "4": 8, "5": -4}}


def test_a_question_waits_until_enough_have_answered_it(shop, ana, fold):
    shop.respond_many(ana, 5, csat=5, nps=9)
    fold()
    for number in range(5):
        shop.respond(ana, csat=4, **({"nps": 0} if number == 0 else {}))
    fold()
    assert shown(ana)["csat"] == {"": 10, "4": 5, "5": 5}
    assert shown(ana)["nps"] == {"": 5, "9": 5}

    for number in range(5):
        shop.respond(ana, csat=4, **({"nps": 10} if number else {}))
    fold()

    assert shown(ana)["nps"] == {"": 10, "0": 1, "9": 5, "10": 4}


def test_missing_facts_come_with_the_question_whether_any_was_missing(shop, ana, fold):
    for number in range(5):
        given = {"missing": ["yes"], "missing_facts": ["plazos"]} if number == 0 else {"missing": ["no"]}
        shop.respond(ana, csat=5, **given)

    fold()

    assert shown(ana)["missing_facts"] == {"": 1, "plazos": 1}


def test_a_block_is_never_changed(shop, ana, fold):
    first = [shop.respond(ana, csat=5, keep_text="Bien") for _i in range(5)]
    fold()
    frozen = list(Block.objects.values())

    for response in first:
        shop.edit(response, csat=1, keep_text="Mal")
    for _i in range(12):
        shop.respond(ana, csat=3)
        fold()

    assert list(Block.objects.filter(sequence=1).values()) == frozen


def test_folding_and_rebuilding_again_publish_nothing_twice(shop, ana, fold):
    shop.respond_many(ana, 7, csat=5)
    fold()
    before = list(Block.objects.values()), sorted(ShownCount.objects.values_list()), words(ana)

    fold()
    rebuild_rollups(shop.brand, now=NOW)

    assert (list(Block.objects.values()), sorted(ShownCount.objects.values_list()), words(ana)) == before


def test_what_is_shown_is_the_sum_of_blocks(shop, ana, fold):
    link = make_link(ana)
    for number in range(23):
        month = NOW - timedelta(days=10 * number)
        shop.respond(ana, link=link if number % 2 else None, csat=1 + number % 5, at=month, keep=["entrega"])
        fold()

    total: Counter[tuple[str, str]] = Counter()
    by_link: Counter[tuple[int, str, str]] = Counter()
    for block in Block.objects.filter(affiliate=ana):
        total.update({(q, v): n for q, values in block.counts.items() for v, n in values.items()})
        for pk, counts in block.splits.items():
            by_link.update({(int(pk), q, v): n for q, values in counts.items() for v, n in values.items()})
    assert {(q, v): n for q, values in shown(ana).items() for v, n in values.items()} == total
    told = ShownCount.objects.filter(affiliate=ana, link__isnull=False)
    assert Counter({(r.link_id, r.question, r.value): 0 for r in told}) | by_link == by_link


# --- By link ---------------------------------------------------------------------------------------------------------
def answers(link: int | None, n: int, question: str = "answers") -> Delta:
    return Delta(1, link, MARCH, question, "", n)


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ({1: 5}, {1}),
        ({1: 5, 2: 5}, {1, 2}),
        ({1: 9, 2: 5, 3: 5}, {1, 2, 3}),
        ({1: 6, 2: 4}, set()),  # 10 - 6 would tell the four
        ({1: 9, 2: 5, 3: 4}, {1}),  # the smallest is kept back with the four
        ({1: 9, 2: 4, 3: 1}, {1}),
        ({1: 9, None: 5}, {1}),
        ({1: 9, None: 1}, set()),
        ({None: 9}, set()),
        ({1: 9, 2: 0}, {1}),
    ],
)
def test_links_are_told_apart_where_the_rest_is_enough_too(cells, told):
    deltas = [answers(link, n) for link, n in cells.items() if n]

    assert set(splits_by_link(deltas, 5)) == told


def test_a_links_correction_is_not_left_alone_by_subtraction():
    corrected = [Delta(1, 2, MARCH, "answers", "", 1), Delta(1, 2, MARCH, "answers", "", -1)]

    assert splits_by_link([answers(1, 9), *corrected], 5) == {}


# --- Of the programme ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("news", "is_ready"),
    [
        ([10, 10, 10, 10, 10], True),
        ([10, 10, 10, 10, 9], False),  # 49
        ([20, 10, 10, 10], False),  # four affiliates
        ([25, 10, 10, 10, 5], True),  # 2 * 25 + 10 of 60
        ([26, 10, 10, 10, 5], False),  # whoever has ten sees 51 others, 26 of them of one
        ([10, 10, 10, 10, 20, -5], True),
        ([], False),
    ],
)
def test_the_programmes_block_gives_no_affiliate_away(news, is_ready):
    assert programme_rule(0)(dict(enumerate(news))) is is_ready


def test_the_programmes_blocks_grow_with_it():
    assert not programme_rule(10_000)(dict.fromkeys(range(9), 11))
    assert programme_rule(10_000)(dict.fromkeys(range(10), 10))


def test_the_programme_is_published_from_fifty_answers_of_five(shop, fold):
    affiliates = [make_affiliate(shop.brand, f"A{number}") for number in range(5)]
    for number in range(49):
        shop.respond(affiliates[number % 5], csat=5 if number % 2 else 1)
    fold()
    assert blocks(None) == []

    shop.respond(affiliates[4], csat=5)
    fold()

    assert blocks(None) == [(MARCH, 50)]
    assert shown(None) == {"answers": {"": 50}, "csat": {"": 50, "1": 25, "5": 25}}
    assert Block.objects.get(affiliate=None).context["strength"]["csat"] == 20
    own = PublishedCount.objects.filter(audience="programme", question="answers").values_list("affiliate", "count")
    assert dict(own) == {affiliate.pk: 10 for affiliate in affiliates}


# --- Words -----------------------------------------------------------------------------------------------------------
def test_words_come_with_the_block_if_they_may_be_quoted(shop, ana, fold):
    shop.respond(ana, csat=5, keep_text="Todo claro")
    shop.respond(ana, csat=1, expectation="Creía que el envío era gratis")
    shop.respond(ana, csat=1, improve_text="Callado", hides=True)
    shop.respond(ana, csat=1, improve_text="De fuera", quotable=False)
    fold()
    assert words(ana) == []

    shop.respond(ana, csat=5)
    fold()

    assert words(ana) == ["Creía que el envío era gratis", "Todo claro"]
    finding = Finding.objects.get(kind=Finding.Kind.EXPECTATION)
    assert (finding.affiliate, finding.quote.text, finding.status) == (
        ana,
        "Creía que el envío era gratis",
        Finding.Status.OPEN,
    )


def test_only_the_redacted_words_come_out(shop, ana, fold):
    response = shop.respond(ana, csat=5, keep_text="Soy Carla")
    response.answers.filter(question__key="keep_text").update(redacted_text="Soy [nombre]")
    shop.respond_many(ana, 4, csat=5)

    fold()

    assert words(ana) == ["Soy [nombre]"]


def withdraw_one(shop, ana, fold, how):
    responses = [shop.respond(ana, csat=5, keep_text=f"Bien {number}") for number in range(5)]
    fold()
    how(responses[0])
    fold()


def hide(shop):
    def how(response):
        response.hides_comment = True
        response.save(update_fields=["hides_comment"])
        shop.edit(response)

    return how


@pytest.mark.parametrize("how", ["hide", "erase", "edit", "judge", "credit"])
def test_withdrawn_words_go_with_the_next_block(shop, ana, bruno, fold, how):
    ways = {
        "hide": hide(shop),
        "erase": shop.erase,
        "edit": lambda r: shop.edit(r, keep_text=None),
        "judge": lambda r: shop.judge(r, suspect=True),
        "credit": lambda r: shop.credit(r, bruno),
    }
    withdraw_one(shop, ana, fold, ways[how])
    assert words(ana) == [f"Bien {number}" for number in range(5)]

    shop.respond_many(ana, 6, csat=5)
    fold()

    assert words(ana) == [f"Bien {number}" for number in range(1, 5)]
    assert words(bruno) == []


def test_withdrawn_words_go_at_the_end_of_the_month_at_the_latest(shop, ana, fold):
    withdraw_one(shop, ana, fold, shop.erase)

    fold_changes(now=datetime(2026, 3, 31, 21, 59, tzinfo=UTC))
    assert len(words(ana)) == 5
    fold_changes(now=datetime(2026, 3, 31, 22, 0, tzinfo=UTC))  # midnight in Madrid

    assert words(ana) == [f"Bien {number}" for number in range(1, 5)]


def test_words_said_otherwise_come_out_anew_with_the_next_block(shop, ana, fold):
    withdraw_one(shop, ana, fold, lambda r: shop.edit(r, keep_text="Regular"))
    shop.respond_many(ana, 5, csat=5)

    fold()

    assert words(ana) == ["Bien 1", "Bien 2", "Bien 3", "Bien 4", "Regular"]


def test_what_k_have_named_becomes_a_finding_with_an_owner(shop, ana, fold):
    for number in range(6):
        shop.respond(
            ana,
            csat=2,
            missing=["yes"],
            missing_facts=["plazos"] if number else ["plazos", "garantia"],
            improve=["info_previa"],
        )

    fold()

    found = Finding.objects.filter(affiliate=ana).order_by("kind").values_list("kind", "key", "owner", "status")
    assert list(found) == [("improve", "info_previa", "both", "open"), ("missing", "plazos", "affiliate", "open")]


# --- Cutting, alone --------------------------------------------------------------------------------------------------
def test_cutting_carries_what_is_too_little_to_the_next_month():
    deltas = [Delta(1, None, date(2026, month, 1), "answers", "", n) for month, n in [(1, 4), (2, 1), (3, 4), (4, 9)]]

    cuts = [(c.month, c.n) for c in cut(deltas, is_ready=at_least(5), this_month=date(2026, 3, 1))]

    assert cuts == [(date(2026, 2, 1), 5), (date(2026, 3, 1), 13)]
