"""Remedies: what is asked, offered, accepted and done; each step an event, and none that is not allowed."""

from datetime import date
from decimal import Decimal

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from accounts.models import Membership
from complaints.models import Complaint, ComplaintChange, Remedy
from complaints.services import Problem, add_note, open_complaint
from complaints.services.remedying import Terms, add_remedy, move_remedy
from tests import factories
from tests.complaints.factories import make_complaint
from tests.complaints.test_admin import act, client_of, page_of, see
from tests.factories import NOW

pytestmark = pytest.mark.django_db
NOTHING = Terms()


@pytest.fixture
def case(purchase) -> Complaint:
    return make_complaint(purchase)


def add(case: Complaint, by, kind: str = "refund", state: str = "offered", **terms) -> Remedy:
    return add_remedy(case, kind=kind, state=state, terms=Terms(**terms), by=by, now=NOW)


def move(case: Complaint, remedy: Remedy, state: str, by, **terms) -> None:
    move_remedy(case, remedy.pk, state=state, terms=Terms(**terms), by=by, now=NOW)
    remedy.refresh_from_db()


def test_from_asking_to_done(case, sofia):
    remedy = add(case, sofia, state="asked", note="Quiere el dinero")
    move(case, remedy, "offered", sofia, cost=Decimal("20"))
    move(case, remedy, "accepted", sofia)
    move(case, remedy, "done", sofia, cost=Decimal("19.90"))

    assert (remedy.state, remedy.cost, remedy.currency, remedy.done_on) == ("done", Decimal("19.90"), "EUR", NOW.date())
    assert remedy.note == "Quiere el dinero"
    steps = [event.data for event in case.events.filter(kind="remedy")]
    assert [(each["before"], each["after"], each.get("cost")) for each in steps] == [
        ("", "asked", None),
        ("asked", "offered", "20"),
        ("offered", "accepted", "20.00"),
        ("accepted", "done", "19.90"),
    ]
    assert ComplaintChange.objects.filter(complaint=case).count() == 5


@pytest.mark.parametrize(
    ("before", "after"), [("asked", "done"), ("offered", "asked"), ("done", "offered"), ("declined", "accepted")]
)
def test_other_steps_are_refused_and_change_nothing(case, sofia, before, after):
    done_on = NOW.date() if before == "done" else None
    remedy = Remedy.objects.create(complaint=case, kind="refund", state=before, done_on=done_on, created_at=NOW)

    with pytest.raises(ValidationError):
        move(case, remedy, after, sofia)

    remedy.refresh_from_db()
    assert remedy.state == before
    assert not case.events.filter(kind="remedy").exists()


@pytest.mark.parametrize(
    ("kind", "state", "terms"),
    [
        ("magic", "asked", {}),
        ("refund", "accepted", {}),
        ("refund", "nonsense", {}),
        ("refund", "offered", {"cost": Decimal("-1")}),
        ("repair", "offered", {"taken_on": date(2026, 3, 9), "back_on": date(2026, 3, 8)}),
        ("repair", "offered", {"back_on": date(2026, 3, 8)}),
    ],
)
def test_what_cannot_be_is_refused(case, sofia, kind, state, terms):
    with pytest.raises(ValidationError):
        add(case, sofia, kind, state, **terms)

    assert not Remedy.objects.exists()


def test_a_cost_needs_a_currency_where_there_is_no_purchase(brand, sofia):
    case, _is_new = open_complaint(brand, Problem(kind="complaint", subject="Trato"), now=NOW)

    with pytest.raises(ValidationError):
        add(case, sofia, cost=Decimal("5"))
    assert add(case, sofia, cost=Decimal("5"), currency="eur").currency == "EUR"


def test_days_of_a_repair_are_kept_and_of_nothing_else(case, sofia):
    repair = add(case, sofia, "repair", taken_on=date(2026, 3, 9))
    move(case, repair, "offered", sofia, back_on=date(2026, 3, 12))
    refund = add(case, sofia, "refund", taken_on=date(2026, 3, 9))

    assert (repair.taken_on, repair.back_on) == (date(2026, 3, 9), date(2026, 3, 12))
    assert refund.taken_on is None


def test_who_may_only_read_puts_nothing_right(case, brand, sofia):
    remedy = add(case, sofia)
    lia = factories.make_staff(brand, "Lía", Membership.Role.READ_ONLY)

    with pytest.raises(PermissionDenied):
        add(case, lia)
    with pytest.raises(PermissionDenied):
        move(case, remedy, "accepted", lia)

    assert list(Remedy.objects.values_list("state", flat=True)) == ["offered"]


def test_another_cases_remedy_and_a_change_meanwhile_are_refused(case, purchase, sofia):
    other = make_complaint(factories.make_purchase(purchase.customer))
    remedy = add(other, sofia)
    shown = case.version
    add_note(Complaint.objects.get(pk=case.pk), text="Mientras", by=sofia, now=NOW)

    with pytest.raises(ValidationError):
        move(case, remedy, "accepted", sofia)
    with pytest.raises(ValidationError) as refusal:
        add_remedy(case, kind="refund", state="offered", terms=NOTHING, by=sofia, now=NOW, version=shown)
    assert refusal.value.code == "changed_meanwhile"


# --- On the page of the case ---------------------------------------------------------------------------------------
def test_staff_put_a_case_right_on_its_page(case, sofia):
    desk = client_of(sofia)

    act(desk, case, "remedy", kind="refund", state="offered", cost="12.5", note="Gastos de envío")
    case.refresh_from_db()
    remedy = Remedy.objects.get()
    act(desk, case, "remedy_step", remedy=remedy.pk, state="accepted")
    case.refresh_from_db()
    refused = act(desk, case, "remedy_step", remedy=remedy.pk, state="asked")

    remedy.refresh_from_db()
    assert (remedy.state, remedy.cost) == ("accepted", Decimal("12.50"))
    assert "This remedy does not get there from where it is." in refused.content.decode()
    html = see(desk, page_of(case))
    assert "Refund: offered (12.50 EUR)" in html
    assert 'name="state" value="done"' in html
    assert 'name="state" value="asked">' not in html.replace('<option value="asked">', "")


def test_staff_decide_on_a_warranty_on_its_page(purchase, sofia):
    desk, case = client_of(sofia), make_complaint(purchase, kind="warranty", details={"serial": "SN-7"})

    html = see(desk, page_of(case))
    assert "In warranty: taken to be faulty from the beginning" in html
    assert "TRLGDCU, art. 120 y 121" in html
    assert "✓ Serial number: SN-7" in html
    assert "✗ Pictures or papers" in html
    refused = act(desk, case, "warranty", outcome="out", reason="")
    assert "The dates say otherwise" in refused.content.decode()
    act(desk, case, "warranty", outcome="out", reason="Caída desde un segundo piso")

    html = see(desk, page_of(case))
    assert "Warranty: Out of warranty" in html
    assert "decided by Sofía" in html


def test_who_reads_sees_remedies_and_no_buttons(case, brand, sofia):
    add(case, sofia, cost=Decimal("5"))

    html = see(client_of(factories.make_staff(brand, "Lía", Membership.Role.READ_ONLY)), page_of(case))

    assert "<strong>Refund</strong> · Offered · 5.00 EUR" in html
    assert "remedy_step" not in html
