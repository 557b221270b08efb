import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
import redis
from django.db import connection

from postventa.embedded import LONGEST_SOCKET_PATH, Postgres, Valkey, command_of, socket_folder
from postventa.processes import Guard, StartError
from tests.migrated import temporary_folder


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.delenv("POSTVENTA_PG_DATA", raising=False)  # from nothing
    with temporary_folder() as path:
        yield path


@pytest.fixture
def guard() -> Iterator[Guard]:
    guard = Guard()
    yield guard
    guard.close()


@pytest.fixture
def postgres(folder: Path, guard: Guard) -> Iterator[Postgres]:
    server = Postgres(folder, guard=guard, log=folder / "postgres.log")
    yield server
    server.child.stop()


def query(server: Postgres, sql: str) -> list[tuple[object, ...]]:
    host = server.url.split("host=")[1]
    connection = psycopg2.connect(host=host, user="postventa", dbname="postventa")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(sql)
        rows = list(cursor.fetchall()) if cursor.description else []
    connection.close()
    return rows


def test_data_outlive_a_stop_and_a_crash(postgres: Postgres) -> None:
    postgres.start()
    query(postgres, "CREATE TABLE kept AS SELECT 1 AS number")
    postgres.child.stop()
    postgres.start()
    query(postgres, "INSERT INTO kept VALUES (2)")
    assert postgres.child.process
    os.kill(postgres.child.process.pid, signal.SIGKILL)
    postgres.child.process.wait()
    postgres.child.stop()

    postgres.start()

    assert query(postgres, "SELECT number FROM kept ORDER BY number") == [(1,), (2,)]


def test_a_pid_file_with_somebody_elses_number_is_no_obstacle(postgres: Postgres, folder: Path) -> None:
    postgres.start()
    assert postgres.child.process
    os.kill(postgres.child.process.pid, signal.SIGKILL)
    postgres.child.process.wait()
    postgres.child.stop()
    pid_file = folder / "postgres" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join(["1", *lines[1:]]) + "\n")  # the system's first process is nobody's PostgreSQL

    postgres.start()

    assert query(postgres, "SELECT 1") == [(1,)]


def test_data_of_another_version_are_refused_in_words(postgres: Postgres, folder: Path) -> None:
    postgres.start()
    postgres.child.stop()
    (folder / "postgres" / "PG_VERSION").write_text("9\n")

    with pytest.raises(StartError, match="PostgreSQL 9"):
        postgres.start()


def test_it_begins_with_the_data_of_another(
    postgres: Postgres, folder: Path, guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres.start()
    query(postgres, "CREATE TABLE kept AS SELECT 1 AS number")
    postgres.child.stop()
    monkeypatch.setenv("POSTVENTA_PG_DATA", str(folder / "postgres"))
    other = Postgres(folder / "other", guard=guard, log=folder / "other.log")

    other.start()

    assert query(other, "SELECT number FROM kept") == [(1,)]
    other.child.stop()


def test_nobody_reaches_it_but_through_its_folder(postgres: Postgres) -> None:
    postgres.start()

    assert query(postgres, "SHOW listen_addresses") == [("",)]
    socket = Path(postgres.url.split("host=")[1])
    assert socket.stat().st_mode & 0o077 == 0


@pytest.mark.django_db
def test_words_sort_the_same_everywhere() -> None:
    """The suite's own server: order by code point whatever the machine's locale, with the extensions we rely on."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT datlocprovider, datlocale FROM pg_database WHERE datname = 'postventa'")
        provider = cursor.fetchone()
        cursor.execute("SELECT array_agg(word ORDER BY word) FROM unnest(ARRAY['ñu', 'Zoo', 'nube', 'árbol']) AS word")
        words = cursor.fetchone()

    assert provider == ("b", "C.UTF-8")
    assert words == (["Zoo", "nube", "árbol", "ñu"],)


def test_valkey_keeps_what_it_was_told(folder: Path, guard: Guard) -> None:
    server = Valkey(folder, guard=guard, log=folder / "valkey.log")
    server.start()
    redis.Redis.from_url(server.url).set("a", "1")
    server.child.stop()
    server.start()

    kept = redis.Redis.from_url(server.url).get("a")
    server.child.stop()

    assert kept == b"1"


@pytest.mark.parametrize("name", ["x" * 120, "a b", "ñ", "a?b", "a%20b"])
def test_sockets_of_a_long_or_odd_path_live_elsewhere(folder: Path, name: str) -> None:
    chosen = socket_folder(folder / name, ".s.PGSQL.5432", "pg")

    assert len(str(chosen / ".s.PGSQL.5432")) <= LONGEST_SOCKET_PATH
    assert chosen.name == "pg"
    assert folder not in chosen.parents
    assert chosen.parent.stat().st_mode & 0o066 == 0
    chosen.parent.rmdir()


def test_sockets_of_a_plain_path_live_inside(folder: Path) -> None:
    assert socket_folder(folder, ".s.PGSQL.5432", "pg") == folder / "run" / "pg"


def test_command_of_a_process() -> None:
    assert "pytest" in command_of(os.getpid()) or "python" in command_of(os.getpid())
    assert command_of(2**22 + 1) == ""
