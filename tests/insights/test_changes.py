"""What has changed demonstrably: worked examples of domain rules, many looked at together, and which periods."""

from datetime import date

import pytest

from insights.changes import Change, compare, judge_together, latest_pair, period_before, read_changes
from insights.statistics import newcombe_interval, nps_change_test


def csat(satisfied: int, n: int) -> dict[str, dict[str, int]]:
    return {"answers": {"": n}, "csat": {"": n, "5": satisfied, "2": n - satisfied}}


def one(changes: tuple[Change, ...], key: str) -> Change:
    return next(change for change in changes if change.key == key)


def test_satisfaction_of_27_in_30_after_21_in_32_has_improved():
    change = one(read_changes(csat(27, 30), csat(21, 32), []), "csat")

    assert (change.now, change.before, change.n_now, change.n_before) == (0.9, 21 / 32, 30, 32)
    assert change.p_value == pytest.approx(0.022881, abs=1e-6)
    assert change.interval == pytest.approx((0.034220, 0.428829), abs=1e-6)
    assert change.verdict == "improved"


def test_the_same_the_other_way_round_has_worsened():
    assert one(read_changes(csat(21, 32), csat(27, 30), []), "csat").verdict == "worsened"


def test_what_chance_may_do_is_no_change():
    assert one(read_changes(csat(16, 20), csat(11, 20), []), "csat").verdict == "no_demonstrable_change"


def test_a_significant_difference_too_small_to_matter_is_no_change():
    change = one(read_changes(csat(9_400, 10_000), csat(9_000, 10_000), []), "csat")

    assert change.p_value < 1e-9
    assert change.verdict == "no_demonstrable_change"


@pytest.mark.parametrize(("now", "before"), [(19, 200), (200, 19)])
def test_with_fewer_than_20_answers_on_a_side_nothing_is_compared(now, before):
    assert read_changes(csat(now, now), csat(0, before), []) == ()


def nps(promoters: int, passives: int, detractors: int) -> dict[str, dict[str, int]]:
    n = promoters + passives + detractors
    return {"answers": {"": n}, "nps": {"": n, "10": promoters, "7": passives, "0": detractors}}


def test_nps_of_22_10_8_after_12_14_14_has_improved():
    change = one(read_changes(nps(22, 10, 8), nps(12, 14, 14), []), "nps")

    assert (change.now, change.before) == (35, -5)
    assert change.difference == pytest.approx(37.209, abs=1e-3)
    assert change.p_value == nps_change_test((22, 10, 8), (12, 14, 14))[3]
    assert change.verdict == "improved"


def test_fewer_who_missed_something_is_an_improvement():
    def missing(yes: int, n: int) -> dict[str, dict[str, int]]:
        return {"answers": {"": n}, "missing": {"": n, "yes": yes, "no": n - yes}}

    change = one(read_changes(missing(5, 60), missing(30, 60), []), "missing")

    assert change.difference < 0
    assert change.verdict == "improved"


def aspects(**praised_of: tuple[int, int]) -> dict[str, dict[str, int]]:
    return {
        "answers": {"": 100},
        "keep": {"": 100, **{code: good for code, (good, _n) in praised_of.items()}},
        "improve": {"": 100, **{code: n - good for code, (good, n) in praised_of.items()}},
    }


def test_many_aspects_are_judged_together():
    """A difference that would be demonstrated alone is not, among ten that do not differ."""
    now, before = {"entrega": (12, 20)}, {"entrega": (18, 20)}
    alone = one(read_changes(aspects(**now), aspects(**before), ["entrega"]), "entrega")
    assert alone.p_value == pytest.approx(0.0303, abs=5e-4)
    assert alone.verdict == "worsened"

    even = {f"otro_{number}": (10, 20) for number in range(10)}
    among = read_changes(aspects(**now, **even), aspects(**before, **even), ["entrega", *even])

    assert one(among, "entrega").verdict == "no_demonstrable_change"


def test_what_too_few_mention_is_not_among_what_was_looked_at():
    now, before = {"entrega": (12, 20)}, {"entrega": (18, 20)}
    rare = {f"otro_{number}": (4, 8) for number in range(10)}

    found = read_changes(aspects(**now, **rare), aspects(**before, **rare), ["entrega", *rare])

    assert one(found, "entrega").verdict == "worsened"
    assert {change.verdict for change in found if change.key in rare} == {"no_demonstrable_change"}


def test_the_demonstrated_come_first():
    found = read_changes(aspects(a=(10, 20), b=(2, 20)), aspects(a=(10, 20), b=(19, 20)), ["a", "b"])

    assert [change.key for change in found] == ["b", "a"]


def test_shares_of_nobody_are_not_compared():
    assert compare("aspect", "entrega", (0, 0), (5, 10)) is None


def test_a_comparison_says_by_how_much():
    change = compare("aspect", "entrega", (12, 20), (18, 20))

    assert change is not None
    assert change.difference == pytest.approx(-0.3)
    assert change.interval == newcombe_interval(12, 20, 18, 20)
    assert judge_together([change])[0].verdict == "worsened"


# --- Periods ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("code", "before"),
    [
        ("2026", "2025"),
        ("2026-Q2", "2026-Q1"),
        ("2026-Q1", "2025-Q4"),
        ("2026-03", "2026-02"),
        ("2026-01", "2025-12"),
        ("2026-11", "2026-10"),
    ],
)
def test_before_a_period_lies_one_of_the_same_length(code, before):
    assert period_before(code) == before


def test_the_newest_two_quarters_that_can_be_compared():
    answers = {date(2025, 8, 1): 30, date(2025, 10, 1): 12, date(2025, 12, 1): 8, date(2026, 1, 1): 4}

    assert latest_pair(answers) == ("2025-Q4", "2025-Q3")
    assert latest_pair({**answers, date(2026, 3, 1): 16}) == ("2026-Q1", "2025-Q4")
    assert latest_pair({date(2026, 1, 1): 100, date(2025, 8, 1): 100}) is None
