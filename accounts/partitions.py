"""A table in pieces of a month, by a time of its rows: made ahead, dropped whole (docs/decisions/0006).

A migration has cut it. `<table>_before` holds what there was by then, `<table>_2026_12` a month of UTC, `<table>_other`
what finds no month: no row is ever refused for want of one.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

AHEAD = 2  # months, after the one that runs
# A month begins with a day's rows before anything is looked through: see MAKE.
BEGINS = timedelta(days=1)
# Readers and writers queue behind whoever waits for the whole table; rather than have them wait longer, we come again.
PATIENCE = "SET LOCAL lock_timeout = '2s'"
BOUNDS = re.compile(r"FOR VALUES FROM \((.+)\) TO \('(.+)'\)")
PARTITIONS = """
    SELECT piece.relname, pg_get_expr(piece.relpartbound, piece.oid)
    FROM pg_inherits JOIN pg_class piece ON piece.oid = inhrelid
    WHERE inhparent = %s::regclass
"""
# Attaching looks through the rows without a month, and nobody may add one meanwhile. As long as a piece was never
# looked through it is taken for ten pages and asked by its indexes; looked through while it held a few rows, it would
# be read from end to end until the next time, a minute and thousands of rows later.
MAKE = """
    CREATE TABLE {piece} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)
        WITH (autovacuum_analyze_threshold = 1000);
    LOCK TABLE {table}_other IN ACCESS EXCLUSIVE MODE;
    WITH moved AS (DELETE FROM {table}_other WHERE {key} >= %(first)s AND {key} < %(after)s RETURNING *)
    INSERT INTO {piece} SELECT * FROM moved;
    ALTER TABLE {table} ATTACH PARTITION {piece} FOR VALUES FROM (%(first)s) TO (%(after)s)
"""
# As long as it holds nothing, which is so where all has just been installed.
GIVE_WAY = """
    ALTER TABLE {table} DETACH PARTITION {piece};
    ALTER TABLE {table} ATTACH PARTITION {piece} FOR VALUES FROM (MINVALUE) TO (%(month)s)
"""

KNOWN_FOR = 60  # seconds
# What a process knows of the newest pieces: none that somebody is about to drop.
known_pieces: dict[str, tuple[float, "list[Partition]"]] = {}

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Partition:
    """Rows from `first` (none: from ever) until just before `after`."""

    name: str
    first: datetime | None
    after: datetime


def partitions_of(table: str) -> list[Partition]:
    """The oldest first, without the one for rows that find no month."""
    with connection.cursor() as cursor:
        cursor.execute(PARTITIONS, [table])
        pieces = [(name, BOUNDS.fullmatch(bounds)) for name, bounds in cursor.fetchall()]
    found = [Partition(name, _time(told[1]), datetime.fromisoformat(told[2])) for name, told in pieces if told]
    return sorted(found, key=lambda piece: piece.after)


def place_of(table: str, first: datetime, last: datetime) -> str:
    """Where rows from `first` until `last` lie: the month's own piece, or the whole where they lie in two or are old.

    The whole is planned anew for each question, or asked in all its pieces. One read a minute, table and process; so
    long may a new piece not be known. Of the piece from before there were months it is the whole too: it alone has an
    index by age, which a plan for any times takes for as good as every other.
    """
    until, pieces = known_pieces.get(table, (0.0, []))
    if until < time.monotonic():
        pieces = partitions_of(table)[-AHEAD - 1 :]
        known_pieces[table] = time.monotonic() + KNOWN_FOR, pieces
    holding = (piece.name for piece in pieces if piece.first and piece.first <= first and last < piece.after)
    return next(holding, table)


def make_partitions(table: str, *, key: str, now: datetime) -> list[str]:
    """Those until the next months that are missing; their names. Of two at once the second finds them made.

    Rows that came while a month was missing move there. OperationalError: others hold the table for too long.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"{PATIENCE}; LOCK TABLE {table} IN SHARE UPDATE EXCLUSIVE MODE")
        _give_way(cursor, table, month_of(now - BEGINS))
        covered_until = max((piece.after for piece in partitions_of(table)), default=month_of(now))
        months = list(_months(covered_until, now=now - BEGINS))
        if months and _has_rows(cursor, table):  # nobody else analyzes a table of which only the pieces hold rows
            cursor.execute(f"ANALYZE {table}")
        made = [_make(cursor, table, key, month) for month in months]
    known_pieces.pop(table, None)
    if count := strays(table):
        log.error("rows_without_partition", table=table, count=count)
    return made


def drop_partition(piece: Partition) -> None:
    """Within the caller's transaction, which must end at once: nobody else comes to the table until then.

    OperationalError: others hold the table for too long.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"{PATIENCE}; DROP TABLE {piece.name}")
    known_pieces.clear()


def strays(table: str) -> int:
    """Rows that have found no month."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}_other")  # noqa: S608  a name of ours
        return int(cursor.fetchone()[0])


def month_of(moment: datetime) -> datetime:
    return moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def month_after(month: datetime) -> datetime:
    return month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)


def _give_way(cursor: CursorWrapper, table: str, month: datetime) -> None:
    """Where nothing came before, this month is one of the months already, not the end of the first piece."""
    pieces = partitions_of(table)
    if len(pieces) != 1 or pieces[0].after <= month or _has_rows(cursor, pieces[0].name):
        return
    cursor.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
    if not _has_rows(cursor, pieces[0].name):  # nor by now
        cursor.execute(GIVE_WAY.format(table=table, piece=pieces[0].name), {"month": month})


def _has_rows(cursor: CursorWrapper, table: str) -> bool:
    cursor.execute(f"SELECT EXISTS (SELECT FROM {table})")  # noqa: S608  a name of ours
    return bool(cursor.fetchone()[0])


def _months(month: datetime, *, now: datetime) -> Iterator[datetime]:
    ahead = month_of(now)
    for _month in range(AHEAD):
        ahead = month_after(ahead)
    while month <= ahead:
        yield month
        month = month_after(month)


def _make(cursor: CursorWrapper, table: str, key: str, month: datetime) -> str:
    piece = f"{table}_{month:%Y_%m}"
    cursor.execute(MAKE.format(table=table, piece=piece, key=key), {"first": month, "after": month_after(month)})
    return piece


def _time(bound: str) -> datetime | None:
    return None if bound == "MINVALUE" else datetime.fromisoformat(bound.strip("'"))
