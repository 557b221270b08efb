"""What is measured, as far as it can be by one process: rows in, requests, mails. Limits are what the parts do bare.

Requests go through Django's whole stack but through no socket, which would cost both sides the same.
"""

import csv
import json
import re
import smtplib
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from itertools import count, islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.test import Client, override_settings
from psycopg2.extras import execute_values

from accounts.clock import database_now
from accounts.models import Brand
from accounts.services import create_api_key
from affiliates.services import PurchaseInput, create_affiliate, create_link
from affiliates.services.inputs import CustomerInput
from intake.bench import sink
from intake.bench.measuring import Area, Contest, Work
from intake.imports import kinds
from intake.imports.mapping import read_mapping
from intake.imports.reading import Source, fingerprint
from intake.imports.running import Import, run_import
from intake.services import create_brand, take_purchases
from mailing.models import OutgoingMail
from mailing.services import send_due_mail
from surveys.services import send_due_invitations

BATCH = 1000
AFFILIATES = 50
HOST = "localhost"
BARE = override_settings(ROOT_URLCONF="intake.bench.bare", MIDDLEWARE=[])
CREATE_BARE = """
CREATE TABLE IF NOT EXISTS bench_purchase (
    id bigserial PRIMARY KEY, brand_id bigint, external_id varchar(120), customer varchar(120), affiliate varchar(60),
    purchased_at timestamptz, delivered_at timestamptz, amount numeric(14, 2), currency varchar(3), state varchar(9),
    UNIQUE (brand_id, external_id)
);
CREATE INDEX IF NOT EXISTS bench_by_time ON bench_purchase (brand_id, purchased_at);
CREATE INDEX IF NOT EXISTS bench_by_affiliate ON bench_purchase (affiliate);
TRUNCATE bench_purchase
"""
INSERT_BARE = """
INSERT INTO bench_purchase
    (brand_id, external_id, customer, affiliate, purchased_at, delivered_at, amount, currency, state) VALUES %s
"""
_numbers = count(1)


# --- Rows in ---------------------------------------------------------------------------------------------------------
def imports(size: int) -> Iterator[Contest]:
    brand = make_brand()
    with tempfile.TemporaryDirectory() as folder:
        work = import_of(brand, Path(folder), size)
        yield Contest(
            "CSV import, attributed and planned", "execute_values of bare rows", 0.12, 0.25, work, bare_of(size)
        )


def batches(size: int) -> Iterator[Contest]:
    brand = make_brand()
    shop = shop_of(brand)

    def ours() -> int:
        for _batch in range(max(1, size // BATCH)):
            ok(post(shop, "/api/v1/purchases/batch/", [purchase_as_json() for _row in range(BATCH)]), 200)
        return max(1, size // BATCH) * BATCH

    yield Contest("batch API, 1,000 a call", "single INSERT and commit", 0.20, 0.40, ours, single_inserts_of(size))


def singles(size: int) -> Iterator[Contest]:
    brand = make_brand()
    shop, requests = shop_of(brand), max(1, size // 20)

    def ours() -> int:
        for _request in range(requests):
            ok(post(shop, "/api/v1/purchases/", purchase_as_json()), 201)
        return requests

    @BARE
    def theirs() -> int:
        client = Client(SERVER_NAME=HOST)
        for number in fresh(requests):
            ok(post(client, "/rows/", {"brand": brand.pk, "sku": f"bench-{number}", "name": "Bench"}), 201)
        return requests

    yield Contest("one purchase by API", "bare DRF POST of one row", 0.35, 0.60, ours, theirs)


def import_of(brand: Brand, folder: Path, size: int) -> Work:
    """Each time another file, which is written before the clock starts: `prepared` is one ahead."""
    kind = kinds.purchases()
    mapping = read_mapping(None, columns=kind.columns)
    prepared = [write_purchases(folder, size)]

    def work() -> int:
        path = prepared.pop()
        source = Source(path, mapping, columns=kind.columns, required=kind.required)
        job = Import(brand, kind, source, ZoneInfo("UTC"), fingerprint(path))
        tally, _rejects = run_import(job, now=database_now())
        source.close()
        if tally.counts["imported"] != size:
            raise RuntimeError(f"Not all were imported: {tally}; {tally.reasons.most_common(1)}")
        prepared.append(write_purchases(folder, size))
        return size

    return work


def write_purchases(folder: Path, size: int) -> Path:
    path = folder / f"{next(_numbers)}.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(
            file,
            ["external_id", "purchased_at", "delivered_at", "amount", "currency", "affiliate", "email", "language"],
        )
        writer.writeheader()
        for _row in range(size):
            purchase = purchase_as_json()
            writer.writerow({**purchase.pop("customer"), **purchase})
    return path


def bare_of(size: int) -> Work:
    def work() -> int:
        with connection.cursor() as cursor:
            cursor.execute(CREATE_BARE)
            for start in range(0, size, BATCH):
                rows = [bare_row() for _row in range(min(BATCH, size - start))]
                execute_values(cursor, INSERT_BARE, rows, page_size=BATCH)
        return size

    return work


def single_inserts_of(size: int) -> Work:
    def work() -> int:
        with connection.cursor() as cursor:
            cursor.execute(CREATE_BARE)
            for _row in range(size):
                cursor.execute(INSERT_BARE, [bare_row()])
        return size

    return work


# --- Requests --------------------------------------------------------------------------------------------------------
def redirects(size: int) -> Iterator[Contest]:
    brand = make_brand()
    link = create_link(brand.affiliates.all()[0], "https://bench.example/", code=f"bench{next(_numbers)}")
    yield Contest(
        "redirect of a tracking link, click stored",
        "bare Django view",
        0.40,
        0.60,
        gets_of(f"/r/{link.code}", size // 10),
        BARE(gets_of("/lead-on/", size // 10)),
    )


def surveys(size: int) -> Iterator[Contest]:
    brand, requests = make_brand(), max(1, size // 50)

    @BARE
    def theirs() -> int:
        client = Client(SERVER_NAME=HOST)
        for number in fresh(requests):
            ok(client.get("/show/"), 200)
            ok(client.post("/insert/", {"brand": brand.pk, "sku": f"bench-{number}"}), 303)
        return requests

    tokens = iter(survey_tokens(brand, 20 * requests))

    def ours() -> int:
        for token, client in zip(tokens, [Client(SERVER_NAME=HOST)] * requests, strict=False):
            page = client.get(f"/s/{token}/?q=5")
            [nonce] = re.findall(r'name="nonce" value="([^"]*)"', ok(page, 200).content.decode())
            ok(client.post(f"/s/{token}/", {"nonce": nonce, "csat": "5", "nps": "9", "keep_text": "Todo bien."}), 303)
        return requests

    yield Contest("full answer, GET and POST", "bare template and one insert", 0.35, 0.60, ours, theirs)


def gets_of(path: str, requests: int) -> Work:
    def work() -> int:
        client = Client(SERVER_NAME=HOST, headers={"User-Agent": "Mozilla/5.0 (bench)"})
        for _request in range(max(1, requests)):
            ok(client.get(path), 302)
        return max(1, requests)

    return work


# --- Mails -----------------------------------------------------------------------------------------------------------
def mails(size: int) -> Iterator[Contest]:
    brand, letters = make_brand(), max(1, size // 10)
    with running_sink() as port, override_settings(**smtp(port)):

        def theirs() -> int:
            with smtplib.SMTP("127.0.0.1", port) as server:
                for number in range(letters):
                    server.sendmail("a@bench.example", f"b{number}@bench.example", LETTER)
            return letters

        queue = queue_of_mails(brand, letters)

        def ours() -> int:
            sent = send_due_mail(seconds=600)
            if sent != letters:
                raise RuntimeError(f"{sent} of {letters} mails were sent.")
            next(queue)
            return sent

        next(queue)
        yield Contest("survey mails: ledger, rendering, SMTP", "smtplib, ready-made bytes", 0.12, 0.30, ours, theirs)


LETTER = b"From: a@bench.example\r\nTo: b@bench.example\r\nSubject: Bench\r\n\r\n" + b"A line of a letter.\r\n" * 400


def queue_of_mails(brand: Brand, letters: int) -> Iterator[None]:
    """Each time asked, so many more mails are due."""
    while True:
        now = database_now()
        take_purchases(brand, [purchase_input() for _letter in range(letters)], now=now, source="bench")
        send_due_invitations(now=now)
        yield


def survey_tokens(brand: Brand, number: int) -> list[str]:
    next(queue_of_mails(brand, number))
    queued = OutgoingMail.objects.filter(brand=brand).order_by("pk")
    return [mail.token for mail in queued]


@contextmanager
def running_sink() -> Iterator[int]:
    with subprocess.Popen([sys.executable, sink.__file__], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def smtp(port: int) -> dict[str, Any]:
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": port,
        "EMAIL_HOST_USER": "",
        "EMAIL_USE_TLS": False,
        "EMAIL_USE_SSL": False,
    }


# --- The world -------------------------------------------------------------------------------------------------------
def make_brand() -> Brand:
    """Asks at once, at all hours and as often as they buy."""
    at_once = dict.fromkeys(("delay_goods", "delay_digital", "delay_service"), timedelta(0))
    brand = create_brand(
        f"bench{next(_numbers)}",
        name="Bench",
        allowed_hosts=["bench.example"],
        survey_sender="encuestas@bench.example",
        service_sender="atencion@bench.example",
        reply_to="atencion@bench.example",
        survey_notice_default=True,
        fatigue_days=0,
        is_spread=False,
        window_start="00:00",
        window_end="23:59:59.999999",
        **at_once,
    )
    for number in range(AFFILIATES):
        create_affiliate(brand, f"bench-{number}", f"Bench {number}", now=database_now())
    return brand


def shop_of(brand: Brand) -> Client:
    _key, text = create_api_key(brand, name="bench")
    return Client(SERVER_NAME=HOST, headers={"Authorization": f"Bearer {text}"})


def purchase_as_json() -> dict[str, Any]:
    number, now = next(_numbers), database_now_once()
    return {
        "external_id": f"bench-{number}",
        "purchased_at": (now - timedelta(days=3)).isoformat(),
        "delivered_at": (now - timedelta(hours=1)).isoformat(),
        "amount": "49.90",
        "currency": "EUR",
        "affiliate": f"bench-{number % AFFILIATES}",
        "customer": {"email": f"cliente{number}@cliente{number}.example", "language": "es"},
    }


def purchase_input() -> PurchaseInput:
    number, now = next(_numbers), database_now_once()
    return PurchaseInput(
        f"bench-{number}",
        purchased_at=now - timedelta(days=3),
        delivered_at=now - timedelta(hours=1),
        affiliate=f"bench-{number % AFFILIATES}",
        customer=CustomerInput(email=f"cliente{number}@cliente{number}.example", language="es"),
    )


def bare_row() -> tuple[Any, ...]:
    number, now = next(_numbers), database_now_once()
    email, affiliate = f"cliente{number}@cliente{number}.example", f"bench-{number % AFFILIATES}"
    return (1, f"bench-{number}", email, affiliate, now, now, "49.90", "EUR", "open")


@cache
def database_now_once() -> datetime:
    return database_now()


def fresh(how_many: int) -> Iterator[int]:
    return islice(_numbers, how_many)


def post(client: Client, url: str, body: Any) -> Any:
    return client.post(url, json.dumps(body), content_type="application/json")


def ok(response: Any, status: int) -> Any:
    if response.status_code != status:
        raise RuntimeError(f"{response.status_code} instead of {status}: {response.content[:500]!r}")
    return response


AREAS: Mapping[str, Area] = {
    "import": imports,
    "batch": batches,
    "single": singles,
    "redirect": redirects,
    "survey": surveys,
    "mail": mails,
}
