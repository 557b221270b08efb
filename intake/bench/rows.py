"""Many rows in, by file and by the API's batches, against what PostgreSQL takes bare."""

import csv
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from psycopg2.extras import execute_values

from accounts.clock import database_now
from accounts.models import Brand
from intake.bench.measuring import Contest, Work
from intake.bench.servers import JSON, OURS, Client, serving, visit_all
from intake.bench.world import (
    AFFILIATES,
    as_bytes,
    database_now_once,
    fresh,
    key_of_shop,
    make_brand,
    purchase_as_json,
)
from intake.imports import kinds
from intake.imports.mapping import read_mapping
from intake.imports.reading import Source, fingerprint
from intake.imports.running import Import, run_import

BATCH = 1000
COLUMNS = ("external_id", "purchased_at", "delivered_at", "amount", "currency", "affiliate", "email", "language")
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


def imports(size: int) -> Iterator[Contest]:
    brand = make_brand()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "purchases.csv"
        yield Contest(
            "CSV import, attributed and planned",
            "execute_values of bare rows",
            0.12,
            0.25,
            lambda: import_all(brand, path, size),
            bare_of(size),
            prepare=lambda: write_purchases(path, size),
        )


def batches(size: int) -> Iterator[Contest]:
    brand = make_brand()
    key, calls = key_of_shop(brand), max(1, size // BATCH)
    bodies: list[bytes] = []

    def prepare() -> None:
        bodies[:] = [as_bytes([purchase_as_json() for _row in range(BATCH)]) for _call in range(calls)]

    def send(client: Client, body: bytes) -> None:
        client.post("/api/v1/purchases/batch/", body, status=200, kind=JSON, headers=key)

    with serving(OURS) as port:

        def ours() -> int:
            return BATCH * len(visit_all(port, send, bodies, clients=1)["POST"])

        theirs = single_inserts_of(size)
        yield Contest("batch API, 1,000 a call", "single INSERT and commit", 0.20, 0.40, ours, theirs, prepare=prepare)


def import_all(brand: Brand, path: Path, size: int) -> int:
    kind = kinds.purchases()
    source = Source(path, read_mapping(None, columns=kind.columns), columns=kind.columns, required=kind.required)
    with closing(source):
        tally, _rejects = run_import(
            Import(brand, kind, source, ZoneInfo("UTC"), fingerprint(path)), now=database_now()
        )
    if tally.counts["imported"] != size:
        raise RuntimeError(f"Not all were imported: {tally}; {tally.reasons.most_common(1)}")
    return size


def write_purchases(path: Path, size: int) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for _row in range(size):
            purchase = purchase_as_json()
            writer.writerow({**purchase.pop("customer"), **purchase})


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


def bare_row() -> tuple[Any, ...]:
    [number] = fresh(1)
    now = database_now_once()
    email, affiliate = f"cliente{number}@cliente{number}.example", f"bench-{number % AFFILIATES}"
    return (1, f"bench-{number}", email, affiliate, now, now, "49.90", "EUR", "open")
