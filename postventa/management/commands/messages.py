from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from postventa.catalogue import FORMAL, extract, formal_texts, po_path, read_catalogue, said_with_tu, save_catalogue


class Command(BaseCommand):
    help = "Brings locale/ up to date with the texts of the code, and compiles it. Says what is still untranslated."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--add", nargs="*", default=[], metavar="FILE.po", help="take translations from here too")

    def handle(self, *args: Any, **options: Any) -> None:
        root = Path(settings.BASE_DIR)
        path, wanted = po_path(root), extract(root)
        for source in [path, *map(Path, options["add"])]:
            if source.exists():
                for message in read_catalogue(source):
                    known = wanted.get(message.id, context=message.context) if message.id else None
                    if known is not None and message.string and any(message.string):
                        known.string = message.string
        save_catalogue(wanted, path)
        formal = formal_texts(root, wanted)
        save_catalogue(formal, po_path(root, FORMAL))
        for text in said_with_tu(root, wanted, formal):
            self.stdout.write(f"without «usted»: {text!r}")
        missing = [message for message in wanted if message.id and not (message.string and all(message.string))]
        for message in missing:
            self.stdout.write(f"untranslated: {message.id!r}")
        self.stdout.write(f"{len(wanted)} texts, {len(missing)} untranslated")
