"""Lumbre with Sofía at its desk; Carla, who bought from Ana and is not happy."""

import pytest

from accounts.models import Brand, User
from affiliates.models import Affiliate, Purchase
from surveys.models import Invitation, Response
from tests import factories
from tests.complaints.factories import answered
from tests.surveys.factories import make_invitation


@pytest.fixture
def brand(db: None) -> Brand:
    return factories.make_brand()


@pytest.fixture
def sofia(brand: Brand) -> User:
    return factories.make_staff(brand)


@pytest.fixture
def ana(brand: Brand) -> Affiliate:
    return factories.make_affiliate(brand, "Ana")


@pytest.fixture
def purchase(brand: Brand, ana: Affiliate) -> Purchase:
    customer = factories.make_customer(brand, "Carla Ruiz", "carla@correo.example")
    product = factories.make_product(brand)
    return factories.make_purchase(customer, affiliate=ana, product=product, external_id="PEDIDO-77")


@pytest.fixture
def invitation(purchase: Purchase) -> Invitation:
    return make_invitation(purchase)


@pytest.fixture
def bad_answer(invitation: Invitation) -> Response:
    return answered(invitation, csat=1, improve_text="Llegó roto y nadie contesta.", contact="yes", part="delivery")
