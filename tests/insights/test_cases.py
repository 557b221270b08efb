"""Cases in the counts: by whose part they were, right after every change, and to affiliates in blocks of k."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from accounts.append_only import ERASURE, open_door
from affiliates.models import Affiliate, Attribution, Purchase, PurchaseChange
from complaints.models import Complaint, ComplaintChange
from complaints.services.opening import Problem, open_complaint
from insights.comparing import compare_affiliate
from insights.models import Block, CaseCount, CountedCase, MonthlyAnswers, ShownCount
from insights.services import fold_changes, rebuild_rollups
from surveys.models import Survey, Wave
from tests.factories import NOW, make_affiliate
from tests.insights.conftest import Shop


def complain(
    shop: Shop, affiliate: Affiliate | None, *, part: str = "", kind: str = "complaint", at: datetime = NOW
) -> Complaint:
    problem = Problem(kind=kind, subject="Llegó roto", part=part)
    case, _is_new = open_complaint(shop.brand, problem, now=at, purchase=shop.purchase(affiliate))
    return case


def judge(case: Complaint, part: str) -> None:
    """Staff find whose part it was."""
    case.part = part
    case.save(update_fields=["part"])
    ComplaintChange.objects.create(complaint=case)


def counts(**which: Any) -> dict[tuple[str, str], int]:
    return {(row.kind, row.part): row.count for row in CaseCount.objects.filter(**which)}


def shown(affiliate: Affiliate, question: str = "cases") -> dict[str, int]:
    return dict(ShownCount.objects.filter(affiliate=affiliate, question=question).values_list("value", "count"))


def solve(case: Complaint, cause: str, *, after: timedelta) -> None:
    """As staff do, without the mails."""
    case.state, case.resolved_at, case.cause = "resolved", case.opened_at + after, cause
    case.save(update_fields=["state", "resolved_at", "cause"])
    ComplaintChange.objects.create(complaint=case)


def test_cases_are_counted_by_kind_part_and_day(shop, ana, fold):
    complain(shop, ana, part="delivery")
    complain(shop, ana, part="delivery")
    complain(shop, ana, kind="warranty", at=datetime(2026, 1, 31, 23, 30, tzinfo=UTC))
    complain(shop, None, part="sale")

    fold()

    assert counts(affiliate=ana, day=NOW.date()) == {("complaint", "delivery"): 2}
    assert counts(affiliate=ana, day=date(2026, 2, 1)) == {("warranty", ""): 1}
    assert counts(affiliate=None) == {("complaint", "sale"): 1}


def test_a_root_cause_found_later_moves_its_case(shop, ana, fold):
    case = complain(shop, ana)
    fold()
    judge(case, "product")
    fold()

    assert counts() == {("complaint", "product"): 1}
    assert fold() == 0


def test_a_corrected_attribution_takes_the_case_along(shop, ana, bruno, fold):
    case = complain(shop, ana, part="sale")
    fold()

    Attribution.objects.filter(purchase=case.purchase).update(affiliate=bruno)
    PurchaseChange.objects.create(purchase=case.purchase)
    fold()

    assert counts(affiliate=ana) == {}
    assert counts(affiliate=bruno) == {("complaint", "sale"): 1}


def test_an_erased_case_leaves_by_itself_and_a_test_purchase_never_counts(shop, ana, fold):
    case, trial = complain(shop, ana), complain(shop, ana)
    Purchase.objects.filter(pk=trial.purchase_id).update(source=Purchase.TEST)
    fold()
    assert counts() == {("complaint", ""): 1}

    with open_door(ERASURE):
        case.delete()
    fold()

    assert counts() == {}
    assert not CountedCase.objects.exists()


def test_rebuilding_cases_and_months_equals_what_stands(shop, ana, bruno, fold):
    cases = [complain(shop, who, part=part) for who in (ana, bruno, None) for part in ("sale", "", "service")]
    for number in range(9):
        shop.respond(ana, csat=5, at=NOW - timedelta(days=20 * number))
    fold()
    judge(cases[1], "product")
    response = shop.respond(bruno, csat=1)
    shop.credit(shop.respond(bruno, csat=2), ana)
    fold()
    shop.erase(response)
    fold()

    def standing() -> tuple[list[Any], list[Any]]:
        months = MonthlyAnswers.objects.exclude(count=0).values_list("affiliate", "month", "count")
        return (
            sorted(CaseCount.objects.values_list("affiliate", "day", "kind", "part", "count"), key=str),
            sorted(months),
        )

    before = standing()
    rebuild_rollups(shop.brand, now=NOW)

    assert standing() == before
    assert sum(n for *_, n in before[0]) == 9
    assert sum(n for *_, n in before[1]) == 10


def test_affiliates_learn_of_cases_in_blocks_of_k(shop, ana, fold):
    shop.respond_many(ana, 5, csat=4)
    for _number in range(4):
        complain(shop, ana, part="delivery")
    fold()
    assert Block.objects.filter(affiliate=ana).count() == 1
    assert shown(ana) == {}

    complain(shop, ana, part="sale")
    shop.respond_many(ana, 5, csat=4)
    fold()

    assert shown(ana) == {"": 5, "delivery": 4, "sale": 1}


def test_affiliates_learn_what_lay_behind_cases_and_how_long_they_took_in_blocks_of_k(shop, ana, fold):
    cases = [complain(shop, ana) for _number in range(6)]
    for case in cases[:4]:
        solve(case, "late", after=timedelta(hours=20))
    shop.respond_many(ana, 5, csat=4)
    fold()
    assert (shown(ana, "causes"), shown(ana, "took")) == ({}, {})

    solve(cases[4], "lost", after=timedelta(days=40))
    shop.respond_many(ana, 5, csat=4)
    fold()

    assert shown(ana, "causes") == {"": 5, "late": 4, "lost": 1}
    assert shown(ana, "took") == {"": 5, "1": 4, "more": 1}
    page = compare_affiliate(ana, now=NOW).aftercare
    assert page is not None
    assert (page.causes, page.judged, page.within("1", "3"), page.solved) == ({}, 5, 4, 5)  # no cause has five


def test_a_case_that_is_opened_again_or_merged_took_no_time(shop, ana, fold):
    again, merged, undated = (complain(shop, ana) for _number in range(3))
    for case in (again, merged):
        solve(case, "late", after=timedelta(hours=1))
    solve(undated, "late", after=timedelta(0))
    Complaint.objects.filter(pk=undated.pk).update(external_id="vieja-1")
    Complaint.objects.filter(pk=merged.pk).update(merged_into=undated)
    Complaint.objects.filter(pk=again.pk).update(state="in_progress", resolved_at=None)
    fold()

    assert dict(CaseCount.objects.values_list("took", "count")) == {"": 3}


@pytest.mark.parametrize("first", ["sale", "product"])
def test_which_case_had_which_cause_is_never_seen(shop, ana, fold, first):
    """An affiliate who looks after every single case and every verdict sees the same, whichever came first."""
    causes = ["sale", "product"] if first == "sale" else ["product", "sale"]
    seen, cases = [], []
    for number in range(5):
        shop.respond(ana, csat=4)
        cases.append(complain(shop, ana, part=causes[number] if number < 2 else "delivery"))
        fold_changes(now=NOW)
        seen.append(shown(ana))
    judge(cases[2], "service")
    fold_changes(now=NOW)

    assert seen == [{}] * 4 + [{"": 5, "delivery": 3, "sale": 1, "product": 1}]
    assert shown(ana) == seen[-1]


def test_cases_alone_publish_nothing_of_the_programme(shop, ana, fold):
    others = [make_affiliate(shop.brand, f"Otra {number}") for number in range(6)]
    for other in others:
        for _number in range(10):
            complain(shop, other, part="sale")
    fold()

    assert not ShownCount.objects.exists()


def test_what_is_said_months_later_is_published_beside_the_first_answers(shop, ana, fold):
    later = [shop.respond(ana, csat=5, nps=9) for _number in range(5)]
    survey = Survey.objects.create(brand=shop.brand, wave=Wave.FOLLOW_UP, version=50, status=Survey.Status.DRAFT)
    questions = {
        key: survey.questions.create(key=key, kind="scale", position=number)
        for number, key in enumerate(("alternatives", "buy_again", "nps"))
    }
    for response in later:
        response.invitation.wave = Wave.FOLLOW_UP
        response.invitation.save(update_fields=["wave"])
        response.answers.all().delete()
        for key, number in (("alternatives", 1), ("buy_again", 5), ("nps", 0)):
            response.answers.create(question=questions[key], number=number)
    shop.respond_many(ana, 5, csat=4)
    fold()

    found = ShownCount.objects.filter(affiliate=ana).values_list("question", "value", "count")
    assert sorted(found) == [
        ("alternatives", "", 5),
        ("alternatives", "1", 5),
        ("answers", "", 5),
        ("buy_again", "", 5),
        ("buy_again", "5", 5),
        ("csat", "", 5),
        ("csat", "4", 5),
    ]


def test_how_cases_ended_is_published_as_their_customers_say(shop, ana, fold):
    closed = [shop.respond(ana, csat=5) for _number in range(5)]
    survey = Survey.objects.create(brand=shop.brand, wave=Wave.CLOSING, version=50, status=Survey.Status.DRAFT)
    solved = survey.questions.create(key="solved", kind="scale", position=0)
    for number, response in enumerate(closed):
        response.invitation.wave = Wave.CLOSING
        response.invitation.save(update_fields=["wave"])
        response.answers.all().delete()
        response.answers.create(question=solved, number=1 if number == 0 else 3)
    shop.respond_many(ana, 5, csat=4)
    fold()

    assert shown(ana, "solved") == {"": 5, "1": 1, "3": 4}
    found = compare_affiliate(ana, now=NOW).aftercare
    assert (found.put_right, found.answered) == (4, 5)
