import time
from collections.abc import Callable
from typing import Any

from django.core.management.base import CommandParser
from django.core.management.commands import migrate
from django.db import OperationalError, connections

from accounts.clock import database_now
from affiliates.services.clicks import make_room_for_clicks
from intake.setting_up import is_new, set_up_url

# Whoever changes a table waits for those who use it, and everybody who comes later waits behind: not for long.
LOCK_TIMEOUT = "5s"
TRIES = 12
PAUSE = 5.0  # seconds
LOCK_NOT_AVAILABLE, DEADLOCK = "55P03", "40P01"
ONE_AT_A_TIME = 0x50_56_02  # of the database's own locks
# Left behind by one that was interrupted. Of partitions only their parents may be invalid, while they are attached.
INVALID = """
SELECT indexrelid::regclass::text FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
 WHERE NOT indisvalid AND relkind = 'i' AND relnamespace = 'public'::regnamespace
"""


class Command(migrate.Command):
    """In place of Django's own: it steps back from a table that is in use, tries again, and one works at a time."""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--tries", type=int, default=TRIES, help="when a table is in use (%(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        self.connection = connections[options["database"]]
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [ONE_AT_A_TIME])
        try:
            patiently(lambda: self.try_once(*args, **options), tries=options["tries"], say=self.note)
        finally:
            with self.connection.cursor() as cursor:
                cursor.execute("SELECT set_config('lock_timeout', '0', false), pg_advisory_unlock(%s)", [ONE_AT_A_TIME])
        if options["verbosity"] and self.is_complete(options) and is_new():
            self.stdout.write(f"\nNobody has an account here yet. Make the first brand:\n{set_up_url()}")

    def try_once(self, *args: Any, **options: Any) -> None:
        self.drop_half_made_indexes()
        super().handle(*args, **options)
        if self.is_complete(options):
            self.make_room()

    def make_room(self) -> None:
        """Beat does so every hour, but on a new installation the first clicks would come before. Nobody need wait."""
        try:
            make_room_for_clicks(now=database_now())
        except OperationalError as error:
            self.note(f"no months were made for clicks, beat will make them: {error}".strip())

    def is_complete(self, options: dict[str, Any]) -> bool:
        return not (options["app_label"] or options["plan"] or options["check_unapplied"])

    def migration_progress_callback(self, action: str, migration: Any = None, fake: bool = False) -> None:
        """What is made CONCURRENTLY waits for others without making anybody wait: it may take its time."""
        if action == "apply_start":
            patience = LOCK_TIMEOUT if migration.atomic else "0"
            with self.connection.cursor() as cursor:
                cursor.execute("SELECT set_config('lock_timeout', %s, false)", [patience])
        super().migration_progress_callback(action, migration, fake)

    def drop_half_made_indexes(self) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(INVALID)
            for (name,) in cursor.fetchall():
                cursor.execute(f"DROP INDEX CONCURRENTLY {name}")
                self.note(f"dropped {name}, which was never finished")

    def note(self, text: str) -> None:
        self.stdout.write(f"  {text}")


def patiently(work: Callable[[], object], *, tries: int, say: Callable[[str], None], pause: float = PAUSE) -> None:
    """Again where it had to give way to others; what was applied by then stays applied."""
    for left in range(tries - 1, -1, -1):
        try:
            work()
        except OperationalError as error:
            if not left or getattr(error.__cause__, "pgcode", "") not in (LOCK_NOT_AVAILABLE, DEADLOCK):
                raise
            say(f"a table is in use: again in {pause:.0f} s ({left} tries left)")
            time.sleep(pause)
        else:
            return
