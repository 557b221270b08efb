"""The quality of a quarter: judged once when it is over, against all others, and told to programs with its warning."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from accounts.models import Scope
from accounts.services import create_api_key
from affiliates.models import Refund
from insights.models import QualityVerdict
from insights.quality import judge_cells
from insights.services import measure_brand
from insights.services.judging import judge_last_quarter
from tests.factories import make_affiliate, make_brand
from tests.insights.test_alerting import publish

NIGHT = datetime(2026, 4, 1, 3, tzinfo=UTC)


@pytest.fixture
def programme(shop):
    """Six others, nine of ten of their customers satisfied."""
    others = [make_affiliate(shop.brand, f"Otra {number}") for number in range(6)]
    for other in others:
        publish(shop, other, "2026-02", 40, csat__5=36, csat__1=4, affiliate_rating__5=30, affiliate_rating__2=10)
    return others


def judged(shop, affiliate) -> QualityVerdict:
    return QualityVerdict.objects.get(brand=shop.brand, affiliate=affiliate)


def test_a_quarter_is_judged_beside_all_the_others(shop, ana, programme):
    publish(shop, ana, "2026-01", 30, csat__4=10, csat__5=2, csat__3=18, affiliate_rating__5=24, affiliate_rating__1=6)

    judge_last_quarter(shop.brand, now=NIGHT)

    row = judged(shop, ana)
    assert (row.code, row.answers, row.satisfied, row.reference, row.verdict) == ("2026-Q1", 30, 12, 0.9, "well_below")
    assert (row.ratings, row.rated_well, row.rating_reference, row.rating_verdict) == (30, 24, 0.75, "as_expected")
    assert QualityVerdict.objects.count() == 7


def test_with_fewer_than_twenty_answers_nobody_is_judged(shop, ana, programme):
    publish(shop, ana, "2026-01", 19, csat__5=19)
    publish(shop, ana, "2025-12", 40, csat__5=40)  # the quarter before
    publish(shop, ana, "2026-04", 40, csat__5=40)  # not over yet

    judge_last_quarter(shop.brand, now=NIGHT)

    assert not QualityVerdict.objects.filter(affiliate=ana).exists()


def test_where_the_others_would_give_one_away_there_is_no_verdict():
    cells = {1: (20, 20), 2: (200, 300), **dict.fromkeys(range(3, 8), (9, 10))}

    assert judge_cells(cells, [1], strength=None)[1].verdict is None
    assert judge_cells({**cells, 2: (30, 40)}, [1], strength=None)[1].reference == 75 / 90


def test_what_has_been_told_stands(shop, ana, programme):
    publish(shop, ana, "2026-01", 30, csat__5=30)
    first = judge_last_quarter(shop.brand, now=NIGHT)
    publish(shop, ana, "2026-02", 30, csat__1=30)

    assert len(first) == 7
    assert judge_last_quarter(shop.brand, now=NIGHT + timedelta(days=40)) == []
    assert judged(shop, ana).verdict == "as_expected"  # all thirty of thirty, where nine of ten are


def test_the_brand_s_calendar_says_when_a_quarter_is_over(shop, ana, programme):
    publish(shop, ana, "2026-01", 30, csat__5=30)

    # Half past eleven at night in Madrid on the last of March, and an hour later.
    assert judge_last_quarter(shop.brand, now=datetime(2026, 3, 31, 21, 30, tzinfo=UTC)) == []
    assert judge_last_quarter(shop.brand, now=datetime(2026, 3, 31, 22, 30, tzinfo=UTC))


def test_the_volume_is_of_what_was_bought_in_the_quarter(shop, ana, programme):
    publish(shop, ana, "2026-01", 30, csat__5=30)
    bought = datetime(2026, 2, 10, 12, tzinfo=UTC)
    given_back, _kept, *_ = [shop.purchase(ana, purchased_at=bought) for _ in range(3)]
    shop.purchase(ana, purchased_at=bought, state="cancelled")
    shop.purchase(ana, purchased_at=datetime(2026, 4, 1, tzinfo=UTC))
    shop.purchase(None, purchased_at=bought)
    Refund.objects.create(purchase=given_back, external_id="r1", amount=1, refunded_at=NIGHT)

    measure_brand(shop.brand, now=NIGHT)

    row = judged(shop, ana)
    assert (row.purchases, row.customers, row.refunded, row.complained) == (3, 3, 1, 0)


def test_programs_read_it_with_its_warning(shop, ana, programme):
    publish(shop, ana, "2026-01", 30, csat__5=12, csat__1=18)
    judge_last_quarter(shop.brand, now=NIGHT)
    key = create_api_key(shop.brand, name="panel", scopes=[Scope.AFFILIATES_READ])[1]
    stranger = create_api_key(make_brand("otra"), name="panel", scopes=[Scope.AFFILIATES_READ])[1]

    def get(url: str, key: str = key) -> dict:
        return Client().get(url, headers={"Authorization": f"Bearer {key}", "Accept-Language": "en"}).json()

    (row,) = get("/api/v1/quality/?affiliate=ana&quarter=2026-Q1")["results"]
    assert row["csat"] == {
        "n": 30,
        "value": 0.4,
        "low": pytest.approx(0.2459, abs=1e-4),
        "high": pytest.approx(0.5768, abs=1e-4),
        "reference": 0.9,
        "verdict": "well_below",
    }
    assert row["affiliate_rating"] == {**dict.fromkeys(row["csat"]), "n": 0}
    assert row["volume"] == {"purchases": 0, "customers": 0, "refunded": 0, "complained": 0}
    assert row["warning"].startswith("A verdict on the quality of care, not a price")
    assert len(get("/api/v1/quality/")["results"]) == 7
    assert get("/api/v1/quality/?quarter=2025-Q4")["results"] == []
    assert get("/api/v1/quality/?quarter=2026-5")["error"]["fields"][0]["field"] == "quarter"
    assert get("/api/v1/quality/", stranger)["results"] == []


def test_who_has_no_such_scope_reads_nothing(shop):
    key = create_api_key(shop.brand, name="panel", scopes=[Scope.LINKS_READ])[1]

    assert Client().get("/api/v1/quality/", headers={"Authorization": f"Bearer {key}"}).status_code == 403
