from collections.abc import Callable

import pytest
from django.core.cache import cache
from pytest_django.fixtures import Settings
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from accounts.authentication import KeyThrottle
from accounts.services import create_api_key
from tests import factories

pytestmark = pytest.mark.django_db
Ask = Callable[[Request], tuple[bool, float]]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Ask:
    """At 12 seconds past the minute."""
    cache.clear()
    monkeypatch.setattr(KeyThrottle, "rate", "2/min", raising=False)
    monkeypatch.setattr(KeyThrottle, "timer", lambda throttle: 60 * 1000 + 12.0)

    def ask(request: Request) -> tuple[bool, float]:
        throttle = KeyThrottle()
        return throttle.allow_request(request, APIView()), throttle.wait()

    return ask


@pytest.fixture
def shop() -> Request:
    return shop_of("lumbre")


def shop_of(slug: str) -> Request:
    request = Request(APIRequestFactory().get("/"))
    request.auth, _text = create_api_key(factories.make_brand(slug), name="tienda")
    return request


def test_a_key_may_ask_so_often_a_minute(ask: Ask, shop: Request) -> None:
    assert [ask(shop) for _time in range(3)] == [(True, 48), (True, 48), (False, 48)]
    assert ask(shop_of("otra")) == (True, 48)


def test_the_next_minute_counts_anew(ask: Ask, shop: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [ask(shop)[0] for _time in range(3)] == [True, True, False]

    monkeypatch.setattr(KeyThrottle, "timer", lambda throttle: 60 * 1001.0)

    assert ask(shop) == (True, 60)


def test_without_redis_nobody_has_to_wait(ask: Ask, shop: Request, settings: Settings) -> None:
    settings.CACHES = {"default": {"BACKEND": "postventa.cache.KeptRedisCache", "LOCATION": "unix:///nowhere.sock"}}

    assert [ask(shop)[0] for _time in range(3)] == [True, True, True]
