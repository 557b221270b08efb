"""What a migration must not do to a table that is in use (docs/operating.md, upgrading): judged by its SQL.

The old version goes on while the new one is made ready, and nobody may wait for a whole table to be read or written.
What is made in the same migration is empty and nobody's yet: with it anything may be done.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import Migration, RunPython, SeparateDatabaseAndState
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

NAME = r'"?([\w.]+)"?'
TABLE = re.compile(rf"^(?:CREATE TABLE|ALTER TABLE)(?: ONLY| IF NOT EXISTS| IF EXISTS)* {NAME}", re.IGNORECASE)
INDEXED = re.compile(rf"^CREATE (?:UNIQUE )?INDEX (CONCURRENTLY )?.*? ON (?:ONLY )?{NAME}", re.IGNORECASE | re.DOTALL)
WRITTEN = re.compile(rf"^(?:UPDATE|DELETE FROM|INSERT INTO) (?:ONLY )?{NAME}", re.IGNORECASE)
COMMENT = re.compile(r"^\s*--.*$", re.MULTILINE)
# Of statements that change a table: what is wrong with them, by what they say.
FAULTS: Mapping[str, re.Pattern[str]] = {
    "rewrites the table, or reads all of it": re.compile(r"ALTER COLUMN \S+ TYPE (?!varchar|text)", re.IGNORECASE),
    "reads the whole table while nobody may write: ADD CONSTRAINT … CHECK … NOT VALID first": re.compile(
        r"ALTER COLUMN \S+ SET NOT NULL", re.IGNORECASE
    ),
    "the old version does not fill it: give it a db_default": re.compile(
        r"ADD COLUMN (?:(?!DEFAULT|GENERATED|,).)*NOT NULL(?! DEFAULT)|ALTER COLUMN \S+ DROP DEFAULT", re.IGNORECASE
    ),
    "the old version still uses it": re.compile(r"DROP COLUMN|RENAME COLUMN|RENAME TO|DROP TABLE", re.IGNORECASE),
    "checks the whole table while nobody may write: add it NOT VALID, validate it in another migration": re.compile(
        r"ADD CONSTRAINT \S+ (?:CHECK|FOREIGN KEY)(?!.*NOT VALID)|ADD COLUMN .*REFERENCES", re.IGNORECASE | re.DOTALL
    ),
    "makes an index while nobody may write: make it CONCURRENTLY, then use it": re.compile(
        r"ADD CONSTRAINT \S+ (?:UNIQUE|PRIMARY KEY|EXCLUDE)(?!.*USING INDEX)", re.IGNORECASE | re.DOTALL
    ),
}
WRITES_ALL = "writes all rows in one transaction: batch by batch, atomic = False"
LOCKS_WRITERS = "makes an index while nobody may write: AddIndexConcurrently, atomic = False"
BOTH = "changes a table and is not atomic: migrate sets no lock_timeout for what may take its time"


@dataclass(frozen=True)
class Fault:
    migration: str  # app.name
    table: str
    what: str


def faults_since(released: Collection[tuple[str, str]]) -> Iterator[Fault]:
    """Of every migration that no release has applied to anybody's data, by the SQL that it makes."""
    loader = MigrationLoader(connection, replace_migrations=False)
    plan = loader.graph._generate_plan(loader.graph.leaf_nodes(), at_end=True)
    state = loader.project_state(plan[0], at_end=False)
    for key in plan:
        migration = loader.graph.nodes[key]
        if key in released:
            state = migration.mutate_state(state, preserve=False)
            continue
        with connection.schema_editor(collect_sql=True, atomic=migration.atomic) as editor:
            state = write_sql(migration, state, editor)
        yield from faults_of(migration, [COMMENT.sub("", sql).strip() for sql in editor.collected_sql])


def write_sql(migration: Migration, state: ProjectState, editor: BaseDatabaseSchemaEditor) -> ProjectState:
    """As Django's own `sqlmigrate`, which runs the code of a RunPython that stands in a SeparateDatabaseAndState."""
    for operation in migration.operations:
        before, state = state, state.clone()
        operation.state_forwards(migration.app_label, state)
        for part in parts_of(operation):
            if not isinstance(part, RunPython):
                after = before.clone()
                part.state_forwards(migration.app_label, after)
                part.database_forwards(migration.app_label, editor, before, after)
                before = after
    return state


def parts_of(operation: Operation) -> Sequence[Operation]:
    """What it does to the database."""
    return operation.database_operations if isinstance(operation, SeparateDatabaseAndState) else [operation]


def faults_of(migration: Migration, statements: list[str]) -> Iterator[Fault]:
    name = f"{migration.app_label}.{migration.name}"
    new = {found[1] for sql in statements if sql.upper().startswith("CREATE TABLE") and (found := TABLE.match(sql))}
    for table, what in faults_in(statements, is_atomic=migration.atomic):
        if table not in new:
            yield Fault(name, table, what)
    parts = [part for operation in migration.operations for part in parts_of(operation)]
    if migration.atomic and any(isinstance(part, RunPython) and part.code is not RunPython.noop for part in parts):
        yield Fault(name, "", WRITES_ALL)


def faults_in(statements: list[str], *, is_atomic: bool) -> Iterator[tuple[str, str]]:
    """Table and fault of each statement."""
    for sql in statements:
        if (index := INDEXED.match(sql)) and not index[1]:
            yield index[2], LOCKS_WRITERS
        elif is_atomic and (written := WRITTEN.match(sql)):
            yield written[1], WRITES_ALL
        elif sql.upper().startswith("DROP TABLE"):
            yield sql.split()[2].strip('";'), "the old version still uses it"
        elif changed := TABLE.match(sql):
            found = [what for what, pattern in FAULTS.items() if pattern.search(sql)]
            yield from ((changed[1], what) for what in found)
            if not (is_atomic or found or sql.upper().startswith("CREATE") or "VALIDATE CONSTRAINT" in sql):
                yield changed[1], BOTH
