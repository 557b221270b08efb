from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed, MethodNotAllowed
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from accounts.authentication import ApiKeyAuthentication, HasScope
from accounts.models import ApiKey, Scope
from accounts.services import create_api_key
from tests import factories

pytestmark = pytest.mark.django_db


def request_with(authorization: str, method: str = "get") -> Request:
    return Request(getattr(APIRequestFactory(), method)("/", HTTP_AUTHORIZATION=authorization))


def test_a_key_opens_its_own_brand() -> None:
    key, text = create_api_key(factories.make_brand(), name="tienda")

    authenticated = ApiKeyAuthentication().authenticate(request_with(f"Bearer {text}"))

    assert authenticated == (key, key)
    assert ApiKey.objects.get().last_used_at is not None


@pytest.mark.parametrize("change", [{"revoked_at": timezone.now()}, {"expires_at": timezone.now() - timedelta(1)}])
def test_a_revoked_or_expired_key_opens_nothing(change: dict[str, Any]) -> None:
    _key, text = create_api_key(factories.make_brand(), name="tienda")
    ApiKey.objects.update(**change)

    with pytest.raises(AuthenticationFailed):
        ApiKeyAuthentication().authenticate(request_with(f"Bearer {text}"))


@pytest.mark.parametrize("text", ["", "pv_", "pv_00000000_x", "nonsense", "pv_\0_\0", "pv_" + "ñ" * 500, "_" * 50])
def test_other_texts_open_nothing(text: str) -> None:
    with pytest.raises(AuthenticationFailed):
        ApiKeyAuthentication().authenticate(request_with(f"Bearer {text}".encode().decode("latin-1")))


def test_the_right_prefix_with_another_secret_opens_nothing() -> None:
    key, _text = create_api_key(factories.make_brand(), name="tienda")

    with pytest.raises(AuthenticationFailed):
        ApiKeyAuthentication().authenticate(request_with(f"Bearer pv_{key.prefix}_guess"))


@pytest.mark.parametrize(
    ("method", "needed", "held", "may"),
    [
        ("get", {"GET": Scope.FEEDBACK_READ}, [Scope.FEEDBACK_READ], True),
        ("head", {"GET": Scope.FEEDBACK_READ}, [Scope.FEEDBACK_READ], True),
        ("get", {"GET": Scope.FEEDBACK_READ}, [Scope.LINKS_READ], False),
        ("get", {}, Scope.values, False),
    ],
)
def test_a_view_opens_only_to_the_scope_it_names(method: str, needed: Any, held: list[str], may: bool) -> None:
    key, text = create_api_key(factories.make_brand(), name="tienda", scopes=held)
    request = request_with(f"Bearer {text}", method)
    request.user, request.auth = key, key

    class View:
        scopes = needed

    assert HasScope().has_permission(request, View()) is may  # type: ignore[arg-type]


def test_a_method_that_no_scope_names_is_not_there() -> None:
    key, text = create_api_key(factories.make_brand(), name="tienda")
    request = request_with(f"Bearer {text}", "delete")
    request.user, request.auth = key, key

    class View:
        scopes = {"GET": Scope.FEEDBACK_READ}

    with pytest.raises(MethodNotAllowed):
        HasScope().has_permission(request, View())  # type: ignore[arg-type]
