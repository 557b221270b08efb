"""A brand's programs set up what they want to be told; nobody else's, and no affiliate's, are there."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import ApiKey, AuditEntry, Brand, Scope
from accounts.sealing import unseal
from accounts.services import create_api_key
from mailing.models import Delivery, Endpoint, WebhookEvent
from mailing.services.webhooks import announce, new_endpoint
from mailing.services.webhooks.keeping import TESTS_A_MINUTE
from tests.factories import make_brand

OPENED = WebhookEvent.Kind.COMPLAINT_OPENED
URL = "https://erp.example.com/in"


def client_of(brand: Brand, *scopes: str) -> APIClient:
    _key, text = create_api_key(brand, name="erp", scopes=scopes or [Scope.WEBHOOKS])
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


@pytest.fixture
def api(brand: Brand) -> APIClient:
    return client_of(brand)


@pytest.fixture
def endpoint(brand: Brand) -> Endpoint:
    return new_endpoint(brand, url=URL, events=[OPENED])[0]


def path_of(endpoint: Endpoint, page: str = "") -> str:
    return f"/api/v1/webhooks/{endpoint.uuid}/{page}"


def test_set_up_shows_the_secret_this_once(api: APIClient) -> None:
    made = api.post("/api/v1/webhooks/", {"url": URL, "events": [OPENED], "description": "ERP"})

    assert made.status_code == 201
    [row] = Endpoint.objects.all()
    assert made.json() == {
        "id": str(row.uuid),
        "url": URL,
        "events": ["complaint.opened"],
        "description": "ERP",
        "state": "active",
        "pause_reason": "",
        "paused_at": None,
        "failing_since": None,
        "delivered_at": None,
        "created_at": made.json()["created_at"],
        "secret": unseal(row.sealed_secret),
    }
    [listed] = api.get("/api/v1/webhooks/").json()["results"]
    assert listed == api.get(path_of(row)).json()
    assert "secret" not in listed


@pytest.mark.parametrize(
    ("wrong", "fields"),
    [
        ({"url": "http://erp.example.com/", "events": [OPENED]}, ["url"]),
        ({"url": "https://192.168.0.1/", "events": [OPENED]}, ["url"]),
        ({"url": URL, "events": []}, ["events"]),
        ({"url": URL, "events": ["feedback.block_published"]}, ["events.0"]),
        ({}, ["events", "url"]),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_by_name(api: APIClient, wrong: dict[str, Any], fields: list[str]) -> None:
    refused = api.post("/api/v1/webhooks/", wrong)

    assert refused.status_code == 400
    assert sorted(each["field"] for each in refused.json()["error"]["fields"]) == fields
    assert not Endpoint.objects.exists()


def test_change_pause_and_resume(api: APIClient, endpoint: Endpoint) -> None:
    changed = api.patch(path_of(endpoint), {"url": f"{URL}/2", "state": "paused"}).json()
    assert (changed["url"], changed["events"], changed["state"]) == (f"{URL}/2", ["complaint.opened"], "paused")
    assert changed["pause_reason"] == "by_hand"

    resumed = api.patch(path_of(endpoint), {"state": "active"}).json()

    assert (resumed["url"], resumed["state"], resumed["pause_reason"]) == (f"{URL}/2", "active", "")
    assert api.patch(path_of(endpoint), {"state": "ended"}).status_code == 400


def test_what_is_ended_is_not_there_any_more(api: APIClient, endpoint: Endpoint) -> None:
    assert api.delete(path_of(endpoint)).status_code == 204

    assert api.get(path_of(endpoint)).status_code == 404
    assert api.get("/api/v1/webhooks/").json()["results"] == []


def test_a_new_secret(api: APIClient, endpoint: Endpoint) -> None:
    secret = api.post(path_of(endpoint, "secret/")).json()["secret"]

    endpoint.refresh_from_db()
    assert unseal(endpoint.sealed_secret) == secret
    assert len(endpoint.sealed_secrets(timezone.now())) == 2


def test_the_log_of_a_test(api: APIClient, endpoint: Endpoint) -> None:
    sent = api.post(path_of(endpoint, "test/"))
    delivery = Delivery.objects.get()
    delivery.attempts.create(milliseconds=12, status=500, problem="status", reply="no")

    [logged] = api.get(path_of(endpoint, "deliveries/")).json()["results"]

    assert sent.status_code == 202
    assert (logged["id"], logged["type"], logged["state"]) == (sent.json()["id"], "webhook.test", "pending")
    assert logged["next_try_at"] is not None
    assert [(each["status"], each["problem"], each["reply"]) for each in logged["attempts"]] == [(500, "status", "no")]


def test_too_many_tests_are_asked_to_wait(api: APIClient, endpoint: Endpoint) -> None:
    answers = [api.post(path_of(endpoint, "test/")) for _time in range(TESTS_A_MINUTE + 1)]

    assert [answer.status_code for answer in answers] == [202] * TESTS_A_MINUTE + [429]
    assert answers[-1].headers["Retry-After"] == "60"


def test_the_log_asks_as_often_for_many(api: APIClient, endpoint: Endpoint, django_assert_num_queries: Any) -> None:
    for _time in range(3):
        announce(endpoint.brand, OPENED, [{}])
        Delivery.objects.latest("pk").attempts.create(milliseconds=1)

    api.get(path_of(endpoint))  # notes that the key is used
    with django_assert_num_queries(4):  # key, endpoint, deliveries, tries
        assert len(api.get(path_of(endpoint, "deliveries/")).json()["results"]) == 3


def test_again_one_or_all_since(api: APIClient, endpoint: Endpoint) -> None:
    announce(endpoint.brand, OPENED, [{"number": "1"}, {"number": "2"}])
    Delivery.objects.update(state="delivered", finished_at=timezone.now())
    event = WebhookEvent.objects.earliest("pk")
    hour_ago = (timezone.now() - timedelta(hours=1)).isoformat()

    assert api.post(path_of(endpoint, "replay/"), {"event": event.public_id}).json() == {"deliveries": 1}
    assert api.post(path_of(endpoint, "replay/"), {"since": hour_ago}).json() == {"deliveries": 1}  # the other

    assert Delivery.objects.pending().count() == 2


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({}, 400),
        ({"event": "evt_1"}, 400),
        ({"event": f"evt_{uuid4().hex}"}, 404),
        ({"event": f"evt_{uuid4().hex}", "since": "2026-03-10T12:00:00Z"}, 400),
    ],
)
def test_again_what_is_not_there(api: APIClient, endpoint: Endpoint, asked: dict[str, str], code: int) -> None:
    assert api.post(path_of(endpoint, "replay/"), asked).status_code == code


@pytest.mark.parametrize("part", ["", "secret/", "test/", "replay/", "deliveries/"])
def test_anybody_elses_is_not_there(brand: Brand, endpoint: Endpoint, part: str) -> None:
    affiliates, _secret = new_endpoint(brand, url=URL, events=[OPENED], audience="affiliate:1")
    strangers, own = client_of(make_brand("otra")), client_of(brand)
    before = list(Endpoint.objects.order_by("pk").values())

    for client, row in ((strangers, endpoint), (own, affiliates)):
        for ask in (client.get, client.post, client.patch, client.delete):
            assert ask(path_of(row, part), {"since": "2026-03-10T12:00:00Z"}).status_code in (404, 405)
        assert client.get("/api/v1/webhooks/").json()["results"] == ([] if client is strangers else [own_json(own)])

    assert list(Endpoint.objects.order_by("pk").values()) == before
    assert not Delivery.objects.exists()


def own_json(client: APIClient) -> Any:
    [row] = Endpoint.objects.filter(audience="")
    return client.get(path_of(row)).json()


def test_what_a_key_did_is_on_record(api: APIClient) -> None:
    made = api.post("/api/v1/webhooks/", {"url": URL, "events": [OPENED]}).json()
    path = f"/api/v1/webhooks/{made['id']}/"
    api.patch(path, {"state": "paused"})
    api.post(f"{path}secret/")
    api.delete(path)

    key = ApiKey.objects.get()
    did = [(entry.action, entry.data) for entry in AuditEntry.objects.filter(object_type="endpoint").order_by("pk")]
    assert did == [
        ("added", {"api_key": key.pk}),
        *(("changed", {"api_key": key.pk, "did": each}) for each in ("changed", "secret", "end")),
    ]


def test_a_key_without_the_scope_may_nothing(brand: Brand, endpoint: Endpoint) -> None:
    client = client_of(brand, Scope.FEEDBACK_READ)

    assert {ask(path_of(endpoint)).status_code for ask in (client.get, client.patch, client.delete)} == {403}
    assert client.post("/api/v1/webhooks/", {"url": URL, "events": [OPENED]}).status_code == 403


def test_of_two_who_read_the_same_the_second_changes_and_ends_nothing(api: APIClient, endpoint: Endpoint) -> None:
    read = api.get(path_of(endpoint)).headers["ETag"]
    Endpoint.objects.update(delivered_at=timezone.now())  # no change of what anybody set

    first = api.patch(path_of(endpoint), {"description": "ERP"}, headers={"If-Match": read})
    second = api.patch(path_of(endpoint), {"description": "CRM"}, headers={"If-Match": read})
    ended = api.delete(path_of(endpoint), headers={"If-Match": read})

    assert (first.status_code, second.status_code, ended.status_code) == (200, 412, 412)
    endpoint.refresh_from_db()
    assert (endpoint.description, endpoint.state) == ("ERP", "active")
    assert api.delete(path_of(endpoint), headers={"If-Match": first.headers["ETag"]}).status_code == 204
