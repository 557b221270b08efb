"""What counts mean: figures in their three states, boards, what was missing, the checklist and the sentence."""

from dataclasses import replace
from datetime import date

import pytest
from django.utils import translation

from insights import statistics
from insights.findings import (
    AspectEntry,
    Catalogue,
    FactEntry,
    Figure,
    Lens,
    MissingFact,
    read_findings,
    read_trend,
    state_of,
)
from insights.privacy import next_month

CATALOGUE = Catalogue(
    {
        "info_previa": AspectEntry("Información", "both"),
        "entrega": AspectEntry("Entrega", "brand"),
        "precio": AspectEntry("Precio", "brand"),
        "otro": AspectEntry("Otro", "brand"),
    },
    {
        "plazos": FactEntry("los plazos", "Di el plazo real."),
        "garantia": FactEntry("la garantía", ""),
        "otra": FactEntry("otra", ""),
    },
)
# The worked example of the board: the programme keeps 70 % of each aspect.
PROGRAMME = {
    "answers": {"": 1000},
    "csat": {"": 1000, "5": 500, "4": 300, "1": 200},
    "nps": {"": 1000, "10": 400, "8": 400, "0": 200},
    "keep": dict.fromkeys(["info_previa", "entrega", "precio"], 70),
    "improve": dict.fromkeys(["info_previa", "entrega", "precio"], 30),
}
STAFF = Lens(k=1, reference=PROGRAMME)
AFFILIATE = Lens(k=5, shrinks=True, reference=PROGRAMME, strengths={"csat": 13.642536})


def scale(question: str, **given: int) -> dict[str, dict[str, int]]:
    values = {name.removeprefix("v").replace("m", "-"): n for name, n in given.items()}
    return {question: {"": sum(values.values()), **values}}


def counts(n: int = 40, **questions: dict[str, int]) -> dict[str, dict[str, int]]:
    return {"answers": {"": n}, **questions}


@pytest.mark.parametrize(
    ("n", "k", "state"),
    [(0, 5, "few"), (4, 5, "few"), (5, 5, "some"), (9, 10, "few"), (19, 5, "some"), (20, 5, "many")],
)
def test_there_are_three_states(n, k, state):
    assert state_of(n, k) == state


# --- Figures ---------------------------------------------------------------------------------------------------------
def test_a_figure_of_many_is_raw_with_interval_reference_and_verdict():
    found = read_findings(counts(20) | scale("csat", v5=10, v4=8, v3=2), CATALOGUE, AFFILIATE)

    assert found.csat is not None
    assert found.csat.value == 0.9
    assert (found.csat.low, found.csat.high) == pytest.approx((0.698966, 0.972134), abs=1e-6)
    assert (found.csat.n, found.csat.reference, found.csat.verdict) == (20, 0.8, "as_expected")


def test_a_figure_far_from_the_programme_says_so():
    found = read_findings(counts(25) | scale("csat", v5=15, v1=10), CATALOGUE, AFFILIATE)

    assert found.csat is not None
    assert found.csat.verdict == "below"


def test_a_figure_of_some_leans_on_the_programme_for_affiliates_alone():
    some = counts(5) | scale("csat", v5=4, v1=1)

    for_affiliate = read_findings(some, CATALOGUE, AFFILIATE).csat
    for_staff = read_findings(some, CATALOGUE, STAFF).csat

    assert for_affiliate is not None
    assert for_affiliate.value == pytest.approx((4 + 13.642536 * 0.8) / (5 + 13.642536))
    assert (for_affiliate.low, for_affiliate.high) == statistics.credible_interval(4, 5, 0.8, 13.642536)
    assert for_affiliate.verdict is None
    assert for_staff == Figure(0.8, *statistics.wilson_interval(4, 5), 5, 0.8, None)


def test_without_a_programme_some_are_raw():
    found = read_findings(counts(5) | scale("csat", v5=5), CATALOGUE, Lens(k=5, shrinks=True)).csat

    assert found == Figure(1.0, pytest.approx(0.565518, abs=1e-6), 1.0, 5, None, None)


def test_too_few_to_a_question_give_no_figure_though_others_do():
    found = read_findings(counts(9) | scale("csat", v5=9) | scale("nps", v9=4), CATALOGUE, AFFILIATE)

    assert found.csat is not None
    assert found.nps is None


def test_no_answers_are_no_figures_and_never_zero():
    found = read_findings({}, CATALOGUE, STAFF)

    assert (found.n, found.csat, found.nps, found.affiliate_rating, found.promise_kept) == (0, None, None, None, None)
    assert (found.keep, found.improve, found.missing, found.next_sale) == ((), (), (), ())


def test_nps_is_the_score_with_its_adjusted_interval():
    found = read_findings(counts(40) | scale("nps", v9=12, v10=10, v8=10, v0=8), CATALOGUE, STAFF).nps

    assert found is not None
    assert found.value == 35
    assert (found.low, found.high) == pytest.approx((8.899, 56.217), abs=1e-3)
    assert (found.n, found.reference) == (40, 20)


def test_nps_of_some_leans_on_the_programme():
    found = read_findings(counts(5) | scale("nps", v10=5), CATALOGUE, AFFILIATE).nps

    assert found is not None
    assert found.value == pytest.approx((5 * 100 + 13.642536 * 20) / 18.642536)
    assert -100 <= found.low < found.value < found.high <= 100


def test_no_contact_and_nothing_told_are_no_ratings():
    given = counts(30) | scale("affiliate_rating", v5=6, v2=2, vnone=22) | scale("promise", vm2=3, v0=6, v2=1, vnone=20)

    found = read_findings(given, CATALOGUE, STAFF)

    assert found.affiliate_rating is not None
    assert found.promise_kept is not None
    assert (found.affiliate_rating.value, found.affiliate_rating.n) == (0.75, 8)
    assert (found.promise_kept.value, found.promise_kept.n) == (0.7, 10)


def test_a_months_corrections_never_count_below_nothing():
    found = read_findings(counts(5, csat={"": 5, "5": 8, "1": -3}), CATALOGUE, STAFF).csat

    assert found is not None
    assert (found.value, found.n) == (1.0, 8)


# --- Boards ----------------------------------------------------------------------------------------------------------
def boards(lens: Lens = STAFF, n: int = 60, **aspects: tuple[int, int]):
    given = counts(
        n,
        keep={"": n, **{code: praise for code, (praise, _c) in aspects.items()}},
        improve={"": n, **{code: complaint for code, (_p, complaint) in aspects.items()}},
    )
    found = read_findings(given, CATALOGUE, lens)
    return [(f.aspect, f.verdict, f.mentions) for f in found.keep], [
        (f.aspect, f.verdict, f.mentions) for f in found.improve
    ]


def test_boards_follow_the_worked_example():
    keep, improve = boards(info_previa=(4, 14), entrega=(17, 1), precio=(7, 3))

    assert keep == [("entrega", "keep", 17), ("precio", "inconclusive", 7)]
    assert improve == [("info_previa", "improve", 14)]


def test_to_improve_comes_first_what_most_ask_for_times_what_it_weighs():
    """What nobody weighed counts as the others do on average; without a verdict it comes last all the same."""
    given = {"info_previa": (0, 12), "entrega": (0, 30), "otro": (0, 20), "precio": (17, 13)}

    def order(**weights: float) -> list[str]:
        return [aspect for aspect, _verdict, _n in boards(replace(STAFF, weights=weights), **given)[1]]

    assert order() == ["entrega", "otro", "info_previa", "precio"]
    assert order(info_previa=0.6, entrega=0.1, precio=0.9) == ["otro", "info_previa", "entrega", "precio"]
    assert order(info_previa=0.6, entrega=0.2, precio=0.1) == ["info_previa", "entrega", "otro", "precio"]


def test_an_aspect_carries_share_interval_owner_and_all_mentions():
    given = counts(60, keep={"info_previa": 4}, improve={"info_previa": 14})

    (finding,) = read_findings(given, CATALOGUE, AFFILIATE).improve

    assert (finding.label, finding.owner, finding.n, finding.share) == (
        "Información",
        "both",
        18,
        pytest.approx(4 / 18),
    )


def test_fewer_than_twenty_answers_or_ten_mentions_give_no_verdict():
    assert boards(n=19, entrega=(17, 0)) == ([("entrega", None, 17)], [])
    assert boards(n=20, entrega=(9, 0)) == ([("entrega", "inconclusive", 9)], [])
    assert boards(n=20, entrega=(10, 0)) == ([("entrega", "keep", 10)], [])


def test_aspects_that_four_mention_are_for_staff_alone():
    assert boards(AFFILIATE, entrega=(2, 2)) == ([], [])
    assert boards(STAFF, entrega=(2, 2)) == ([], [("entrega", "inconclusive", 2)])
    assert boards(Lens(k=8), entrega=(7, 0)) == ([], [])


def test_without_a_programme_praise_is_held_against_complaint():
    assert boards(Lens(k=5), entrega=(18, 2), precio=(2, 18), info_previa=(9, 9)) == (
        [("entrega", "keep", 18), ("info_previa", "inconclusive", 9)],
        [("precio", "improve", 18)],
    )


def test_most_named_complaints_stand_first_and_verdicts_before_doubts():
    _keep, improve = boards(info_previa=(0, 12), entrega=(0, 30), precio=(17, 13))

    assert improve == [("entrega", "improve", 30), ("info_previa", "improve", 12), ("precio", "inconclusive", 13)]


def test_missing_facts_are_ordered_by_how_many_missed_them():
    given = counts(40, missing={"": 40, "yes": 30, "no": 10}, missing_facts={"": 30, "garantia": 10, "plazos": 24})

    found = read_findings(given, CATALOGUE, AFFILIATE)

    assert found.missing == (
        MissingFact("plazos", "los plazos", 24, 0.6),
        MissingFact("garantia", "la garantía", 10, 0.25),
    )
    assert found.missed_something is not None
    assert found.missed_something.value == 0.75


# --- Words -----------------------------------------------------------------------------------------------------------
def full() -> dict[str, dict[str, int]]:
    return counts(
        60,
        keep={"": 60, "entrega": 40, "info_previa": 2},
        improve={"": 60, "entrega": 1, "info_previa": 20, "precio": 16},
        missing={"": 60, "yes": 40, "no": 20},
        missing_facts={"": 40, "plazos": 30, "garantia": 12, "otra": 6},
        promise={"": 60, "-2": 6, "0": 40, "none": 14},
    )


def test_the_checklist_has_evidence_for_every_line():
    with translation.override("en"):
        found = read_findings(full(), CATALOGUE, STAFF)

    assert [(line.kind, line.key, line.text, line.evidence) for line in found.next_sale] == [
        ("missing", "plazos", "Di el plazo real.", "30 of 60 customers missed it."),
        ("missing", "garantia", "Say it before they buy: la garantía.", "12 of 60 customers missed it."),
        (
            "promise",
            "promise",
            "Check what you promise at your links.",
            "6 of 46 customers got less than they were told.",
        ),
        (
            "improve",
            "info_previa",
            "Look after this: Información.",
            "20 of the 22 who mention it ask for something better.",
        ),
        (
            "keep",
            "entrega",
            "Tell it, it convinces: Entrega.",
            "40 of the 41 who mention it want it to stay as it is.",
        ),
    ]


def test_the_checklist_begins_with_what_touched_most_customers():
    given = full() | {"missing_facts": {"": 40, "plazos": 5, "garantia": 8}}

    found = read_findings(given, CATALOGUE, STAFF)

    assert [line.key for line in found.next_sale][:3] == ["garantia", "promise", "plazos"]


def test_the_checklist_never_has_more_than_seven_lines():
    codes = [f"f{number}" for number in range(12)]
    catalogue = Catalogue(
        {f"a{n}": AspectEntry(f"a{n}", "affiliate") for n in range(6)}, {code: FactEntry(code, "Di") for code in codes}
    )
    given = full() | {
        "missing_facts": {"": 40, **dict.fromkeys(codes, 9)},
        "keep": {f"a{n}": 40 for n in range(3)},
        "improve": {f"a{n}": 40 for n in range(3, 6)},
    }

    assert len(read_findings(given, catalogue, Lens(k=5)).next_sale) == 7


NOTHING_YET = "No aspect stands out yet."
KEPT = {"promise": {"": 20, "0": 19, "-1": 1}}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "They value most: entrega. What to improve first: información."),
        ({"improve": {}}, "They value most: entrega. Before buying they missed: los plazos."),
        ({"improve": {}, "missing_facts": {}}, "They value most: entrega."),
        ({"keep": {}}, "What to improve first: información."),
        ({"keep": {}, "improve": {}}, "Before buying they missed: los plazos."),
        ({"keep": {}, "improve": {}, "missing_facts": {"plazos": 4}}, NOTHING_YET),
        ({"keep": {}, "improve": {}, "missing": {"": 101, "no": 101}, "missing_facts": {"plazos": 5}}, NOTHING_YET),
        ({"answers": {"": 19}, "missing_facts": {}}, NOTHING_YET),
        (KEPT, "What you sell turns out as you tell it, except for this: información."),
        (
            KEPT | {"improve": {}},
            "What you sell turns out as you tell it, but something was not told: los plazos.",
        ),
        (
            KEPT | {"improve": {}, "missing_facts": {}},
            "What you sell turns out as you tell it. They value most: entrega.",
        ),
        (KEPT | {"keep": {}, "improve": {}, "missing_facts": {}}, "What you sell turns out as you tell it."),
        ({"promise": {"": 19, "0": 19}, "improve": {}, "missing_facts": {}}, "They value most: entrega."),
    ],
)
def test_one_sentence_says_what_the_findings_say(given, sentence):
    with translation.override("en"):
        assert read_findings(full() | given, CATALOGUE, AFFILIATE).headline == sentence


# --- Trend -----------------------------------------------------------------------------------------------------------
def test_the_trend_keeps_months_without_answers_and_never_draws_them_as_zero():
    months = {
        date(2025, 12, 1): scale("csat", v5=8, v1=2),
        date(2026, 2, 1): scale("csat", v5=5, v1=5),
    }

    trend = read_trend(months, Lens(k=5, reference=PROGRAMME), next_month)

    assert [(p.month, p.n, p.value) for p in trend] == [
        (date(2025, 12, 1), 10, 0.8),
        (date(2026, 1, 1), 0, None),
        (date(2026, 2, 1), 10, 0.5),
    ]
    assert [p.smoothed for p in trend] == pytest.approx(
        [
            (8 + 20 * 0.8) / (10 + 20),
            (0.7 * 8 + 20 * 0.8) / (0.7 * 10 + 20),
            (5 + 0.49 * 8 + 20 * 0.8) / (10 + 0.49 * 10 + 20),
        ]
    )
    assert trend[1].low is None


def test_no_answers_have_no_trend():
    assert read_trend({}, Lens(k=5), next_month) == ()
