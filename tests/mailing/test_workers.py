"""Several workers at once, and one that is killed: with processes, threads and commits of their own."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from threading import Timer
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg2
import pytest
import redis
from django.db import OperationalError, connection
from django.db.models.functions import Now
from pytest_django.fixtures import Settings

from mailing.models import OutgoingMail
from mailing.patience import patiently
from mailing.services import queue_mails, recover_expired_leases, send_due_mail
from mailing.services.claiming import claim_due
from mailing.services.sending import promise
from mailing.tasks import send_due_mail as send_mail_task
from tests.factories import make_brand
from tests.mailing.conftest import AnsweringServer
from tests.mailing.factories import make_answer_request, make_request
from tests.waiting import wait_until

State = OutgoingMail.State
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.integration]

ROOT = Path(__file__).parents[2]
WORKER = """
import sys
import django
django.setup()
from django.conf import settings
engine = settings.TEMPLATES[0]
settings.TEMPLATES = [{**engine, "DIRS": [*engine["DIRS"], sys.argv[1]]}]
from mailing.services import send_due_mail
print(send_due_mail(), flush=True)
"""


def test_four_workers_deliver_a_thousand_mails_exactly_once(server: AnsweringServer, settings: Settings) -> None:
    settings.MAIL_BATCH_SIZE = 20
    mails = queue_mails([make_request(make_brand()) for _ in range(1)])
    mails += queue_mails([make_request(mails[0].brand) for _ in range(999)])

    def work(_: int) -> int:
        try:
            return send_due_mail(seconds=60)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        sent = list(pool.map(work, range(4)))

    assert sum(sent) == 1000
    assert Counter(server.recipients) == Counter(mail.to_address for mail in mails)
    assert set(OutgoingMail.objects.values_list("state", "attempts")) == {(State.SENT, 1)}
    assert sum(count > 0 for count in sent) > 1  # they did share the work


def worker_environment(settings: Settings, port: int) -> dict[str, str]:
    """What a process of its own needs to work in the test's database and to mail to the test's server."""
    address = urlsplit(os.environ["DATABASE_URL"])
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "DJANGO_SETTINGS_MODULE": "postventa.settings",
        "DATABASE_URL": urlunsplit(address._replace(path=f"/{connection.settings_dict['NAME']}")),
        "SECRET_KEY": settings.SECRET_KEY,
        "EMAIL_URL": f"smtp://127.0.0.1:{port}",
        "EMAIL_TIMEOUT": "60",
    }


@pytest.fixture
def start_worker(server: AnsweringServer, settings: Settings) -> Callable[[], subprocess.Popen[bytes]]:
    """Starts a process of its own that sends what is due in the test's database to the test's server."""
    environment = {**worker_environment(settings, server.port), "MAIL_CONNECTIONS": "1"}

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", WORKER, str(Path(__file__).parent / "templates")],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
        )

    return start


def test_a_worker_killed_while_the_server_hesitates_loses_nothing_and_doubles_nothing(
    server: AnsweringServer, start_worker: Callable[[], subprocess.Popen[bytes]]
) -> None:
    server.seconds = 20
    brand = make_brand()
    names = ["first", "slow-survey", "third", "fourth"]
    queue_mails([make_request(brand, to=f"{name}@correo.example") for name in names])
    worker = start_worker()
    wait_until(lambda: len(server.delivered) == 2)  # the server has the second, and has not said so

    worker.send_signal(signal.SIGKILL)
    worker.wait()
    OutgoingMail.objects.filter(lease_until__isnull=False).update(lease_until=Now() - timedelta(seconds=1))
    recover_expired_leases()
    send_due_mail()
    send_due_mail()

    delivered = server.recipients
    assert delivered[:2] == ["first@correo.example", "slow-survey@correo.example"]
    assert len(delivered) == len(set(delivered))
    states = dict(OutgoingMail.objects.values_list("to_address", "state"))
    # What the server had confirmed may not have been written down yet; what it had not can only be uncertain.
    assert states.pop("first@correo.example") in (State.SENT, State.UNCERTAIN)
    assert states.pop("slow-survey@correo.example") == State.UNCERTAIN
    # The others waited, unless one had just been promised as well: then nobody knows of it, and staff are shown it.
    for address, state in states.items():
        assert state == (State.SENT if address in delivered else State.UNCERTAIN)


def test_an_answer_whose_worker_was_killed_is_sent_again_under_the_same_id(
    server: AnsweringServer, start_worker: Callable[[], subprocess.Popen[bytes]]
) -> None:
    server.seconds = 5
    (mail,) = queue_mails([make_answer_request(make_brand(), to="slow-answer@correo.example")])
    worker = start_worker()
    wait_until(lambda: len(server.delivered) == 1)

    worker.send_signal(signal.SIGKILL)
    worker.wait()
    OutgoingMail.objects.filter(lease_until__isnull=False).update(lease_until=Now() - timedelta(seconds=1))
    recover_expired_leases()
    server.seconds = 0
    assert send_due_mail() == 1

    assert server.recipients == ["slow-answer@correo.example"] * 2
    assert all(f"Message-ID: {mail.message_id}".encode() in content for _s, _r, content in server.delivered)


def close_database(*, seconds: float) -> None:
    """As a restart does: all connections break, and for a while nobody is let in."""
    database = connection.settings_dict
    parts = connection.get_connection_params()

    def tell(statement: str) -> None:
        other = psycopg2.connect(**{**parts, "dbname": "postgres"})
        other.autocommit = True  # which ALTER DATABASE wants
        with closing(other), other.cursor() as cursor:
            cursor.execute(statement)

    name = database["NAME"]
    tell(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    tell(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    Timer(seconds, tell, [f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true']).start()


@pytest.mark.parametrize("connections", [1, 4])
def test_a_database_that_restarts_leaves_nothing_uncertain_that_the_server_has_accepted(
    server: AnsweringServer, settings: Settings, connections: int
) -> None:
    settings.MAIL_CONNECTIONS = connections
    server.seconds = 0.2
    brand = make_brand()
    mails = queue_mails([make_request(brand, to=f"slow-{number}@correo.example") for number in range(12)])
    mails += queue_mails([make_answer_request(brand, to="slow-answer@correo.example")])

    def restart() -> None:
        if len(server.delivered) == 5:
            close_database(seconds=1.2)

    server.after_delivery = restart

    assert send_due_mail(seconds=60) == 13

    assert Counter(server.recipients) == Counter(mail.to_address for mail in mails)
    assert set(OutgoingMail.objects.values_list("state", "attempts")) == {(State.SENT, 1)}


def other_connection() -> Any:
    return psycopg2.connect(**connection.get_connection_params())


def test_a_mail_that_somebody_has_hold_of_is_not_waited_for_at_the_last_look() -> None:
    brand = make_brand()
    mails = queue_mails([make_request(brand) for _ in range(2)])
    owner = uuid4()
    claimed = claim_due(owner=owner, limit=100)
    with closing(other_connection()) as other, other.cursor() as cursor:
        cursor.execute("SELECT FROM mailing_outgoingmail WHERE id = %s FOR UPDATE", [mails[1].pk])

        # Who holds the second may want the first next: waiting for each other, one would have to give up.
        assert promise(claimed, owner=owner) == {mails[0].pk: 1}


def test_a_mail_that_somebody_had_hold_of_is_sent_in_the_same_run(server: AnsweringServer) -> None:
    brand = make_brand()
    mails = queue_mails([make_request(brand) for _ in range(2)])

    def hold_the_other() -> None:
        if len(server.delivered) == 1:
            other = other_connection()
            other.cursor().execute("SELECT FROM mailing_outgoingmail WHERE id = %s FOR UPDATE", [mails[1].pk])
            Timer(0.5, other.close).start()

    server.after_delivery = hold_the_other

    assert send_due_mail(seconds=60) == 2

    assert server.recipients == [mail.to_address for mail in mails]
    assert set(OutgoingMail.objects.values_list("state", "attempts")) == {(State.SENT, 1)}


def test_a_database_that_stays_away_is_not_waited_for_for_ever(settings: Settings) -> None:
    tries = []

    def ask() -> None:
        tries.append(1)
        raise OperationalError

    with pytest.raises(OperationalError):
        patiently(ask, seconds=0.8)

    assert len(tries) in (2, 3)


def test_a_worker_that_is_asked_to_end_sends_what_it_has_begun_and_holds_nothing(
    server: AnsweringServer, settings: Settings, tmp_path: Path
) -> None:
    """As the image starts it, with processes of its own; asked by SIGTERM while the server has the first mail."""
    server.seconds = 1.5
    brand = make_brand()
    told = {"template": "accounts/notice", "context": {"title": "Hola", "paragraphs": []}}
    queue_mails([make_request(brand, to=f"slow-{number}@correo.example", **told) for number in range(2)])
    environment = {**worker_environment(settings, server.port), "MAIL_CONNECTIONS": "1", "WORKER_PROCESSES": "1"}
    redis.Redis.from_url(settings.REDIS_URL).flushall()
    with (tmp_path / "worker.log").open("wb") as log:
        worker = subprocess.Popen(["docker/entrypoint", "worker"], cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        send_mail_task.delay()
        wait_until(lambda: server.delivered)
        worker.terminate()
        assert worker.wait(timeout=90) == 0
    finally:
        worker.kill()
        worker.wait()

    sent = len(server.delivered)
    assert Counter(server.recipients).most_common(1)[0][1] == 1
    states = list(OutgoingMail.objects.order_by("pk").values_list("state", flat=True))
    assert states == [State.SENT] * sent + [State.QUEUED] * (2 - sent)
