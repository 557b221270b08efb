"""No migration that a release has not seen yet stops people who work, or the version before it."""

import pytest
from django.db import migrations

from postventa.migration_rules import BOTH, LOCKS_WRITERS, WRITES_ALL, faults_in, faults_of, faults_since
from postventa.postgresql import copies
from tests.releases import RELEASES, unpacked

# What breaks a rule and may, with the reason. Goes when a release has it.
ACCEPTED: dict[str, str] = {}


@pytest.mark.django_db(transaction=True)  # what is made CONCURRENTLY refuses to be in one
def test_every_migration_since_the_last_release_lets_people_work() -> None:
    with unpacked(RELEASES[-1]) as dump:
        released = copies.migrations_in(dump)
    found = [fault for fault in faults_since(released) if fault.migration not in ACCEPTED]

    assert found == [], "docs/operating.md, upgrading, says how it goes; with a reason: ACCEPTED"


FINE = [
    "CREATE INDEX CONCURRENTLY a ON t (x)",
    "ALTER TABLE t ADD COLUMN x integer NULL",
    "ALTER TABLE t ADD COLUMN x integer DEFAULT 0 NOT NULL",
    "ALTER TABLE t ADD CONSTRAINT c CHECK (x > 0) NOT VALID",
    "ALTER TABLE t ADD CONSTRAINT c UNIQUE USING INDEX a",
    "ALTER TABLE t ALTER COLUMN x TYPE varchar(40)",
    "ALTER TABLE t ALTER COLUMN x DROP NOT NULL",
    "DROP INDEX CONCURRENTLY a",
]
WRONG = {
    "CREATE INDEX a ON t (x)": "index",
    'CREATE UNIQUE INDEX "a" ON "t" ("x") WHERE x > 0': "index",
    "ALTER TABLE t ADD COLUMN x integer NOT NULL": "db_default",
    "ALTER TABLE t ALTER COLUMN x DROP DEFAULT": "db_default",
    "ALTER TABLE t ALTER COLUMN x SET NOT NULL": "reads the whole table",
    "ALTER TABLE t ALTER COLUMN x TYPE bigint USING x::bigint": "rewrites",
    "ALTER TABLE t ADD CONSTRAINT c CHECK (x > 0)": "NOT VALID",
    "ALTER TABLE t ADD CONSTRAINT c FOREIGN KEY (x) REFERENCES u (id)": "NOT VALID",
    "ALTER TABLE t ADD COLUMN x bigint NULL CONSTRAINT c REFERENCES u(id)": "NOT VALID",
    "ALTER TABLE t ADD CONSTRAINT c UNIQUE (x)": "CONCURRENTLY",
    "ALTER TABLE t DROP COLUMN x CASCADE": "old version",
    "ALTER TABLE t RENAME COLUMN x TO y": "old version",
    "ALTER TABLE t RENAME TO u": "old version",
    "DROP TABLE t CASCADE": "old version",
    "UPDATE t SET x = 1": "batch by batch",
}


@pytest.mark.parametrize("sql", FINE)
def test_what_lets_people_work_is_fine(sql: str) -> None:
    assert list(faults_in([sql], is_atomic=True)) == []


@pytest.mark.parametrize("sql", list(WRONG))
def test_what_does_not_is_told(sql: str) -> None:
    [(table, what)] = faults_in([sql], is_atomic=True)

    assert table == "t"
    assert WRONG[sql] in what


def test_what_may_take_its_time_is_apart_from_what_may_not() -> None:
    assert list(faults_in(["ALTER TABLE t ADD COLUMN x int NULL"], is_atomic=False)) == [("t", BOTH)]
    assert list(faults_in(["UPDATE t SET x = 1 WHERE id < 10"], is_atomic=False)) == []


def test_a_new_table_is_nobodys_yet() -> None:
    migration = migrations.Migration("a", "mailing")
    made = ['CREATE TABLE "new" ("x" integer NOT NULL)', 'CREATE INDEX "i" ON "new" ("x")']

    assert list(faults_of(migration, made)) == []
    assert [fault.what for fault in faults_of(migration, [*made, "CREATE INDEX i ON old (x)"])] == [LOCKS_WRITERS]


def test_code_that_runs_in_one_transaction_is_told() -> None:
    migration = migrations.Migration("a", "mailing")
    migration.operations = [
        migrations.SeparateDatabaseAndState(database_operations=[migrations.RunPython(lambda apps, editor: None)])
    ]

    assert [fault.what for fault in faults_of(migration, [])] == [WRITES_ALL]
