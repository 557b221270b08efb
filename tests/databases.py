"""Another database on the test's server, and what is in one."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def other_database() -> Iterator[None]:
    """An empty one in the place of the test's. Named after it: others run beside us on the same server."""
    ours = connection.settings_dict["NAME"]
    name = f"{ours}_other"
    with connection.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
    try:
        connection.close()
        connection.settings_dict["NAME"] = name
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = ours
        with connection.cursor() as cursor:
            cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def tables() -> list[str]:
    with connection.cursor() as cursor:
        return sorted(set(connection.introspection.table_names(cursor)) - {"django_migrations"})


def counts() -> dict[str, int]:
    with connection.cursor() as cursor:
        found = {}
        for table in tables():
            cursor.execute(f'SELECT count(*) FROM "{table}"')
            found[table] = cursor.fetchone()[0]
    return found


def contents() -> dict[str, tuple[int, str]]:
    """Each table's rows: how many, and a digest of them all."""
    with connection.cursor() as cursor:
        found = {}
        for table in tables():
            digest = "md5(coalesce(string_agg(t::text, chr(10) ORDER BY t::text), ''))"
            cursor.execute(f'SELECT count(*), {digest} FROM "{table}" AS t')
            found[table] = cursor.fetchone()
    return found
