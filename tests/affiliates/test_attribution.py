from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affiliates.attribution import (
    CLOCK_TOLERANCE,
    ClickSeen,
    CodeSeen,
    Decision,
    Evidence,
    Party,
    ReferralSeen,
    Rules,
    attribute,
)

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ANA = Party(1, "ana", emails=frozenset({"ana@afiliados.example"}))
BRUNO = Party(2, "bruno", emails=frozenset({"bruno@afiliados.example"}))
GONE = Party(3, "gone", is_active=False)
RULES = Rules()


def click(pk: int, party: Party, at: datetime, **fields: object) -> ClickSeen:
    return ClickSeen(pk=pk, code=f"c{pk}", at=at, party=party, link=pk * 10, **fields)


def decide(rules: Rules = RULES, **evidence: object) -> Decision:
    return attribute(Evidence(**{"purchased_at": NOW, **evidence}), rules, now=NOW)


def summary(decision: Decision) -> tuple[str | None, str, str, str]:
    credited = decision.affiliate.code if decision.affiliate else None
    return credited, decision.method, decision.reason, decision.confidence


def fates(decision: Decision) -> list[tuple[str, str, str | None, bool]]:
    return [(touch.method, touch.reason, touch.affiliate, touch.won) for touch in decision.touches]


def test_without_evidence_nobody_is_credited():
    assert summary(decide()) == (None, "none", "no_evidence", "none")


def test_a_click_inside_the_window_is_credited_until_the_window_ends():
    decision = decide(clicks=(click(1, ANA, NOW - 30 * DAY),))

    assert summary(decision) == ("ana", "click", "click_in_window", "high")
    assert decision.window_ends_at == NOW
    assert decision.link == 10
    assert decision.acquiring_affiliate == ANA


def test_a_click_before_the_window_is_not_and_says_when_it_ended():
    ends_at = NOW - timedelta(seconds=1)

    decision = decide(clicks=(click(1, ANA, ends_at - 30 * DAY),))

    assert summary(decision) == (None, "none", "window_over", "none")
    assert decision.window_ends_at == ends_at
    assert fates(decision) == [("click", "window_over", "ana", False)]


@pytest.mark.parametrize(
    ("counts_last_click", "winner", "losing_reason"), [(True, "bruno", "later_click"), (False, "ana", "earlier_click")]
)
def test_the_brand_says_whether_the_first_or_the_last_click_counts(counts_last_click, winner, losing_reason):
    clicks = (click(1, ANA, NOW - 2 * DAY), click(2, BRUNO, NOW - DAY))

    decision = decide(Rules(counts_last_click=counts_last_click), clicks=clicks)

    assert summary(decision)[0] == winner
    loser = {"ana": "bruno", "bruno": "ana"}[winner]
    assert fates(decision) == [
        ("click", "click_in_window", winner, True),
        ("click", losing_reason, loser, False),
    ]


@pytest.mark.parametrize("counts_last_click", [True, False])
def test_of_clicks_at_the_same_time_the_lowest_id_counts(counts_last_click):
    clicks = (click(2, BRUNO, NOW - DAY), click(1, ANA, NOW - DAY))

    assert summary(decide(Rules(counts_last_click=counts_last_click), clicks=clicks))[0] == "ana"


def test_the_first_click_is_the_first_inside_the_window():
    clicks = (click(1, ANA, NOW - 31 * DAY), click(2, BRUNO, NOW - DAY))

    assert summary(decide(Rules(counts_last_click=False), clicks=clicks))[0] == "bruno"


def test_a_click_known_only_by_its_visitor_is_less_sure():
    assert summary(decide(clicks=(click(1, ANA, NOW - DAY, is_quoted=False),)))[3] == "medium"


def test_bots_and_header_requests_count_as_nothing():
    decision = decide(clicks=(click(1, ANA, NOW - DAY, is_visit=False),))

    assert summary(decision) == (None, "none", "no_evidence", "none")
    assert fates(decision) == [("click", "not_a_visit", "ana", False)]


@pytest.mark.parametrize(
    ("lag", "is_quoted", "credited"),
    [
        (CLOCK_TOLERANCE, True, "ana"),
        (CLOCK_TOLERANCE + timedelta(seconds=1), True, None),
        (timedelta(seconds=1), False, None),
    ],
)
def test_a_shops_clock_may_be_behind_the_click_it_quotes(lag, is_quoted, credited):
    assert summary(decide(clicks=(click(1, ANA, NOW + lag, is_quoted=is_quoted),)))[0] == credited


def test_a_click_nobody_knows_is_said():
    decision = decide(unknown_clicks=("forged",))

    assert summary(decision) == (None, "none", "unknown_code", "none")
    assert [touch.source for touch in decision.touches] == ["forged"]


def test_stronger_evidence_wins_in_the_brands_order():
    evidence = {
        "declared": CodeSeen("ana", ANA),
        "coupon": CodeSeen("bruno10", BRUNO),
        "clicks": (click(1, BRUNO, NOW - DAY),),
    }

    decision = decide(**evidence)
    other_order = decide(Rules(order=("click", "coupon", "declared")), **evidence)

    assert summary(decision) == ("ana", "declared", "declared_by_shop", "medium")
    assert fates(decision) == [
        ("declared", "declared_by_shop", "ana", True),
        ("coupon", "outranked", "bruno", False),
        ("click", "outranked", "bruno", False),
    ]
    assert summary(other_order) == ("bruno", "click", "click_in_window", "high")


def test_a_method_left_out_of_the_order_is_no_evidence():
    decision = decide(Rules(order=("click",)), coupon=CodeSeen("ana10", ANA))

    assert summary(decision) == (None, "none", "no_evidence", "none")
    assert decision.touches == ()


def test_evidence_for_an_inactive_affiliate_lets_the_next_win():
    decision = decide(declared=CodeSeen("gone", GONE), clicks=(click(1, ANA, NOW - DAY),))

    assert summary(decision) == ("ana", "click", "click_in_window", "high")
    assert fates(decision)[0] == ("declared", "affiliate_inactive", "gone", False)


def test_only_an_inactive_affiliate_is_nobody():
    assert summary(decide(coupon=CodeSeen("gone10", GONE))) == (None, "none", "affiliate_inactive", "none")


def test_staff_may_credit_whom_they_choose():
    assert summary(decide(manual=CodeSeen("", GONE))) == ("gone", "manual", "manual", "high")


def test_who_buys_from_themselves_is_not_credited_and_nobody_else_is():
    decision = decide(
        customer_email="ana@afiliados.example",
        coupon=CodeSeen("ana10", ANA),
        clicks=(click(1, BRUNO, NOW - DAY),),
    )

    assert summary(decision) == (None, "none", "self_referral", "none")
    assert decision.acquiring_affiliate is None


def test_a_coupon_of_nobody_lets_the_next_win_and_is_said():
    decision = decide(coupon=CodeSeen("navidad"), clicks=(click(1, ANA, NOW - DAY),))

    assert summary(decision)[0] == "ana"
    assert fates(decision)[0] == ("coupon", "unknown_code", None, False)


def test_of_several_failures_the_most_telling_is_named():
    decision = decide(coupon=CodeSeen("navidad"), clicks=(click(1, ANA, NOW - 40 * DAY),), unknown_clicks=("forged",))

    assert decision.reason == "window_over"


def test_a_customer_brought_before_is_still_the_affiliates_without_limit_in_time():
    decision = decide(acquired_by=ANA, acquired_at=NOW - 1000 * DAY)

    assert summary(decision) == ("ana", "customer", "acquired_before", "low")


def test_a_purchase_made_before_the_customer_was_brought_proves_nothing():
    assert summary(decide(acquired_by=ANA, acquired_at=NOW + DAY)) == (None, "none", "no_evidence", "none")


def test_who_brought_the_customer_stays_when_another_is_credited():
    decision = decide(acquired_by=ANA, acquired_at=NOW - 9 * DAY, clicks=(click(1, BRUNO, NOW - DAY),))

    assert (decision.affiliate, decision.acquiring_affiliate) == (BRUNO, ANA)


def test_a_recommended_customer_is_nobodys_and_the_affiliate_behind_is_named_apart():
    decision = decide(referral=ReferralSeen("carla7", brought_by=ANA))

    assert summary(decision) == (None, "referral", "customer_referral", "high")
    assert (decision.indirect_affiliate, decision.acquiring_affiliate) == (ANA, None)


def test_a_recommendation_by_a_customer_who_is_an_affiliate_credits_the_affiliate():
    decision = decide(referral=ReferralSeen("ana7", party=ANA, brought_by=BRUNO))

    assert summary(decision) == ("ana", "referral", "customer_referral", "high")
    assert (decision.indirect_affiliate, decision.acquiring_affiliate) == (BRUNO, None)


def test_nobody_is_direct_and_indirect_at_once():
    assert decide(referral=ReferralSeen("ana7", party=ANA, brought_by=ANA)).indirect_affiliate is None


@pytest.mark.parametrize(
    "referral",
    [ReferralSeen("carla7", is_customer_themselves=True), ReferralSeen("ana7", party=ANA)],
)
def test_who_recommends_themselves_is_refused(referral):
    decision = decide(referral=referral, customer_email="ana@afiliados.example")

    assert summary(decision) == (None, "none", "self_referral", "none")


def test_an_unknown_recommendation_is_said():
    assert decide(referral=ReferralSeen("nadie", is_known=False)).reason == "unknown_code"


# --- For any evidence ------------------------------------------------------------------------------------------------
parties = st.sampled_from([ANA, BRUNO, GONE])
times = st.integers(-60 * 24, 60).map(lambda hours: NOW + timedelta(hours=hours))
clicks = st.lists(
    st.builds(
        click,
        st.integers(1, 50),
        parties,
        times,
        is_quoted=st.booleans(),
        is_visit=st.sampled_from([True, True, False]),
    ),
    max_size=8,
    unique_by=lambda each: each.pk,
)
codes = st.none() | st.builds(CodeSeen, st.just("code"), st.none() | parties)
referrals = st.none() | st.builds(
    ReferralSeen, st.just("code"), st.booleans(), st.booleans(), st.none() | parties, st.none() | parties
)
evidences = st.builds(
    Evidence,
    purchased_at=st.just(NOW),
    customer_email=st.sampled_from([None, "carla@correo.example", "ana@afiliados.example"]),
    manual=codes,
    declared=codes,
    coupon=codes,
    clicks=clicks.map(tuple),
    unknown_clicks=st.lists(st.text("ab", min_size=1, max_size=2), unique=True, max_size=2).map(tuple),
    referral=referrals,
    acquired_by=st.none() | parties,
    acquired_at=st.none() | times,
    self_declared=codes,
)
rules = st.builds(
    Rules,
    order=st.permutations(Rules().order).flatmap(lambda order: st.integers(0, 6).map(lambda n: tuple(order[:n]))),
    window=st.integers(0, 60).map(lambda days: timedelta(days=days)),
    counts_last_click=st.booleans(),
)
any_evidence = settings(max_examples=60, deadline=None)


@any_evidence
@given(evidences, rules, st.randoms(use_true_random=False))
def test_the_order_of_arrival_never_changes_the_result(evidence, rules, random):
    shuffled = list(evidence.clicks)
    random.shuffle(shuffled)
    codes = list(evidence.unknown_clicks)
    random.shuffle(codes)
    other = Evidence(**{**evidence._asdict(), "clicks": tuple(shuffled), "unknown_clicks": tuple(codes)})

    assert attribute(other, rules, now=NOW) == attribute(evidence, rules, now=NOW)


@any_evidence
@given(evidences, rules, parties)
def test_an_older_click_never_changes_who_wins_by_the_last(evidence, rules, party):
    rules = Rules(rules.order, rules.window, counts_last_click=True)
    before = attribute(evidence, rules, now=NOW)
    oldest = min((c.at for c in evidence.clicks), default=NOW)
    older = click(99, party, min(oldest, NOW) - timedelta(seconds=1))

    after = attribute(Evidence(**{**evidence._asdict(), "clicks": (*evidence.clicks, older)}), rules, now=NOW)

    if before.method == "click":
        assert (after.affiliate, after.link, after.reason) == (before.affiliate, before.link, before.reason)


@any_evidence
@given(evidences, rules)
def test_every_decision_explains_itself(evidence, rules):
    decision = attribute(evidence, rules, now=NOW)

    won = [touch for touch in decision.touches if touch.won]
    assert len(won) == (decision.method != "none")
    assert all(touch.reason for touch in decision.touches)
    assert [touch.method for touch in won] == [decision.method] * len(won)
    if decision.method == "none":
        assert (decision.affiliate, decision.link, decision.confidence) == (None, None, "none")
    if decision.affiliate and decision.method != "manual":
        assert decision.affiliate.is_active
        assert evidence.customer_email not in decision.affiliate.emails
    if evidence.acquired_by:
        assert decision.acquiring_affiliate == evidence.acquired_by


@any_evidence
@given(evidences, rules)
def test_what_the_customer_says_changes_nothing_that_was_decided_without_it(evidence, rules):
    without = attribute(evidence._replace(self_declared=None), rules, now=NOW)

    if without.method != "none" or without.reason == "self_referral":
        assert summary(attribute(evidence, rules, now=NOW)) == summary(without)


@any_evidence
@given(evidences, rules)
def test_evidence_that_does_not_count_changes_nothing(evidence, rules):
    without = Evidence(
        **{**evidence._asdict(), "clicks": tuple(c for c in evidence.clicks if c.is_visit), "unknown_clicks": ()}
    )

    kept, cleaned = attribute(evidence, rules, now=NOW), attribute(without, rules, now=NOW)

    assert (kept.affiliate, kept.method, kept.link) == (cleaned.affiliate, cleaned.method, cleaned.link)
