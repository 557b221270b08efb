from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from intake.models import Erasure
from intake.rights.claims import open_blocked


class Command(BaseCommand):
    help = "Write down what is blocked of an erased customer, for a court or an authority. It goes on record."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("erasure", metavar="UUID", type=UUID, help="as its certificate names it")
        parser.add_argument("--reference", required=True, metavar="TEXT", help="by which they name their request")
        parser.add_argument("--folder", type=Path, default=Path(), help="where to write; the current one unless said")

    def handle(self, *args: Any, **options: Any) -> None:
        erasure = Erasure.objects.filter(uuid=options["erasure"]).first()
        archives = open_blocked(erasure, reference=options["reference"]) if erasure else []
        if not archives:
            raise CommandError("Nothing is blocked of this erasure, or not any more.")
        for number, archive in enumerate(archives, start=1):
            path = options["folder"] / f"blocked-{options['erasure']}-{number}.zip"
            path.touch(mode=0o600)
            path.write_bytes(archive)
            self.stdout.write(str(path))
