"""A brand whose figures cannot be worked out keeps no other waiting."""

import pytest

from accounts.models import Brand
from insights.models import CountedResponse, Measurement
from insights.services import fold_changes, measure_due_brands
from tests.factories import NOW, make_affiliate, make_brand
from tests.insights.conftest import Shop


@pytest.fixture
def broken(shop, ana):
    """A brand with an answer and a time zone that PostgreSQL does not know; another comes after it."""
    shop.respond(ana, csat=5)
    other = Shop(make_brand("zeta"))
    other.respond(make_affiliate(other.brand, "Zoe"), csat=5)
    Brand.objects.filter(pk=shop.brand.pk).update(timezone="Atlantis/Poseidonis")
    return shop.brand


def test_the_others_are_counted_and_the_fault_is_told(broken):
    with pytest.raises(ExceptionGroup) as raised:
        fold_changes(now=NOW)

    assert len(raised.value.exceptions) == 1
    assert set(CountedResponse.objects.values_list("brand__slug", flat=True)) == {"zeta"}

    Brand.objects.filter(pk=broken.pk).update(timezone="Europe/Madrid")
    assert fold_changes(now=NOW) > 0
    assert CountedResponse.objects.filter(brand=broken).count() == 1


def test_the_others_are_measured(broken):
    with pytest.raises(ExceptionGroup):
        measure_due_brands(now=NOW)

    measured = dict(Measurement.objects.values_list("brand__slug", "measured_at"))
    assert measured == {broken.slug: None, "zeta": NOW}
