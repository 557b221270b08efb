"""Before and after a change, beside the rest of the programme: the arithmetic, against statsmodels and by hand."""

from datetime import date
from math import sqrt

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import confint_proportions_2indep

from insights.actions import (
    Pair,
    Span,
    Spans,
    Subject,
    answers_missing,
    measure,
    parse_subject,
    read_subject,
    spans_by_day,
    spans_by_month,
)
from insights.differences import Difference, answers_to_demonstrate, difference_of_differences
from insights.findings import Lens
from insights.statistics import nps_change_interval, shrink, wilson_interval
from insights.wording import difference_said, span_said

CSAT, NPS = Subject("figure", "csat"), Subject("figure", "nps")
SPANS = Spans(Span(date(2026, 1, 1), date(2026, 3, 1)), Span(date(2026, 4, 1), date(2026, 6, 1)))


def rated(good: int, bad: int) -> dict:
    return {"answers": {"": good + bad}, "csat": {"": good + bad, "5": good, "1": bad}}


def mentioned(praise: int, complaint: int, answers: int) -> dict:
    return {"answers": {"": answers}, "keep": {"entrega": praise}, "improve": {"entrega": complaint}}


def lens_of(reference) -> Lens:
    return Lens(5, shrinks=True, reference=reference)


def outcome(subject: Subject, own: Pair, rest: Pair | None = None):
    return measure(subject, own, rest, spans=SPANS, lens_of=lens_of)


# --- Formulas --------------------------------------------------------------------------------------------------------
def test_what_is_left_of_a_difference_against_two_differences_of_normal_means():
    """Of symmetric intervals MOVER is the interval of a difference of independent normal variables."""
    left = difference_of_differences(Difference(0.2, 0.1, 0.3), Difference(0.05, -0.01, 0.11))

    reach = sqrt(0.1**2 + 0.06**2)
    assert (left.value, left.low, left.high) == pytest.approx((0.15, 0.15 - reach, 0.15 + reach))


shares = st.floats(-1, 1)


@given(shares, shares, st.floats(0, 0.5), st.floats(0, 0.5), st.floats(0, 0.5), st.floats(0, 0.5))
def test_taking_away_the_rest_widens_the_interval_and_is_antisymmetric(a, b, r1, r2, r3, r4):
    own, rest = Difference(a, a - r1, a + r2), Difference(b, b - r3, b + r4)

    left, right = difference_of_differences(own, rest), difference_of_differences(rest, own)

    assert left.high - left.low >= own.high - own.low - 1e-12
    assert (left.value, left.low, left.high) == pytest.approx((-right.value, -right.high, -right.low))


def test_answers_to_demonstrate_against_statsmodels():
    """Two groups of a normal variable, 400 in the first: how many in the second for 80 % of power."""
    needed = answers_to_demonstrate(0.25, error_before=1 / sqrt(400), variance=1.0)

    power = NormalIndPower().power(0.25, nobs1=400, alpha=0.05, ratio=needed / 400, alternative="larger")
    assert NormalIndPower().power(0.25, 400, 0.025, ratio=needed / 400, alternative="larger") == pytest.approx(
        0.8, abs=2e-3
    )
    assert power > 0.8


def test_no_number_of_answers_makes_up_for_too_few_before():
    assert answers_to_demonstrate(0.1, error_before=0.1, variance=0.25) is None
    assert answers_to_demonstrate(0, error_before=0.01, variance=0.25) is None
    with pytest.raises(ValueError, match="negative"):
        answers_to_demonstrate(0.1, error_before=-1, variance=0.25)


# --- When ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("until", "before", "after"),
    [
        (date(2026, 4, 1), (date(2026, 2, 1), date(2026, 3, 1)), (date(2026, 4, 1), date(2026, 5, 1))),
        (date(2026, 6, 30), (date(2025, 12, 1), date(2026, 3, 1)), (date(2026, 4, 1), date(2026, 7, 1))),
        (date(2028, 1, 1), (date(2025, 9, 1), date(2026, 3, 1)), (date(2026, 4, 1), date(2026, 10, 1))),
    ],
)
def test_whole_months_around_the_month_of_the_change(until, before, after):
    assert spans_by_month(date(2026, 3, 17), until) == Spans(Span(*before), Span(*after))


def test_in_the_month_of_the_change_it_is_too_soon():
    assert spans_by_month(date(2026, 3, 1), date(2026, 3, 31)) is None
    assert spans_by_day(date(2026, 3, 1), date(2026, 3, 2)) is None


def test_days_that_have_ended_around_the_day_of_the_change():
    assert spans_by_day(date(2026, 3, 10), date(2026, 3, 14)) == Spans(
        Span(date(2026, 3, 7), date(2026, 3, 10)), Span(date(2026, 3, 11), date(2026, 3, 14))
    )
    longest = spans_by_day(date(2025, 1, 1), date(2026, 3, 14))
    assert (longest.after.after - longest.after.first).days == 182


@given(st.dates(date(2020, 1, 1), date(2026, 1, 1)), st.integers(0, 900))
def test_before_and_after_last_as_long_and_leave_the_change_out(changed_on, days):
    until = date.fromordinal(changed_on.toordinal() + days)
    by_day, by_month = spans_by_day(changed_on, until), spans_by_month(changed_on, until)

    for spans in filter(None, (by_day, by_month)):
        assert spans.before.after <= changed_on < spans.after.first
    if by_day:
        assert len({each.after - each.first for each in (by_day.before, by_day.after)}) == 1
    if by_month:
        ends = (by_month.before, by_month.after)
        assert len({12 * (s.after.year - s.first.year) + s.after.month - s.first.month for s in ends}) == 1


# --- What it is about ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "code", ["csat", "nps", "missing", "promise", "affiliate_rating", "aspect:entrega", "fact:otra"]
)
def test_a_figure_is_said_as_a_code(code):
    found = parse_subject(code)

    assert found
    assert found.code == code


@pytest.mark.parametrize("code", ["", "csat ", "keep", "aspect:", "other:x", "fact:a:b"])
def test_other_codes_are_none(code):
    assert parse_subject(code) is None


def test_a_missing_fact_is_a_share_of_who_was_asked():
    counts = {"answers": {"": 30}, "missing": {"": 20, "yes": 8, "no": 12}, "missing_facts": {"plazos": 6}}

    assert read_subject(Subject("fact", "plazos"), counts, Lens(5)).value == 0.3
    assert read_subject(Subject("figure", "missing"), counts, Lens(5)).value == 0.4


# --- What came of it -------------------------------------------------------------------------------------------------
def test_a_change_without_anything_to_compare_with_is_judged_by_the_test():
    """The worked example of two periods: 27 of 30 after 21 of 32."""
    found = outcome(CSAT, Pair(rated(21, 11), rated(27, 3)))

    low, high = confint_proportions_2indep(27, 30, 21, 32, method="newcomb")
    assert (found.state, found.verdict, found.is_compared) == ("measured", "improved", False)
    assert (found.change.low, found.change.high) == pytest.approx((low, high))
    assert (low, high) == pytest.approx((0.034220, 0.428829), abs=1e-6)
    assert found.effect == found.change
    assert (found.before.value, found.after.value) == (21 / 32, 0.9)


def test_what_got_better_everywhere_is_no_effect():
    own, everywhere = Pair(rated(21, 11), rated(27, 3)), Pair(rated(660, 340), rated(900, 100))

    found = outcome(CSAT, own, everywhere)

    assert found.verdict == "no_demonstrable_change"
    assert found.change.value == pytest.approx(0.9 - 21 / 32)
    assert (found.rest_before, found.rest_after) == (0.66, 0.9)
    assert found.effect.value == pytest.approx(0.9 - 21 / 32 - 0.24)


def test_who_holds_while_all_others_fall_has_an_effect():
    found = outcome(CSAT, Pair(rated(80, 20), rated(80, 20)), Pair(rated(800, 200), rated(550, 450)))

    assert (found.change.value, found.verdict) == (0, "improved")
    assert found.effect.value == pytest.approx(0.25)


@pytest.mark.parametrize("subject", [Subject("fact", "plazos"), Subject("figure", "missing")])
def test_less_missing_is_better(subject):
    def missed(n: int) -> dict:
        answers = {"": 40, "yes": n, "no": 40 - n}
        return {"answers": {"": 40}, "missing": answers, "missing_facts": {"plazos": n}}

    assert outcome(subject, Pair(missed(20), missed(4))).verdict == "improved"
    assert outcome(subject, Pair(missed(4), missed(20))).verdict == "worsened"


def test_nps_by_its_own_interval_and_from_thirty_answers():
    """The worked example: 22/10/8 after 12/14/14."""

    def rated(promoters: int, passives: int, detractors: int) -> dict:
        n = promoters + passives + detractors
        return {"answers": {"": n}, "nps": {"": n, "10": promoters, "8": passives, "3": detractors}}

    found = outcome(NPS, Pair(rated(12, 14, 14), rated(22, 10, 8)))
    few = outcome(NPS, Pair(rated(12, 14, 14), rated(20, 5, 4)))

    assert (found.verdict, few.state, few.answers_needed) == ("improved", "few_after", 1)
    assert (found.change.low, found.change.high) == nps_change_interval((22, 10, 8), (12, 14, 14))


def test_an_aspect_takes_ten_mentions_among_twenty_answers():
    subject = Subject("aspect", "entrega")

    assert outcome(subject, Pair(mentioned(2, 9, 40), mentioned(14, 1, 40))).verdict == "improved"
    assert outcome(subject, Pair(mentioned(2, 7, 40), mentioned(14, 1, 40))).state == "few_before"
    # Five of ten mention it: ten more answers for five more mentions.
    few = outcome(subject, Pair(mentioned(2, 9, 40), mentioned(4, 1, 10)))
    assert (few.state, few.answers_needed) == ("few_after", 10)
    assert outcome(subject, Pair(mentioned(2, 9, 40), mentioned(0, 0, 10))).answers_needed is None


def test_with_too_few_the_figures_lean_on_the_programme_and_no_difference_is_told():
    rest = Pair(rated(80, 20), rated(90, 10))

    found = outcome(CSAT, Pair(rated(8, 2), rated(4, 2)), rest)
    before_only = outcome(CSAT, Pair(rated(20, 2), rated(4, 0)), rest)

    assert (found.state, found.change, found.effect, found.verdict) == ("few_before", None, None, None)
    assert found.after.value == shrink(4, 6, 0.9, 20)
    assert (before_only.state, before_only.after, before_only.answers_needed) == ("few_after", None, 16)
    assert (before_only.before.low, before_only.before.high) == wilson_interval(20, 22)


def test_of_what_could_not_be_shown_it_is_said_how_many_answers_would_show_it():
    own = Pair(rated(200, 100), rated(20, 5))

    found = outcome(CSAT, own)

    assert found.verdict == "no_demonstrable_change"
    after = 25 + found.answers_needed
    # As many as that, and the same share: the test finds it.
    assert outcome(CSAT, Pair(own.before, rated(round(0.8 * after), round(0.2 * after)))).verdict == "improved"
    # Two points are nothing to wait for, and what was answered before by few can never show it.
    assert answers_missing(CSAT, own, Difference(0.02, -0.1, 0.14)) is None
    assert answers_missing(CSAT, Pair(rated(20, 10), rated(16, 4)), Difference(0.13, -0.1, 0.3)) is None


# --- Said ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("first", "after", "said"),
    [
        (date(2026, 2, 1), date(2026, 3, 1), "February 2026"),
        (date(2026, 1, 1), date(2026, 6, 1), "January to May 2026"),
        (date(2025, 12, 1), date(2026, 3, 1), "December 2025 to February 2026"),
    ],
)
def test_months_are_said_without_repeating_the_year(first, after, said):
    with translation.override("en"):
        assert span_said(Span(first, after), by_month=True) == said


def test_a_difference_is_said_in_points_with_its_interval():
    with translation.override("en"):
        assert difference_said(Difference(0.125, -0.004, 0.31), CSAT) == "13 points more (between 0 and +31)"
        assert difference_said(Difference(-12.5, -20.2, 1), NPS) == "13 points less (between −20 and +1)"
        assert difference_said(Difference(0.004, -0.1, 0.1), CSAT) == "no difference (between −10 and +10)"
