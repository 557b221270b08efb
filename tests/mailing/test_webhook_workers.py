"""Workers of their own that bring webhooks: several at once, and one that is killed in the middle of a request."""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.db import connection
from django.db.models.functions import Now
from pytest_django.fixtures import Settings

from mailing.models import Delivery, DeliveryAttempt, WebhookEvent
from mailing.services.webhooks import announce, deliver_webhooks, new_endpoint
from tests.factories import make_brand
from tests.mailing.receiver import LONG, Receiver
from tests.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.integration]

OPENED = WebhookEvent.Kind.COMPLAINT_OPENED
WORKER = """
import django
django.setup()
from mailing.services.webhooks import deliver_webhooks
deliver_webhooks()
"""


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    settings.WEBHOOK_ALLOW_PRIVATE = True
    server = Receiver()
    yield server
    server.close()


@pytest.fixture
def worker(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """A process of its own that brings what is due in the test's database."""
    address = urlsplit(os.environ["DATABASE_URL"])
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER],
        cwd=Path(__file__).parents[2],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "postventa.settings",
            "DATABASE_URL": urlunsplit(address._replace(path=f"/{connection.settings_dict['NAME']}")),
            "SECRET_KEY": settings.SECRET_KEY,
            "WEBHOOK_ALLOW_PRIVATE": "true",
        },
        stdout=subprocess.DEVNULL,
    )
    yield process
    process.kill()
    process.wait()


def test_several_workers_bring_each_once(receiver: Receiver) -> None:
    brand = make_brand()
    for _number in range(3):
        new_endpoint(brand, url=f"{receiver.url}/200", events=[OPENED])
    announce(brand, OPENED, [{"number": str(number)} for number in range(25)])

    def work(_number: int) -> int:
        try:
            return deliver_webhooks()
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        taken = sum(pool.map(work, range(3)))

    assert taken == 75
    assert set(Counter(receiver.ids).values()) == {3}  # once an endpoint
    assert DeliveryAttempt.objects.count() == 75


def test_what_a_killed_worker_had_sent_comes_again_with_the_same_id(
    receiver: Receiver, request: pytest.FixtureRequest
) -> None:
    """Killed between the request and writing down how it ended: the other side has it, and nobody here knows."""
    receiver.on_request = lambda: time.sleep(LONG)  # the answer is under way when the worker dies
    brand = make_brand()
    new_endpoint(brand, url=f"{receiver.url}/200", events=[OPENED])
    announce(brand, OPENED, [{"number": "2026-000001"}])
    worker: subprocess.Popen[bytes] = request.getfixturevalue("worker")
    wait_until(lambda: len(receiver.received) == 1)
    worker.kill()
    worker.wait()
    receiver.on_request = lambda: None
    assert deliver_webhooks() == 0  # the lease of the dead still holds

    Delivery.objects.update(lease_until=Now())

    assert deliver_webhooks() == 1
    first, again = receiver.received
    assert first.headers["webhook-id"] == again.headers["webhook-id"]
    assert first.body == again.body
    [delivery] = Delivery.objects.all()
    assert (delivery.state, delivery.tries) == (Delivery.State.DELIVERED, 2)
