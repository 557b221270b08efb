"""The purchases API as a shop meets it."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import AccessLog, Brand
from accounts.services import create_api_key
from affiliates.models import Customer, Purchase
from affiliates.services import record_click
from intake.idempotency import forget_old_keys
from intake.models import IdempotencyKey
from intake.services import create_brand
from surveys.models import Invitation
from tests.factories import NOW, make_affiliate, make_brand, make_link

pytestmark = pytest.mark.django_db

URL = "/api/v1/purchases/"
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def today() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def make_shop() -> Brand:
    brand = create_brand("lumbre", name="Lumbre", survey_notice_default=True, allowed_hosts=["lumbre.example"])
    make_affiliate(brand)
    return brand


@pytest.fixture
def brand() -> Brand:
    return make_shop()


def client_of(brand: Brand, *scopes: str) -> Client:
    _key, text = create_api_key(brand, name="tienda", scopes=scopes or None)
    return Client(headers={"Authorization": f"Bearer {text}", "Accept-Language": "en"})


@pytest.fixture
def shop(brand: Brand) -> Client:
    return client_of(brand)


def told(external_id: str = "P1", **fields: Any) -> dict[str, Any]:
    return {
        "external_id": external_id,
        "purchased_at": "2026-03-09T12:00:00Z",
        "amount": "49.90",
        "currency": "EUR",
        "customer": {"email": "carla@correo.example"},
        **fields,
    }


def post(client: Client, body: Any, url: str = URL, **headers: str) -> Any:
    return client.post(url, body, content_type="application/json", headers=headers)


def wrong_fields(response: Any) -> list[tuple[str, str]]:
    return [(field["field"], field["code"]) for field in response.json()["error"]["fields"]]


# --- One purchase ----------------------------------------------------------------------------------------------------
def test_a_purchase_is_answered_with_who_is_credited_and_when_the_customer_is_asked(brand, shop):
    link = make_link(brand.affiliates.get())
    click_id = record_click(link.pk, kind="visit", visitor="", occurred_at=NOW - 2 * DAY)

    response = post(shop, told(click_id=click_id, delivered_at="2026-03-10T13:00:00+01:00"))

    assert response.status_code == 201
    invitation = Invitation.objects.get(wave="first")
    assert response.json() == {
        "external_id": "P1",
        "duplicate": False,
        "updated": False,
        "attribution": {
            "affiliate": "ana",
            "method": "click",
            "confidence": "high",
            "reason": "click_in_window",
            "window_ends_at": "2026-04-07T12:00:00Z",
            "acquiring_affiliate": "ana",
            "indirect_affiliate": None,
        },
        "survey": {
            "state": "planned",
            "scheduled_for": invitation.scheduled_for.isoformat().replace("+00:00", "Z"),
            "reason": None,
        },
    }


def test_nobody_credited_and_nobody_asked_say_why(shop):
    body = post(shop, told()).json()

    assert (body["attribution"]["affiliate"], body["attribution"]["reason"]) == (None, "no_evidence")
    assert body["survey"] == {"state": "waiting", "scheduled_for": None, "reason": "no_delivery"}


def test_the_same_again_a_later_stage_and_another_purchase(shop):
    first = post(shop, told()).json()

    again = post(shop, told(amount=49.9, coupon=None, click_ids=[], metadata={}))
    later = post(shop, told(delivered_at="2026-03-10T12:00:00Z"))
    other = post(shop, told(amount="50", currency="USD"))

    assert (again.status_code, again.json()) == (200, {**first, "duplicate": True})
    assert (later.status_code, later.json()["updated"], later.json()["duplicate"]) == (200, True, False)
    assert later.json()["survey"]["state"] == "planned"
    assert other.status_code == 409
    assert other.json()["error"]["code"] == "idempotency_conflict"
    assert wrong_fields(other) == [("amount", "differs"), ("currency", "differs")]
    assert Purchase.objects.count() == 1


def test_all_that_is_wrong_is_said_at_once_in_the_language_asked_for(shop):
    body = {
        "external_id": "",
        "purchased_at": "2026-03-09T12:00:00",
        "amount": "1,50",
        "currency": "EURO",
        "state": "lost",
        "product": {"name": "Botas", "kind": "thing"},
        "customer": {"email": "carla", "timezone": "Europe/Atlantis", "survey_notice": "perhaps"},
    }

    response = post(shop, body)

    assert response.status_code == 400
    assert response.json()["error"]["code"] == "invalid"
    assert wrong_fields(response) == [
        ("external_id", "required"),
        ("purchased_at", "no_timezone"),
        ("amount", "invalid_amount"),
        ("currency", "unknown_currency"),
        ("state", "invalid_choice"),
        ("product.sku", "required"),
        ("product.kind", "invalid_choice"),
        ("customer.email", "invalid_email"),
        ("customer.timezone", "invalid_timezone"),
        ("customer.survey_notice", "invalid_bool"),
    ]
    assert response.json()["error"]["fields"][0]["message"] == "This is needed."
    assert not Purchase.objects.exists()


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"external_id": None}, ("external_id", "required")),
        ({"external_id": ["P1"]}, ("external_id", "not_a_string")),
        ({"external_id": True}, ("external_id", "not_a_string")),
        ({"external_id": "P" * 121}, ("external_id", "max_length")),
        ({"external_id": "P\x001"}, ("external_id", "invalid_characters")),
        ({"external_id": "P\ud800"}, ("external_id", "invalid_characters")),
        ({"purchased_at": "yesterday"}, ("purchased_at", "invalid_time")),
        ({"purchased_at": 1700000000}, ("purchased_at", "invalid_time")),
        ({"purchased_at": "2026-02-30T12:00:00Z"}, ("purchased_at", "invalid_time")),
        ({"purchased_at": "0001-01-01T00:00:00+14:00"}, ("purchased_at", "invalid_time")),
        ({"purchased_at": "9999-12-31T23:59:59-12:00"}, ("purchased_at", "invalid_time")),
        ({"purchased_at": "2026-03-12T12:00:00Z"}, ("purchased_at", "in_the_future")),
        ({"delivered_at": "2026-03-10"}, ("delivered_at", "no_timezone")),
        ({"delivered_at": "2026-03-08T11:59:59Z"}, ("delivered_at", "before_purchase")),
        ({"activated_at": "2025-03-09T12:00:00Z"}, ("activated_at", "before_purchase")),
        ({"deliverd_at": "2026-03-10T12:00:00Z"}, ("deliverd_at", "unknown_field")),
        ({"x" * 500: 1}, ("x" * 100, "unknown_field")),
        ({"a\x00": 1}, ("", "unknown_field")),
        ({"a\ud800": 1}, ("", "unknown_field")),
        ({"customer": {"mail": "carla@correo.example"}}, ("customer.mail", "unknown_field")),
        ({"product": {"sku": "botas", "price": 5}}, ("product.price", "unknown_field")),
        ({"promised_on": "10/03/2026"}, ("promised_on", "invalid_date")),
        ({"promised_on": "2026-03-101"}, ("promised_on", "invalid_date")),
        ({"amount": "-1"}, ("amount", "invalid_amount")),
        ({"amount": "NaN"}, ("amount", "invalid_amount")),
        ({"amount": "Infinity"}, ("amount", "invalid_amount")),
        ({"amount": "1e3"}, ("amount", "invalid_amount")),
        ({"amount": "٤٩"}, ("amount", "invalid_amount")),
        ({"amount": 1e300}, ("amount", "invalid_amount")),
        ({"amount": True}, ("amount", "invalid_amount")),
        ({"amount": "1.999"}, ("amount", "max_decimal_places")),
        ({"amount": "1" * 13}, ("amount", "invalid_amount")),
        ({"currency": "XTS"}, ("currency", "unknown_currency")),
        ({"currency": 978}, ("currency", "unknown_currency")),
        ({"customer": None}, ("customer", "required")),
        ({"customer": "carla"}, ("customer", "not_an_object")),
        ({"customer": {"email": "carla@correo"}}, ("customer.email", "invalid_email")),
        ({"customer": {"email": "a b@correo.example"}}, ("customer.email", "invalid_email")),
        ({"customer": {"email": "a\x00@correo.example"}}, ("customer.email", "invalid_email")),
        ({"customer": {"email": "a\r\nBcc: b@correo.example"}}, ("customer.email", "invalid_email")),
        ({"customer": {"language": "español de aquí"}}, ("customer.language", "invalid_language")),
        ({"customer": {"timezone": ["Europe/Madrid"]}}, ("customer.timezone", "invalid_timezone")),
        ({"product": []}, ("product", "not_an_object")),
        ({"click_ids": "abc"}, ("click_ids", "invalid_list")),
        ({"click_ids": ["c"] * 51}, ("click_ids", "invalid_list")),
        ({"click_ids": [{}]}, ("click_ids", "not_a_string")),
        ({"metadata": [1]}, ("metadata", "not_an_object")),
        ({"metadata": {"a": "x" * 17_000}}, ("metadata", "max_length")),
        ({"metadata": {"a": "\x00"}}, ("metadata", "invalid_characters")),
        ({"metadata": {"a\ud800": 1}}, ("metadata", "invalid_characters")),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(shop, fields, error):
    response = post(shop, told(**fields))

    assert response.status_code == 400
    assert error in wrong_fields(response)
    assert not Purchase.objects.exists()


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "3", '"P1"', "null", "[" * 100_000, '{"metadata": NaN}', '{"amount": 1e999}', "\xff"]
)
def test_what_is_no_purchase_at_all_is_refused(shop, body):
    response = shop.post(URL, body.encode("latin-1"), content_type="application/json")

    assert response.status_code == 400
    assert set(response.json()["error"]) == {"code", "message", "fields", "request_id"}


def test_infinity_in_metadata_is_refused(shop):
    body = '{"external_id": "P1", "purchased_at": "2026-03-09T12:00:00Z", "amount": "1", "currency": "EUR",'
    response = shop.post(URL, body + '"customer": {}, "metadata": {"a": 1e999}}', content_type="application/json")

    assert (response.status_code, wrong_fields(response)) == (400, [("metadata", "not_an_object")])


def test_a_word_that_looks_like_an_escape_is_kept(shop):
    assert post(shop, told(metadata={"note": "\\u0000 in words"})).status_code == 201
    assert Purchase.objects.get().metadata == {"note": "\\u0000 in words"}


@pytest.mark.parametrize(
    ("language", "stored"), [("es", "es"), ("EN", "en"), ("PT_BR", "pt-BR"), ("zh-Hant", "zh-Hant")]
)
def test_a_language_is_stored_also_where_the_brand_does_not_have_it(shop, language, stored):
    assert post(shop, told(customer={"email": "c@correo.example", "language": language})).status_code == 201
    assert Customer.objects.get().language == stored


def test_two_people_in_one_are_refused(shop):
    post(shop, told("P1", customer={"external_id": "7"}))
    post(shop, told("P2", customer={"email": "bea@correo.example"}))

    response = post(shop, told("P3", customer={"external_id": "7", "email": "BEA@correo.example"}))

    assert (response.status_code, wrong_fields(response)) == (400, [("customer", "customer_mismatch")])


# --- Who may ---------------------------------------------------------------------------------------------------------
def test_without_a_key_nothing_is_taken(brand):
    response = post(Client(), told())

    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"
    assert not Purchase.objects.exists()


def test_a_key_does_what_its_scopes_say(brand):
    post(client_of(brand), told())
    reader, writer = client_of(brand, "purchases:read"), client_of(brand, "purchases:write")

    assert post(reader, told("P2")).status_code == 403
    assert post(reader, [told("P2")], URL + "batch/").status_code == 403
    assert post(reader, {"external_id": "R1", "amount": "1"}, URL + "P1/refunds/").status_code == 403
    assert reader.patch(URL + "P1/", {}, content_type="application/json").status_code == 403
    assert reader.get(URL + "P1/").status_code == 200
    assert writer.get(URL + "P1/").status_code == 403
    assert Purchase.objects.count() == 1


def test_a_key_that_only_writes_is_never_told_who_bought(brand):
    """Whatever it sends of an order that somebody else told us of: the same again, a change, a contradiction."""
    carla = {"email": "carla@correo.example", "external_id": "K-7", "name": "Carla Ruiz"}
    post(client_of(brand), told(customer=carla, metadata={"gift": "Bea"}))
    writer = client_of(brand, "purchases:write", "complaints:write")
    same, other = told(customer=carla), told(customer={"external_id": "K-8"})

    answers = [
        post(writer, same),
        post(writer, other),
        post(writer, [same, other], URL + "batch/"),
        writer.patch(URL + "P1/", {}, content_type="application/json"),
        writer.patch(URL + "P1/", {"delivered_at": "2026-03-10T12:00:00Z"}, content_type="application/json"),
        writer.patch(URL + "P1/", {"customer": {"name": "?"}}, content_type="application/json"),
        post(writer, {"external_id": "R1", "amount": "1"}, URL + "P1/refunds/"),
        post(writer, {"purchase": "P1", "kind": "inquiry", "subject": "?"}, "/api/v1/complaints/"),
    ]

    assert [answer.status_code for answer in answers] == [200, 409, 200, 200, 200, 400, 201, 201]
    names = ("carla", "ruiz", "k-7", "bea")
    assert [name for answer in answers for name in names if name in answer.content.decode().lower()] == []
    told_back = ["activated_at", "attribution", "delivered_at", "external_id", "follow_up", "promised_on", "state"]
    assert sorted(answers[4].json()) == [*told_back, "survey"]
    assert answers[4].json()["delivered_at"] == "2026-03-10T12:00:00Z"
    assert not AccessLog.objects.exists()  # nobody was named
    assert {answer.headers["Cache-Control"] for answer in answers} == {"private, no-store"}


def test_no_scope_opens_a_method_that_is_not_there(shop):
    post(shop, told())

    response = shop.delete(URL + "P1/")

    assert response.status_code == 405
    assert response.json()["error"]["code"] == "method_not_allowed"
    assert Purchase.objects.count() == 1


def test_another_brands_purchases_do_not_exist(brand, shop):
    post(shop, told())
    rival = client_of(make_brand("faro"))

    assert rival.get(URL + "P1/").status_code == 404
    assert rival.patch(URL + "P1/", {"state": "cancelled"}, content_type="application/json").status_code == 404
    assert post(rival, {"external_id": "R1", "amount": "1"}, URL + "P1/refunds/").status_code == 404
    assert Purchase.objects.get().state == "open"


# --- Idempotency-Key -------------------------------------------------------------------------------------------------
def test_a_key_gets_the_first_answer_again(shop):
    first = post(shop, told(), **{"Idempotency-Key": "k1"})
    post(shop, told(delivered_at="2026-03-10T12:00:00Z"))

    again = post(shop, told(), **{"Idempotency-Key": "k1"})

    assert (again.status_code, again.json()) == (201, first.json())
    assert again["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first


def test_a_key_with_another_body_is_a_conflict(shop):
    post(shop, told(), **{"Idempotency-Key": "k1"})

    for body, url in ((told("P2"), URL), ([told()], URL + "batch/")):
        response = post(shop, body, url, **{"Idempotency-Key": "k1"})

        assert (response.status_code, response.json()["error"]["code"]) == (409, "idempotency_key_reused")
    assert Purchase.objects.count() == 1


def test_a_refusal_leaves_the_key_free(shop):
    assert post(shop, told(amount="-1"), **{"Idempotency-Key": "k1"}).status_code == 400
    assert post(shop, told(), **{"Idempotency-Key": "k1"}).status_code == 201


def test_a_key_is_forgotten_after_thirty_days(shop):
    post(shop, told(), **{"Idempotency-Key": "k1"})
    IdempotencyKey.objects.update(created_at=NOW - timedelta(days=30, seconds=1))

    response = post(shop, told(), **{"Idempotency-Key": "k1"})

    assert (response.status_code, response.json()["duplicate"]) == (200, True)
    assert "Idempotent-Replayed" not in response


def test_keys_whose_answer_nobody_gets_again_are_forgotten(shop):
    post(shop, told(), **{"Idempotency-Key": "old"})
    IdempotencyKey.objects.update(created_at=NOW - timedelta(days=30, seconds=1))
    post(shop, told(), **{"Idempotency-Key": "new"})

    assert forget_old_keys(now=NOW) == 1

    assert IdempotencyKey.objects.get().key == "new"


def test_two_brands_may_use_the_same_key(shop):
    assert post(shop, told(), **{"Idempotency-Key": "k1"}).status_code == 201
    assert post(client_of(make_brand("faro")), told("P2"), **{"Idempotency-Key": "k1"}).status_code == 201


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_a_key_that_is_none_is_refused(shop, key):
    response = post(shop, told(), **{"Idempotency-Key": key})

    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_idempotency_key")


def simultaneously(times: int, call: Callable[[int], Any]) -> list[Any]:
    barrier = Barrier(times)

    def run(number: int) -> Any:
        try:
            connection.ensure_connection()
            barrier.wait(timeout=60)
            return call(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(run, range(times)))


@pytest.mark.django_db(transaction=True)
def test_of_fifty_simultaneous_posts_one_creates_and_asks():
    shop = client_of(make_shop())
    body = told(affiliate="ana", delivered_at="2026-03-10T12:00:00Z")

    responses = simultaneously(50, lambda _number: post(shop, body))

    assert Counter((r.status_code, r.json()["duplicate"]) for r in responses) == {(201, False): 1, (200, True): 49}
    assert {str(r.json()["attribution"]) for r in responses} == {str(responses[0].json()["attribution"])}
    assert Purchase.objects.count() == Invitation.objects.filter(wave="first").count() == Customer.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_twenty_simultaneous_posts_with_one_key_one_is_worked_and_all_get_its_answer():
    shop = client_of(make_shop())

    responses = simultaneously(20, lambda _number: post(shop, told(), **{"Idempotency-Key": "k1"}))

    assert {r.status_code for r in responses} == {201}
    assert sum("Idempotent-Replayed" in r for r in responses) == 19
    assert Purchase.objects.count() == 1


# --- Batches ---------------------------------------------------------------------------------------------------------
def test_a_batch_answers_each_row_in_order(shop):
    post(shop, told("P1"))

    response = post(
        shop,
        [
            told("P2"),
            told("P1"),
            told("P1", delivered_at="2026-03-10T12:00:00Z"),
            told("P1", amount="1"),
            told("P3", amount="-1"),
            "P4",
            told("P2"),
            {"external_id": {"a": 1}},
        ],
        URL + "batch/",
    )

    rows = response.json()["results"]
    assert response.status_code == 200
    assert [row["status"] for row in rows] == [
        "created", "duplicate", "updated", "conflict", "rejected", "rejected", "duplicate", "rejected",
    ]  # fmt: skip
    assert [row["external_id"] for row in rows][:5] == ["P2", "P1", "P1", "P1", "P3"]
    assert rows[0]["survey"]["reason"] == "no_delivery"
    assert rows[3]["error"]["code"] == "idempotency_conflict"
    assert [(f["field"], f["code"]) for f in rows[4]["error"]["fields"]] == [("amount", "invalid_amount")]
    assert Purchase.objects.count() == 2


@pytest.mark.parametrize("body", [{}, None, '"P1"', [{}] * 1001])
def test_a_batch_is_a_list_of_up_to_a_thousand(shop, body):
    assert wrong_fields(post(shop, body, URL + "batch/")) == [("", "invalid_batch")]


@pytest.mark.parametrize("external_id", ["a\x00b", "\ud800", {"a": "\x00"}, ["P1"], 7])
def test_a_batch_with_a_key_tells_back_no_id_that_cannot_be_kept(shop, external_id):
    body = [told(external_id, amount="-1")]

    first, again = (post(shop, body, URL + "batch/", **{"Idempotency-Key": "k"}) for _n in range(2))

    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert first.json()["results"][0]["status"] == "rejected"


def test_an_empty_batch_is_no_fault(shop):
    assert post(shop, [], URL + "batch/").json() == {"results": []}


def test_a_thousand_purchases_take_as_many_statements_as_ten(shop):
    def batch(prefix: str, size: int) -> list[dict[str, Any]]:
        return [
            told(
                f"{prefix}{i}",
                customer={"email": f"{prefix}{i}@correo.example", "external_id": f"{prefix}{i}"},
                product={"sku": f"{prefix}{i % 50}"},
                affiliate="ana",
                delivered_at="2026-03-10T12:00:00Z",
            )
            for i in range(size)
        ]

    post(shop, batch("warm", 1), URL + "batch/")
    counts = []
    for name, size in (("small", 10), ("large", 1000)):
        body = batch(name, size)
        with CaptureQueriesContext(connection) as queries:
            response = post(shop, body, URL + "batch/")
        assert {row["status"] for row in response.json()["results"]} == {"created"}
        counts.append(len(queries))

    assert counts[0] == counts[1]
    assert Invitation.objects.filter(wave="first").count() == 1011


# --- A purchase later ------------------------------------------------------------------------------------------------
def test_a_purchase_is_told_back(shop):
    post(
        shop,
        told(
            "A/1 ñ",
            product={"sku": "botas", "name": "Botas", "category": "Calzado"},
            customer={"email": "carla@correo.example", "external_id": "7", "survey_notice": True},
            affiliate="ana",
            coupon="OTOÑO",
            promised_on="2026-03-11",
            metadata={"a": 1},
        ),
    )

    body = shop.get(URL + "A%2F1%20%C3%B1/").json()

    attribution = body.pop("attribution")
    assert (attribution["affiliate"], attribution["method"]) == ("ana", "declared")
    assert body == {
        "external_id": "A/1 ñ",
        "purchased_at": "2026-03-09T12:00:00Z",
        "delivered_at": None,
        "activated_at": None,
        "promised_on": "2026-03-11",
        "amount": "49.90",
        "currency": "EUR",
        "state": "open",
        "product": {"sku": "botas", "name": "Botas", "category": "Calzado", "kind": "goods"},
        "customer": {
            "email": "carla@correo.example",
            "external_id": "7",
            "name": "",
            "language": None,
            "timezone": None,
            "survey_notice": True,
        },
        "click_ids": [],
        "coupon": "otoño",
        "affiliate": "ana",
        "referral": None,
        "recommended_by": None,
        "metadata": {"a": 1},
        "refunds": [],
        "survey": {"state": "waiting", "scheduled_for": None, "reason": "no_delivery"},
        "follow_up": {"state": "waiting", "scheduled_for": None, "reason": "no_delivery"},
    }


@pytest.mark.parametrize("external_id", ["nope", "%00", "%ED%A0%80", "x" * 500])
def test_an_unknown_purchase_is_not_found(shop, external_id):
    response = shop.get(f"{URL}{external_id}/")

    assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")


def test_a_delivery_told_later_plans_the_survey_and_a_cancellation_ends_it(shop):
    post(shop, told())

    delivered = shop.patch(URL + "P1/", {"delivered_at": "2026-03-10T12:00:00Z"}, content_type="application/json")
    corrected = shop.patch(URL + "P1/", {"delivered_at": None}, content_type="application/json")
    cancelled = shop.patch(URL + "P1/", {"state": "cancelled"}, content_type="application/json")
    back = shop.patch(URL + "P1/", {"state": "open"}, content_type="application/json")

    assert delivered.json()["survey"]["state"] == "planned"
    assert corrected.json()["survey"]["state"] == "waiting"
    assert (cancelled.json()["state"], cancelled.json()["survey"]["reason"]) == ("cancelled", "cancelled")
    assert (back.status_code, back.json()["error"]["code"]) == (409, "state_conflict")


def test_of_two_who_read_the_same_the_second_learns_that_it_has_changed(shop):
    post(shop, told())
    read = shop.get(URL + "P1/").headers["ETag"]

    def tell(day: int, version: str) -> Any:
        body = {"delivered_at": f"2026-03-{day}T12:00:00Z"}
        return shop.patch(URL + "P1/", body, content_type="application/json", headers={"If-Match": version})

    first, second = tell(10, read), tell(11, read)

    assert (first.status_code, second.status_code) == (200, 412)
    assert second.json()["error"]["code"] == "precondition_failed"
    now = shop.get(URL + "P1/")
    assert now.json()["delivered_at"] == "2026-03-10T12:00:00Z"
    assert now.headers["ETag"] == first.headers["ETag"] != read
    assert tell(12, f'"another", {now.headers["ETag"]}').status_code == 200
    assert tell(13, "*").status_code == 200


def test_who_read_a_purchase_is_on_record(shop, brand):
    post(shop, told())
    shop.get(URL + "P1/")
    shop.patch(URL + "P1/", {}, content_type="application/json")  # which tells it too

    assert AccessLog.objects.count() == 2
    for access in AccessLog.objects.all():
        assert (access.api_key.brand, access.purpose, access.object_type) == (brand, "view", "purchase")
        assert access.object_id == str(Purchase.objects.get().pk)


def test_what_was_bought_cannot_be_patched(shop):
    post(shop, told())

    response = shop.patch(URL + "P1/", {"amount": "1", "state": "lost"}, content_type="application/json")
    assert wrong_fields(response) == [("state", "invalid_choice"), ("amount", "read_only")]

    response = shop.patch(URL + "P1/", {"amount": "1"}, content_type="application/json")
    assert (response.status_code, wrong_fields(response)) == (400, [("amount", "read_only")])


def test_a_misspelt_or_impossible_stage_is_refused_alike_by_post_batch_and_patch(shop):
    post(shop, told())
    news = {"delivered_at": "2026-03-01T12:00:00Z", "activated": "2026-03-10T12:00:00Z"}
    wrong = [("activated", "unknown_field"), ("delivered_at", "before_purchase")]

    single = post(shop, told("P2", **news))
    batch = post(shop, [told("P2", **news)], URL + "batch/").json()["results"][0]
    patched = shop.patch(URL + "P1/", news, content_type="application/json")

    assert (single.status_code, sorted(wrong_fields(single))) == (400, wrong)
    assert batch["status"] == "rejected"
    assert sorted((each["field"], each["code"]) for each in batch["error"]["fields"]) == wrong
    assert (patched.status_code, sorted(wrong_fields(patched))) == (400, wrong)
    assert Purchase.objects.values_list("external_id", "delivered_at").get() == ("P1", None)


def test_a_shop_that_knows_only_the_day_of_delivery_may_name_that_of_the_purchase(shop):
    day = "2026-03-09T00:00:00Z"  # bought at noon

    assert post(shop, told(delivered_at=day)).status_code == 201
    assert shop.patch(URL + "P1/", {"activated_at": day}, content_type="application/json").status_code == 200


def test_a_refund_with_a_misspelt_name_is_refused(shop):
    post(shop, told())

    response = post(shop, {"external_id": "R1", "amount": "5", "reson": "Talla"}, URL + "P1/refunds/")

    assert (response.status_code, wrong_fields(response)) == (400, [("reson", "unknown_field")])


def test_refunds_are_recorded_once_and_a_whole_one_ends_the_asking(shop):
    post(shop, told(delivered_at="2026-03-10T12:00:00Z"))
    url = URL + "P1/refunds/"
    given = {"external_id": "R1", "amount": "9.90", "reason": "Talla", "refunded_at": "2026-03-10T12:00:00Z"}

    first, again = post(shop, given, url), post(shop, given, url)
    too_much = post(shop, {"external_id": "R2", "amount": "40.01"}, url)
    other = post(shop, {**given, "amount": "1"}, url)
    rest = post(shop, {"external_id": "R2", "amount": "40"}, url)

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json() == given
    assert (too_much.status_code, wrong_fields(too_much)) == (400, [("amount", "more_than_paid")])
    assert (other.status_code, other.json()["error"]["code"]) == (409, "idempotency_conflict")
    assert rest.status_code == 201
    told_back = shop.get(URL + "P1/").json()
    assert (told_back["state"], [refund["amount"] for refund in told_back["refunds"]]) == (
        "refunded",
        ["9.90", "40.00"],
    )
    assert (told_back["survey"]["state"], told_back["survey"]["reason"]) == ("cancelled", "refunded")


@pytest.mark.parametrize(("amount", "code"), [("x", "invalid_amount"), ("0.00", "min_value")])
def test_a_refund_that_cannot_be_read_is_refused_by_name(shop, amount, code):
    post(shop, told())

    response = post(shop, {"amount": amount, "refunded_at": "soon"}, URL + "P1/refunds/")

    assert wrong_fields(response) == [
        ("external_id", "required"),
        ("amount", code),
        ("refunded_at", "invalid_time"),
    ]
