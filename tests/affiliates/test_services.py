"""Purchases in: once each, whatever is repeated; who is credited, from what is really stored."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Brand
from affiliates.models import Affiliate, Attribution, Click, Coupon, Customer, Product, Purchase, PurchaseChange, Refund
from affiliates.services import (
    CodeTaken,
    CustomerInput,
    ProductInput,
    PurchaseConflict,
    PurchaseInput,
    Recorded,
    change_purchase,
    create_affiliate,
    create_link,
    record_click,
    record_purchases,
    record_refund,
)
from affiliates.visitors import key_from_shop, key_of_the_day
from tests.factories import NOW, make_affiliate, make_brand, make_customer, make_link, make_member, make_purchase

pytestmark = pytest.mark.django_db

CARLA = CustomerInput(email="carla@correo.example", external_id="7", name="Carla Ruiz", language="es")
BOTAS = ProductInput("botas", "Botas de montaña", "Calzado", "goods")
DAY = timedelta(days=1)


@pytest.fixture
def brand() -> Brand:
    return make_brand()


@pytest.fixture
def ana(brand: Brand) -> Affiliate:
    return make_affiliate(brand, email="Ana@Afiliados.example")


@pytest.fixture
def bruno(brand: Brand) -> Affiliate:
    return make_affiliate(brand, "Bruno")


def told(external_id: str = "P1", **fields: Any) -> PurchaseInput:
    defaults: dict[str, Any] = {
        "purchased_at": NOW - DAY,
        "amount": Decimal("49.90"),
        "currency": "EUR",
        "product": BOTAS,
        "customer": CARLA,
    }
    return PurchaseInput(external_id, **{**defaults, **fields})


def record(brand: Brand, *inputs: PurchaseInput, **options: Any) -> list[Recorded]:
    return record_purchases(brand, inputs, now=NOW, source="api", **options)


def statuses(recorded: list[Recorded]) -> list[str]:
    return [each.status for each in recorded]


def fields_of(recorded: Recorded) -> list[tuple[str, str]]:
    return [(error.field, error.code) for error in recorded.errors]


def credited(recorded: Recorded) -> tuple[str | None, str, str, str]:
    row = recorded.attribution
    assert row
    return (row.affiliate.code if row.affiliate else None, row.method, row.reason, row.confidence)


# --- Once each -------------------------------------------------------------------------------------------------------
def test_a_purchase_is_stored_as_told(brand, ana):
    given = told(
        delivered_at=NOW,
        promised_on=date(2026, 3, 9),
        click_ids=("c1", "c1", ""),
        coupon=" ANA10 ",
        affiliate="ana",
        metadata={"basket": [1, 2]},
    )

    [recorded] = record(brand, given)

    purchase = Purchase.objects.get()
    assert (recorded.status, recorded.purchase) == ("created", purchase)
    assert (purchase.external_id, purchase.source, purchase.state) == ("P1", "api", "open")
    assert (purchase.amount, purchase.currency) == (Decimal("49.90"), "EUR")
    assert (purchase.purchased_at, purchase.delivered_at, purchase.promised_on) == (NOW - DAY, NOW, date(2026, 3, 9))
    assert (purchase.click_ids, purchase.coupon_code, purchase.declared_affiliate) == (["c1"], "ana10", "ana")
    assert purchase.metadata == {"basket": [1, 2]}
    customer = purchase.customer
    assert (customer.email, customer.external_id, customer.name) == ("carla@correo.example", "7", "Carla Ruiz")
    assert (purchase.product.sku, purchase.product.kind) == ("botas", "goods")
    assert list(PurchaseChange.objects.values_list("purchase", flat=True)) == [purchase.pk]


@pytest.mark.parametrize(
    "again",
    [
        {},
        {"amount": Decimal("49.9")},
        {"currency": "eur"},
        {"purchased_at": (NOW - DAY).astimezone(timezone.get_fixed_timezone(-300))},
        {"customer": CARLA._replace(email=" Carla@CORREO.example")},
        {"coupon": "ana10"},
        {"click_ids": ("c2", "c1")},
        {"delivered_at": None},
    ],
)
def test_the_same_again_is_a_duplicate_after_normalising(brand, ana, again):
    given = told(coupon="ANA10", click_ids=("c1", "c2"), delivered_at=NOW)
    [first] = record(brand, given)

    [second] = record(brand, given._replace(**again))

    assert (second.status, second.purchase) == ("duplicate", first.purchase)
    assert second.attribution == first.attribution
    assert Purchase.objects.count() == Attribution.objects.count() == PurchaseChange.objects.count() == 1


@pytest.mark.parametrize(
    ("other", "field"),
    [
        ({"purchased_at": NOW}, "purchased_at"),
        ({"amount": Decimal("49.91")}, "amount"),
        ({"amount": None}, "amount"),
        ({"currency": "USD"}, "currency"),
        ({"product": ProductInput("zapatos")}, "product.sku"),
        ({"product": None}, "product.sku"),
        ({"customer": CARLA._replace(email="otra@correo.example")}, "customer"),
        ({"customer": CARLA._replace(external_id="8")}, "customer"),
        ({"customer": CARLA._replace(external_id=None)}, "customer"),
        ({"click_ids": ("c2",)}, "click_ids"),
        ({"coupon": ""}, "coupon"),
        ({"affiliate": "bruno"}, "affiliate"),
        ({"referral": "carla7"}, "referral"),
        ({"delivered_at": NOW + DAY}, "delivered_at"),
        ({"promised_on": date(2026, 3, 8)}, "promised_on"),
    ],
)
def test_another_purchase_under_the_same_id_is_a_conflict_and_changes_nothing(brand, ana, other, field):
    given = told(coupon="ana10", click_ids=("c1",), delivered_at=NOW, promised_on=date(2026, 3, 9))
    record(brand, given)
    before = (Purchase.objects.values().get(), list(Customer.objects.values()), list(Product.objects.values()))

    [second] = record(brand, given._replace(**other, metadata={"new": 1}))

    assert second.status == "conflict"
    assert fields_of(second) == [(field, "differs")]
    after = (Purchase.objects.values().get(), list(Customer.objects.values()), list(Product.objects.values()))
    assert after == before
    assert PurchaseChange.objects.count() == 1


@pytest.mark.parametrize(
    ("news", "field", "value"),
    [
        ({"delivered_at": NOW}, "delivered_at", NOW),
        ({"activated_at": NOW}, "activated_at", NOW),
        ({"promised_on": date(2026, 3, 9)}, "promised_on", date(2026, 3, 9)),
        ({"state": "refunded"}, "state", "refunded"),
        ({"state": "cancelled"}, "state", "cancelled"),
        ({"metadata": {"a": 1}}, "metadata", {"a": 1}),
    ],
)
def test_a_later_stage_of_the_same_updates_it(brand, news, field, value):
    record(brand, told())

    [second] = record(brand, told(**news))
    [third] = record(brand, told(**news))

    assert (second.status, third.status) == ("updated", "duplicate")
    assert getattr(Purchase.objects.get(), field) == value
    assert PurchaseChange.objects.count() == 2


def test_a_repeat_never_takes_back_what_was_told_later(brand):
    first = told()
    record(brand, first)
    record(brand, told(delivered_at=NOW, state="refunded"))

    [again] = record(brand, first)

    purchase = Purchase.objects.get()
    assert (again.status, purchase.state, purchase.delivered_at) == ("duplicate", "refunded", NOW)


def test_a_state_does_not_go_sideways(brand):
    record(brand, told(state="cancelled"))

    [second] = record(brand, told(state="refunded"))

    assert (second.status, fields_of(second)) == ("conflict", [("state", "differs")])
    assert Purchase.objects.get().state == "cancelled"


def test_name_language_and_notice_of_the_customer_just_update(brand):
    record(brand, told())

    [second] = record(brand, told(customer=CARLA._replace(name="Carla R.", language="en", survey_notice=True)))

    customer = Customer.objects.get()
    assert second.status == "updated"
    assert (customer.name, customer.language, customer.survey_notice) == ("Carla R.", "en", True)


def test_an_id_twice_in_a_batch_is_posted_twice(brand):
    recorded = record(
        brand, told(), told(), told(delivered_at=NOW), told(amount=Decimal(1)), told("P2", purchased_at=NOW)
    )

    assert statuses(recorded) == ["created", "duplicate", "updated", "conflict", "created"]
    assert Purchase.objects.get(external_id="P1").delivered_at == NOW
    assert {each.purchase.pk for each in recorded[:4]} == {Purchase.objects.get(external_id="P1").pk}


def test_results_come_in_the_order_of_the_inputs_beyond_one_batch(brand, settings):
    settings.PURCHASE_BATCH_SIZE = 2

    recorded = record(brand, *(told(f"P{i}") for i in (5, 3, 5, 1, 4)))

    assert [(r.purchase.external_id, r.status) for r in recorded] == [
        ("P5", "created"), ("P3", "created"), ("P5", "duplicate"), ("P1", "created"), ("P4", "created"),
    ]  # fmt: skip


def test_the_same_id_in_two_brands_is_two_purchases(brand):
    other = make_brand("faro")

    assert statuses(record(brand, told())) == ["created"]
    assert statuses(record(other, told())) == ["created"]
    assert Customer.objects.count() == Product.objects.count() == 2


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"purchased_at": NOW + 2 * DAY}, ("purchased_at", "in_the_future")),
        ({"amount": Decimal("-1")}, ("amount", "invalid_amount")),
        ({"amount": Decimal("1.001")}, ("amount", "invalid_amount")),
        ({"amount": Decimal("NaN")}, ("amount", "invalid_amount")),
        ({"amount": Decimal("1e30")}, ("amount", "invalid_amount")),
        ({"currency": ""}, ("currency", "required")),
        ({"currency": "EUX"}, ("currency", "unknown_currency")),
    ],
)
def test_what_cannot_be_is_rejected_and_does_not_stop_the_others(brand, wrong, error):
    recorded = record(brand, told(**wrong), told("P2"))

    assert statuses(recorded) == ["rejected", "created"]
    assert fields_of(recorded[0]) == [error]
    assert list(Purchase.objects.values_list("external_id", flat=True)) == ["P2"]


@pytest.mark.parametrize(
    "text",
    ["\\N", "\\.", "a\tb", "a\nb\r\nc", "\\", 'say "no"', "{a,b}", "NULL", "' -- ;", "ñ😀\u2028", "\\x41", "\x0b\x7f"],
)
def test_what_was_told_is_stored_letter_for_letter(brand, text):
    given = told(
        text,
        customer=CustomerInput(external_id=text, name=text),
        product=ProductInput(text, name=text),
        click_ids=(text, "c2"),
        affiliate=text,
        metadata={text: [text, 1.5, None, True]},
    )

    assert statuses(record(brand, given, given)) == ["created", "duplicate"]
    assert statuses(record(brand, given)) == ["duplicate"]
    purchase = Purchase.objects.get()
    assert (purchase.external_id, purchase.customer.name, purchase.product.name) == (text, text, text)
    assert (purchase.click_ids, purchase.metadata) == ([text, "c2"], {text: [text, 1.5, None, True]})


# --- Whose purchase --------------------------------------------------------------------------------------------------
def test_a_customer_is_found_by_id_or_by_address_and_learnt_about(brand):
    record(
        brand,
        told("P1", customer=CustomerInput(email="carla@correo.example")),
        told("P2", customer=CustomerInput(external_id="7", email="CARLA@correo.example", name="Carla")),
        told("P3", customer=CustomerInput(external_id="7")),
    )

    customer = Customer.objects.get()
    assert (customer.external_id, customer.email, customer.name) == ("7", "carla@correo.example", "Carla")
    assert customer.purchases.count() == 3


@pytest.mark.parametrize("in_one_batch", [True, False])
def test_an_id_and_an_address_of_two_people_are_refused(brand, in_one_batch):
    people = [
        told("P1", customer=CustomerInput(external_id="7")),
        told("P2", customer=CustomerInput(email="bea@correo.example")),
    ]
    mixed = told("P3", customer=CustomerInput(external_id="7", email="bea@correo.example"))

    recorded = record(brand, *people, mixed) if in_one_batch else record(brand, *people) + record(brand, mixed)

    assert statuses(recorded) == ["created", "created", "rejected"]
    assert fields_of(recorded[2]) == [("customer", "customer_mismatch")]
    assert Customer.objects.count() == 2


def test_an_address_that_has_another_id_is_refused(brand):
    record(brand, told("P1"))

    [recorded] = record(brand, told("P2", customer=CARLA._replace(external_id="8")))

    assert fields_of(recorded) == [("customer", "customer_mismatch")]


def test_a_customer_may_have_a_new_address(brand):
    record(brand, told("P1"))
    record(brand, told("P2", customer=CARLA._replace(email="nueva@correo.example")))

    [again] = record(brand, told("P1"))

    assert Customer.objects.get().email == "nueva@correo.example"
    assert again.status == "duplicate"


def test_a_customer_without_id_and_address_cannot_be_recognised(brand):
    record(brand, told("P1", customer=CustomerInput()), told("P2", customer=CustomerInput()))

    assert Customer.objects.count() == 2
    assert statuses(record(brand, told("P1", customer=CustomerInput()))) == ["duplicate"]


def test_a_purchase_whose_identity_was_erased_still_recognises_its_repeat(brand):
    record(brand, told())
    Purchase.objects.update(identity_hash=None)

    assert statuses(record(brand, told())) == ["duplicate"]
    assert statuses(record(brand, told(customer=CustomerInput(external_id="9")))) == ["conflict"]


def test_products_learn_and_forget_nothing(brand):
    record(brand, told("P1"), told("P2", product=ProductInput("botas", name="Botas")))

    product = Product.objects.get()
    assert (product.name, product.category, product.kind) == ("Botas", "Calzado", "goods")

    record(brand, told("P3", product=ProductInput("botas", kind="service")))

    product.refresh_from_db()
    assert (product.name, product.kind) == ("Botas", "service")


# --- Who is credited -------------------------------------------------------------------------------------------------
def test_a_click_handed_back_is_credited(brand, ana):
    link = make_link(ana)
    click_id = record_click(link.pk, kind="visit", visitor="", occurred_at=NOW - 3 * DAY)

    [recorded] = record(brand, told(click_ids=(click_id,)))

    assert credited(recorded) == ("ana", "click", "click_in_window", "high")
    row = Attribution.objects.get()
    assert (row.affiliate, row.link, row.window_ends_at) == (ana, link, NOW + 27 * DAY)
    assert row.touches == [
        {
            "method": "click",
            "reason": "click_in_window",
            "source": click_id,
            "affiliate": "ana",
            "at": (NOW - 3 * DAY).isoformat(),
            "won": True,
        }
    ]
    customer = Customer.objects.get()
    assert (customer.acquiring_affiliate, customer.acquired_at) == (ana, NOW - DAY)


def test_a_click_of_another_brand_is_unknown(brand):
    rival = make_link(make_affiliate(make_brand("faro")))
    click_id = record_click(rival.pk, kind="visit", visitor="", occurred_at=NOW - 2 * DAY)

    [recorded] = record(brand, told(click_ids=(click_id,)))

    assert credited(recorded) == (None, "none", "unknown_code", "none")


@pytest.mark.parametrize("kind", ["bot", "head"])
def test_clicks_that_are_no_visits_count_as_nothing(brand, ana, kind):
    click_id = record_click(make_link(ana).pk, kind=kind, visitor="", occurred_at=NOW - 2 * DAY)

    [recorded] = record(brand, told(click_ids=(click_id,)))

    assert credited(recorded) == (None, "none", "no_evidence", "none")


@pytest.mark.parametrize(("model", "winner"), [("last", "bruno"), ("first", "ana")])
def test_other_clicks_of_the_shops_visitor_are_evidence(brand, ana, bruno, model, winner):
    brand.attribution_model = model
    visitor = key_from_shop(brand.pk, "visitor-1")
    quoted = record_click(make_link(ana).pk, kind="visit", visitor=visitor, occurred_at=NOW - 3 * DAY)
    record_click(make_link(bruno).pk, kind="visit", visitor=visitor, occurred_at=NOW - 2 * DAY)
    record_click(make_link(bruno).pk, kind="visit", visitor=visitor, occurred_at=NOW)  # after the purchase
    record_click(
        make_link(bruno).pk, kind="visit", visitor=key_from_shop(brand.pk, "visitor-2"), occurred_at=NOW - 2 * DAY
    )

    [recorded] = record(brand, told(click_ids=(quoted,)))

    assert credited(recorded)[0] == winner
    assert len(recorded.attribution.touches) == 2


def test_people_behind_one_address_are_not_one_visitor(brand, ana, bruno):
    office = key_of_the_day(brand.pk, "203.0.113.7", "Firefox", date(2026, 3, 8))
    quoted = record_click(make_link(ana).pk, kind="visit", visitor=office, occurred_at=NOW - 3 * DAY)
    record_click(make_link(bruno).pk, kind="visit", visitor=office, occurred_at=NOW - 2 * DAY)

    [recorded] = record(brand, told(click_ids=(quoted,)))

    assert credited(recorded)[0] == "ana"


def test_a_coupon_is_credited_to_whoever_had_it_when_it_was_used(brand, ana, bruno):
    Coupon.objects.create(brand=brand, affiliate=ana, code="otoño", valid_from=NOW - 9 * DAY, valid_until=NOW - 5 * DAY)
    Coupon.objects.create(brand=brand, affiliate=bruno, code="otoño", valid_from=NOW - 5 * DAY)

    recorded = record(
        brand,
        *(
            told(f"P{days}", coupon="OTOÑO", customer=CustomerInput(), purchased_at=NOW - days * DAY)
            for days in (4, 5, 6, 10)
        ),
    )

    assert [credited(each)[0] for each in recorded] == ["bruno", "bruno", "ana", None]
    assert credited(recorded[3])[2] == "unknown_code"


def test_an_affiliate_named_by_the_shop_is_credited(brand, ana):
    assert credited(record(brand, told(affiliate="ana"))[0]) == ("ana", "declared", "declared_by_shop", "medium")


def test_an_unknown_affiliate_is_added_only_where_asked(brand):
    [refused] = record(brand, told("P1", affiliate="nueva", customer=CustomerInput()))
    recorded = record(
        brand,
        told("P2", affiliate="nueva", customer=CustomerInput()),
        told("P3", affiliate="nueva", customer=CustomerInput()),
        create_affiliates=True,
    )

    assert credited(refused) == (None, "none", "unknown_code", "none")
    assert [credited(each)[0] for each in recorded] == ["nueva", "nueva"]
    assert list(Affiliate.objects.values_list("code", "name", "status")) == [("nueva", "nueva", "active")]


def test_a_suspended_affiliate_is_not_credited(brand):
    make_affiliate(brand, "Gone", status="suspended")

    assert credited(record(brand, told(affiliate="gone"))[0]) == (None, "none", "affiliate_inactive", "none")


@pytest.mark.parametrize("address", ["ana@afiliados.example", "ana@lumbre-afiliados.example"])
def test_affiliates_and_their_members_are_not_credited_with_their_own_purchases(brand, ana, address):
    make_member(ana)

    [recorded] = record(brand, told(affiliate="ana", customer=CustomerInput(email=address.upper())))

    assert credited(recorded) == (None, "none", "self_referral", "none")
    assert Customer.objects.get().acquiring_affiliate is None


def test_later_purchases_are_credited_to_who_brought_the_customer(brand, ana):
    record(brand, told("P1", affiliate="ana"))

    [second] = record(brand, told("P2", purchased_at=NOW))

    assert credited(second) == ("ana", "customer", "acquired_before", "low")


def test_within_a_batch_the_first_purchase_brings_the_customer_wherever_it_stands(brand, ana, bruno):
    recorded = record(
        brand,
        told("late", purchased_at=NOW - DAY, affiliate="bruno"),
        told("last", purchased_at=NOW),
        told("early", purchased_at=NOW - 2 * DAY, affiliate="ana"),
    )

    assert [credited(each)[0] for each in recorded] == ["bruno", "ana", "ana"]
    assert {each.attribution.acquiring_affiliate for each in recorded} == {ana}
    assert Customer.objects.get().acquiring_affiliate == ana


def test_a_customers_recommendation_credits_no_affiliate_but_names_who_brought_the_customer(brand, ana):
    make_customer(brand, "Bea", referral_code="bea7", acquiring_affiliate=ana, acquired_at=NOW - 90 * DAY)

    [recorded] = record(brand, told(referral="BEA7"))

    row = Attribution.objects.get()
    assert credited(recorded) == (None, "referral", "customer_referral", "high")
    assert (row.indirect_affiliate, row.acquiring_affiliate) == (ana, None)
    assert Customer.objects.get(external_id="7").acquiring_affiliate is None


def test_a_customer_cannot_recommend_themselves(brand):
    record(brand, told("P1"))
    Customer.objects.update(referral_code="carla7")

    [recorded] = record(brand, told("P2", referral="carla7"))

    assert credited(recorded) == (None, "none", "self_referral", "none")


def test_a_recommendation_by_an_affiliate_who_is_a_customer_credits_the_affiliate(brand, ana):
    make_customer(brand, "Ana", email="ana@afiliados.example", referral_code="ana7")

    assert credited(record(brand, told(referral="ana7"))[0]) == ("ana", "referral", "customer_referral", "high")


# --- In sets, and all at once ----------------------------------------------------------------------------------------
def batch_of(brand: Brand, prefix: str, size: int) -> list[PurchaseInput]:
    """Every kind of evidence, half of the customers and products shared."""
    affiliates = {affiliate.code: affiliate for affiliate in Affiliate.objects.filter(brand=brand)}
    link = affiliates["ana"].links.first()
    inputs = []
    for i in range(size):
        visitor = key_from_shop(brand.pk, f"{prefix}{i}")
        quoted = record_click(link.pk, kind="visit", visitor=visitor, occurred_at=NOW - 2 * DAY)
        evidence: list[dict[str, Any]] = [
            {"click_ids": (quoted,)},
            {"coupon": "ana10"},
            {"affiliate": "bruno"},
            {"referral": "bea7"},
        ]
        customer = CustomerInput(email=f"{prefix}{i // 2}@correo.example", external_id=f"{prefix}{i // 2}")
        product = ProductInput(f"{prefix}{i // 2}", name=f"Artículo {i}")
        inputs.append(told(f"{prefix}-{i}", customer=customer, product=product, **evidence[i % 4]))
    return inputs


def test_a_batch_takes_as_many_statements_for_200_as_for_8(brand, ana, bruno):
    make_link(ana)
    Coupon.objects.create(brand=brand, affiliate=ana, code="ana10", valid_from=NOW - 9 * DAY)
    make_customer(brand, "Bea", referral_code="bea7", acquiring_affiliate=ana, acquired_at=NOW - 90 * DAY)
    small, large = batch_of(brand, "s", 8), batch_of(brand, "l", 200)

    counts = []
    for batch in (small, large):
        for inputs in (batch, [given._replace(delivered_at=NOW) for given in batch]):
            with CaptureQueriesContext(
                connection,
            ) as queries:
                recorded = record(brand, *inputs)
            counts.append((recorded[0].status, len(queries)))

    assert counts[:2] == counts[2:]
    assert [status for status, _count in counts] == ["created", "updated"] * 2
    assert counts[0][1] <= 30


@pytest.mark.django_db(transaction=True)
def test_of_fifty_simultaneous_calls_one_creates_the_purchase():
    brand = make_brand()
    make_affiliate(brand)
    barrier = Barrier(50)

    def call(_number: int) -> str:
        try:
            connection.ensure_connection()
            barrier.wait(timeout=60)
            return record(brand, told(affiliate="ana"))[0].status
        finally:
            connection.close()

    with ThreadPoolExecutor(50) as pool:
        results = Counter(pool.map(call, range(50)))

    assert results == {"created": 1, "duplicate": 49}
    assert Purchase.objects.count() == Attribution.objects.count() == PurchaseChange.objects.count() == 1
    assert Customer.objects.count() == Product.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_batches_that_share_everything_in_opposite_order_do_not_block_each_other():
    brand = make_brand()
    make_affiliate(brand)
    batches = [
        [
            told(
                f"P{n}-{i}",
                customer=CustomerInput(external_id=f"{i}", email=f"{i}@correo.example" if n % 2 else None),
                product=ProductInput(f"sku{i % 7}", name=f"Artículo {n}"),
                affiliate=f"nuevo{i % 5}",
            )
            for i in (range(40) if n % 2 else reversed(range(40)))
        ]
        for n in range(8)
    ]
    barrier = Barrier(len(batches))

    def call(batch: list[PurchaseInput]) -> list[str]:
        try:
            connection.ensure_connection()
            barrier.wait(timeout=60)
            return statuses(record(brand, *batch, create_affiliates=True))
        finally:
            connection.close()

    with ThreadPoolExecutor(len(batches)) as pool:
        results = list(pool.map(call, batches))

    assert results == [["created"] * 40] * 8
    assert (Purchase.objects.count(), Customer.objects.count(), Product.objects.count()) == (320, 40, 7)
    assert Affiliate.objects.count() == 6
    assert not Purchase.objects.exclude(attributions__is_current=True).exists()


# --- What happens later ----------------------------------------------------------------------------------------------
def refund(purchase: Purchase, external_id: str, amount: str) -> tuple[Refund, bool]:
    return record_refund(purchase, external_id=external_id, amount=Decimal(amount), reason="Talla", refunded_at=NOW)


def test_a_refund_is_recorded_once_and_a_whole_one_closes_the_purchase(brand):
    purchase = make_purchase(make_customer(brand), amount=Decimal("49.90"))

    first, is_new = refund(purchase, "R1", "40")
    again, is_new_again = refund(purchase, "R1", "40.00")
    purchase.refresh_from_db()
    assert (is_new, is_new_again, first, purchase.state) == (True, False, again, "open")

    refund(purchase, "R2", "9.90")

    purchase.refresh_from_db()
    assert purchase.state == "refunded"
    assert list(purchase.refunds.values_list("external_id", flat=True)) == ["R1", "R2"]
    assert PurchaseChange.objects.count() == 2


def test_no_more_is_refunded_than_was_paid(brand):
    purchase = make_purchase(make_customer(brand), amount=Decimal("49.90"))
    refund(purchase, "R1", "40")

    with pytest.raises(ValidationError) as refusal:
        refund(purchase, "R2", "9.91")

    assert [(name, errors[0].code) for name, errors in refusal.value.error_dict.items()] == [
        ("amount", "more_than_paid")
    ]
    assert purchase.refunds.count() == PurchaseChange.objects.count() == 1


@pytest.mark.parametrize("amount", ["0", "-1", "NaN"])
def test_a_refund_is_more_than_nothing(brand, amount):
    with pytest.raises(ValidationError):
        refund(make_purchase(make_customer(brand)), "R1", amount)


def test_a_refunds_id_stands_for_one_amount(brand):
    purchase = make_purchase(make_customer(brand))
    refund(purchase, "R1", "1")

    with pytest.raises(PurchaseConflict):
        refund(purchase, "R1", "2")


@pytest.mark.django_db(transaction=True)
def test_simultaneous_refunds_never_give_back_more_than_was_paid():
    purchase = make_purchase(make_customer(make_brand()), amount=Decimal(50))
    barrier = Barrier(12)

    def call(number: int) -> bool:
        try:
            connection.ensure_connection()
            barrier.wait(timeout=60)
            return refund(purchase, f"R{number}", "10")[1]
        except ValidationError:
            return False
        finally:
            connection.close()

    with ThreadPoolExecutor(12) as pool:
        results = list(pool.map(call, range(12)))

    assert (results.count(True), purchase.refunds.count()) == (5, 5)


def test_staff_and_shops_correct_stages(brand):
    purchase = make_purchase(make_customer(brand))

    assert change_purchase(purchase, {"delivered_at": NOW, "promised_on": None}).status == "updated"
    assert change_purchase(purchase, {"delivered_at": NOW}).status == "duplicate"

    purchase.refresh_from_db()
    assert purchase.delivered_at == NOW


def test_a_state_never_goes_back(brand):
    purchase = make_purchase(make_customer(brand), state="cancelled")

    for state in ("open", "refunded"):
        with pytest.raises(PurchaseConflict):
            change_purchase(purchase, {"state": state})

    assert change_purchase(purchase, {"state": "cancelled"}).status == "duplicate"


def test_what_was_bought_never_changes(brand):
    purchase = make_purchase(make_customer(brand))

    with pytest.raises(ValidationError) as refusal:
        change_purchase(purchase, {"amount": Decimal(1), "delivered_at": NOW})

    assert list(refusal.value.error_dict) == ["amount"]
    assert not PurchaseChange.objects.exists()


# --- Links and clicks ------------------------------------------------------------------------------------------------
def test_a_link_is_made_with_its_promises_once_each(brand, ana):
    link = create_link(ana, "https://lumbre.example/botas", promises=("Envío en 24 h", " Envío en 24 h ", ""))

    assert len(link.code) == 8
    assert list(link.promises.values_list("text", flat=True)) == ["Envío en 24 h"]


def test_two_links_or_affiliates_never_share_a_code(brand, ana):
    create_link(ana, "https://lumbre.example/", code="botas")

    with pytest.raises(CodeTaken):
        create_link(ana, "https://lumbre.example/", code="botas")
    with pytest.raises(CodeTaken):
        create_affiliate(brand, "ana", "Otra", now=NOW)
    assert create_affiliate(make_brand("faro"), "ana", "Otra", now=NOW).status == "active"


def test_a_click_again_within_half_an_hour_is_a_repeat(ana):
    link, other = make_link(ana), make_link(ana)

    def follow(link_id: int, minutes: int, visitor: str = "v:1", kind: str = "visit") -> str:
        at = NOW + timedelta(minutes=minutes)
        public_id = record_click(link_id, kind=kind, visitor=visitor, occurred_at=at)
        return Click.objects.get(public_id=public_id).kind

    assert follow(link.pk, 0) == "visit"
    assert follow(link.pk, 30) == "repeat"
    assert follow(link.pk, 61) == "visit"
    assert follow(link.pk, 61, visitor="v:2") == "visit"
    assert follow(other.pk, 61) == "visit"
    assert follow(link.pk, 62, kind="bot") == "bot"
    assert follow(link.pk, 62, visitor="") == "visit"
    assert follow(link.pk, 63, visitor="") == "visit"


def test_what_a_shop_calls_opaque_is_hashed_and_its_own(brand):
    other = make_brand("faro")

    assert key_from_shop(brand.pk, "carla@correo.example").startswith("s:")
    assert "carla" not in key_from_shop(brand.pk, "carla@correo.example")
    assert key_from_shop(brand.pk, "x") != key_from_shop(other.pk, "x")
    assert key_from_shop(brand.pk, "") == ""
