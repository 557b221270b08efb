"""More customers than the servers can take: they wait, or are told when to come back; whoever is thanked is stored."""

import os
import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime
from urllib.parse import urlencode, urlsplit, urlunsplit

import pytest
from django.db import connection
from django.utils import timezone

from intake.bench.servers import FORM, OURS, read_answer, serving
from mailing.models import OutgoingMail
from surveys import suspicion
from surveys.models import Answer, Invitation, InvitationMail, Response, Wave
from surveys.standard import publish_standard_survey
from tests import factories
from tests.surveys.factories import send_mail

pytestmark = pytest.mark.django_db(transaction=True)

CUSTOMERS = 120
WARM_UP = 24
TIMES_CAPACITY = 3
PATIENCE = 90  # seconds that a customer waits


@pytest.fixture
def environment(settings) -> dict[str, str]:
    """Of a small gunicorn of ours on the test's database."""
    address = urlsplit(os.environ["DATABASE_URL"])
    return {
        "DATABASE_URL": urlunsplit(address._replace(path=f"/{connection.settings_dict['NAME']}")),
        "REDIS_URL": settings.REDIS_URL,
        "SECRET_KEY": settings.SECRET_KEY,
        "BASE_URL": "http://localhost",
        "WEB_CONCURRENCY": "1",
        "WEB_THREADS": "2",
    }


@pytest.fixture
def port(environment) -> Iterator[int]:
    with serving(OURS, environment=environment) as port:
        yield port


def invite(count: int) -> list[str]:
    """Tokens of as many links, sent just now."""
    brand = factories.make_brand(min_form_seconds=0, max_posts_per_address=0)
    survey, now = publish_standard_survey(brand), timezone.now()
    tokens = []
    for _number in range(count):
        purchase = factories.make_purchase(factories.make_customer(brand))
        invitation = Invitation.objects.create(
            brand=brand,
            survey=survey,
            wave=Wave.FIRST,
            occasion=f"purchase:{purchase.pk}",
            purchase=purchase,
            state=Invitation.State.QUEUED,
        )
        tokens.append(sent(invitation, now).token)
    return tokens


def sent(invitation: Invitation, now: datetime) -> OutgoingMail:
    mail = send_mail(invitation)
    mail.sent_at = now
    mail.save(update_fields=["sent_at"])
    return mail


def post(port: int, token: str, rating: int) -> int:
    """The status with which an answer is taken; 0: the connection was refused, or nobody answered in time."""
    body = urlencode({"nonce": suspicion.make_nonce(token, now=timezone.now()), "csat": rating}).encode()
    head = f"POST /s/{token}/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: {FORM}\r\n"
    try:
        with closing(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)) as customer:
            customer.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            answer = read_answer(customer)
    except (OSError, RuntimeError):
        return 0
    assert answer.status != 503 or b"\r\nretry-after:" in answer.headers.lower()
    return answer.status


def test_above_capacity_customers_wait_and_no_accepted_answer_is_lost(port):
    tokens = invite(WARM_UP + CUSTOMERS)
    first, rest = tokens[:WARM_UP], tokens[WARM_UP:]
    with ThreadPoolExecutor(4) as crowd:
        started = time.perf_counter()
        assert set(crowd.map(lambda token: post(port, token, 5), first)) == {303}
        capacity = WARM_UP / (time.perf_counter() - started)

    ratings = {token: 1 + number % 5 for number, token in enumerate(rest)}
    waits: list[float] = []

    def come(token: str) -> int:
        came = time.perf_counter()
        status = post(port, token, ratings[token])
        waits.append(time.perf_counter() - came)
        return status

    with ThreadPoolExecutor(CUSTOMERS) as crowd:  # they come when they come, whoever still waits
        started, coming = time.perf_counter(), {}
        for number, token in enumerate(rest):
            time.sleep(max(0.0, started + number / (TIMES_CAPACITY * capacity) - time.perf_counter()))
            coming[token] = crowd.submit(come, token)
        statuses = {token: each.result() for token, each in coming.items()}

    assert set(statuses.values()) <= {303, 503, 0}, Counter(statuses.values())
    accepted = {token for token, status in statuses.items() if status == 303}
    assert len(accepted) >= CUSTOMERS / 2
    links = InvitationMail.objects.select_related("mail")
    stored = {link.mail.token: link.invitation_id for link in links}
    said = dict(Answer.objects.filter(question__key="csat").values_list("response__invitation", "number"))
    assert {token: said.get(stored[token]) for token in accepted} == {token: ratings[token] for token in accepted}
    assert Response.objects.count() == len(said) >= WARM_UP + len(accepted)
    taken = f"{len(accepted)} of {CUSTOMERS} taken, the slowest in {max(waits):.1f} s"
    print(f"capacity {capacity:.0f} a second; at {TIMES_CAPACITY} times that {taken}")  # noqa: T201


@pytest.mark.parametrize("path", ["/s/AAAAAAAAAAAAAAAAAAAAAA/", "/api/v1/purchases/"])
def test_without_its_database_it_says_when_to_come_back(environment, path):
    key = "Authorization: Bearer pv_nothing\r\n"
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{key}Connection: close\r\n\r\n".encode()
    nowhere = {**environment, "DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing"}

    with (
        serving(OURS, environment=nowhere) as port,
        closing(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)) as customer,
    ):
        customer.sendall(request)
        answer = read_answer(customer)

    assert answer.status == 503
    assert b"\r\nretry-after: 30\r\n" in answer.headers.lower() + b"\r\n"
