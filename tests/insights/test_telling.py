"""What an affiliate's own system is told of a block, which is what its pages show; and a brand's of a quarter."""

import json
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from affiliates.services import suspend_affiliate
from affiliates.services.telling import audience_of
from insights.privacy import affiliate_insights
from insights.services.judging import judge_last_quarter
from mailing.models import Delivery, WebhookEvent
from tests.factories import NOW, make_affiliate, make_staff
from tests.insights.test_alerting import publish
from tests.insights.test_quality import NIGHT
from tests.listening import listen, told

PUBLISHED, QUALITY = WebhookEvent.Kind.BLOCK_PUBLISHED, WebhookEvent.Kind.QUALITY


@pytest.fixture
def listening(shop, ana):
    return listen(shop.brand, PUBLISHED, audience=audience_of(ana))


def test_a_block_is_told_to_its_affiliate_with_what_its_pages_show(shop, ana, bruno, listening, fold) -> None:
    listen(shop.brand, PUBLISHED, audience=audience_of(make_affiliate(shop.brand, "Celia")))
    for affiliate in (ana, bruno):
        for score in (5, 5, 4, 3, 1):
            shop.respond(affiliate, csat=score, expectation="Soy Carla, llamadme")

    fold()

    [block] = told(PUBLISHED)
    own = affiliate_insights(ana, period="2026-03", now=NOW).own
    assert block == {
        "affiliate": "ana",
        "block": 1,
        "new_answers": 5,
        "period": "2026-03",
        "n": 5,
        "csat": {name: getattr(own.csat, name) for name in ("value", "low", "high", "n")},
        "nps": None,
        "affiliate_rating": None,
        "promise_kept": None,
    }
    assert "Carla" not in json.dumps(block)
    [delivery] = Delivery.objects.select_related("event")
    assert delivery.endpoint == listening
    # The hour at which the fifth of them answered stays with the brand.
    morning = datetime(2026, 3, 11, 6, tzinfo=ZoneInfo("Europe/Madrid"))
    assert delivery.not_before == delivery.event.occurred_at == morning


def test_fewer_than_a_block_are_told_to_nobody(shop, ana, listening, fold) -> None:
    shop.respond_many(ana, 4, csat=5)

    fold()

    assert told(PUBLISHED) == []


def test_a_suspended_affiliate_is_told_nothing(shop, ana, listening, fold) -> None:
    suspend_affiliate(ana, note="Spam", by=make_staff(shop.brand), now=NOW)
    shop.respond_many(ana, 5, csat=5)

    fold()

    listening.refresh_from_db()
    assert (told(PUBLISHED), listening.state) == ([], "paused")


def test_a_quarter_is_told_once_with_its_warning(shop, ana) -> None:
    listen(shop.brand, QUALITY)
    publish(shop, ana, "2026-01", 30, csat__4=10, csat__5=2, csat__3=18)

    for _time in range(2):
        judge_last_quarter(shop.brand, now=NIGHT)

    [quality] = told(QUALITY)
    assert (quality["affiliate"], quality["quarter"]) == ("ana", "2026-Q1")
    assert (quality["csat"]["n"], quality["csat"]["value"], quality["csat"]["verdict"]) == (30, 0.4, None)
    assert quality["volume"] == {"purchases": 0, "customers": 0, "refunded": 0, "complained": 0}
    assert quality["warning"]
