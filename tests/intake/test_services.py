from datetime import timedelta
from decimal import Decimal

import pytest
from django.apps import apps
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from accounts.models import Brand
from affiliates.models import Purchase
from affiliates.services import CustomerInput, ProductInput, PurchaseInput
from intake.services import create_brand, take_change, take_purchases, take_refund
from surveys.models import Invitation
from tests.factories import NOW, make_affiliate

pytestmark = pytest.mark.django_db


@pytest.fixture
def brand() -> Brand:
    return create_brand("lumbre", name="Lumbre", survey_notice_default=True)


def told(external_id: str, **fields: object) -> PurchaseInput:
    customer = CustomerInput(email=f"{external_id}@correo.example")
    return PurchaseInput(
        external_id, NOW - timedelta(days=1), amount=Decimal(50), currency="EUR", customer=customer, **fields
    )


def states(brand: Brand, *inputs: PurchaseInput) -> list[tuple[str, str | None, str | None]]:
    taken = take_purchases(brand, inputs, now=NOW, source="api")
    return [
        (each.recorded.status, each.survey.state if each.survey else None, each.survey.reason if each.survey else None)
        for each in taken
    ]


def test_each_purchase_is_planned_once_and_says_where_it_stands(brand):
    inputs = [
        told("P1", delivered_at=NOW),
        told("P2"),
        told("P1", delivered_at=NOW),
        told("P3", state="cancelled"),
        told("P4", delivered_at=NOW - timedelta(days=400)),
        told("", delivered_at=NOW),
    ]

    assert states(brand, *inputs) == [
        ("created", "planned", ""),
        ("created", "waiting", "no_delivery"),
        ("duplicate", "planned", ""),
        ("created", "cancelled", "cancelled"),
        ("created", "cancelled", "too_old"),
        ("rejected", None, None),
    ]
    assert Invitation.objects.filter(wave="first").count() == 4


def test_a_later_stage_plans_anew(brand):
    states(brand, told("P1"))

    assert states(brand, told("P1", delivered_at=NOW)) == [("updated", "planned", "")]


def test_where_planning_fails_nothing_is_recorded(brand, monkeypatch):
    def fail(*_args: object, **_options: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("intake.services.plan_invitations", fail)

    with pytest.raises(RuntimeError):
        take_purchases(brand, [told("P1")], now=NOW, source="api")

    assert not Purchase.objects.exists()


def test_a_partial_refund_changes_nothing_about_asking_and_a_whole_one_ends_it(brand):
    states(brand, told("P1", delivered_at=NOW))
    purchase = Purchase.objects.get()

    take_refund(purchase, external_id="R1", amount=Decimal(20), reason="", refunded_at=NOW, now=NOW)
    assert Invitation.objects.get(wave="first").state == "planned"

    take_refund(purchase, external_id="R2", amount=Decimal(30), reason="", refunded_at=NOW, now=NOW)
    invitation = Invitation.objects.get(wave="first")
    assert (invitation.state, invitation.reason) == ("cancelled", "refunded")


def test_a_change_that_changes_nothing_plans_nothing(brand):
    states(brand, told("P1", delivered_at=NOW))

    with CaptureQueriesContext(connection) as queries:
        recorded = take_change(Purchase.objects.get(), {"delivered_at": NOW}, now=NOW)

    assert recorded.status == "duplicate"
    assert not [query["sql"] for query in queries if "surveys_" in query["sql"]]


def strays() -> list[str]:
    """Relations of rows of one brand to rows of another: no foreign key of the database refuses them."""
    found = []
    for model in apps.get_models():
        owned = {field.name: field.related_model for field in model._meta.concrete_fields if field.is_relation}
        if owned.get("brand") is not Brand:
            continue
        for name, other in owned.items():
            if name != "brand" and "brand" in {field.name for field in other._meta.concrete_fields}:
                related = model._base_manager.filter(**{f"{name}__isnull": False})
                if related.exclude(**{f"{name}__brand": F("brand")}).exists():
                    found.append(f"{model.__name__}.{name}")
    return found


def test_two_brands_with_the_same_customers_orders_and_codes_never_meet(brand):
    other = create_brand("otra", name="Otra", survey_notice_default=True)
    product = ProductInput(sku="BOTA-1", name="Botas", kind="goods")
    carla = CustomerInput(email="carla@correo.example", external_id="C-1", name="Carla")
    for each in (brand, other):
        make_affiliate(each, "Ana")
    for each in (brand, other, brand):
        news = [
            told(f"P{number}", affiliate="ana", product=product, delivered_at=NOW)._replace(customer=carla)
            if number < 3
            else told(f"P{number}", affiliate="ana", delivered_at=NOW)
            for number in range(6)
        ]
        take_purchases(each, news, now=NOW, source="api")

    assert [Purchase.objects.filter(brand=each).count() for each in (brand, other)] == [6, 6]
    assert [Invitation.objects.filter(brand=each, wave="first").count() for each in (brand, other)] == [6, 6]
    assert strays() == []
    Purchase.objects.filter(brand=brand, external_id="P1").update(brand=other, external_id="P-1")
    assert set(strays()) == {"Purchase.customer", "Purchase.product", "Invitation.purchase"}
