import pytest
from django.db import connection
from django.test import Client
from pytest_django.fixtures import Settings


def test_healthz_answers_without_services(client: Client, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    response = client.get("/healthz")

    assert (response.status_code, response.content) == (200, b"ok\n")
    assert "no-store" in response["Cache-Control"]


def test_readyz_is_ready_on_a_migrated_database(client: Client, db: None) -> None:
    response = client.get("/readyz")

    assert response.status_code == 200
    # Of the mail it tells too (tests/mailing/test_watching.py), but that makes no web process unready.
    silent = {"beat": "silent", "workers": "silent", "queue": "ok", "server": "ok"}
    assert response.json() == {"ready": True, "database": "ok", "migrations": "ok", "redis": "ok", "mail": silent}


def test_readyz_names_what_fails_and_nothing_more(client: Client, db: None, settings: Settings) -> None:
    settings.REDIS_URL = "redis://:secret@127.0.0.1:1/0"
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'accounts'")

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json() == {"ready": False, "database": "ok", "migrations": "failing", "redis": "failing"}


@pytest.mark.parametrize(
    ("address", "headers", "proxies", "status"),
    [
        ("127.0.0.1", {}, 0, 200),
        ("::1", {}, 0, 200),
        ("127.0.0.1", {"X-Forwarded-For": "203.0.113.9"}, 0, 403),
        ("127.0.0.1", {}, 1, 403),
        ("203.0.113.9", {}, 0, 403),
        ("", {}, 0, 403),
        ("203.0.113.9", {"Authorization": "Bearer right"}, 1, 200),
        ("203.0.113.9", {"Authorization": "Bearer wrong"}, 1, 403),
        ("203.0.113.9", {"Authorization": "Bearer ñ"}, 1, 403),
    ],
)
def test_metrics_are_for_this_machine_or_the_token(
    client: Client,
    db: None,
    settings: Settings,
    address: str,
    headers: dict[str, str],
    proxies: int,
    status: int,
) -> None:
    settings.METRICS_TOKEN = "right"
    settings.TRUSTED_PROXY_COUNT = proxies

    response = client.get("/metrics", headers=headers, REMOTE_ADDR=address)

    assert response.status_code == status
    assert (b"django_http_requests_latency" in response.content) == (status == 200)


def test_an_unset_metrics_token_opens_to_nobody(client: Client, settings: Settings) -> None:
    settings.METRICS_TOKEN = ""

    response = client.get("/metrics", headers={"Authorization": "Bearer "}, REMOTE_ADDR="203.0.113.9")

    assert response.status_code == 403
