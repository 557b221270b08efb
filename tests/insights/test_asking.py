"""How asking goes: who of the newest purchases was asked, and why the others were not."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Brand
from insights import asking
from insights.asking import Asking, asking_of
from tests.factories import NOW, make_brand, make_customer, make_purchase
from tests.surveys.factories import make_invitation

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def brand() -> Brand:
    return make_brand()


def bought(brand: Brand, days_ago: int, state: str = "", **fields: Any) -> None:
    source = {"source": fields.pop("source")} if "source" in fields else {}
    purchase = make_purchase(make_customer(brand), purchased_at=NOW - days_ago * DAY, **source)
    if state:
        make_invitation(purchase, state=state, **fields)


def test_those_asked_and_the_reasons_of_the_others_the_most_frequent_first(brand: Brand) -> None:
    for days in (15, 16, 17):
        bought(brand, days, "queued")
    bought(brand, 18, "cancelled", reason="opted_out")
    bought(brand, 19, "waiting", reason="no_delivery")
    bought(brand, 20, "waiting", reason="no_delivery")
    bought(brand, 21)
    bought(brand, 3, "waiting", reason="no_delivery")  # not old enough to say anything
    bought(brand, 100, "cancelled", reason="opted_out")
    bought(brand, 22, "queued", source="test")
    bought(make_brand("otra"), 15, "queued")

    found = asking_of(brand, now=NOW)

    assert found == Asking(7, 3, [("no_delivery", 2), ("", 1), ("opted_out", 1)], late=0, paused_since=None)
    assert found.coverage == 3 / 7


def test_only_the_newest_are_read(brand: Brand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "NEWEST", 1)
    bought(brand, 15, "queued")
    bought(brand, 16)

    assert asking_of(brand, now=NOW).coverage == 1


def test_without_purchases_there_is_no_share(brand: Brand) -> None:
    assert asking_of(brand, now=NOW).coverage is None


def test_what_was_to_go_and_has_not_is_told(brand: Brand) -> None:
    bought(brand, 3, "planned", scheduled_for=NOW - timedelta(minutes=50))
    assert asking_of(brand, now=NOW).late == 0

    bought(brand, 3, "planned", scheduled_for=NOW - timedelta(minutes=70))
    assert asking_of(brand, now=NOW).late == 1
