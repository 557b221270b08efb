"""The formulas against worked examples, against statsmodels and scipy, and against properties that must always hold."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from insights import statistics as s

EIGHT_AFFILIATES = [(4, 5), (18, 20), (45, 60), (9, 15), (70, 80), (30, 50), (22, 25), (12, 20)]
PROGRAMME = 210 / 275

counts = st.integers(0, 5_000)
proportions = st.floats(0, 1)
nps_counts = st.tuples(counts, counts, counts)
strengths = st.floats(0.5, 500)


@st.composite
def samples(draw, least=0):
    n = draw(st.integers(least, 5_000))
    return draw(st.integers(0, n)), n


def approx(*values):
    """The worked examples are printed with six digits, or three for points of NPS."""
    return pytest.approx(values, abs=6e-7)


def in_points(*values):
    return pytest.approx(values, abs=6e-4)


# --- NPS -------------------------------------------------------------------------------------------------------------
def test_nps_of_the_worked_example():
    assert s.nps_score(22, 10, 8) == 35
    assert s.nps_interval(22, 10, 8) == in_points(8.899, 56.217)


def test_nps_interval_of_five_promoters_is_not_certainty():
    assert s.nps_interval(5, 0, 0) == in_points(17.491, 100)


def test_nps_of_nobody_is_none():
    assert s.nps_score(0, 0, 0) is None
    assert s.nps_interval(0, 0, 0) is None
    assert s.nps_change_test((0, 0, 0), (5, 5, 5)) is None
    assert s.nps_change_test((5, 5, 5), (0, 0, 0)) is None
    assert s.nps_change_interval((5, 5, 5), (0, 0, 0)) is None


@pytest.mark.parametrize("bad", [(-1, 2, 3), (1, -2, 3), (1, 2, -3)])
def test_nps_refuses_negative_counts(bad):
    with pytest.raises(ValueError, match="negative"):
        s.nps_score(*bad)
    with pytest.raises(ValueError, match="negative"):
        s.nps_interval(*bad)
    with pytest.raises(ValueError, match="negative"):
        s.nps_change_test(bad, (1, 1, 1))


@pytest.mark.parametrize(
    ("score", "shown"), [(12.5, 13), (-12.5, -13), (12.4999, 12), (-0.5, -1), (0.49, 0), (-0.2, 0), (100, 100)]
)
def test_display_nps_rounds_halves_away_from_zero(score, shown):
    assert s.display_nps(score) == shown


def test_display_nps_rounds_a_half_that_comes_from_counts():
    assert s.display_nps(s.nps_score(5, 3, 0)) == 63  # 62.5
    assert s.display_nps(s.nps_score(0, 3, 5)) == -63


@given(nps_counts)
def test_nps_is_antisymmetric_and_its_interval_stays_within_bounds(answers):
    promoters, passives, detractors = answers
    assume(sum(answers))

    low, high = s.nps_interval(promoters, passives, detractors)
    mirrored = s.nps_interval(detractors, passives, promoters)

    assert -100 <= low < high <= 100
    assert mirrored == pytest.approx((-high, -low))
    assert s.nps_score(detractors, passives, promoters) == -s.nps_score(promoters, passives, detractors)


@given(st.tuples(st.integers(0, 500), st.integers(0, 500), st.integers(0, 500)), st.integers(2, 10))
def test_nps_interval_narrows_with_more_of_the_same_answers(answers, times):
    assume(sum(answers))
    low, high = s.nps_interval(*answers)
    more_low, more_high = s.nps_interval(*(times * count for count in answers))

    # The centre moves outwards as the three added answers lose weight, so only the unclamped width is compared.
    assume(low > -100 and high < 100 and more_low > -100 and more_high < 100)
    if answers[0] and answers[2]:
        assert more_high - more_low < high - low


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [((22, 10, 8), (12, 14, 14), (37.209, 17.145, 2.170325, 0.029982))],
)
def test_nps_change_of_the_worked_example(now, before, expected):
    difference, error, z, p_value = s.nps_change_test(now, before)

    assert (difference, error) == in_points(*expected[:2])
    assert (z, p_value) == approx(*expected[2:])
    assert s.nps_change_interval(now, before) == in_points(3.607, 70.812)


def test_nps_change_of_ten_answers_each_proves_nothing():
    *_, p_value = s.nps_change_test((6, 3, 1), (4, 3, 3))

    assert p_value == pytest.approx(0.301700, abs=6e-7)


@given(nps_counts, nps_counts)
def test_nps_change_test_is_antisymmetric(now, before):
    assume(sum(now) and sum(before))
    difference, error, z, p_value = s.nps_change_test(now, before)
    back = s.nps_change_test(before, now)

    assert back == pytest.approx((-difference, error, -z, p_value))
    assert 0 <= p_value <= 1
    low, high = s.nps_change_interval(now, before)
    assert (p_value < 0.05) == (not low <= 0 <= high)


# --- Proportions -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("successes", "trials", "expected"),
    [
        (18, 20, (0.698966, 0.972134)),
        (45, 60, (0.627679, 0.842235)),
        (5, 5, (0.565518, 1)),
        (0, 12, (0, 0.242494)),
        (4, 18, (0.090009, 0.452146)),
        (17, 18, (0.742427, 0.990125)),
        (7, 10, (0.396778, 0.892209)),
        (4, 10, (0.168180, 0.687326)),
    ],
)
def test_wilson_interval_of_the_worked_examples(successes, trials, expected):
    assert s.wilson_interval(successes, trials) == approx(*expected)


@given(samples(least=1))
def test_wilson_interval_agrees_with_statsmodels_and_holds_the_rate(sample):
    successes, trials = sample
    low, high = s.wilson_interval(successes, trials)

    assert (low, high) == pytest.approx(proportion_confint(successes, trials, method="wilson"), abs=1e-12)
    assert 0 <= low <= successes / trials <= high <= 1
    assert s.wilson_interval(trials - successes, trials) == pytest.approx((1 - high, 1 - low))


@given(st.integers(1, 500), st.data())
def test_wilson_interval_rises_with_each_success(trials, data):
    successes = data.draw(st.integers(0, trials - 1))
    low, high = s.wilson_interval(successes, trials)
    more_low, more_high = s.wilson_interval(successes + 1, trials)

    assert low < more_low
    assert high < more_high


def test_wilson_interval_reaches_the_ends_exactly():
    for trials in (1, 3, 7, 49, 12_345, 10**9):
        assert s.wilson_interval(0, trials)[0] == 0
        assert s.wilson_interval(trials, trials)[1] == 1


def test_nothing_is_said_about_proportions_of_nothing():
    assert s.wilson_interval(0, 0) is None
    assert s.newcombe_interval(0, 0, 3, 5) is None
    assert s.newcombe_interval(3, 5, 0, 0) is None
    assert s.two_proportion_test(0, 0, 3, 5) is None
    assert s.two_proportion_test(3, 5, 0, 0) is None
    assert s.mean_interval([]) is None
    assert s.mean_interval([6]) is None


@pytest.mark.parametrize(("successes", "trials"), [(6, 5), (-1, 5), (0, -1), (1, 0), (math.nan, 5)])
def test_impossible_proportions_are_refused(successes, trials):
    for call in (
        lambda: s.wilson_interval(successes, trials),
        lambda: s.newcombe_interval(successes, trials, 1, 2),
        lambda: s.newcombe_interval(1, 2, successes, trials),
        lambda: s.two_proportion_test(successes, trials, 1, 2),
        lambda: s.two_proportion_test(1, 2, successes, trials),
        lambda: s.prior_strength([(1, 2), (successes, trials)]),
        lambda: s.shrink(successes, trials, 0.5, 20),
        lambda: s.credible_interval(successes, trials, 0.5, 20),
        lambda: s.expected_verdict(successes, trials, 0.5),
        lambda: s.discounted_trend([(1, 2), (successes, trials)], 0.7, 0.5, 20),
    ):
        with pytest.raises(ValueError, match=r"counts cannot be negative|successes in"):
            call()


@pytest.mark.parametrize("reference", [-0.01, 1.01, 80, math.nan])
def test_references_that_are_no_proportions_are_refused(reference):
    for call in (
        lambda: s.shrink(1, 2, reference, 20),
        lambda: s.credible_interval(1, 2, reference, 20),
        lambda: s.expected_verdict(1, 2, reference),
        lambda: s.aspect_verdict(10, 10, reference, answers=30),
        lambda: s.funnel_limits(10, reference),
        lambda: s.discounted_trend([(1, 2)], 0.7, reference, 20),
        lambda: s.discounted_trend([(1, 2)], reference, 0.7, 20),
    ):
        with pytest.raises(ValueError, match="not a proportion"):
            call()


def test_csat_change_of_the_worked_example():
    difference, z, p_value = s.two_proportion_test(27, 30, 21, 32)

    assert (difference, z, p_value) == approx(0.24375, 2.275415, 0.022881)
    assert s.newcombe_interval(27, 30, 21, 32) == approx(0.034220, 0.428829)


def test_csat_change_of_ten_answers_each_proves_nothing():
    assert s.two_proportion_test(8, 10, 5, 10)[2] == pytest.approx(0.170434, abs=6e-7)


@given(samples(least=1), samples(least=1))
def test_newcombe_interval_agrees_with_statsmodels(first, second):
    low, high = s.newcombe_interval(*first, *second)

    assert (low, high) == pytest.approx(confint_proportions_2indep(*first, *second, method="newcomb"), abs=1e-9)
    assert -1 <= low <= first[0] / first[1] - second[0] / second[1] <= high <= 1
    assert s.newcombe_interval(*second, *first) == pytest.approx((-high, -low))


@given(samples(least=1), samples(least=1))
def test_two_proportion_test_is_the_chi_square_with_n_minus_1_or_fishers(first, second):
    (x1, n1), (x2, n2) = first, second
    table = [[x1, n1 - x1], [x2, n2 - x2]]

    difference, z, p_value = s.two_proportion_test(x1, n1, x2, n2)

    assert difference == x1 / n1 - x2 / n2
    if min(stats.contingency.expected_freq(table).flat) < 1 - 1e-9:
        assert z is None
        assert p_value == pytest.approx(stats.fisher_exact(table).pvalue)
    elif z is not None:
        total = n1 + n2
        chi2 = stats.chi2_contingency(table, correction=False).statistic * (total - 1) / total
        assert z**2 == pytest.approx(chi2)
        assert p_value == pytest.approx(stats.chi2.sf(chi2, 1))
        assert math.copysign(1, z) == math.copysign(1, difference) or z == 0


def test_two_proportion_test_without_any_difference_to_see():
    assert s.two_proportion_test(0, 30, 0, 40) == (0, None, 1)
    assert s.two_proportion_test(30, 30, 40, 40) == (0, None, 1)


def test_mean_interval_is_students():
    values = [7, 6, 5, 7, 3, 6, 7, 2]
    expected = stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=stats.sem(values))

    assert s.mean_interval(values) == pytest.approx((np.mean(values), *expected))


# --- Small samples ---------------------------------------------------------------------------------------------------
def test_shrinkage_of_the_worked_example():
    strength = s.prior_strength(EIGHT_AFFILIATES)

    assert strength == pytest.approx(13.642536, abs=6e-7)
    shrunken = {(x, n): s.shrink(x, n, PROGRAMME, strength) for x, n in EIGHT_AFFILIATES}
    assert shrunken[4, 5] == pytest.approx(0.773389, abs=6e-7)
    assert shrunken[18, 20] == pytest.approx(0.844703, abs=6e-7)
    assert shrunken[9, 15] == pytest.approx(0.677941, abs=6e-7)
    assert shrunken[22, 25] == pytest.approx(0.838918, abs=6e-7)
    assert shrunken[70, 80] == pytest.approx(0.858776, abs=6e-7)
    assert s.credible_interval(4, 5, PROGRAMME, strength) == approx(0.564288, 0.927346)


def test_prior_strength_with_too_few_affiliates_is_twenty():
    assert s.prior_strength([]) == 20
    assert s.prior_strength(EIGHT_AFFILIATES[:7]) == 20
    assert s.prior_strength([*EIGHT_AFFILIATES[:7], (2, 4)]) == 20


def test_prior_strength_stays_between_5_and_500():
    assert s.prior_strength([(8, 10)] * 10) == 500  # no difference at all
    assert s.prior_strength([(10, 10)] * 10) == 500
    assert s.prior_strength([(0, 10), (10, 10)] * 5) == 5  # nothing but difference


@given(st.lists(samples(), max_size=30))
def test_prior_strength_ignores_order_and_affiliates_without_answers(groups):
    strength = s.prior_strength(groups)

    assert 5 <= strength <= 500
    assert s.prior_strength([*reversed(groups), (0, 0)]) == pytest.approx(strength)


@given(samples(), proportions, strengths)
def test_shrink_lies_between_the_affiliates_rate_and_the_programmes(sample, mean, strength):
    x, n = sample
    ends = sorted([mean, x / n if n else mean])

    assert ends[0] - 1e-12 <= s.shrink(x, n, mean, strength) <= ends[1] + 1e-12


@given(proportions, strengths)
def test_shrink_of_nothing_is_the_programme(mean, strength):
    assert s.shrink(0, 0, mean, strength) == pytest.approx(mean)
    assert s.shrink(0, 0, mean, 0) == mean


@given(samples(least=1), st.floats(0.05, 0.95), st.floats(*s.PRIOR_STRENGTH_RANGE))
def test_credible_interval_holds_95_percent(sample, mean, strength):
    x, n = sample
    low, high = s.credible_interval(x, n, mean, strength)
    belief = stats.beta(strength * mean + x, strength * (1 - mean) + n - x)

    assert 0 <= low <= high <= 1
    assert belief.cdf(high) - belief.cdf(low) == pytest.approx(0.95, abs=1e-6)


def test_credible_interval_without_a_distribution():
    assert s.credible_interval(0, 0, 0.5, 0) == (0, 1)
    assert s.credible_interval(0, 10, 0, 20) == (0, 0)
    assert s.credible_interval(10, 10, 1, 20) == (1, 1)


def test_shrink_nps_weighs_by_answers():
    assert s.shrink_nps(50, 10, 20, 20) == 30
    assert s.shrink_nps(50, 0, 20, 20) == 20
    assert s.shrink_nps(50, 0, 20, 0) == 20


def test_discounted_trend_by_hand():
    (first, n_first), (gap, n_gap), (last, n_last) = s.discounted_trend([(8, 10), (0, 0), (9, 10)], 0.5, 0.6, 10)

    assert (first, n_first) == (pytest.approx(14 / 20), 10)
    assert (gap, n_gap) == (pytest.approx((4 + 6) / (5 + 10)), 10)
    assert last == pytest.approx((9 + 2 + 6) / (10 + 2.5 + 10))
    assert n_last == pytest.approx(12.5**2 / (10 + 0.0625 * 10))


@given(st.lists(samples(), max_size=20), proportions, proportions, strengths)
def test_discounted_trend_follows_its_definition(periods, discount, mean, strength):
    trend = s.discounted_trend(periods, discount, mean, strength)

    assert len(trend) == len(periods)
    for t, (estimate, effective_n) in enumerate(trend):
        weights = [discount ** (t - j) for j in range(t + 1)]
        x, n = (sum(w * period[i] for w, period in zip(weights, periods, strict=False)) for i in (0, 1))
        squares = sum(w**2 * period[1] for w, period in zip(weights, periods, strict=False))
        assert estimate == pytest.approx((x + strength * mean) / (n + strength))
        if squares > 1e-100:
            assert effective_n == pytest.approx(n**2 / squares)
            assert effective_n <= sum(period[1] for period in periods) * (1 + 1e-9)


def test_discounted_trend_without_answers_is_the_programme():
    assert s.discounted_trend([(0, 0), (0, 0)], 0.7, 0.8, 20) == [(pytest.approx(0.8), 0), (pytest.approx(0.8), 0)]
    assert s.discounted_trend([], 0.7, 0.8, 20) == []


# --- What may be concluded -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("difference", "p_value", "answers", "expected"),
    [
        (0.24375, 0.022881, (30, 32), "improved"),
        (-0.24375, 0.022881, (30, 32), "worsened"),
        (0.24375, 0.05, (30, 32), "no_demonstrable_change"),
        (0.049, 0.001, (3000, 3200), "no_demonstrable_change"),
        (0.05, 0.001, (3000, 3200), "improved"),
        (0.4, 0.001, (19, 200), "no_demonstrable_change"),
        (0.4, 0.001, (200, 19), "no_demonstrable_change"),
    ],
)
def test_change_verdict_asks_for_significance_size_and_answers(difference, p_value, answers, expected):
    now, before = answers

    assert s.change_verdict(difference, p_value, n_now=now, n_before=before, rule=s.CSAT_CHANGE) == expected


def test_change_verdict_of_the_nps_example():
    difference, _, _, p_value = s.nps_change_test((22, 10, 8), (12, 14, 14))

    assert s.change_verdict(difference, p_value, n_now=40, n_before=40, rule=s.NPS_CHANGE) == "improved"
    assert s.change_verdict(difference, p_value, n_now=40, n_before=29, rule=s.NPS_CHANGE) == "no_demonstrable_change"


@pytest.mark.parametrize(
    ("positive", "negative", "answers", "expected"),
    [
        (4, 14, 20, "improve"),
        (17, 1, 20, "keep"),
        (7, 3, 20, "inconclusive"),
        (17, 1, 19, "inconclusive"),  # too few answers
        (9, 0, 200, "inconclusive"),  # too few mentions
        (0, 9, 200, "inconclusive"),
        (0, 0, 200, "inconclusive"),
    ],
)
def test_aspect_verdict_against_a_programme_of_70_percent(positive, negative, answers, expected):
    assert s.aspect_verdict(positive, negative, 0.70, answers=answers) == expected


def test_aspect_verdict_refuses_negative_mentions():
    with pytest.raises(ValueError, match="negative"):
        s.aspect_verdict(-1, 20, 0.7, answers=30)


@pytest.mark.parametrize(
    ("performance", "weight", "field"),
    [
        ((0.4, 0.6), (0.3, 0.5), "improve_first"),
        ((0.7, 0.9), (0.3, 0.5), "keep"),
        ((0.4, 0.6), (0.1, 0.2), "low_priority"),
        ((0.7, 0.9), (0.1, 0.2), "possible_excess"),
        ((0.6, 0.8), (0.3, 0.5), "undecided"),
        ((0.7, 0.9), (0.2, 0.3), "undecided"),
    ],
)
def test_quadrant_is_undecided_where_an_interval_crosses_its_line(performance, weight, field):
    assert s.quadrant(performance, weight, performance_cut=0.7, weight_cut=0.25) == field


def test_funnel_of_the_worked_example():
    limits = s.funnel_limits(25, 0.80)

    assert limits.inner == approx(0.643203, 0.956797)
    assert limits.outer == approx(0.552781, 1)
    assert stats.binomtest(15, 25, 0.8).pvalue == pytest.approx(0.021110, abs=6e-7)
    assert s.expected_verdict(15, 25, 0.80) == "below"


@pytest.mark.parametrize(
    ("x", "n", "reference", "expected"),
    [
        (20, 25, 0.80, "as_expected"),
        (10, 25, 0.80, "well_below"),
        (99, 100, 0.90, "well_above"),
        (97, 100, 0.90, "above"),
        (3, 10, 0, "well_above"),
        (0, 10, 0, "as_expected"),
        (10, 10, 1, "as_expected"),
        (9, 10, 1, "well_below"),
        (0, 0, 0.5, None),
    ],
)
def test_expected_verdict(x, n, reference, expected):
    assert s.expected_verdict(x, n, reference) == expected


@given(samples(least=1), st.floats(0.01, 0.99))
def test_expected_verdict_mirrors(sample, reference):
    x, n = sample
    mirror = {"well_below": "well_above", "below": "above", "as_expected": "as_expected"}
    mirror |= {after: before for before, after in mirror.items()}
    p_value = stats.binomtest(x, n, reference).pvalue
    assume(all(abs(p_value - edge) > 1e-9 for edge in (0.05, 0.002)))
    mirrored = stats.binomtest(n - x, n, 1 - reference).pvalue
    assume(mirrored == pytest.approx(p_value))  # 1 - reference is rounded, which may break a tie of two outcomes

    assert s.expected_verdict(n - x, n, 1 - reference) == mirror[s.expected_verdict(x, n, reference)]


def test_affiliates_that_differ_by_nature_are_judged_more_gently():
    assert s.expected_verdict(15, 25, 0.80, strength=20) == "as_expected"
    assert s.expected_verdict(5, 25, 0.80, strength=20) == "well_below"
    assert s.expected_verdict(15, 25, 0.80, strength=1e9) == s.expected_verdict(15, 25, 0.80)
    assert s.expected_verdict(9, 10, 1, strength=20) == "well_below"


def test_funnel_is_wider_when_affiliates_differ_by_nature():
    narrow, wide = s.funnel_limits(25, 0.5), s.funnel_limits(25, 0.5, strength=24)

    assert 0.5 - wide.inner[0] == pytest.approx((0.5 - narrow.inner[0]) * math.sqrt(49 / 25))
    assert s.funnel_limits(0, 0.5) is None


def test_is_overdispersed_when_more_than_a_fifth_are_outside():
    ordinary, odd = (80, 100), (40, 100)

    assert not s.is_overdispersed([ordinary] * 4 + [odd], 0.8)
    assert s.is_overdispersed([ordinary] * 3 + [odd, (0, 0)], 0.8)
    assert not s.is_overdispersed([], 0.8)


@pytest.mark.parametrize(
    ("others", "allowed"),
    [
        ([10] * 5, True),
        ([10] * 4, False),
        ([9] * 5, False),
        ([10, 10, 10, 10, 40], True),
        ([10, 10, 10, 10, 41], False),
        ([10] * 4 + [0], False),
        ([], False),
    ],
)
def test_reference_is_shown_only_if_it_gives_nobody_away(others, allowed):
    assert s.may_show_reference(others) is allowed


def test_mid_rank_percentile_counts_ties_half():
    everybody = [0.1, 0.2, 0.3, 0.4, 0.5, 0.5, 0.7, 0.8, 0.9, 1.0]

    assert s.mid_rank_percentile(0.5, everybody) == 0.5
    assert s.mid_rank_percentile(0.1, everybody) == 0.05
    assert s.mid_rank_percentile(0.1, everybody[:9]) is None


def test_invitations_needed_of_the_worked_examples():
    assert [s.invitations_needed(answers, 0.15) for answers in (5, 10, 20, 30)] == [52, 93, 170, 244]
    assert 1 - s.chance_of_answers(5, 20, 0.15) == pytest.approx(0.83, abs=0.005)


def test_invitations_needed_at_the_ends():
    assert s.invitations_needed(0, 0.2) == 0
    assert s.invitations_needed(5, 1) == 5
    assert s.invitations_needed(5, 0) is None


@given(st.integers(1, 60), st.floats(0.01, 1), st.floats(0.5, 0.99))
def test_invitations_needed_is_the_fewest(answers, rate, confidence):
    needed = s.invitations_needed(answers, rate, confidence=confidence)

    assert s.chance_of_answers(answers, needed, rate) >= confidence
    assert s.chance_of_answers(answers, needed - 1, rate) < confidence


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_benjamini_hochberg_agrees_with_statsmodels(p_values):
    assert s.benjamini_hochberg(p_values) == pytest.approx(multipletests(p_values, method="fdr_bh")[1])


def test_benjamini_hochberg_of_nothing_and_of_nonsense():
    assert list(s.benjamini_hochberg([])) == []
    for nonsense in ([0.5, 1.5], [-0.1], [math.nan]):
        with pytest.raises(ValueError, match="p-values"):
            s.benjamini_hochberg(nonsense)


# --- Relative weights ------------------------------------------------------------------------------------------------
# Motor Trend 1974: mpg, cyl, disp, hp, gear of 32 cars; the example of the R package rwa.
MTCARS = np.array(
    [
        (21, 6, 160, 110, 4), (21, 6, 160, 110, 4), (22.8, 4, 108, 93, 4), (21.4, 6, 258, 110, 3),
        (18.7, 8, 360, 175, 3), (18.1, 6, 225, 105, 3), (14.3, 8, 360, 245, 3), (24.4, 4, 146.7, 62, 4),
        (22.8, 4, 140.8, 95, 4), (19.2, 6, 167.6, 123, 4), (17.8, 6, 167.6, 123, 4), (16.4, 8, 275.8, 180, 3),
        (17.3, 8, 275.8, 180, 3), (15.2, 8, 275.8, 180, 3), (10.4, 8, 472, 205, 3), (10.4, 8, 460, 215, 3),
        (14.7, 8, 440, 230, 3), (32.4, 4, 78.7, 66, 4), (30.4, 4, 75.7, 52, 4), (33.9, 4, 71.1, 65, 4),
        (21.5, 4, 120.1, 97, 3), (15.5, 8, 318, 150, 3), (15.2, 8, 304, 150, 3), (13.3, 8, 350, 245, 3),
        (19.2, 8, 400, 175, 3), (27.3, 4, 79, 66, 4), (26, 4, 120.3, 91, 5), (30.4, 4, 95.1, 113, 5),
        (15.8, 8, 351, 264, 5), (19.7, 6, 145, 175, 5), (15, 8, 301, 335, 5), (21.4, 4, 121, 109, 4),
    ]
)  # fmt: skip
MPG, DRIVERS = MTCARS[:, 0], MTCARS[:, 1:]
PUBLISHED = [0.2284797, 0.2221469, 0.2321744, 0.0963886]


def test_relative_weights_reproduce_the_published_example():
    weights = s.relative_weights(DRIVERS, MPG)

    assert weights == pytest.approx(PUBLISHED, abs=5.1e-8)
    assert weights.sum() == pytest.approx(0.7791896, abs=5.1e-8)


def test_relative_weights_give_a_constant_driver_nothing():
    with_constant = np.insert(DRIVERS, 1, 3, axis=1)

    weights = s.relative_weights(with_constant, MPG)

    assert weights[1] == 0
    assert np.delete(weights, 1) == pytest.approx(PUBLISHED, abs=5.1e-8)


def test_relative_weights_leave_out_incomplete_rows():
    drivers = np.vstack([DRIVERS, [4, np.nan, 100, 4], [8, 400, 200, 3]])
    mpg = np.append(MPG, [40, np.nan])

    assert s.relative_weights(drivers, mpg) == pytest.approx(PUBLISHED, abs=5.1e-8)


def test_relative_weights_share_equally_between_a_driver_and_its_copy():
    single = s.relative_weights(DRIVERS[:, :1], MPG)
    double = s.relative_weights(DRIVERS[:, [0, 0]], MPG)

    assert double == pytest.approx([single[0] / 2] * 2)


def test_relative_weights_of_nothing_to_explain():
    assert list(s.relative_weights(DRIVERS, np.ones(32))) == [0, 0, 0, 0]
    assert list(s.relative_weights(np.ones((5, 2)), [1, 2, 3, 4, 5])) == [0, 0]
    assert list(s.relative_weights(np.empty((0, 3)), [])) == [0, 0, 0]
    assert list(s.relative_weights(np.empty((3, 0)), [1, 2, 3])) == []


@pytest.mark.parametrize(("X", "y"), [([1, 2, 3], [1, 2, 3]), ([[1], [2]], [1, 2, 3]), ([[1], [2]], [[1], [2]])])
def test_relative_weights_refuse_shapes_that_do_not_fit(X, y):
    with pytest.raises(ValueError, match="do not fit"):
        s.relative_weights(X, y)


@given(st.integers(0, 10_000), st.integers(1, 5))
def test_relative_weights_sum_to_r_squared(seed, drivers):
    random = np.random.default_rng(seed)
    X = random.integers(1, 6, (60, drivers)).astype(float)
    y = X @ random.normal(size=drivers) + random.normal(size=60)
    design = np.column_stack([np.ones(60), X])
    residuals = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]

    weights = s.relative_weights(X, y)

    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1 - residuals @ residuals / ((y - y.mean()) ** 2).sum())
    assert s.relative_weights(X[:, ::-1] * 7 - 3, -2 * y) == pytest.approx(weights[::-1])


def test_relative_weight_draws_surround_the_weights_and_repeat():
    draws = s.relative_weight_draws(DRIVERS, MPG)

    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    assert draws.shape == (1000, 4)
    assert (low < PUBLISHED).all()
    assert (high > PUBLISHED).all()
    assert (draws == s.relative_weight_draws(DRIVERS, MPG)).all()


def make_answers(n: int, seed: int = 7):
    random = np.random.default_rng(seed)
    X = (random.random((n, 5)) < [0.5, 0.3, 0.2, 0.1, 0.02]).astype(float)
    return X, np.clip(np.round(4 + X @ [-1.5, -0.8, 0.5, 0, -1] + random.normal(size=n)), 1, 5)


@pytest.mark.parametrize("n", [300, 9000])
def test_relative_weight_draws_spread_as_those_drawn_answer_by_answer(n):
    """Also where answers are drawn in groups."""
    X, y = make_answers(n)
    random = np.random.default_rng(3)
    one_by_one = [s.relative_weights(X[rows], y[rows]) for rows in random.integers(0, n, (400, n))]

    draws = s.relative_weight_draws(X, y)

    assert draws.std(axis=0) == pytest.approx(np.std(one_by_one, axis=0), rel=0.15)
    assert draws.mean(axis=0) == pytest.approx(np.mean(one_by_one, axis=0), abs=0.1 * draws.std(axis=0).max())


def test_relative_weight_draws_give_what_is_not_in_the_sample_nothing():
    X = np.zeros((60, 2))
    X[0, 1] = 1  # one answer alone, absent from a third of the samples
    X[:30, 0] = 1
    y = X[:, 0] + np.arange(60) % 3

    draws = s.relative_weight_draws(X, y)

    assert np.isfinite(draws).all()
    assert 0.25 < (draws[:, 1] == 0).mean() < 0.5
    assert (s.relative_weight_draws(X, np.ones(60), draws=3) == 0).all()
    assert s.relative_weight_draws(np.empty((0, 3)), [], draws=2).tolist() == [[0, 0, 0], [0, 0, 0]]


# --- Rank correlation ------------------------------------------------------------------------------------------------
def test_rank_correlation_agrees_with_scipy_and_holds_the_truth():
    random = np.random.default_rng(11)
    holds = 0
    for _sample in range(300):
        x, y = random.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 40).T
        rho, low, high = s.rank_correlation(x, y)
        assert rho == pytest.approx(stats.spearmanr(x, y).statistic)
        holds += low <= 6 / math.pi * math.asin(0.3) <= high  # what Pearson's .6 is in ranks
    assert 0.92 < holds / 300 < 0.98


def test_rank_correlation_of_what_cannot_be_compared():
    assert s.rank_correlation([1, 2, 3], [1, 2, 3]) is None
    assert s.rank_correlation([1, 1, 1, 1], [1, 2, 3, 4]) is None
    assert s.rank_correlation([1, 2, 3, 4], [5, 5, 5, 5]) is None
    assert s.rank_correlation([1, 2, 3, 4], [8, 7, 6, 5]) == (-1, -1, -1)


# --- Words -----------------------------------------------------------------------------------------------------------
PROMOTERS = {"rápido": 12, "fácil": 8, "soporte": 5, "información": 2, "precio": 6, "entrega": 7}
DETRACTORS = {"rápido": 1, "fácil": 2, "soporte": 6, "información": 14, "precio": 8, "entrega": 9}


def test_distinctive_words_of_the_worked_example():
    scores = s.distinctive_words(PROMOTERS, DETRACTORS, 10)

    assert scores.keys() == PROMOTERS.keys()
    delta, z = scores["rápido"]
    assert (delta, (delta / z) ** 2, z) == approx(1.911038, 0.454347, 2.835147)
    assert scores["fácil"][1] == pytest.approx(1.835111, abs=6e-7)
    assert scores["información"][1] == pytest.approx(-3.020615, abs=6e-7)


def test_distinctive_words_without_anything_to_tell_apart():
    assert s.distinctive_words({}, {}, 10) == {}
    assert s.distinctive_words({"rápido": 3}, {"rápido": 9}, 10) == {"rápido": (0, 0)}
    assert s.distinctive_words({"rápido": 3, "nunca": 0}, {"lento": 1}, 10)["nunca"] == (0, 0)


def test_distinctive_words_of_one_silent_group():
    scores = s.distinctive_words({"rápido": 3, "lento": 1}, {}, 10)

    assert scores == {"rápido": (pytest.approx(0), pytest.approx(0)), "lento": (pytest.approx(0), pytest.approx(0))}


def test_distinctive_words_refuse_nonsense():
    with pytest.raises(ValueError, match="negative"):
        s.distinctive_words({"a": -1}, {"b": 1}, 10)
    with pytest.raises(ValueError, match="size"):
        s.distinctive_words({"a": 1}, {"b": 1}, 0)


words = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 200))


@given(words, words, st.floats(0.1, 500))
def test_distinctive_words_are_antisymmetric(a, b, prior_size):
    scores, swapped = s.distinctive_words(a, b, prior_size), s.distinctive_words(b, a, prior_size)

    assert scores.keys() == a.keys() | b.keys()
    for word, (delta, z) in scores.items():
        assert swapped[word] == pytest.approx((-delta, -z), abs=1e-9)
        assert math.isfinite(delta)
        assert math.isfinite(z)


@pytest.mark.parametrize("strength", [None, 5.0, 20.0, 200.0, 500.0])
@pytest.mark.parametrize("reference", [0.02, 0.3, 0.5, 0.8, 0.95, 0.99])
def test_within_one_standard_error_no_exact_test_finds_anything(reference, strength):
    """So it may be left out there."""
    for n in (1, 2, 5, 20, 47, 200):
        spread = 1 if strength is None else (strength + n) / (strength + 1)
        for x in range(n + 1):
            if (x - n * reference) ** 2 <= n * reference * (1 - reference) * spread:
                assert s._two_sided_p(x, n, reference, strength) >= 0.05
