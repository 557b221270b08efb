"""Keys at the desk: made and shown once, changed for new ones while both hold, revoked; and what callers are told."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from accounts.authentication import KeyThrottle
from accounts.models import ApiKey, AuditEntry, Brand, Scope
from accounts.services import create_api_key, revoke_api_key, rotate_api_key
from tests.factories import make_brand, make_staff

pytestmark = pytest.mark.django_db
ADD, LINKS = "/admin/accounts/apikey/add/", "/api/v1/links/"


@pytest.fixture
def brand() -> Brand:
    return make_brand()


@pytest.fixture
def desk(client: Client, brand: Brand) -> Client:
    client.force_login(make_staff(brand))
    return client


def call(text: str) -> Any:
    return Client().get(LINKS, headers={"Authorization": f"Bearer {text}"})


def key_shown(page: Any) -> str:
    [text] = re.findall(r'value="(pv_[^"]+)"', page.text)
    return str(text)


def test_a_new_key_is_shown_once_and_opens_what_it_was_made_for(desk: Client, brand: Brand) -> None:
    asked = {"brand": brand.pk, "name": "tienda", "scopes": ["links:read"], "lasts": "90"}

    page = desk.post(ADD, asked)

    text = key_shown(page)
    assert "no-store" in page.headers["Cache-Control"]
    assert call(text).status_code == 200
    key = ApiKey.objects.get()
    assert (key.name, key.scopes) == ("tienda", [Scope.LINKS_READ])
    assert timedelta(days=89) < key.expires_at - timezone.now() <= timedelta(days=90)  # type: ignore[operator]
    for path in (f"/admin/accounts/apikey/{key.pk}/change/", "/admin/accounts/apikey/"):
        assert text not in desk.get(path).text


def test_a_key_that_may_do_nothing_is_not_made(desk: Client, brand: Brand) -> None:
    assert desk.post(ADD, {"brand": brand.pk, "name": "tienda", "lasts": "90"}).status_code == 200

    assert not ApiKey.objects.exists()


def test_no_key_is_made_for_another_brand(desk: Client) -> None:
    other = make_brand("brasa")

    desk.post(ADD, {"brand": other.pk, "name": "tienda", "scopes": ["links:read"], "lasts": "90"})

    assert not ApiKey.objects.exists()


def test_what_a_key_may_do_stays_as_it_was(desk: Client, brand: Brand) -> None:
    key, _text = create_api_key(brand, name="tienda", scopes=["links:read"])

    desk.post(f"/admin/accounts/apikey/{key.pk}/change/", {"name": "caja", "scopes": Scope.values, "brand": brand.pk})

    key.refresh_from_db()
    assert (key.name, key.scopes) == ("caja", [Scope.LINKS_READ])


def test_changed_for_a_new_one_both_hold_for_a_while(desk: Client, brand: Brand) -> None:
    old, old_text = create_api_key(brand, name="tienda", scopes=["links:read"])

    new_text = key_shown(desk.post(f"/admin/accounts/apikey/{old.pk}/rotate/", {"hours": "168"}))

    assert [call(text).status_code for text in (old_text, new_text)] == [200, 200]
    ApiKey.objects.filter(pk=old.pk).update(expires_at=timezone.now())
    assert [call(text).status_code for text in (old_text, new_text)] == [401, 200]


def test_a_new_key_lasts_as_long_as_the_one_before(brand: Brand) -> None:
    now = timezone.now()
    old, _text = create_api_key(brand, name="tienda", scopes=["links:read"], expires_at=now + timedelta(days=90))

    new, _text = rotate_api_key(old, overlap=timedelta(days=7), by=None, now=now + timedelta(days=80))

    old.refresh_from_db()
    assert old.expires_at == now + timedelta(days=87)
    assert new.expires_at is not None
    assert abs(new.expires_at - (now + timedelta(days=170))) < timedelta(minutes=1)
    assert new.scopes == old.scopes


def test_rotation_never_prolongs_the_old_key(brand: Brand) -> None:
    now = timezone.now()
    old, _text = create_api_key(brand, name="tienda", expires_at=now + timedelta(hours=1))

    rotate_api_key(old, overlap=timedelta(days=30), by=None, now=now)

    old.refresh_from_db()
    assert old.expires_at == now + timedelta(hours=1)


def test_a_key_that_holds_no_more_is_not_changed_for_a_new_one(desk: Client, brand: Brand) -> None:
    key, _text = create_api_key(brand, name="tienda")
    assert revoke_api_key(key, by=None, now=timezone.now())

    with pytest.raises(ValidationError):
        rotate_api_key(key, overlap=timedelta(0), by=None, now=timezone.now())
    assert desk.post(f"/admin/accounts/apikey/{key.pk}/rotate/", {"hours": "168"}).status_code == 302

    assert ApiKey.objects.count() == 1


def test_revoked_it_opens_nothing_from_that_moment(desk: Client, brand: Brand) -> None:
    key, text = create_api_key(brand, name="tienda")
    assert desk.post(f"/admin/accounts/apikey/{key.pk}/revoke/", {}).status_code == 200
    assert call(text).status_code == 200

    desk.post(f"/admin/accounts/apikey/{key.pk}/revoke/", {"sure": "on"})

    assert call(text).status_code == 401
    assert not revoke_api_key(key, by=None, now=timezone.now())


def test_who_made_changed_and_revoked_a_key_is_on_record(desk: Client, brand: Brand) -> None:
    desk.post(ADD, {"brand": brand.pk, "name": "tienda", "scopes": ["links:read"], "lasts": "90"})
    key = ApiKey.objects.get()
    desk.post(f"/admin/accounts/apikey/{key.pk}/rotate/", {"hours": "168"})
    desk.post(f"/admin/accounts/apikey/{key.pk}/revoke/", {"sure": "on"})

    entries = AuditEntry.objects.filter(object_type="apikey", object_id=str(key.pk)).order_by("pk")
    assert [(entry.user.email, entry.action) for entry in entries] == [  # type: ignore[union-attr]
        *((("sofia@lumbre.example"), action) for action in ("added", "changed", "changed")),
    ]


def test_an_agent_has_nothing_to_do_with_keys(client: Client, brand: Brand) -> None:
    key, _text = create_api_key(brand, name="tienda")
    client.force_login(make_staff(brand, "Iván", "agent"))

    for path in (ADD, f"/admin/accounts/apikey/{key.pk}/rotate/", f"/admin/accounts/apikey/{key.pk}/change/"):
        assert client.post(path, {"hours": "168", "name": "x"}).status_code in (302, 403, 404)
    assert [*ApiKey.objects.values_list("name", "expires_at")] == [("tienda", None)]


def test_callers_are_told_where_they_stand_before_they_are_refused(
    brand: Brand, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.clear()
    monkeypatch.setattr(KeyThrottle, "rate", "2/min", raising=False)
    monkeypatch.setattr(KeyThrottle, "timer", lambda throttle: 60 * 1000 + 12.5)
    _key, text = create_api_key(brand, name="tienda")

    answers = [call(text) for _time in range(3)]

    told = ["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "Retry-After"]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [[answer.headers.get(name) for name in told] for answer in answers] == [
        ["2", "1", "48", None],
        ["2", "0", "48", None],
        ["2", "0", "48", "48"],
    ]
    assert "RateLimit-Limit" not in Client().get("/api/v1/schema/").headers
