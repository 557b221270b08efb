"""A database of each release is brought up to date with all that is in it, and the version before can still write."""

import os

import pytest
from django.core.management import call_command
from django.db import connection

from postventa.postgresql import copies
from postventa.readiness import is_migrated
from tests.databases import counts, other_database
from tests.releases import RELEASES, record, unpacked
from tests.world import make_world

RECORD = os.environ.get("POSTVENTA_RECORD", "")
DJANGOS_OWN = {"django_migrations", "django_content_type", "auth_permission"}  # they grow with the code
COLUMNS = """
SELECT attrelid::regclass::text, array_agg(quote_ident(attname) ORDER BY attnum)
  FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
 WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
   AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
 GROUP BY attrelid ORDER BY 1
"""


def columns() -> dict[str, list[str]]:
    with connection.cursor() as cursor:
        cursor.execute(COLUMNS)
        return dict(cursor.fetchall())


def refused(table: str, names: list[str]) -> str:
    """Why the version before could not add its rows to the table as it is now: its columns, and none that are new."""
    listed = ", ".join(names)
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        try:
            # Keys to other tables and what refuses change concern no INSERT of ours here.
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(f"CREATE TEMP TABLE held ON COMMIT DROP AS SELECT {listed} FROM {table}")
            cursor.execute(f"DELETE FROM {table}")
            cursor.execute(f"INSERT INTO {table} ({listed}) OVERRIDING SYSTEM VALUE SELECT {listed} FROM held")
        except Exception as error:
            return f"{table}: {error}"
        finally:
            cursor.execute("ROLLBACK")
    return ""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("release", RELEASES)
def test_data_of_a_release_are_brought_up_to_date(release: str) -> None:
    with other_database():
        with unpacked(release) as dump:
            copies.load(dump)
        before, known = counts(), columns()

        call_command("migrate", interactive=False, verbosity=0)

        assert is_migrated()
        after, now = counts(), columns()
        assert {table: after.get(table) for table in before if table not in DJANGOS_OWN} == {
            table: count for table, count in before.items() if table not in DJANGOS_OWN
        }
        # A release that removes one names it here, once no version that is in use writes it.
        assert {f"{table}.{name}" for table, names in known.items() for name in set(names) - set(now[table])} == set()
        assert [why for table, names in known.items() if (why := refused(table, names))] == []


@pytest.mark.skipif(not RECORD, reason="POSTVENTA_RECORD names no release to record")
@pytest.mark.django_db(transaction=True)
def test_record_a_release() -> None:
    make_world()
    record(RECORD)
