from datetime import UTC
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from intake.restoring import Restored, RestoreRefused, restore_backup
from postventa.postgresql.copies import CopyError


class Command(BaseCommand):
    help = (
        "Put a backup into the place of the database, all of it or nothing. Web, workers and beat must stand still. "
        "Afterwards no mail and no webhook goes out until manage.py release_mail, and mail that was perhaps sent after "
        "the backup was taken is uncertain."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="what manage.py backup wrote")
        parser.add_argument("--replace", action="store_true", help="although there are people or brands in it")
        parser.add_argument("--jobs", type=int, default=1, metavar="N", help="tables and indexes made at once (1)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            restored = restore_backup(options["file"], replace=options["replace"], jobs=options["jobs"])
        except (RestoreRefused, CopyError) as error:
            raise CommandError(str(error)) from error
        self.tell(restored)

    def tell(self, restored: Restored) -> None:
        self.stdout.write(f"All is as it was at {restored.taken_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC.")
        for name in restored.wrong_keys:
            self.stdout.write(self.style.WARNING(f"{name} lacks a key of the backup: set those it was taken under."))
        self.stdout.write(f"{restored.uncertain} mails were perhaps sent after that: staff find them as uncertain.")
        self.stdout.write("No mail and no webhook goes out until manage.py release_mail.")
