"""Formulas for figures, their uncertainty, and what may be concluded from them.

Pure functions. Proportions and their intervals are 0..1, NPS -100..100, intervals 95 %. No observations give None,
never 0. Counts that cannot be (negative, more successes than trials) raise ValueError.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from math import atanh, erfc, log, sqrt, tanh
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import bdtrc, betaincinv, betaln, ndtri, stdtr, stdtrit, xlog1py, xlogy

Interval = tuple[float, float]
NpsCounts = tuple[int, int, int]
FloatArray = npt.NDArray[np.float64]
ExpectedVerdict = Literal["well_below", "below", "as_expected", "above", "well_above"]
ChangeVerdict = Literal["improved", "worsened", "no_demonstrable_change"]
AspectVerdict = Literal["keep", "improve", "inconclusive"]
Quadrant = Literal["improve_first", "keep", "low_priority", "possible_excess", "undecided"]

Z_95 = float(ndtri(0.975))
Z_998 = float(ndtri(0.999))

# Below these a figure may be shown, but nothing is concluded from it.
ANSWERS_FOR_VERDICT = 20
MENTIONS_FOR_VERDICT = 10


# --- Checks ----------------------------------------------------------------------------------------------------------
def _check_counts(*counts: float) -> None:
    if not all(count >= 0 for count in counts):
        raise ValueError(f"counts cannot be negative: {counts}")


def _check_trials(successes: float, trials: float) -> None:
    _check_counts(successes, trials)
    if successes > trials:
        raise ValueError(f"{successes} successes in {trials} trials")


def _check_proportion(value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"not a proportion between 0 and 1: {value}")


# --- Chances ---------------------------------------------------------------------------------------------------------
# From the functions that scipy.stats itself stands on: that module takes longer to load than the whole product.
def _normal_p(z: float) -> float:
    """Of both sides."""
    return erfc(abs(z) / sqrt(2))


def _log_choices(n: FloatArray | float, k: FloatArray) -> FloatArray:
    """Logarithm of the ways to choose k of n."""
    return np.asarray(-np.log1p(n) - betaln(n - k + 1, k + 1))


def _as_unlikely(chances: FloatArray, seen: int) -> float:
    """How likely it is to see this or something no likelier."""
    return min(1.0, float(chances[chances <= chances[seen] * (1 + 1e-7)].sum()))  # ties differ in their last bits


def _fisher_p(x1: int, n1: int, x2: int, n2: int) -> float:
    fewest, most = max(0, x1 - (n2 - x2)), min(n1, x1 + x2)
    first = np.arange(fewest, most + 1, dtype=float)
    ways = _log_choices(n1, first) + _log_choices(n2, x1 + x2 - first)
    return _as_unlikely(np.exp(ways - _log_choices(n1 + n2, np.array(x1 + x2, dtype=float))), x1 - fewest)


# --- NPS -------------------------------------------------------------------------------------------------------------
def nps_score(promoters: int, passives: int, detractors: int) -> float | None:
    """Promoters (9-10) minus detractors (0-6) per 100 answers, -100..100."""
    _check_counts(promoters, passives, detractors)
    answers = promoters + passives + detractors
    return 100 * (promoters - detractors) / answers if answers else None


def display_nps(score: float) -> int:
    """The whole number people see: halves away from zero (12.5 → 13, -12.5 → -13)."""
    return int(Decimal(score).quantize(Decimal(1), ROUND_HALF_UP))


def _adjusted_nps(promoters: int, passives: int, detractors: int) -> tuple[float, float]:
    """Centre and variance of the mean on -1..1, with three answers added: 3/4 promoter, 3/2 passive, 3/4 detractor."""
    _check_counts(promoters, passives, detractors)
    answers = promoters + passives + detractors + 3
    share_promoters, share_detractors = (promoters + 0.75) / answers, (detractors + 0.75) / answers
    centre = share_promoters - share_detractors
    return centre, (share_promoters + share_detractors - centre**2) / answers


def nps_interval(promoters: int, passives: int, detractors: int) -> Interval | None:
    """Adjusted Wald. The plain trinomial interval has no width when all agree: five promoters would be «100 to 100».

    Its centre lies nearer to zero than the score shown.
    """
    centre, variance = _adjusted_nps(promoters, passives, detractors)
    if promoters + passives + detractors == 0:
        return None
    reach = Z_95 * sqrt(variance)
    return max(-100.0, 100 * (centre - reach)), min(100.0, 100 * (centre + reach))


def nps_change_test(now: NpsCounts, before: NpsCounts) -> tuple[float, float, float, float] | None:
    """(difference, standard error, z, p) of the adjusted scores, in points; positive when it got better."""
    (centre_now, variance_now), (centre_before, variance_before) = _adjusted_nps(*now), _adjusted_nps(*before)
    if not sum(now) or not sum(before):
        return None
    difference, error = 100 * (centre_now - centre_before), 100 * sqrt(variance_now + variance_before)
    z = difference / error
    return difference, error, z, _normal_p(z)


def nps_change_interval(now: NpsCounts, before: NpsCounts) -> Interval | None:
    """Interval of the adjusted difference that `nps_change_test` tests, in points."""
    tested = nps_change_test(now, before)
    if tested is None:
        return None
    difference, error, *_ = tested
    return difference - Z_95 * error, difference + Z_95 * error


# --- Proportions -----------------------------------------------------------------------------------------------------
def wilson_interval(successes: int, trials: int) -> Interval | None:
    _check_trials(successes, trials)
    if not trials:
        return None
    share, z2 = successes / trials, Z_95**2
    scale = 1 + z2 / trials
    centre = (share + z2 / (2 * trials)) / scale
    reach = Z_95 / scale * sqrt(share * (1 - share) / trials + z2 / (4 * trials**2))
    # At the ends centre and reach cancel exactly, but for the last bit of a float.
    low = 0.0 if successes == 0 else centre - reach
    high = 1.0 if successes == trials else centre + reach
    return low, high


def newcombe_interval(x1: int, n1: int, x2: int, n2: int) -> Interval | None:
    """Interval of x1/n1 - x2/n2 from the two Wilson intervals (Newcombe 1998, method 10)."""
    first, second = wilson_interval(x1, n1), wilson_interval(x2, n2)
    if first is None or second is None:
        return None
    p1, p2 = x1 / n1, x2 / n2
    difference = p1 - p2
    down = sqrt((p1 - first[0]) ** 2 + (second[1] - p2) ** 2)
    up = sqrt((first[1] - p1) ** 2 + (p2 - second[0]) ** 2)
    return max(-1.0, difference - down), min(1.0, difference + up)


def two_proportion_test(x1: int, n1: int, x2: int, n2: int) -> tuple[float, float | None, float] | None:
    """(x1/n1 - x2/n2, z, p): the N-1 test; Fisher's exact one, with z None, where an expected count is below 1."""
    _check_trials(x1, n1)
    _check_trials(x2, n2)
    if not n1 or not n2:
        return None
    total, difference = n1 + n2, x1 / n1 - x2 / n2
    pooled = (x1 + x2) / total
    if min(n1, n2) * min(pooled, 1 - pooled) < 1:
        return difference, None, _fisher_p(x1, n1, x2, n2)
    z = difference * sqrt((total - 1) / total) / sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2))
    return difference, z, _normal_p(z)


def mean_interval(values: Sequence[float]) -> tuple[float, float, float] | None:
    """(mean, low, high) by Student's t, as for CES; one value has no interval and gives None."""
    if len(values) < 2:
        return None
    mean, error = float(np.mean(values)), float(np.std(values, ddof=1)) / sqrt(len(values))
    reach = float(stdtrit(len(values) - 1, 0.975)) * error
    return mean, mean - reach, mean + reach


@dataclass(frozen=True)
class Moments:
    """What a comparison of means needs of a group of numbers: how many, their sum and the sum of their squares."""

    n: int
    total: float
    squares: float

    @property
    def mean(self) -> float | None:
        return self.total / self.n if self.n else None

    @property
    def variance(self) -> float | None:
        """Of the sample, n - 1 below the line; None for fewer than two."""
        return max(0.0, (self.squares - self.total**2 / self.n) / (self.n - 1)) if self.n > 1 else None


def welch_test(a: Moments, b: Moments) -> tuple[float, float, float, float] | None:
    """(mean of a - mean of b, low, high, p), variances not assumed equal (Welch 1947).

    None with fewer than two in a group, or where nothing varies in either.
    """
    if a.mean is None or b.mean is None or a.variance is None or b.variance is None:
        return None
    first, second = a.variance / a.n, b.variance / b.n
    if not first + second:
        return None
    difference, error = a.mean - b.mean, sqrt(first + second)
    freedom = (first + second) ** 2 / (first**2 / (a.n - 1) + second**2 / (b.n - 1))
    reach = float(stdtrit(freedom, 0.975)) * error
    return difference, difference - reach, difference + reach, float(2 * stdtr(freedom, -abs(difference) / error))


# --- Small samples: borrowing strength from the programme ------------------------------------------------------------
PRIOR_STRENGTH_RANGE = (5.0, 500.0)
PRIOR_STRENGTH_DEFAULT = 20.0


def prior_strength(groups: Sequence[tuple[int, int]]) -> float:
    """How many answers the programme's rate is worth beside an affiliate's own, 5..500, from (successes, trials) each.

    One-way ANOVA estimate of the correlation within affiliates; 20 with fewer than 8 affiliates of 5 answers.
    """
    for x, n in groups:
        _check_trials(x, n)
    if sum(n >= 5 for _, n in groups) < 8:
        return PRIOR_STRENGTH_DEFAULT
    x, n = np.array([(x, n) for x, n in groups if n], dtype=float).T
    rates, total, k = x / n, n.sum(), len(n)
    between = float((n * (rates - x.sum() / total) ** 2).sum() / (k - 1))
    within = float((n * rates * (1 - rates)).sum() / (total - k))
    typical_n = float((total - (n**2).sum() / total) / (k - 1))
    weakest, strongest = PRIOR_STRENGTH_RANGE
    if between <= within:  # affiliates differ no more than chance makes them
        return strongest
    correlation = (between - within) / (between + (typical_n - 1) * within)
    return min(strongest, max(weakest, (1 - correlation) / correlation))


def shrink(x: int, n: int, mean: float, strength: float) -> float:
    """The rate x/n pulled towards the programme's `mean`, which counts as `strength` answers; the mean when n = 0."""
    _check_trials(x, n)
    _check_proportion(mean)
    _check_counts(strength)
    return (x + strength * mean) / (n + strength) if n + strength else mean


def shrink_nps(score: float, n: int, programme_score: float, strength: float) -> float:
    """The same for an NPS, in points."""
    _check_counts(n, strength)
    return (n * score + strength * programme_score) / (n + strength) if n + strength else programme_score


def credible_interval(x: int, n: int, mean: float, strength: float) -> Interval:
    """Where the shrunken rate lies with 95 % probability: quantiles of Beta(Mμ + x, M(1-μ) + n - x)."""
    _check_trials(x, n)
    _check_proportion(mean)
    _check_counts(strength)
    a, b = strength * mean + x, strength * (1 - mean) + n - x
    if a <= 0 or b <= 0:  # no Beta: nothing known at all, or prior and data agree on exactly 0 or 1
        return (0.0, 1.0) if a <= 0 and b <= 0 else (0.0, 0.0) if a <= 0 else (1.0, 1.0)
    low, high = betaincinv(a, b, [0.025, 0.975])
    return float(low), float(high)


def discounted_trend(
    periods: Sequence[tuple[int, int]], discount: float, mean: float, strength: float
) -> list[tuple[float, float]]:
    """(estimate, effective n) a period, oldest first; each period back counts `discount` as much as the one after it.

    An empty period keeps the line near where it was, never at zero. Drawn over the raw points, not instead of them.
    """
    _check_proportion(discount)
    _check_proportion(mean)
    _check_counts(strength)
    trend, successes, trials, squares = [], 0.0, 0.0, 0.0
    for x, n in periods:
        _check_trials(x, n)
        successes, trials, squares = x + discount * successes, n + discount * trials, n + discount**2 * squares
        estimate = (successes + strength * mean) / (trials + strength) if trials + strength else mean
        trend.append((estimate, trials**2 / squares if squares else 0.0))
    return trend


# --- What may be concluded -------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class ChangeRule:
    """When a change between periods is worth a word: the least difference that matters, the least answers in each."""

    minimum: float
    answers: int


CSAT_CHANGE = ChangeRule(minimum=0.05, answers=20)
NPS_CHANGE = ChangeRule(minimum=10, answers=30)


def change_verdict(
    difference: float, p_value: float, *, n_now: int, n_before: int, rule: ChangeRule, alpha: float = 0.05
) -> ChangeVerdict:
    """Significant, large enough to matter, and enough answers in both periods; otherwise no arrow is shown."""
    if p_value >= alpha or abs(difference) < rule.minimum or min(n_now, n_before) < rule.answers:
        return "no_demonstrable_change"
    return "improved" if difference > 0 else "worsened"


def aspect_verdict(positive: int, negative: int, reference: float, *, answers: int) -> AspectVerdict:
    """Keep or improve an aspect, by its positive share against the programme's (without this affiliate) or a target.

    `answers` are all of the affiliate's: a verdict needs 20 of them and 10 mentions.
    """
    _check_proportion(reference)
    interval = wilson_interval(positive, positive + negative)
    if interval is None or positive + negative < MENTIONS_FOR_VERDICT or answers < ANSWERS_FOR_VERDICT:
        return "inconclusive"
    low, high = interval
    return "keep" if low >= reference else "improve" if high < reference else "inconclusive"


def quadrant(performance: Interval, weight: Interval, *, performance_cut: float, weight_cut: float) -> Quadrant:
    """Field of the importance-performance matrix; undecided where an interval crosses its line.

    The lines are the programme's mean performance and the even weight, 1 / number of aspects.
    """
    (low, high), (light, heavy) = performance, weight
    if low < performance_cut <= high or light < weight_cut <= heavy:
        return "undecided"
    if light >= weight_cut:
        return "keep" if low >= performance_cut else "improve_first"
    return "possible_excess" if low >= performance_cut else "low_priority"


def expected_verdict(x: int, n: int, reference: float, *, strength: float | None = None) -> ExpectedVerdict | None:
    """Where x of n stands against `reference`: exact two-sided p below .05, below .002 for «well».

    With `strength` the affiliates' own spread is allowed for (beta-binomial), as `is_overdispersed` may ask.
    """
    _check_trials(x, n)
    _check_proportion(reference)
    if not n:
        return None
    # Two of three lie within one standard error, where no exact test finds anything: a page may ask for thousands.
    is_near = (x - n * reference) ** 2 <= n * reference * (1 - reference) * _spread(n, strength)
    p_value = 1.0 if is_near else _two_sided_p(x, n, reference, strength)
    if p_value >= 0.05:
        return "as_expected"
    if x < n * reference:
        return "well_below" if p_value < 0.002 else "below"
    return "well_above" if p_value < 0.002 else "above"


def _spread(n: int, strength: float | None) -> float:
    """How many times as much as by chance the numbers of affiliates of this size vary."""
    return 1.0 if strength is None else (strength + n) / (strength + 1)


def _two_sided_p(x: int, n: int, reference: float, strength: float | None) -> float:
    successes = np.arange(n + 1, dtype=float)
    if strength is None or reference in (0, 1):
        chances = xlogy(successes, reference) + xlog1py(n - successes, -reference)
    else:
        good, bad = strength * reference, strength * (1 - reference)
        chances = betaln(successes + good, n - successes + bad) - betaln(good, bad)
    return _as_unlikely(np.exp(_log_choices(n, successes) + chances), x)


@dataclass(frozen=True)
class FunnelLimits:
    """Where affiliates of one size are expected to lie: 95 % of them inside `inner`, 99.8 % inside `outer`."""

    inner: Interval
    outer: Interval


def funnel_limits(n: int, reference: float, *, strength: float | None = None) -> FunnelLimits | None:
    """Lines of a funnel plot, for drawing; the verdict is `expected_verdict`'s. Wider with `strength`, see there."""
    _check_counts(n)
    _check_proportion(reference)
    if not n:
        return None
    error = sqrt(reference * (1 - reference) / n * _spread(n, strength))
    inner, outer = ((max(0.0, reference - z * error), min(1.0, reference + z * error)) for z in (Z_95, Z_998))
    return FunnelLimits(inner, outer)


def is_overdispersed(groups: Sequence[tuple[int, int]], reference: float) -> bool:
    """More than a fifth of the affiliates lie outside the 95 % lines: then chance alone is the wrong yardstick."""
    with_answers = [(x / n, limits.inner) for x, n in groups if (limits := funnel_limits(n, reference))]
    outside = sum(not low <= rate <= high for rate, (low, high) in with_answers)
    return outside > 0.2 * len(with_answers)


def may_show_reference(others: Sequence[int]) -> bool:
    """Whether the programme without one affiliate may be shown to that affiliate, from the others' numbers of answers.

    Five others, fifty answers, and none with more than half of them: else it would give away a competitor's figure.
    """
    _check_counts(*others)
    answers = [n for n in others if n]
    return len(answers) >= 5 and sum(answers) >= 50 and 2 * max(answers) <= sum(answers)


def mid_rank_percentile(value: float, everybody: Sequence[float]) -> float | None:
    """The share of `everybody` (this one included) below `value`, ties counted half, 0..1; None with fewer than 10."""
    if len(everybody) < 10:
        return None
    below, equal = sum(other < value for other in everybody), sum(other == value for other in everybody)
    return (below + equal / 2) / len(everybody)


def chance_of_answers(at_least: int, delivered: int, rate: float) -> float:
    """Probability of `at_least` answers to `delivered` surveys when each is answered with probability `rate`."""
    _check_counts(at_least, delivered)
    _check_proportion(rate)
    return float(bdtrc(at_least - 1, delivered, rate)) if at_least <= delivered else 0.0


def invitations_needed(answers: int, rate: float, *, confidence: float = 0.9) -> int | None:
    """The fewest delivered surveys that bring `answers` with this confidence; None where nobody ever answers."""
    _check_counts(answers)
    _check_proportion(rate)
    if not rate:
        return None if answers else 0
    low, high = answers, max(1, answers)
    while chance_of_answers(answers, high, rate) < confidence:
        low, high = high, 2 * high
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if chance_of_answers(answers, middle, rate) >= confidence else (middle + 1, high)
    return low


def benjamini_hochberg(p_values: Sequence[float] | FloatArray) -> FloatArray:
    """Adjusted p-values in the order given: those below q are findings with at most a share q of false ones."""
    p = np.asarray(p_values, dtype=float)
    if not np.all((p >= 0) & (p <= 1)):
        raise ValueError("p-values lie between 0 and 1")
    order = np.argsort(p)[::-1]
    ranks = np.arange(len(p), 0, -1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1, np.minimum.accumulate(p[order] * len(p) / ranks))
    return adjusted


# --- What matters most, and in which words ---------------------------------------------------------------------------
def relative_weights(X: npt.ArrayLike, y: npt.ArrayLike) -> FloatArray:
    """Johnson's relative weights (2000), one a column of X (rows are answers), raw: they sum to the R² of y on X.

    Rows with a missing value (NaN) are left out. A driver that never varies weighs 0, as does everything if y does not
    vary. Associations, not causes.
    """
    drivers, outcome = _complete_rows(X, y)
    if not len(outcome):
        return np.zeros(drivers.shape[1])
    rows = _centred(drivers, outcome)
    return _weights_of_moments(rows.T @ rows)


def _complete_rows(X: npt.ArrayLike, y: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    drivers, outcome = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
    if drivers.ndim != 2 or outcome.shape != drivers.shape[:1]:
        raise ValueError(f"X {drivers.shape} and y {outcome.shape} do not fit")
    complete = ~(np.isnan(drivers).any(axis=1) | np.isnan(outcome))
    return drivers[complete], outcome[complete]


BOOTSTRAP_GROUPS = 2000


def relative_weight_draws(X: npt.ArrayLike, y: npt.ArrayLike, *, draws: int = 1000, seed: int = 1) -> FloatArray:
    """`relative_weights` of so many bootstrap samples, one a row; same data, same result.

    Of up to 2,000 answers each is drawn by itself; of more, 2,000 groups of them made by lot: as sure, in a fixed time.
    """
    drivers, outcome = _complete_rows(X, y)
    if not len(outcome):
        return np.zeros((draws, drivers.shape[1]))
    rows = _centred(drivers, outcome)
    random = np.random.default_rng(seed)
    groups = np.array_split(random.permutation(len(rows)), min(len(rows), BOOTSTRAP_GROUPS))
    moments = np.array([rows[group].T @ rows[group] for group in groups])
    times_drawn = random.multinomial(len(groups), np.full(len(groups), 1 / len(groups)), size=draws)
    return _weights_of_moments(np.tensordot(times_drawn, moments, axes=1))


def _centred(drivers: FloatArray, outcome: FloatArray) -> FloatArray:
    """Columns of 1, of the drivers and of the outcome: small numbers, whose squares lose no digits."""
    return np.column_stack([np.ones(len(outcome)), drivers - drivers.mean(axis=0), outcome - outcome.mean()])


def _weights_of_moments(sums: FloatArray) -> FloatArray:
    """Of sums of products of (1, drivers, outcome): one matrix of them, or a stack, which is far faster than a loop."""
    count = sums[..., :1, :1]
    means = sums[..., 0, 1:] / count[..., 0]
    covariances = sums[..., 1:, 1:] / count - means[..., :, None] * means[..., None, :]
    variances = np.diagonal(covariances, axis1=-2, axis2=-1)
    squares = np.diagonal(sums, axis1=-2, axis2=-1)[..., 1:] / count[..., 0]
    varies = variances > 1e-9 * squares
    spread = np.sqrt(np.where(varies, variances, 1))
    both = varies[..., :, None] & varies[..., None, :]
    correlations = np.where(both, covariances / (spread[..., :, None] * spread[..., None, :]), 0)
    # What never varies stands for itself and goes with nothing.
    weights = _johnson_weights(correlations + np.eye(spread.shape[-1]) * ~varies[..., None])
    return np.asarray(np.where(varies[..., :-1], weights, 0))


def _johnson_weights(correlations: FloatArray) -> FloatArray:
    """From the correlations of all drivers and, in the last row and column, the outcome."""
    among, with_outcome = correlations[..., :-1, :-1], correlations[..., :-1, -1]
    values, vectors = np.linalg.eigh(among)
    # Drivers that repeat one another leave directions without variance; they share what they explain.
    kept = values > values.max(axis=-1, keepdims=True, initial=0) * values.shape[-1] * np.finfo(float).eps * 10
    roots = np.sqrt(np.where(kept, values, 1))
    root = (vectors * np.where(kept, roots, 0)[..., None, :]) @ vectors.swapaxes(-1, -2)
    inverse_root = (vectors * np.where(kept, 1 / roots, 0)[..., None, :]) @ vectors.swapaxes(-1, -2)
    betas = inverse_root @ with_outcome[..., None]
    return np.asarray((root**2 @ betas**2)[..., 0])


def rank_correlation(x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[float, float, float] | None:
    """(Spearman's ρ, low, high), the interval by Bonett and Wright (2000).

    None with fewer than four pairs, or where one of the two never varies.
    """
    first, second = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if len(first) < 4 or not np.ptp(first) or not np.ptp(second):
        return None
    rho = float(np.corrcoef(_mid_ranks(first), _mid_ranks(second))[0, 1])
    if abs(rho) > 1 - 1e-12:
        return rho, rho, rho
    reach = Z_95 * sqrt((1 + rho**2 / 2) / (len(first) - 3))
    return rho, tanh(atanh(rho) - reach), tanh(atanh(rho) + reach)


def _mid_ranks(values: FloatArray) -> FloatArray:
    """From 1, ties at the middle of theirs."""
    _values, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[place])


def distinctive_words(
    counts_a: Mapping[str, int], counts_b: Mapping[str, int], prior_size: float
) -> dict[str, tuple[float, float]]:
    """word: (log-odds difference, z), positive where group a uses it more (Monroe et al. 2008, informative prior).

    The prior is worth `prior_size` words, spread as both groups together use them.
    """
    _check_counts(*counts_a.values(), *counts_b.values())
    if prior_size <= 0:
        raise ValueError(f"the prior must have a size: {prior_size}")
    n_a, n_b = sum(counts_a.values()), sum(counts_b.values())
    scores = {}
    for word in sorted(counts_a.keys() | counts_b.keys()):
        y_a, y_b = counts_a.get(word, 0), counts_b.get(word, 0)
        if y_a + y_b in (0, n_a + n_b):  # never used, or the only word there is: nothing to tell apart
            scores[word] = (0.0, 0.0)
            continue
        prior = prior_size * (y_a + y_b) / (n_a + n_b)
        others = prior_size - prior
        delta = log((y_a + prior) / (n_a - y_a + others)) - log((y_b + prior) / (n_b - y_b + others))
        scores[word] = (delta, delta / sqrt(1 / (y_a + prior) + 1 / (y_b + prior)))
    return scores
