"""Alerts at night: once an episode, to whom it concerns, and not for what chance does among many."""

from datetime import UTC, datetime, timedelta

import pytest

from affiliates.models import Affiliate
from insights import overview
from insights.models import Alert, ShownCount
from insights.overview import standing_alerts
from insights.services import measure_brand
from insights.services.alerting import raise_alerts
from tests.factories import make_affiliate
from tests.insights.conftest import Shop

NIGHT = datetime(2026, 3, 20, 3, tzinfo=UTC)


def publish(shop: Shop, affiliate: Affiliate | None, month: str, n: int = 0, **counts: int) -> None:
    """Blocks of a month: so many answers, and of each count that many: keep__entrega=18, csat__5=20."""
    at = datetime.fromisoformat(f"{month}-01").date()
    rows = {("answers", ""): n, **{tuple(key.split("__")): count for key, count in counts.items()}}
    for (question, value), count in rows.items():
        ShownCount.objects.create(
            brand=shop.brand, affiliate=affiliate, month=at, question=question, value=value.strip("_"), count=count
        )


def found() -> list[tuple[str | None, str, bool, bool]]:
    rows = Alert.objects.order_by("pk").select_related("affiliate")
    return [(row.affiliate and row.affiliate.name, row.key, row.has_to_improve, row.ended_at is None) for row in rows]


def test_what_was_kept_and_has_fallen_raises_one_alert(shop, ana):
    publish(shop, ana, "2025-10", 30, keep__entrega=28, improve__entrega=2)
    publish(shop, ana, "2026-02", 30, keep__entrega=8, improve__entrega=22)

    raise_alerts(shop.brand, now=NIGHT)

    alert = Alert.objects.get()
    assert (alert.affiliate, alert.key, alert.has_to_improve) == (ana, "entrega", True)
    assert (alert.before, alert.n_before, alert.now, alert.n_now) == (28 / 30, 30, 8 / 30, 30)
    assert str(alert.since) == "2026-01-01"
    assert alert.opened_at == NIGHT


def test_it_is_raised_once_an_episode_and_again_in_the_next(shop, ana):
    publish(shop, ana, "2025-10", 30, keep__entrega=28, improve__entrega=2)
    publish(shop, ana, "2026-02", 30, keep__entrega=8, improve__entrega=22)
    for night in range(3):
        raise_alerts(shop.brand, now=NIGHT + timedelta(days=night))
    assert len(found()) == 1

    # The months that fell go out of sight, and those that come are as before.
    publish(shop, ana, "2026-06", 30, keep__entrega=27, improve__entrega=3)
    raise_alerts(shop.brand, now=datetime(2026, 7, 1, 3, tzinfo=UTC))
    assert found() == [("Ana", "entrega", True, False)]
    assert Alert.objects.get().ended_at == datetime(2026, 7, 1, 3, tzinfo=UTC)

    publish(shop, ana, "2026-09", 60, keep__entrega=20, improve__entrega=40)
    publish(shop, ana, "2026-07", 60, keep__entrega=57, improve__entrega=3)
    raise_alerts(shop.brand, now=datetime(2026, 11, 1, 3, tzinfo=UTC))
    assert found() == [("Ana", "entrega", True, False), ("Ana", "entrega", True, True)]


def test_months_without_answers_neither_raise_nor_end_an_alert(shop, ana):
    publish(shop, ana, "2025-10", 30, keep__entrega=28, improve__entrega=2)
    publish(shop, ana, "2026-02", 30, keep__entrega=8, improve__entrega=22)
    raise_alerts(shop.brand, now=NIGHT)

    raise_alerts(shop.brand, now=datetime(2026, 9, 1, 3, tzinfo=UTC))

    assert found() == [("Ana", "entrega", True, True)]


def test_what_was_never_kept_cannot_fall(shop, ana):
    publish(shop, ana, "2025-10", 30, keep__entrega=15, improve__entrega=15)
    publish(shop, ana, "2026-02", 30, keep__entrega=3, improve__entrega=27)

    raise_alerts(shop.brand, now=NIGHT)

    assert found() == []


def test_satisfaction_falls_too_and_of_the_whole_programme(shop, ana):
    for affiliate in (ana, None):
        publish(shop, affiliate, "2025-10", 100, csat__5=90, csat__1=10)
        publish(shop, affiliate, "2026-02", 100, csat__5=60, csat__1=40)

    raise_alerts(shop.brand, now=NIGHT)

    assert set(found()) == {("Ana", "csat", False, True), (None, "csat", False, True)}


def test_fewer_than_20_answers_or_10_mentions_raise_nothing(shop, ana, bruno):
    publish(shop, ana, "2025-10", 30, keep__entrega=28, improve__entrega=2, csat__5=30)
    publish(shop, ana, "2026-02", 19, improve__entrega=19, csat__1=19)
    publish(shop, bruno, "2025-10", 30, keep__entrega=28, improve__entrega=2)
    publish(shop, bruno, "2026-02", 30, improve__entrega=9)

    raise_alerts(shop.brand, now=NIGHT)

    assert found() == []


def test_a_fall_that_chance_explains_among_many_raises_nothing(shop, ana):
    """Alone it would be demonstrated; among forty that have not moved it is what chance brings."""
    publish(shop, ana, "2025-10", 30, csat__5=27, csat__1=3)
    publish(shop, ana, "2026-02", 30, csat__5=20, csat__1=10)
    raise_alerts(shop.brand, now=NIGHT)
    assert found() == [("Ana", "csat", False, True)]
    Alert.objects.all().delete()

    for number in range(40):
        other = make_affiliate(shop.brand, f"Otra {number}")
        for month in ("2025-10", "2026-02"):
            publish(shop, other, month, 30, csat__5=27, csat__1=3)
    raise_alerts(shop.brand, now=NIGHT)

    assert found() == []


@pytest.mark.parametrize("affiliates", [1, 12])
def test_it_asks_the_database_no_more_for_many_affiliates(shop, affiliates, django_assert_num_queries):
    for number in range(affiliates):
        other = make_affiliate(shop.brand, f"Otra {number}")
        publish(shop, other, "2025-10", 30, csat__5=30)
        publish(shop, other, "2026-02", 30, csat__1=30)

    with django_assert_num_queries(3):
        raise_alerts(shop.brand, now=NIGHT)

    assert len(found()) == affiliates


def test_the_night_raises_them_for_each_brand_alone(shop, ana):
    publish(shop, ana, "2025-10", 30, csat__5=30)
    publish(shop, ana, "2026-02", 30, csat__1=30)

    measure_brand(shop.brand, now=NIGHT)
    measure_brand(shop.brand, now=NIGHT + timedelta(days=1))

    assert found() == [("Ana", "csat", False, True)]


def test_of_many_that_stand_the_programmes_own_and_the_newest_are_told(shop, ana, monkeypatch):
    monkeypatch.setattr(overview, "MOST_ALERTS", 2)
    figures = {"brand": shop.brand, "since": NIGHT, "good_before": 9, "n_before": 9, "good_now": 1, "n_now": 9}
    for days, affiliate, ended_at in [(9, None, None), (8, ana, None), (1, ana, None), (0, ana, NIGHT)]:
        opened_at = NIGHT - timedelta(days=days)
        Alert.objects.create(
            **figures, affiliate=affiliate, key=f"d{days}", opened_at=opened_at, ended_at=ended_at, has_to_improve=True
        )

    fallen = standing_alerts(shop.brand)

    assert ([alert.key for alert in fallen.alerts], fallen.n, fallen.others) == (["d9", "d1"], 3, 1)
