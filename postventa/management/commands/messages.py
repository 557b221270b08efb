from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from postventa.catalogue import extract, po_path, read_catalogue, save_catalogue


class Command(BaseCommand):
    help = "Brings locale/ up to date with the texts of the code, and compiles it. Says what is still untranslated."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--add", nargs="*", default=[], metavar="FILE.po", help="take translations from here too")

    def handle(self, *args: Any, **options: Any) -> None:
        path = po_path(Path(settings.BASE_DIR))
        wanted = extract(Path(settings.BASE_DIR))
        for source in [path, *map(Path, options["add"])]:
            if source.exists():
                for message in read_catalogue(source):
                    known = wanted.get(message.id, context=message.context) if message.id else None
                    if known is not None and message.string and any(message.string):
                        known.string = message.string
        save_catalogue(wanted, path)
        missing = [message for message in wanted if message.id and not (message.string and all(message.string))]
        for message in missing:
            self.stdout.write(f"untranslated: {message.id!r}")
        self.stdout.write(f"{len(wanted)} texts, {len(missing)} untranslated")
