"""A primary and a replica that streams from it, both our own."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg2

from postventa.embedded import DATABASE_NAME, DATABASE_USER, Postgres
from postventa.processes import Guard, StartError


class Standby(Postgres):
    """Begins as a copy of the other, made while that works, and follows it from then on."""

    def __init__(self, folder: Path, *, of: Postgres, guard: Guard) -> None:
        super().__init__(folder, guard=guard, log=folder / "standby.log", durable=False)
        self._of = of

    def _initialise(self) -> None:
        command: list[str | Path] = [*self._account.prefix, self._programs / "pg_basebackup"]
        command += ["-D", self._data, "-d", f"host={sockets_of(self._of)} user={DATABASE_USER}"]
        command += ["--checkpoint=fast", "--write-recovery-conf", "--no-sync", "--no-manifest"]
        answer = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **self._account.options
        )
        if answer.returncode:
            raise StartError(answer.stdout)

    def _create_database(self) -> None:
        """It has the primary's."""


def sockets_of(server: Postgres) -> str:
    return server.url.split("host=")[1]


def ask(server: Postgres, sql: str, values: Mapping[str, Any] | None = None) -> Any:
    """The first cell of what it answers, if it answers, beside Django."""
    connection = psycopg2.connect(host=sockets_of(server), user=DATABASE_USER, dbname=DATABASE_NAME)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        found = cursor.fetchone() if cursor.description else None
    connection.close()
    return found[0] if found else None
