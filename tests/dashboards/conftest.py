"""Affiliates whose customers have answered in different numbers, as the portal's pages distinguish them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from affiliates.models import Affiliate
from insights.services import fold_changes
from tests.factories import NOW, make_affiliate, make_brand, make_member
from tests.insights.conftest import Shop


@pytest.fixture
def shop(db: None) -> Shop:
    return Shop(make_brand())


@pytest.fixture
def ana(shop: Shop) -> Affiliate:
    return make_affiliate(shop.brand, "Ana")


@pytest.fixture
def answer(shop: Shop, ana: Affiliate) -> Callable[..., None]:
    """So many customers of Ana say this, and it is counted."""

    def customers_answer(n: int, **given: Any) -> None:
        shop.respond_many(ana, n, **given)
        fold_changes(now=given.get("at", NOW))

    return customers_answer


@pytest.fixture
def as_ana(client: Client, ana: Affiliate) -> Client:
    client.force_login(make_member(ana))
    return client
