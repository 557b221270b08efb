"""«¿Quién te lo recomendó?»: evidence of the last resort, by a name that means one active affiliate."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Brand
from affiliates.models import Affiliate, Attribution, Customer, Purchase, PurchaseChange, Suspicion
from affiliates.services import (
    CustomerInput,
    PurchaseInput,
    correct_attribution,
    declare_affiliate,
    flag_declaration,
    record_purchases,
    withdraw_declaration,
)
from tests.factories import NOW, make_affiliate, make_brand, make_customer, make_staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def brand() -> Brand:
    return make_brand()


@pytest.fixture
def ana(brand: Brand) -> Affiliate:
    return make_affiliate(brand, "Ana Pérez", code="ana", public_name="Botas de Ana", email="ana@afiliados.example")


def buy(brand: Brand, external_id: str = "P1", **fields: Any) -> Purchase:
    customer = CustomerInput(email="carla@correo.example")
    given = PurchaseInput(external_id, **{"purchased_at": NOW, "customer": customer, **fields})
    [recorded] = record_purchases(brand, [given], now=NOW, source="api")
    assert recorded.purchase
    PurchaseChange.objects.all().delete()
    return recorded.purchase


def credit(purchase: Purchase) -> tuple[str | None, str, str, str]:
    standing = Attribution.objects.current().select_related("affiliate").get(purchase=purchase)
    code = standing.affiliate.code if standing.affiliate else None
    return code, standing.method, standing.reason, standing.confidence


def declare(purchase: Purchase, words: str) -> Attribution | None:
    return declare_affiliate(purchase, words=words, now=NOW)


@pytest.mark.parametrize(
    "words", ["Ana Pérez", "ana perez", "  ANA   PEREZ ", "@ana", "ana", "Botas de Ana.", "«Ana Pérez»"]
)
def test_a_name_or_code_credits_the_affiliate_with_little_confidence(brand, ana, words):
    purchase = buy(brand)

    declared = declare(purchase, words)

    assert declared
    assert credit(purchase) == ("ana", "declared", "self_declared", "low")
    assert Attribution.objects.filter(purchase=purchase).count() == 2
    assert list(PurchaseChange.objects.values_list("purchase", flat=True)) == [purchase.pk]
    assert [(t["reason"], t["source"], t["won"]) for t in declared.touches] == [("self_declared", "ana", True)]
    assert Customer.objects.get().acquiring_affiliate == ana


@pytest.mark.parametrize("words", ["", "  ", "Ana", "Ana Pérez Gil", "una amiga", "\0", "a" * 10_000])
def test_other_words_change_nothing(brand, ana, words):
    ana.code = "a1"
    ana.save()
    purchase = buy(brand)

    assert declare(purchase, words) is None
    assert credit(purchase) == (None, "none", "no_evidence", "none")
    assert Attribution.objects.count() == 1
    assert not PurchaseChange.objects.exists()


def test_a_name_of_two_names_nobody(brand, ana):
    make_affiliate(brand, "ana perez", code="otra")

    assert declare(buy(brand), "Ana Pérez") is None


def test_only_an_active_affiliate_of_the_brand_can_be_named(brand, ana):
    make_affiliate(make_brand("otra"), "Bruno")
    make_affiliate(brand, "Celia", status=Affiliate.Status.SUSPENDED)

    assert [declare(buy(brand), name) for name in ("Bruno", "Celia")] == [None, None]


def test_it_never_beats_anything_else(brand, ana):
    bruno = make_affiliate(brand, "Bruno")
    carla = make_customer(brand, referral_code="carla7")
    by_staff = buy(brand, "P3", customer=CustomerInput(email="otro@correo.example"))
    correct_attribution(by_staff, affiliate=bruno, by=make_staff(brand), note="x", now=NOW)
    correct_attribution(by_staff, affiliate=None, by=make_staff(brand, "Lola"), note="x", now=NOW)
    purchases = [
        buy(brand, "P1", affiliate="bruno"),
        buy(brand, "P2", customer=CustomerInput(email="x@correo.example"), referral=str(carla.referral_code)),
        by_staff,
    ]
    before = [credit(purchase) for purchase in purchases]

    assert [declare(purchase, "ana") for purchase in purchases] == [None, None, None]
    assert [credit(purchase) for purchase in purchases] == before


def test_nobody_names_themselves(brand, ana):
    purchase = buy(brand, customer=CustomerInput(email="ana@afiliados.example"))

    assert declare(purchase, "ana") is None
    assert Customer.objects.get().acquiring_affiliate is None


def test_a_brand_that_takes_no_ones_word_takes_not_the_customers_either(brand, ana):
    brand.attribution_order = ["coupon", "click"]
    brand.save()

    assert declare(buy(brand), "ana") is None


def test_who_brought_the_customer_before_stays_so(brand, ana):
    bruno = make_affiliate(brand, "Bruno")
    brand.attribution_order = ["declared"]
    brand.save()
    buy(brand, "P0", affiliate="bruno", purchased_at=NOW - timedelta(days=9))
    purchase = buy(brand)

    declare(purchase, "ana")

    assert credit(purchase)[0] == "ana"
    assert Customer.objects.get().acquiring_affiliate == bruno


def test_twice_is_once(brand, ana):
    purchase = buy(brand)
    declare(purchase, "ana")

    assert declare(purchase, "ana") is None
    assert Attribution.objects.count() == 2


def test_taken_back_it_leaves_what_there_was(brand, ana):
    purchase = buy(brand)
    declare(purchase, "ana")

    weighed = withdraw_declaration(purchase, now=NOW)

    assert weighed
    assert credit(purchase) == (None, "none", "no_evidence", "none")
    assert Attribution.objects.filter(purchase=purchase).count() == 3
    assert Customer.objects.get().acquiring_affiliate is None
    assert withdraw_declaration(purchase, now=NOW) is None


def test_the_shop_may_send_it_with_the_purchase(brand, ana):
    bruno = make_affiliate(brand, "Bruno")
    named = buy(brand, "P1", recommended_by=" ana PÉREZ ")
    outranked = buy(
        brand, "P2", customer=CustomerInput(email="x@correo.example"), recommended_by="ana", affiliate="bruno"
    )
    unmatched = buy(brand, "P3", customer=CustomerInput(email="y@correo.example"), recommended_by="mi vecina")

    assert credit(named) == ("ana", "declared", "self_declared", "low")
    assert credit(outranked) == (bruno.code, "declared", "declared_by_shop", "medium")
    assert credit(unmatched)[0] is None
    assert unmatched.recommended_by == "mi vecina"
    [again] = record_purchases(
        brand,
        [PurchaseInput("P3", NOW, customer=CustomerInput(email="y@correo.example"), recommended_by="otra")],
        now=NOW,
        source="api",
    )
    assert (again.status, [error.field for error in again.errors]) == ("conflict", ["recommended_by"])


def test_an_affiliate_who_names_itself_in_a_customers_place_is_flagged_once(brand, ana):
    purchase = buy(brand)

    assert flag_declaration(purchase, words="Ana Pérez", now=NOW)
    assert flag_declaration(purchase, words="ana", now=NOW)
    assert not flag_declaration(purchase, words="una amiga", now=NOW)

    flag = Suspicion.objects.get()
    assert (flag.affiliate, flag.purchase, flag.kind, flag.detail) == (ana, purchase, "own_device", {"declared": True})
    assert credit(purchase)[0] is None
