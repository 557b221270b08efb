"""The doors for shops: who gets in, what is stored before anything else, and what happens when something breaks."""

import hmac
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO
from threading import Barrier
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.test import Client

from accounts.sealing import SealBroken, seal, unseal
from affiliates.models import Purchase
from intake.hooks import processing
from intake.hooks.keeping import forget_previous_secret, set_hook_secret
from intake.hooks.processing import process_due_events
from intake.hooks.signatures import canonical_query, is_base64_hmac, is_stripe_signed
from intake.models import Hook, InboundEvent
from tests.factories import NOW
from tests.intake.hooks import SECRET, Shopify, base64_hmac, make_shop, purchases, shopify_order

pytestmark = pytest.mark.django_db

BODY = json.dumps(shopify_order()).encode()


@pytest.fixture(autouse=True)
def today() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def shop() -> Shopify:
    return Shopify(make_shop())


def refusal(response: Any) -> dict[str, Any]:
    """Without the request's own id, by which two equal refusals differ."""
    return {**response.json()["error"], "request_id": ""}


# --- Who gets in ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "signature",
    [
        "",
        "x",
        base64_hmac(BODY, "another secret"),
        base64_hmac(BODY + b" "),
        base64_hmac(BODY)[:-1],
        base64_hmac(BODY).lower(),
        "ñ" * 44,
        "=" * 10_000,
    ],
)
def test_whoever_cannot_sign_leaves_no_trace(shop, signature):
    headers = {"X-Shopify-Topic": "orders/create", "X-Shopify-Event-Id": "e1"}

    response = shop.post(BODY, **headers, **({"X-Shopify-Hmac-Sha256": signature} if signature else {}))

    assert response.status_code == 401
    assert refusal(response)["code"] == "invalid_signature"
    assert not InboundEvent.objects.exists()
    assert not Purchase.objects.exists()


@pytest.mark.parametrize("slug", ["faro", "nobody", "a%00b", "%F0%9F%92%A5", "Lumbre", "x" * 300])
def test_unknown_brands_and_hooks_answer_as_a_wrong_signature_does(shop, slug):
    make_shop("faro")
    signature = {"X-Shopify-Topic": "orders/create", "X-Shopify-Hmac-Sha256": base64_hmac(BODY)}
    wrong = shop.post(BODY, **{**signature, "X-Shopify-Hmac-Sha256": "x"})

    response = shop.post(BODY, brand=slug, **signature)

    assert (response.status_code, refusal(response)) == (wrong.status_code, refusal(wrong))
    assert not InboundEvent.objects.exists()


def test_one_brands_secret_opens_no_other_brand(shop):
    other = Shopify(make_shop("faro"), secret="another-secret")

    response = other.post(BODY, **{"X-Shopify-Topic": "orders/create", "X-Shopify-Hmac-Sha256": base64_hmac(BODY)})

    assert response.status_code == 401


def test_two_secrets_hold_while_they_are_changed(shop):
    hook, _text = set_hook_secret(shop.brand, "shopify", "the-new-secret", now=NOW)
    with_old = shop.send("orders/create", shopify_order(id=1))
    shop.secret = "the-new-secret"
    with_new = shop.send("orders/create", shopify_order(id=2))
    forgotten = forget_previous_secret(hook)
    shop.secret = SECRET
    with_old_again = shop.send("orders/create", shopify_order(id=3))

    assert [with_old.status_code, with_new.status_code, with_old_again.status_code] == [200, 200, 401]
    assert forgotten
    assert purchases() == {"1": "open", "2": "open"}


def test_a_third_secret_drives_the_first_out(shop):
    for secret in ("second-secret", "third-secret"):
        set_hook_secret(shop.brand, "shopify", secret, now=NOW)

    assert shop.send("orders/create", shopify_order()).status_code == 401
    assert Hook.objects.count() == 1


@pytest.mark.parametrize("secret", ["short", "x" * 201, "contraseña-larga", "two\nlines of it"])
def test_what_is_no_secret_is_refused(shop, secret):
    with pytest.raises(ValidationError, match=r"8 (to|a) 200"):
        set_hook_secret(shop.brand, "shopify", secret, now=NOW)


def test_secrets_lie_sealed_and_open_with_any_key_that_still_holds(settings):
    settings.LINK_KEYS = {1: "a" * 50}
    sealed = seal("geheim")
    settings.LINK_KEYS = {1: "a" * 50, 2: "b" * 50}
    opened = unseal(sealed)
    settings.LINK_KEYS = {2: "b" * 50}

    assert opened == "geheim"
    assert b"geheim" not in sealed
    with pytest.raises(SealBroken):
        unseal(sealed)


def test_a_hook_whose_seal_is_broken_lets_nobody_in(shop, settings):
    settings.LINK_KEYS = {9: "c" * 50}

    assert shop.send("orders/create", shopify_order()).status_code == 401


def test_the_command_prints_the_secret_alone_and_reads_one(monkeypatch):
    brand = make_shop()
    out = StringIO()
    call_command("create_hook", "woocommerce", brand=brand.slug, stdout=out)
    monkeypatch.setattr("sys.stdin", StringIO("whsec_0123456789\n"))
    given = StringIO()
    call_command("create_hook", "stripe", brand=brand.slug, secret_stdin=True, stdout=given)

    assert unseal(Hook.objects.get(source="woocommerce").sealed_secret) == out.getvalue().strip()
    assert given.getvalue() == "whsec_0123456789\n"
    with pytest.raises(CommandError, match="no brand"):
        call_command("create_hook", "stripe", brand="nobody")


# --- What comes in -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "body",
    [b"", BODY[:-40], b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 100_000, b'{"id": ' + b"9" * 10_000 + b"}", b"\0"],
)
def test_signed_nonsense_is_refused_and_nothing_stored(shop, body):
    response = shop.send("orders/create", body)

    assert (response.status_code, refusal(response)["code"]) == (400, "parse_error")
    assert not InboundEvent.objects.exists()


def test_what_is_too_large_is_refused_before_it_is_read(shop, settings):
    settings.HOOK_MAX_BYTES = 1000

    for brand in ("lumbre", "nobody"):
        response = shop.post(b"x" * 1001, brand=brand)

        assert (response.status_code, refusal(response)["code"]) == (413, "too_large")


def test_more_than_django_reads_is_refused_alike(shop, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100

    assert shop.send("orders/create", shopify_order()).status_code == 413


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "?"]
)
def test_the_signature_vouches_whatever_the_content_type_says(shop, content_type):
    headers = {"X-Shopify-Topic": "orders/create", "X-Shopify-Hmac-Sha256": base64_hmac(BODY)}

    response = shop.post(BODY, content_type=content_type, **headers)

    assert response.status_code == 200
    assert purchases() == {"5678901234567": "open"}


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete"])
def test_only_posts_are_taken(shop, method):
    assert getattr(shop.client, method)("/api/v1/hooks/shopify/lumbre/").status_code == 405


@pytest.mark.parametrize("name", ["X_Shopify_Event_Id", "X_Shopify_Topic"])
def test_long_names_are_told_apart_all_the_same(shop, name):
    for ending in "ab":
        shop.send("orders/create", shopify_order(), **{name: "x" * 500 + ending})

    assert InboundEvent.objects.count() == 2


def test_without_any_id_the_body_tells_messages_apart(shop):
    for body in (BODY, BODY, json.dumps(shopify_order(id=2, email="b@correo.example", customer=None)).encode()):
        shop.post(body, **{"X-Shopify-Topic": "orders/create", "X-Shopify-Hmac-Sha256": base64_hmac(body)})

    assert InboundEvent.objects.count() == 2


def test_no_cookie_and_no_csrf_token_is_wanted(shop):
    shop.client = Client(enforce_csrf_checks=True)

    response = shop.send("orders/create", shopify_order())

    assert response.status_code == 200
    assert not response.cookies


# --- When something breaks -----------------------------------------------------------------------------------------
def test_a_fault_of_ours_costs_no_message(shop, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(processing, "_apply", lambda *args, **kwargs: 1 / 0)
        response = shop.send("orders/create", shopify_order())
    stored = InboundEvent.objects.get()

    process_due_events(now=NOW + timedelta(hours=1))

    assert response.status_code == 200
    assert (stored.state, stored.reason, stored.error) == ("received", "fault", "ZeroDivisionError")
    assert purchases() == {"5678901234567": "open"}


def test_a_fault_that_stays_ends_in_sight_and_stops_no_other(shop, monkeypatch, settings):
    settings.HOOK_MAX_ATTEMPTS = 3
    work = processing._apply
    monkeypatch.setattr(
        processing,
        "_apply",
        lambda event, news, *, now: 1 / 0 if news.order_id == "1" else work(event, news, now=now),
    )
    shop.send("orders/create", shopify_order(id=1))
    for hour in range(1, 5):
        process_due_events(now=NOW + timedelta(hours=hour))
    shop.send("orders/create", shopify_order(id=2))

    assert purchases() == {"2": "open"}
    assert list(InboundEvent.objects.order_by("id").values_list("state", "attempts")) == [("failed", 3), ("done", 1)]


def test_what_a_killed_process_left_is_worked_by_the_next(shop):
    event = InboundEvent.objects.create(
        brand=shop.brand, source="shopify", kind="orders/create", event_id="e1", body=BODY, try_at=NOW
    )

    done = process_due_events(now=NOW)

    event.refresh_from_db()
    assert (done, event.state, event.processed_at) == (1, "done", NOW)
    assert process_due_events(now=NOW) == 0


@pytest.mark.django_db(transaction=True)
def test_the_same_message_twenty_times_at_once_is_one_purchase(shop):
    barrier = Barrier(20)

    def send(_number: int) -> tuple[int, bool]:
        try:
            barrier.wait()
            headers = {"X-Shopify-Topic": "orders/create", "X-Shopify-Event-Id": "e1"}
            response = shop.post(BODY, **headers, **{"X-Shopify-Hmac-Sha256": base64_hmac(BODY)})
            return response.status_code, response.json()["duplicate"]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(send, range(20)))

    assert sorted(answers) == [(200, False)] + [(200, True)] * 19
    assert InboundEvent.objects.count() == Purchase.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_share_a_backlog_without_meeting(shop):
    for number in range(40):
        order = shopify_order(id=number + 1, email=f"c{number}@correo.example", customer=None)
        InboundEvent.objects.create(
            brand=shop.brand,
            source="shopify",
            kind="orders/create",
            event_id=str(number),
            body=json.dumps(order).encode(),
            try_at=NOW,
        )

    def work(_number: int) -> int:
        try:
            return process_due_events(now=NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(work, range(4)))

    assert Purchase.objects.count() == 40
    assert sum(counts) == 40
    assert set(InboundEvent.objects.values_list("state", "attempts")) == {("done", 1)}


# --- Signatures ----------------------------------------------------------------------------------------------------
def test_signatures_agree_with_published_examples():
    # RFC 4231, test case 2; and OpenSSL's answers for the others.
    hexadecimal = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    base64_text = "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM="

    assert is_base64_hmac(base64_text, b"what do ya want for nothing?", ["Jefe"])
    assert not is_base64_hmac(hexadecimal, b"what do ya want for nothing?", ["Jefe"])
    assert not is_base64_hmac(base64_text, b"what do ya want for nothing?", [])


def test_nobodys_secret_signs_for_nobody():
    assert not is_base64_hmac(base64_hmac(BODY, "nobody's"), BODY, [])


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ([("b", "2"), ("a", "1")], "a=1&b=2"),
        ([("q", "café con leche")], "q=caf%C3%A9%20con%20leche"),
        ([("a", "~-._*'()!/:+&=%")], "a=~-._%2A%27%28%29%21%2F%3A%2B%26%3D%25"),
        ([("a", "2"), ("a", "1"), ("ab", "0")], "a=1&a=2&ab=0"),
        ([("a", "")], "a="),
        ([], ""),
    ],
)
def test_a_query_has_one_canonical_form(parameters, text):
    assert canonical_query(parameters) == text


def test_stripes_header_may_carry_other_schemes_and_several_signatures():
    body, stamp = b'{"id": "evt_1"}', str(int(NOW.timestamp()))
    right = hmac.digest(b"whsec_test", f"{stamp}.".encode() + body, "sha256").hex()

    def is_signed(header: str) -> bool:
        return is_stripe_signed(header, body, ["whsec_old", "whsec_test"], now=NOW)

    assert is_signed(f"t={stamp},v1={right},v0=x")
    assert is_signed(f"t={stamp}, v1={'0' * 64}, v1={right}")
    assert not is_signed(f"t={stamp},v0={right}")
    assert not is_signed(f"v1={right}")
    assert not is_signed(f"t={int(stamp) + 1},v1={right}")
