"""Warranty by dates and rules: in, out, on whom the burden lies, in doubt; over month ends, leap years and repairs."""

from datetime import date, datetime, timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Membership
from affiliates.models import Product, Purchase
from complaints.casefile.making_good import sum_of, warranty_of
from complaints.models import Complaint, Remedy, WarrantyDecision, WarrantyRule
from complaints.services.warranting import as_rule, decide_warranty, verdict_of
from complaints.warranty import Dates, Rule, judge, limit_of_law, rules_of_law
from complaints.wording import to_be_confirmed
from tests import factories
from tests.complaints.factories import make_complaint
from tests.complaints.test_admin import client_of, see
from tests.factories import NOW

SPAIN = rules_of_law("ES", "goods")
ANY_DAY = st.dates(date(2015, 1, 1), date(2035, 1, 1))
REPAIRS = st.lists(st.tuples(ANY_DAY, st.integers(0, 90)), max_size=3).map(
    lambda found: [(day, day + timedelta(days=days)) for day, days in found]
)


def spanish(delivered_on: date | None, showed_on: date, **dates):
    return judge(SPAIN, Dates(showed_on, delivered_on, **dates))


# --- The sum -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("delivered_on", "showed_on", "outcome", "ends_on"),
    [
        (date(2023, 5, 10), date(2024, 1, 1), "seller", date(2026, 5, 10)),
        (date(2023, 5, 10), date(2025, 5, 10), "seller", date(2026, 5, 10)),
        (date(2023, 5, 10), date(2025, 5, 11), "in", date(2026, 5, 10)),
        (date(2023, 5, 10), date(2026, 5, 10), "in", date(2026, 5, 10)),
        (date(2023, 5, 10), date(2026, 5, 11), "out", date(2026, 5, 10)),
        (date(2024, 2, 29), date(2027, 2, 28), "in", date(2027, 2, 28)),  # from date to date
        (date(2021, 12, 31), date(2023, 12, 31), "in", date(2023, 12, 31)),  # by the rule before 2022
        (date(2021, 12, 31), date(2024, 1, 1), "out", date(2023, 12, 31)),
        (date(2022, 1, 1), date(2024, 1, 1), "seller", date(2025, 1, 1)),
    ],
)
def test_what_was_delivered_in_spain(delivered_on, showed_on, outcome, ends_on):
    found = spanish(delivered_on, showed_on)

    assert (found.outcome, found.ends_on, found.starts_on) == (outcome, ends_on, delivered_on)


def test_a_repair_suspends_both_terms():
    delivered = date(2023, 5, 10)

    found = spanish(delivered, date(2026, 6, 1), repairs=[(date(2024, 3, 1), date(2024, 3, 31))])

    assert (found.outcome, found.suspended_days) == ("in", 30)
    assert (found.burden_until, found.ends_on) == (date(2025, 6, 9), date(2026, 6, 9))


@pytest.mark.parametrize(
    ("repairs", "days"),
    [
        ([(date(2024, 3, 1), date(2024, 3, 31)), (date(2024, 3, 1), date(2024, 3, 31))], 30),
        ([(date(2024, 3, 1), date(2024, 3, 31)), (date(2024, 3, 21), date(2024, 4, 10))], 40),
        ([(date(2024, 3, 1), date(2024, 3, 31)), (date(2024, 3, 5), date(2024, 3, 8))], 30),
        ([(date(2024, 3, 1), date(2024, 3, 11)), (date(2024, 3, 11), date(2024, 3, 21))], 20),
    ],
)
def test_a_day_counts_once_however_many_repairs_were_noted_for_it(repairs, days):
    assert spanish(date(2023, 5, 10), date(2026, 1, 1), repairs=repairs).suspended_days == days


@pytest.mark.parametrize(
    ("claimed_on", "outcome", "reason"),
    [(date(2028, 3, 1), "in", ""), (date(2030, 6, 1), "in", ""), (date(2030, 6, 2), "out", "claimed_late")],
)
def test_what_showed_in_time_can_be_claimed_for_five_years(claimed_on, outcome, reason):
    dates = Dates(date(2025, 6, 1), delivered_on=date(2023, 5, 10), claimed_on=claimed_on)

    found = judge(SPAIN, dates, limit_of_law("ES", "goods"))

    assert (found.outcome, found.reason, found.claim_until) == (outcome, reason, date(2030, 6, 1))


def test_where_no_law_ends_it_it_can_always_be_claimed():
    dates = Dates(date(2025, 6, 1), delivered_on=date(2025, 5, 10), claimed_on=date(2040, 1, 1))

    assert judge(rules_of_law("DE", "goods"), dates, limit_of_law("DE", "goods")).outcome == "seller"


def test_a_repair_after_the_end_brings_nothing_back():
    found = spanish(date(2023, 5, 10), date(2026, 8, 1), repairs=[(date(2026, 6, 1), date(2026, 9, 1))])

    assert (found.outcome, found.suspended_days) == ("out", 0)


@pytest.mark.parametrize(
    ("dates", "outcome", "reason"),
    [
        (Dates(date(2024, 1, 1)), "doubt", "no_delivery"),
        (Dates(date(2024, 1, 1), bought_on=date(2023, 5, 10)), "seller", ""),  # delivered then or later: in for sure
        (Dates(date(2026, 6, 1), bought_on=date(2023, 5, 10)), "doubt", "no_delivery"),
        (Dates(date(2023, 5, 9), delivered_on=date(2023, 5, 10)), "doubt", "before_delivery"),
    ],
)
def test_what_nobody_can_know_is_in_doubt(dates, outcome, reason):
    found = judge(SPAIN, dates)

    assert (found.outcome, found.reason) == (outcome, reason)


def test_the_rule_that_is_best_for_the_customer_counts():
    promise = Rule("Condiciones de venta", 60, is_law=False)

    at_first = judge([*SPAIN, promise], Dates(date(2024, 1, 1), date(2023, 5, 10)))
    later = judge([*SPAIN, promise], Dates(date(2027, 1, 1), date(2023, 5, 10)))

    assert (at_first.outcome, at_first.rule) == ("seller", SPAIN[0])
    assert (later.outcome, later.rule, later.ends_on) == ("in", promise, date(2028, 5, 10))


@pytest.mark.parametrize(
    ("country", "kind", "months"),
    [
        ("ES", "goods", [36, 24]),
        ("ES", "digital", [24]),
        ("ES", "service", []),
        ("CL", "goods", [6]),
        ("DE", "goods", [24]),
        ("US", "goods", []),
    ],
)
def test_each_country_has_its_rules(country, kind, months):
    assert [rule.months for rule in rules_of_law(country, kind)] == months


@given(st.dates(date(2022, 1, 1), date(2035, 1, 1)), REPAIRS)
def test_a_fault_that_shows_later_is_never_better_covered(delivered_on, repairs):
    rank = {"out": 0, "in": 1, "seller": 2}
    days = [delivered_on + timedelta(days=offset) for offset in (0, 300, 700, 800, 1100, 1500, 2500)]

    found = [judge([SPAIN[0]], Dates(day, delivered_on, repairs=repairs)) for day in days]

    ranks = [rank[verdict.outcome] for verdict in found]
    assert ranks == sorted(ranks, reverse=True)


@given(ANY_DAY, ANY_DAY, REPAIRS)
def test_a_repair_never_shortens_a_warranty(delivered_on, showed_on, repairs):
    plain = spanish(delivered_on, showed_on)
    repaired = spanish(delivered_on, showed_on, repairs=repairs)

    assert repaired.ends_on >= plain.ends_on
    assert repaired.ends_on - plain.ends_on == timedelta(days=repaired.suspended_days)


# --- In a case -----------------------------------------------------------------------------------------------------
@pytest.fixture
def case(purchase) -> Complaint:
    Purchase.objects.filter(pk=purchase.pk).update(
        purchased_at=datetime(2023, 5, 8, tzinfo=NOW.tzinfo), delivered_at=datetime(2023, 5, 10, tzinfo=NOW.tzinfo)
    )
    purchase.refresh_from_db()
    return make_complaint(purchase, kind="warranty", details={"since": "2026-03-01"})


@pytest.mark.django_db
def test_a_case_is_judged_by_its_purchase_and_what_its_customer_says(case):
    found = verdict_of(case)

    assert (found.outcome, found.starts_on, found.ends_on) == ("in", date(2023, 5, 10), date(2026, 5, 10))


@pytest.mark.django_db
def test_an_earlier_repair_of_the_purchase_counts_and_a_later_one_does_not(case, purchase, sofia):
    days = {"taken_on": date(2024, 1, 1), "back_on": date(2024, 1, 11)}
    Remedy.objects.create(complaint=case, kind="repair", state="accepted", created_at=NOW, **days)
    Remedy.objects.create(complaint=case, kind="repair", state="accepted", created_at=NOW, taken_on=NOW.date())

    assert verdict_of(case).ends_on == date(2026, 5, 20)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("rule", "outcome", "source"),
    [
        ({"basis": "brand", "months": 60}, "in", "TRLGDCU, art. 120 y 121"),
        ({"basis": "law", "months": 12}, "out", "Ley propia"),
        ({"basis": "law", "months": 12, "sku": "otra"}, "in", "TRLGDCU, art. 120 y 121"),
        ({"basis": "law", "months": 12, "category": "Calzado"}, "out", "Ley propia"),
        ({"basis": "law", "months": 12, "product_kind": "digital"}, "in", "TRLGDCU, art. 120 y 121"),
        ({"basis": "law", "months": 12, "is_active": False}, "in", "TRLGDCU, art. 120 y 121"),
    ],
)
def test_a_brand_writes_its_own_rules(case, brand, rule, outcome, source):
    WarrantyRule.objects.create(brand=brand, **{"source": "Ley propia", **rule})
    WarrantyRule.objects.create(brand=factories.make_brand("otra"), source="Ajena", months=1, basis="law")
    if rule["basis"] == "brand":
        source = "Ley propia"  # both hold, and this one longer

    found = verdict_of(case)

    assert (found.outcome, found.rule.source) == (outcome, source)


@pytest.mark.django_db
def test_staff_decide_against_the_dates_only_with_a_reason(case, sofia):
    with pytest.raises(ValidationError):
        decide_warranty(case, outcome="out", reason=" ", by=sofia, now=NOW)
    decide_warranty(case, outcome="out", reason="Golpe del cliente, se ve en la foto", by=sofia, now=NOW)

    decision = WarrantyDecision.objects.get()
    assert (decision.reckoned, decision.decided, decision.decided_by) == ("in", "out", sofia)
    assert decision.basis == {
        "source": "TRLGDCU, art. 120 y 121",
        "months": 36,
        "reason": "",
        "claim_until": "2031-03-01",
        "suspended_days": 0,
        "starts_on": "2023-05-10",
        "burden_until": "2025-05-10",
        "ends_on": "2026-05-10",
    }
    event = case.events.last()
    assert (event.kind, event.data) == ("warranty", {"outcome": "out", "was": "in"})


@pytest.mark.django_db
def test_who_may_only_read_decides_nothing(case, brand):
    with pytest.raises(PermissionDenied):
        decide_warranty(
            case, outcome="in", reason="", by=factories.make_staff(brand, "Lía", Membership.Role.ANALYST), now=NOW
        )

    assert not WarrantyDecision.objects.exists()


@pytest.mark.django_db
def test_a_service_has_no_rule_of_the_law(case):
    Product.objects.update(kind="service")
    case = Complaint.objects.get()

    assert (verdict_of(case).outcome, verdict_of(case).reason) == ("doubt", "no_rule")


# --- What is taken for the law -------------------------------------------------------------------------------------
def test_administrators_read_what_is_taken_for_the_law_and_that_it_wants_confirming(brand, sofia):
    html = see(client_of(sofia), reverse("admin:complaints_warrantyrule_changelist"))

    for told in ("TRLGDCU, art. 21.3", "TRLGDCU, art. 120 y 121", "TRLGDCU, art. 124", "Código Civil, art. 1964.2"):
        assert told in html


def test_the_page_of_a_case_says_what_wants_confirming_unless_the_brand_has_written_it(case, brand, sofia):
    before = warranty_of(case).sum
    WarrantyRule.objects.create(brand=brand, basis="law", source="Nuestro abogado", months=36)
    after = judge([as_rule(WarrantyRule.objects.get())], Dates(date(2026, 3, 1), date(2023, 5, 10)))

    assert to_be_confirmed() in before
    assert to_be_confirmed() not in sum_of(after)
