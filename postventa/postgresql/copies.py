"""A whole database into one file and back, by PostgreSQL's own pg_dump and pg_restore.

Nothing here knows a table of ours, but for the two that tell whether somebody has worked in it.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from django.db import connection

from postventa.embedded import postgres_folders
from postventa.postgresql.base import ASIDE

# As libpq names in its environment what Django gives psycopg: no password stands in a command line.
VARIABLES = {
    "dbname": "PGDATABASE",
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
}
CREATED = re.compile(r"^; +Archive created at (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)", re.MULTILINE)
TABLES = ("accounts_brand", "accounts_user")


class CopyError(Exception):
    """What PostgreSQL's program said."""


def find_program(name: str) -> Path:
    """As for the server: the folder named, the wheel's, the system's; of several the newest, which reads older ones."""
    named = os.environ.get("POSTVENTA_PG_BIN")
    folders = [Path(named)] if named else [*postgres_folders()]
    found = next((folder / name for folder in folders if (folder / name).exists()), None) or shutil.which(name)
    if not found:
        raise CopyError(f"There is no {name} here: install PostgreSQL's client, or name its folder: POSTVENTA_PG_BIN.")
    return Path(found)


def dump(to: IO[bytes]) -> None:
    """All of the database as it is at this moment, whoever writes meanwhile. Owners and rights stay out.

    OperationalError: it is half restored.
    """
    connection.ensure_connection()
    run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", stdout=to)


def load(source: Path, *, jobs: int = 1) -> None:
    """Into a database that is empty."""
    database = str(connection.settings_dict["NAME"])
    run("pg_restore", "--exit-on-error", "--no-owner", "--no-privileges", f"--jobs={jobs}", "-d", database, source)


@contextmanager
def let_in_alone() -> Iterator[None]:
    """As the only one of ours who may see what is half restored."""
    connection.close()
    connection.is_restoring = True  # type: ignore[attr-defined]  # of our backend
    try:
        yield
    finally:
        connection.close()  # what was planned on it belongs to tables that are gone
        connection.is_restoring = False  # type: ignore[attr-defined]


@contextmanager
def set_aside() -> Iterator[None]:
    """What there is, while the caller puts something else in its place: all of that, or nothing has changed.

    From the first statement to the last nobody of ours can connect (base.py), however we end: whoever is killed in
    here leaves it to `put_back`.
    """
    execute(f"ALTER SCHEMA public RENAME TO {ASIDE}", "CREATE SCHEMA public")
    try:
        yield
    except BaseException:
        put_back()
        raise
    execute(f"DROP SCHEMA {ASIDE} CASCADE")


def put_back() -> None:
    """What was set aside, in the place of what is half restored."""
    connection.close_if_unusable_or_obsolete()
    execute("DROP SCHEMA public CASCADE", f"ALTER SCHEMA {ASIDE} RENAME TO public")


def taken_at(source: Path) -> datetime:
    """When the copy was made. CopyError: it is none, or of a newer PostgreSQL."""
    told = CREATED.search(run("pg_restore", "--list", source))
    if told is None:
        raise CopyError("It does not say when it was made.")
    return datetime.fromisoformat(told[1]).replace(tzinfo=UTC)


def migrations_in(source: Path) -> set[tuple[str, str]]:
    """App and name of what had been applied to the database that was copied."""
    text = run("pg_restore", "--data-only", "--table=django_migrations", "-f", "-", source)
    rows = (line.split("\t") for line in text.splitlines() if line.count("\t") == 3)
    return {(app, name) for _id, app, name, _applied in rows}


def is_in_use() -> bool:
    """Has anybody worked in this database? Tables alone are no reason to keep it."""
    with connection.cursor() as cursor:
        there = set(connection.introspection.table_names(cursor)) & set(TABLES)
        for table in sorted(there):
            cursor.execute(f"SELECT EXISTS (SELECT FROM {table})")  # noqa: S608 - one of the two above
            if cursor.fetchone()[0]:
                return True
    return False


def is_set_aside() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regnamespace(%s) IS NOT NULL", [ASIDE])
        return bool(cursor.fetchone()[0])


def others_connected(since_before: datetime | None = None) -> int:
    """Since before that moment, if one is named."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
            " AND backend_start <= coalesce(%s, now())",
            [since_before],
        )
        return int(cursor.fetchone()[0])


def execute(*statements: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(";".join(statements))  # sent as one, they are one transaction


def run(program: str, *arguments: str | Path, stdout: IO[bytes] | int = subprocess.PIPE) -> str:
    """What it wrote, in a time zone of which nobody has to ask. CopyError: what it complained of."""
    told = connection.get_connection_params()
    environment = {VARIABLES[name]: str(value) for name, value in told.items() if name in VARIABLES and value}
    answer = subprocess.run(
        [find_program(program), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment, "TZ": "UTC", "PGOPTIONS": ""},
        check=False,
    )
    if answer.returncode:
        raise CopyError(answer.stderr.decode(errors="replace").strip())
    return (answer.stdout or b"").decode(errors="replace")
