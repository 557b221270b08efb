from datetime import datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser

from intake.management.commands import restore
from intake.restoring import RestoreRefused, mind_lost_time, refuse_others


class Command(restore.Command):
    help = (
        "After the database was taken back in time by other means than restore (point-in-time recovery, a snapshot of "
        "its disk), and before web, workers and beat start: as after restore, no mail and no webhook goes out until "
        "manage.py release_mail, and mail that was perhaps sent since is uncertain."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "moment", type=datetime.fromisoformat, help="to which it was taken back: 2026-03-10T03:00:00+00:00"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["moment"].tzinfo is None:
            raise CommandError("Say the time zone too: 2026-03-10T03:00:00+00:00.")
        try:
            refuse_others()
        except RestoreRefused as error:
            raise CommandError(str(error)) from error
        self.tell(mind_lost_time(options["moment"]))
