"""What came of an action: whole blocks for its affiliate, daily counts for staff, and nothing by subtracting."""

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from affiliates.models import Affiliate
from insights.actions import Outcome, Span, Spans, Subject
from insights.models import Action, Block, Finding
from insights.outcomes import affiliate_outcomes, staff_outcome
from insights.services import fold_changes
from insights.services.acting import Change, close_action, edit_action, write_action
from tests.factories import make_affiliate, make_brand, make_link, make_member, make_product, make_staff
from tests.insights.conftest import Shop
from tests.insights.test_privacy import World, pairs_to_swap, respond_many, tell_story

JANUARY, FEBRUARY, MARCH, APRIL = (datetime(2026, month, 10, 12, tzinfo=UTC) for month in (1, 2, 3, 4))
CSAT = Subject("figure", "csat")


@pytest.fixture
def as_ana(ana: Affiliate) -> Any:
    return make_member(ana)


def act(shop: Shop, affiliate: Affiliate | None, by: Any, *, on: date, now: datetime = APRIL, **fields: Any) -> Action:
    given = {"text": "Digo el plazo real", "changed_on": on, "subject": CSAT, **fields}
    return write_action(shop.brand, affiliate, Change(**given), by=by, now=now)


def answer(shop: Shop, affiliate: Affiliate | None, good: int, bad: int, at: datetime, **given: Any) -> None:
    """All in one block, where nothing is waiting."""
    respond_many(shop, affiliate, good, csat=5, at=at, **given)
    respond_many(shop, affiliate, bad, csat=1, at=at, **given)
    fold_changes(now=at)


def outcome_of(action: Action, now: datetime = APRIL) -> Outcome:
    assert action.affiliate
    return affiliate_outcomes(action.affiliate, [action], now=now)[action.pk]


# --- For affiliates --------------------------------------------------------------------------------------------------
def test_months_before_and_after_the_month_of_the_change(shop, ana, as_ana):
    answer(shop, ana, 10, 15, FEBRUARY)
    answer(shop, ana, 7, 0, MARCH)
    answer(shop, ana, 24, 1, APRIL)

    found = outcome_of(act(shop, ana, as_ana, on=date(2026, 3, 2)))

    assert found.spans == Spans(
        Span(date(2026, 2, 1), date(2026, 3, 1)),
        Span(date(2026, 4, 1), date(2026, 5, 1)),
    )
    assert (found.before.value, found.before.n, found.after.value, found.after.n) == (0.4, 25, 0.96, 25)
    assert (found.verdict, found.is_compared) == ("improved", False)


def test_until_the_month_is_over_it_is_too_soon(shop, ana, as_ana):
    answer(shop, ana, 10, 15, FEBRUARY)
    answer(shop, ana, 24, 1, APRIL)

    assert outcome_of(act(shop, ana, as_ana, on=date(2026, 4, 2))).state == "too_soon"


def test_a_block_that_began_before_the_change_is_left_out(shop, ana, as_ana):
    answer(shop, ana, 10, 15, FEBRUARY)
    # Four wait for a fifth until April: whose they are nobody can tell, so the block speaks of both times.
    respond_many(shop, ana, 4, csat=1, at=MARCH)
    fold_changes(now=MARCH)
    answer(shop, ana, 1, 0, APRIL)
    answer(shop, ana, 24, 0, APRIL + timedelta(days=1))

    now = APRIL + timedelta(days=2)
    after_them, before_them = (act(shop, ana, as_ana, on=date(2026, 3, day), now=now) for day in (20, 1))

    assert [outcome_of(each, now).after.n for each in (after_them, before_them)] == [24, 24]
    answer(shop, ana, 5, 0, APRIL + timedelta(days=2))
    assert outcome_of(after_them, now).after.n == 29


def test_a_block_of_the_month_of_the_change_frees_the_next(shop, ana, as_ana):
    answer(shop, ana, 10, 15, FEBRUARY)
    answer(shop, ana, 5, 0, MARCH)
    answer(shop, ana, 20, 0, APRIL)

    earlier = act(shop, ana, as_ana, on=date(2026, 3, 9))
    later = act(shop, ana, as_ana, on=date(2026, 3, 20))

    assert outcome_of(earlier).after.n == 20
    assert outcome_of(later).state == "few_after"  # its one block holds answers of 11 to 20 March
    assert outcome_of(later).after is None


def test_the_rest_of_the_programme_over_the_same_months(shop, ana, as_ana):
    others = [make_affiliate(shop.brand, f"Otra {number}") for number in range(6)]
    for at, good, bad, own in ((FEBRUARY, 6, 4, (10, 15)), (MARCH, 5, 5, (0, 5)), (APRIL, 9, 1, (24, 1))):
        for other in others:
            respond_many(shop, other, good, csat=5, at=at)
            respond_many(shop, other, bad, csat=1, at=at)
        answer(shop, ana, *own, at)

    found = outcome_of(act(shop, ana, as_ana, on=date(2026, 3, 2)))

    assert (found.rest_before, found.rest_after) == (0.6, 0.9)
    assert found.rest.value == pytest.approx(0.3)
    assert found.effect.value == pytest.approx(0.96 - 0.4 - 0.3)


def test_a_programme_in_which_somebody_stands_out_is_not_told(shop, ana, as_ana):
    others = [make_affiliate(shop.brand, f"Otra {number}") for number in range(6)]
    for at in (FEBRUARY, MARCH, APRIL):
        for other in others[:4] if at == APRIL else others:  # four others in April
            respond_many(shop, other, 15, csat=5, at=at)
        answer(shop, ana, 15, 10, at)

    found = outcome_of(act(shop, ana, as_ana, on=date(2026, 3, 2)))

    assert (found.state, found.rest, found.rest_before, found.is_compared) == ("measured", None, None, False)


def test_by_link_from_what_is_told_of_the_link(shop, ana, as_ana):
    guide, video = make_link(ana, "guia"), make_link(ana, "video")
    answer(shop, ana, 5, 20, FEBRUARY, link=guide)
    answer(shop, ana, 5, 0, MARCH, link=video)
    for good, bad, link in ((24, 1, guide), (0, 25, video)):
        respond_many(shop, ana, good, csat=5, at=APRIL, link=link)
        respond_many(shop, ana, bad, csat=1, at=APRIL, link=link)
    fold_changes(now=APRIL)

    action = act(shop, ana, as_ana, on=date(2026, 3, 2), link=guide)
    found = outcome_of(action)

    assert (found.before.value, found.after.value, found.verdict) == (0.2, 0.96, "improved")


def test_how_many_purchases_it_usually_takes_and_never_how_many_have_answered(shop, ana, as_ana):
    answer(shop, ana, 20, 5, FEBRUARY)
    action = act(shop, ana, as_ana, on=date(2026, 3, 2))
    looks = []
    for _i in range(5):
        fold_changes(now=APRIL)
        looks.append(outcome_of(action))
        shop.respond(ana, csat=1, at=APRIL)

    assert looks[1:] == looks[:1] * 4
    assert (looks[0].state, looks[0].after, looks[0].answers_needed, looks[0].purchases_needed) == (
        "few_after",
        None,
        20,
        170,
    )


def test_a_closed_action_is_measured_no_further(shop, ana, as_ana):
    answer(shop, ana, 10, 15, FEBRUARY)
    answer(shop, ana, 24, 1, APRIL)
    action = act(shop, ana, as_ana, on=date(2026, 3, 2))
    assert close_action(action, now=APRIL)
    assert not close_action(action, now=APRIL + timedelta(days=40))
    action.refresh_from_db()
    before = outcome_of(action)

    may = APRIL + timedelta(days=30)
    answer(shop, ana, 0, 30, may)

    assert outcome_of(action, may) == before
    with pytest.raises(ValidationError):
        edit_action(action, Change("Otra cosa", date(2026, 2, 1), CSAT), now=may)


def test_many_actions_are_measured_with_as_many_questions_as_one(shop, ana, as_ana, django_assert_num_queries):
    answer(shop, ana, 10, 15, FEBRUARY)
    answer(shop, ana, 24, 1, APRIL)
    actions = [act(shop, ana, as_ana, on=date(2026, 3, day)) for day in (2, 3, 4)]

    for number in (1, 3):
        with django_assert_num_queries(7):
            affiliate_outcomes(ana, actions[:number], now=APRIL)


# --- For staff -------------------------------------------------------------------------------------------------------
def test_staff_read_days_and_single_answers(shop, ana, as_ana):
    others = make_affiliate(shop.brand, "Otra")
    answer(shop, ana, 10, 15, MARCH - timedelta(days=5))
    answer(shop, ana, 5, 0, MARCH)  # on the day of the change
    answer(shop, ana, 24, 1, MARCH + timedelta(days=5))
    answer(shop, others, 5, 5, MARCH - timedelta(days=5))
    answer(shop, others, 6, 4, MARCH + timedelta(days=5))

    found = staff_outcome(act(shop, ana, as_ana, on=MARCH.date()), now=MARCH + timedelta(days=9))

    assert (found.before.n, found.after.n, found.verdict) == (25, 25, "improved")
    assert (found.rest_before, found.rest_after) == (0.5, 0.6)


def test_the_brands_own_action_on_a_product_beside_the_others(shop, ana):
    sofia, boots, socks = make_staff(shop.brand), make_product(shop.brand), make_product(shop.brand, "calcetines")
    for product, at, good, bad in [
        (boots, MARCH - timedelta(days=5), 5, 20),
        (boots, MARCH + timedelta(days=5), 24, 1),
        (socks, MARCH - timedelta(days=5), 10, 10),
        (socks, MARCH + timedelta(days=5), 11, 9),
    ]:
        for response in respond_many(shop, ana, good, csat=5, at=at) + respond_many(shop, ana, bad, csat=1, at=at):
            type(response.invitation.purchase).objects.filter(pk=response.invitation.purchase_id).update(
                product=product
            )
        fold_changes(now=at)

    of_product = act(shop, None, sofia, on=MARCH.date(), product=boots)
    of_brand = act(shop, None, sofia, on=MARCH.date())
    now = MARCH + timedelta(days=9)

    found = staff_outcome(of_product, now=now)
    assert (found.before.value, found.after.value, found.rest_before, found.verdict) == (0.2, 0.96, 0.5, "improved")
    assert (staff_outcome(of_brand, now=now).rest, staff_outcome(of_brand, now=now).after.n) == (None, 45)


# --- Writing ---------------------------------------------------------------------------------------------------------
def test_a_finding_that_is_acted_on_is_in_progress(shop, ana, as_ana):
    found = Finding.objects.create(brand=shop.brand, affiliate=ana, kind=Finding.Kind.IMPROVE, key="entrega")
    rivals = Finding.objects.create(brand=shop.brand, kind=Finding.Kind.IMPROVE, key="entrega")

    action = act(shop, ana, as_ana, on=date(2026, 3, 2), subject=Subject("aspect", "entrega"))

    found.refresh_from_db()
    rivals.refresh_from_db()
    assert (action.finding, action.written_by, found.status) == (found, as_ana, Finding.Status.IN_PROGRESS)
    assert rivals.status == Finding.Status.OPEN


def test_what_cannot_be_measured_is_refused(shop, ana, bruno, as_ana):
    refused = {
        "text": {"text": "  "},
        "changed_on": {"on": date(2026, 4, 11)},
        "about": {"subject": Subject("aspect", "no_such")},
        "link": {"link": make_link(bruno)},
        "product": {"product": make_product(shop.brand)},
    }
    for field, given in refused.items():
        with pytest.raises(ValidationError) as refusal:
            act(shop, ana, as_ana, **{"on": date(2026, 3, 2), **given})
        assert set(refusal.value.message_dict) == {field}
    with pytest.raises(ValidationError):
        act(shop, None, as_ana, on=date(2026, 3, 2), link=make_link(ana))
    with pytest.raises(ValidationError):
        act(shop, None, as_ana, on=date(2026, 3, 2), product=make_product(make_brand("otra")))

    assert not Action.objects.exists()


def test_an_open_action_can_be_corrected(shop, ana, as_ana):
    action = act(shop, ana, as_ana, on=date(2026, 3, 2))
    finding = Finding.objects.create(brand=shop.brand, affiliate=ana, kind=Finding.Kind.MISSING, key="plazos")

    edit_action(action, Change(" Pongo el plazo ", date(2026, 2, 2), Subject("fact", "plazos")), now=APRIL)

    action.refresh_from_db()
    assert (action.text, action.changed_on, action.subject, action.key, action.finding) == (
        "Pongo el plazo",
        date(2026, 2, 2),
        "fact",
        "plazos",
        finding,
    )


# --- The attack ------------------------------------------------------------------------------------------------------
class ActingWorld(World):
    """Ana writes down an action for every day of the story, and looks at what came of each, of each kind."""

    def observe(self, period: str, now: datetime) -> Any:
        if period != "all":  # which an action knows nothing of
            return None
        later = now + timedelta(days=45)  # the month of the change is over, and so is the next
        outcomes = affiliate_outcomes(self.ana, self.actions(now), now=later)
        return [outcomes[pk] for pk in sorted(outcomes)]

    def actions(self, now: datetime) -> list[Action]:
        if not hasattr(self, "written"):
            by = make_member(self.ana)
            subjects = [CSAT, Subject("figure", "nps"), Subject("aspect", "precio"), Subject("fact", "plazos")]
            links = [None, self.links[0]]
            self.written = [
                act(self.shop, self.ana, by, on=date(2026, month, day), now=later, subject=subject, link=link)
                for later in [now + timedelta(days=90)]
                for month, day in [(2, 20), (3, 12), (3, 20), (3, 31), (4, 5)]
                for subject, link in itertools.product(subjects, links)
            ]
        return self.written


@pytest.mark.parametrize("seed", [1, 5])
def test_whoever_dates_a_change_at_will_learns_no_single_answer(db, seed):
    """Two worlds in which two customers of a block have swapped their answers look the same through every action."""
    story = tell_story(seed)
    world = ActingWorld("lumbre")
    world.play(story)
    swapped, used = list(story), set[int]()
    for one, other in pairs_to_swap(story, world.blocks):
        if not {one, other} & used:
            used |= {one, other}
            swapped[one] = story[one] | {"given": story[other]["given"]}
            swapped[other] = story[other] | {"given": story[one]["given"]}
    assert used
    twin = ActingWorld("vela")
    twin.play(swapped)

    assert twin.seen == world.seen
    assert any(outcome.after for outcomes, _month in world.seen for outcome in outcomes)


def test_every_difference_between_two_dates_is_about_whole_blocks(shop, ana, as_ana):
    for day in range(3, 60):
        shop.respond(ana, csat=1 + day % 5, at=datetime(2026, 3, 1, 12, tzinfo=UTC) + timedelta(days=day))
        fold_changes(now=datetime(2026, 3, 1, 12, tzinfo=UTC) + timedelta(days=day))
    now = datetime(2026, 6, 20, tzinfo=UTC)
    dates = [date(2026, 2, 20) + timedelta(days=day) for day in range(60)]
    actions = [act(shop, ana, as_ana, on=on, now=now) for on in dates]

    outcomes = affiliate_outcomes(ana, actions, now=now)

    sizes = set(Block.objects.filter(affiliate=ana).values_list("n", flat=True))
    seen = {figure.n for each in outcomes.values() for figure in (each.before, each.after) if figure}
    assert sizes == {5}
    assert len(seen) >= 3
    assert all(n % 5 == 0 for n in seen)
