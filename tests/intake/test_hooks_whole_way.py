"""From a shop's webhook to the customer's mailbox: over HTTP, with a worker and a beat of its own."""

import json
from datetime import UTC, datetime, timedelta
from urllib.request import Request, urlopen

import pytest
from pytest_django.live_server_helper import LiveServer

from affiliates.models import Refund
from intake.hooks.keeping import set_hook_secret
from intake.models import InboundEvent
from intake.services import create_brand
from postventa.processes import Child
from tests.conftest import ReceivingMailbox
from tests.intake.hooks import SECRET, base64_hmac, shopify_order, shopify_refund
from tests.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.integration]


def test_a_refund_and_then_its_order_end_in_a_refund_and_a_mail(
    live_server: LiveServer, live_worker: Child, mailbox: ReceivingMailbox
) -> None:
    now = datetime.now(UTC)
    brand = create_brand(
        "lumbre",
        name="Lumbre",
        survey_notice_default=True,
        survey_sender="encuestas@lumbre.example",
        delay_goods=timedelta(0),
        window_start="00:00",
        window_end="23:59:59",
        is_spread=False,
    )
    set_hook_secret(brand, "shopify", SECRET, now=now)
    delivered = {"status": "success", "shipment_status": "delivered", "updated_at": now.isoformat()}
    order = shopify_order(
        processed_at=(now - timedelta(days=2)).isoformat(), fulfillment_status="fulfilled", fulfillments=[delivered]
    )

    def send(topic: str, payload: dict[str, object]) -> int:
        body = json.dumps(payload).encode()
        headers = {"X-Shopify-Topic": topic, "X-Shopify-Hmac-Sha256": base64_hmac(body), "X-Shopify-Event-Id": topic}
        address = f"{live_server.url}/api/v1/hooks/shopify/lumbre/"
        request = Request(address, body, {**headers, "Content-Type": "application/json"})
        with urlopen(request) as response:
            return int(response.status)

    answers = [send("refunds/create", shopify_refund()), send("orders/create", order)]
    [mail] = mailbox.wait_for(1)
    wait_until(lambda: Refund.objects.filter(external_id="777").exists())

    assert answers == [200, 200]
    assert mail.to == "carla@correo.example"
    assert set(InboundEvent.objects.values_list("kind", "state")) == {
        ("refunds/create", "done"),
        ("orders/create", "done"),
    }
