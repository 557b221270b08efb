import select
from typing import Any

from django.db import OperationalError
from django.db.backends.postgresql import base, schema

# Schema: what there was, until what is restored in its place is ready to be worked with (copies.py).
ASIDE = "before_restore"
HALF_RESTORED = (
    "A backup is being put into the place of this database, or that was killed: docs/operating.md, backup and restore."
)


class DatabaseSchemaEditor(schema.DatabaseSchemaEditor):
    """A migration that is no transaction, begun again after it was broken off, finds made what it had made by then.

    An index that it left half made is gone before (management/commands/migrate.py).
    """

    sql_create_index_concurrently = schema.DatabaseSchemaEditor.sql_create_index_concurrently.replace(
        "CONCURRENTLY", "CONCURRENTLY IF NOT EXISTS"
    )

    def __init__(self, connection: Any, collect_sql: bool = False, atomic: bool = True) -> None:
        super().__init__(connection, collect_sql, atomic)
        if not self.atomic_migration:
            self.sql_create_column = self.sql_create_column.replace("ADD COLUMN", "ADD COLUMN IF NOT EXISTS")


class DatabaseWrapper(base.DatabaseWrapper):
    SchemaEditorClass = DatabaseSchemaEditor
    planned: dict[str, str]  # statements that the server keeps planned for this connection (accounts/statements.py)
    is_restoring = False  # the one that may see what is half restored

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        self.planned = {}
        return super().get_new_connection(conn_params)

    def init_connection_state(self) -> None:
        """Nobody is let in while a backup is restored, nor after that was killed: what is there by then was perhaps
        sent long ago, and nothing says so yet. OperationalError."""
        super().init_connection_state()
        if not self.is_restoring and self.is_half_restored():
            self.close()
            raise OperationalError(HALF_RESTORED)

    def is_half_restored(self) -> bool:
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT to_regnamespace(%s) IS NOT NULL", [ASIDE])
            return bool(cursor.fetchone()[0])

    def is_usable(self) -> bool:
        """Whether the server is still there, before a kept connection serves the next request.

        A server with nothing to do says nothing; one that ends a connection says so or hangs up, and the socket has
        something to read. Only then, or after an error, is it asked: a question a request costs as much as many pages.
        """
        if self.connection is None or self.connection.closed:
            return False
        if self.errors_occurred or has_been_spoken_to(self.connection.fileno()):
            return super().is_usable()
        return True


def has_been_spoken_to(socket: int) -> bool:
    poll = select.poll()
    poll.register(socket, select.POLLIN)  # errors and the end are reported unasked
    return bool(poll.poll(0))
