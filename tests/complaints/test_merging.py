"""Cases that belong together: two that tell of the same thing become one story, and can be told apart again."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from accounts.models import Membership
from complaints.models import Complaint, ComplaintEvent, ComplaintLink
from complaints.services import (
    customer_wrote,
    link_cases,
    merge_complaint,
    reopen_complaint,
    resolve_complaint,
    unlink_cases,
    unmerge_complaint,
)
from mailing.models import OutgoingMail
from surveys.models import Hold, Invitation, Wave
from tests import factories
from tests.complaints.factories import make_complaint
from tests.factories import NOW

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def case(purchase) -> Complaint:
    return make_complaint(purchase, wants_contact=True)


@pytest.fixture
def duplicate(purchase) -> Complaint:
    """Of the same customer, about another order."""
    return make_complaint(factories.make_purchase(purchase.customer), subject="Otra vez roto", wants_contact=True)


def kinds(case: Complaint) -> list[str]:
    return list(case.events.values_list("kind", flat=True))


def held(case: Complaint) -> bool:
    return Hold.objects.standing().filter(purchase=case.purchase).exists()


def test_a_duplicate_is_closed_and_nobody_is_written_to(case, duplicate, sofia):
    mails = OutgoingMail.objects.count()

    merge_complaint(duplicate, case, by=sofia, now=LATER)

    case.refresh_from_db()
    assert (duplicate.state, duplicate.merged_into, duplicate.resolved_at) == ("resolved", case, LATER)
    assert case.is_open
    assert kinds(duplicate) == ["opened", "state_changed", "merged"]
    assert kinds(case) == ["opened", "merged"]
    assert OutgoingMail.objects.count() == mails


def test_both_purchases_are_asked_about_only_when_the_story_ends(case, duplicate, sofia):
    merge_complaint(duplicate, case, by=sofia, now=LATER)
    assert (held(case), held(duplicate)) == (True, True)

    resolve_complaint(case, resolution="Hecho", by=sofia, now=LATER)
    assert (held(case), held(duplicate)) == (False, False)

    reopen_complaint(case, reason="Sigue", by=sofia, now=LATER)
    assert (held(case), held(duplicate)) == (True, True)


def test_what_the_customer_says_there_later_goes_to_the_other(case, duplicate, sofia):
    merge_complaint(duplicate, case, by=sofia, now=LATER)

    told = customer_wrote(duplicate, text="¿Hay novedades?", now=LATER)
    same = make_complaint(duplicate.purchase, text="Otra cosa más", now=LATER)

    duplicate.refresh_from_db()
    assert (told, same, duplicate.state) == (case, case, "resolved")
    assert kinds(case) == ["opened", "merged", "customer_wrote", "answer_added"]


def test_separated_it_goes_on_as_it_was(case, duplicate, sofia):
    before = (duplicate.waits_since, held(duplicate))
    merge_complaint(duplicate, case, by=sofia, now=LATER)

    unmerge_complaint(duplicate, by=sofia, now=LATER)

    assert (duplicate.merged_into, duplicate.state, duplicate.resolved_at) == (None, "in_progress", None)
    assert (duplicate.waits_since, held(duplicate)) == before
    assert kinds(case) == ["opened", "merged", "unmerged"]
    with pytest.raises(ValidationError):
        unmerge_complaint(duplicate, by=sofia, now=LATER)


def test_what_was_merged_into_it_comes_along_when_it_is_separated(case, duplicate, purchase, sofia):
    third = make_complaint(factories.make_purchase(purchase.customer))
    merge_complaint(third, duplicate, by=sofia, now=LATER)
    merge_complaint(duplicate, case, by=sofia, now=LATER)
    third.refresh_from_db()
    meanwhile = third.merged_into
    resolve_complaint(case, resolution="Hecho", by=sofia, now=LATER)

    unmerge_complaint(duplicate, by=sofia, now=LATER)

    third.refresh_from_db()
    assert (meanwhile, third.merged_into) == (case, duplicate)
    assert (held(case), held(duplicate), held(third)) == (False, True, True)


def test_a_closed_duplicate_stays_closed_when_separated(case, duplicate, sofia):
    resolve_complaint(duplicate, resolution="Hecho", by=sofia, now=NOW)
    merge_complaint(duplicate, case, by=sofia, now=LATER)

    unmerge_complaint(duplicate, by=sofia, now=LATER)

    assert (duplicate.state, duplicate.resolved_at, held(duplicate)) == ("resolved", NOW, False)


def test_a_closed_duplicate_is_not_asked_about_while_the_story_goes_on(case, duplicate, sofia):
    resolve_complaint(duplicate, resolution="Hecho", by=sofia, now=NOW)
    asked = Invitation.objects.get(wave=Wave.CLOSING).state

    merge_complaint(duplicate, case, by=sofia, now=LATER)

    assert (asked, Invitation.objects.get(wave=Wave.CLOSING).state) == ("queued", "cancelled")
    assert (held(case), held(duplicate)) == (True, True)
    resolve_complaint(case, resolution="Hecho", by=sofia, now=LATER)
    assert (held(case), held(duplicate)) == (False, False)


def test_what_two_separate_at_once_is_separated_once(case, duplicate, sofia):
    merge_complaint(duplicate, case, by=sofia, now=LATER)
    slower = Complaint.objects.get(pk=duplicate.pk)
    assert slower.merged_into == case
    unmerge_complaint(duplicate, by=sofia, now=LATER)
    resolve_complaint(duplicate, resolution="Hecho", by=sofia, now=LATER)

    with pytest.raises(ValidationError):
        unmerge_complaint(slower, by=sofia, now=LATER)
    duplicate.refresh_from_db()
    assert duplicate.state == "resolved"


def test_it_is_not_separated_beside_another_open_case(case, duplicate, sofia, brand):
    merge_complaint(duplicate, case, by=sofia, now=LATER)
    resolve_complaint(case, resolution="Hecho", by=sofia, now=LATER)
    make_complaint(duplicate.purchase, now=LATER)

    with pytest.raises(ValidationError):
        unmerge_complaint(duplicate, by=sofia, now=LATER)
    duplicate.refresh_from_db()
    assert (duplicate.state, duplicate.merged_into) == ("resolved", case)


def test_a_merged_case_is_not_opened_and_takes_no_other(case, duplicate, sofia, purchase):
    third = make_complaint(factories.make_purchase(purchase.customer))
    merge_complaint(duplicate, case, by=sofia, now=LATER)

    for refused in (
        lambda: reopen_complaint(duplicate, reason="Sigue", by=sofia, now=LATER),
        lambda: merge_complaint(third, duplicate, by=sofia, now=LATER),
        lambda: merge_complaint(duplicate, third, by=sofia, now=LATER),
    ):
        with pytest.raises(ValidationError):
            refused()


def test_duplicates_of_a_duplicate_follow_it(case, duplicate, sofia, purchase):
    third = make_complaint(factories.make_purchase(purchase.customer))
    merge_complaint(third, duplicate, by=sofia, now=LATER)
    merge_complaint(duplicate, case, by=sofia, now=LATER)

    third.refresh_from_db()
    assert third.merged_into == case


def test_nobody_gets_to_read_anothers_words(case, sofia, brand):
    stranger = make_complaint(factories.make_purchase(factories.make_customer(brand, "Luis")))
    other_brand = factories.make_brand("otra")
    foreign = make_complaint(factories.make_purchase(factories.make_customer(other_brand)))

    for other in (stranger, foreign, case):
        with pytest.raises(ValidationError):
            merge_complaint(other, case, by=sofia, now=LATER)
    with pytest.raises(ValidationError):
        link_cases(case, foreign, by=sofia, now=LATER)


@pytest.mark.parametrize("act", [merge_complaint, link_cases, unlink_cases])
def test_who_may_only_read_joins_nothing(case, duplicate, brand, act):
    lia = factories.make_staff(brand, "Lía", Membership.Role.ANALYST)
    before = ComplaintEvent.objects.count()

    with pytest.raises(PermissionDenied):
        act(duplicate, case, by=lia, now=LATER)
    assert ComplaintEvent.objects.count() == before


def test_linked_cases_go_on_apart(case, duplicate, sofia):
    link_cases(duplicate, case, by=sofia, now=LATER)
    link_cases(case, duplicate, by=sofia, now=LATER)

    assert ComplaintLink.objects.count() == 1
    assert (kinds(case), kinds(duplicate)) == (["opened", "linked"], ["opened", "linked"])

    unlink_cases(case, duplicate, by=sofia, now=LATER)
    unlink_cases(case, duplicate, by=sofia, now=LATER)
    assert kinds(case) == ["opened", "linked", "unlinked"]
    assert not ComplaintLink.objects.exists()
