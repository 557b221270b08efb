"""Staff credit a purchase otherwise: the record keeps what was decided before, and who decided what."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from accounts.models import Brand, Membership, User
from affiliates.models import Affiliate, Attribution, Customer, Purchase, PurchaseChange
from affiliates.services import CustomerInput, PurchaseInput, correct_attribution, record_purchases
from tests.factories import NOW, make_affiliate, make_brand, make_member, make_staff

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def brand() -> Brand:
    return make_brand()


@pytest.fixture
def ana(brand: Brand) -> Affiliate:
    return make_affiliate(brand)


@pytest.fixture
def bruno(brand: Brand) -> Affiliate:
    return make_affiliate(brand, "Bruno")


@pytest.fixture
def staff(brand: Brand) -> User:
    return make_staff(brand)


@pytest.fixture
def sofia(staff: User) -> Client:
    client = Client()
    client.force_login(staff)
    return client


def buy(brand: Brand, external_id: str = "P1", **fields: Any) -> Purchase:
    customer = CustomerInput(email="carla@correo.example")
    given = PurchaseInput(external_id, **{"purchased_at": NOW - DAY, "customer": customer, **fields})
    [recorded] = record_purchases(brand, [given], now=NOW, source="api")
    assert recorded.purchase
    PurchaseChange.objects.all().delete()
    return recorded.purchase


def correct(purchase: Purchase, affiliate: Affiliate | None, by: User, note: str = "Lo acordamos") -> Attribution:
    return correct_attribution(purchase, affiliate=affiliate, by=by, note=note, now=NOW)


def test_a_correction_is_a_new_row_that_keeps_the_evidence_and_the_old_one_stays(brand, ana, bruno, staff):
    purchase = buy(brand, affiliate="ana")

    correct(purchase, bruno, staff, "Era de Bruno")

    before, after = Attribution.objects.filter(purchase=purchase).order_by("pk")
    assert (before.is_current, before.affiliate, before.method) == (False, ana, "declared")
    assert (after.is_current, after.affiliate, after.method, after.reason) == (True, bruno, "manual", "manual")
    assert (after.confidence, after.decided_by, after.decided_at, after.note) == ("high", staff, NOW, "Era de Bruno")
    assert [(t["method"], t["affiliate"], t["reason"], t["won"]) for t in after.touches] == [
        ("manual", "bruno", "manual", True),
        ("declared", "ana", "outranked", False),
    ]
    assert list(PurchaseChange.objects.values_list("purchase", flat=True)) == [purchase.pk]


def test_the_purchase_that_brought_a_customer_takes_that_along(brand, ana, bruno, staff):
    purchase = buy(brand, affiliate="ana")

    correct(purchase, bruno, staff)

    customer = Customer.objects.get()
    assert (customer.acquiring_affiliate, customer.acquired_at) == (bruno, purchase.purchased_at)
    assert Attribution.objects.current().get().acquiring_affiliate == bruno


def test_a_later_purchase_does_not(brand, ana, bruno, staff):
    first = buy(brand, "P1", affiliate="ana", purchased_at=NOW - 9 * DAY)
    later = buy(brand, "P2", affiliate="ana")

    corrected = correct(later, bruno, staff)

    assert corrected.acquiring_affiliate == ana
    assert Customer.objects.get().acquiring_affiliate == ana
    assert first.attributions.get().is_current


def test_whoever_is_credited_brought_a_customer_whom_nobody_had_brought(brand, ana, staff):
    purchase = buy(brand)

    correct(purchase, ana, staff)

    assert Customer.objects.get().acquiring_affiliate == ana


def test_nobody_can_be_credited_and_then_nobody_brought_the_customer(brand, ana, staff):
    purchase = buy(brand, affiliate="ana")

    corrected = correct(purchase, None, staff)

    assert (corrected.affiliate, corrected.method, corrected.reason) == (None, "manual", "manual")
    customer = Customer.objects.get()
    assert (customer.acquiring_affiliate, customer.acquired_at) == (None, None)


def test_what_the_shop_repeats_does_not_undo_a_correction(brand, ana, bruno, staff):
    correct(buy(brand, affiliate="ana"), bruno, staff)

    buy(brand, affiliate="ana", delivered_at=NOW)

    assert Attribution.objects.current().get().affiliate == bruno


def test_corrected_twice_there_is_one_decision_of_staff_among_the_evidence(brand, ana, bruno, staff):
    purchase = buy(brand, affiliate="ana")
    correct(purchase, bruno, staff)

    again = correct(purchase, ana, staff)

    assert [t["method"] for t in again.touches] == ["manual", "declared"]
    assert Attribution.objects.filter(purchase=purchase).count() == 3


@pytest.mark.parametrize(
    ("code", "note", "field"),
    [("ana", "Da igual", "affiliate"), ("olmo", "Da igual", "affiliate"), ("bruno", " ", "note")],
)
def test_what_changes_nothing_says_nothing_or_crosses_brands_is_refused(brand, ana, bruno, staff, code, note, field):
    make_affiliate(make_brand("faro"), "Olmo")
    purchase = buy(brand, affiliate="ana")

    with pytest.raises(ValidationError) as refusal:
        correct(purchase, Affiliate.objects.get(code=code), staff, note)

    assert list(refusal.value.message_dict) == [field]
    assert Attribution.objects.get().affiliate == ana
    assert not PurchaseChange.objects.exists()


# --- At the desk -----------------------------------------------------------------------------------------------------
def page(purchase: Purchase, name: str = "correct") -> str:
    return reverse("admin:affiliates_purchase_decide", args=[purchase.pk, name])


def test_staff_correct_on_the_purchases_page_and_see_the_history(brand, ana, bruno, sofia):
    purchase = buy(brand, affiliate="ana")
    change_page = reverse("admin:affiliates_purchase_change", args=[purchase.pk])
    assert page(purchase) in sofia.get(change_page).text
    assert sofia.get(page(purchase)).status_code == 200

    response = sofia.post(page(purchase), {"affiliate": "bruno", "note": "Era de Bruno"})

    assert response.status_code == 302
    assert Attribution.objects.current().get().affiliate == bruno
    text = sofia.get(change_page, headers={"Accept-Language": "en"}).text
    assert "Era de Bruno" in text
    assert "Set by staff · bruno" in text
    assert "Set by staff: Set by staff" not in text
    assert "Named by the shop · ana · ana: stronger evidence won" in text


@pytest.mark.parametrize(
    "given",
    [
        {"note": "Sin decir a quién"},
        {"affiliate": "bruno", "is_nobody": "on", "note": "Las dos cosas"},
        {"affiliate": "nadie", "note": "No existe"},
        {"affiliate": "ana", "note": "Ya es suya"},
        {"affiliate": "olmo", "note": "Es de otra marca"},
    ],
)
def test_a_form_that_does_not_say_clearly_whom_to_credit_comes_back(brand, ana, bruno, sofia, given):
    make_affiliate(make_brand("faro"), "Olmo")
    purchase = buy(brand, affiliate="ana")

    response = sofia.post(page(purchase), given)

    assert list(response.context["form"].errors) == ["affiliate"]
    assert given["note"] in response.text
    assert Attribution.objects.get().affiliate == ana


@pytest.mark.parametrize("role", [Membership.Role.ANALYST, Membership.Role.READ_ONLY])
def test_who_only_reads_corrects_nothing_even_with_a_role_elsewhere(brand, ana, bruno, role):
    rosa = make_staff(brand, "Rosa", role=role)
    Membership.objects.create(user=rosa, brand=make_brand("faro"), role=Membership.Role.ADMIN)
    client, purchase = Client(), buy(brand, affiliate="ana")
    client.force_login(rosa)

    response = client.post(page(purchase), {"affiliate": "bruno", "note": "Porque sí"})

    assert response.status_code == 403
    assert page(purchase) not in client.get(reverse("admin:affiliates_purchase_change", args=[purchase.pk])).text
    assert Attribution.objects.get().affiliate == ana


def test_others_do_not_find_the_page(brand, ana, bruno, sofia):
    purchase = buy(brand, affiliate="ana")
    olga, member = Client(), Client()
    olga.force_login(make_staff(make_brand("faro"), "Olga"))
    member.force_login(make_member(ana))
    given = {"affiliate": "bruno", "note": "Porque sí"}

    assert olga.post(page(purchase), given).status_code == 404
    assert member.post(page(purchase), given).status_code == 302  # to sign in
    assert sofia.post(page(purchase, "otra-cosa"), given).status_code == 404
    assert Attribution.objects.get().affiliate == ana
