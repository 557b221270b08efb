from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from postventa import settings
from postventa.environment import as_markdown, settings_of

BEGIN, END = "<!-- begin: manage.py settings --write -->\n", "<!-- end -->\n"


def reference() -> str:
    return as_markdown(settings_of(settings))


def with_reference(page: str) -> str:
    """The page with the reference between its two marks brought up to date."""
    before, _begin, rest = page.partition(BEGIN)
    _old, _end, after = rest.partition(END)
    return f"{before}{BEGIN}\n{reference()}\n{END}{after}"


class Command(BaseCommand):
    help = "Prints the reference of all settings, made of the comments in settings.py."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--write", action="store_true", help="into docs/operating.md instead")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["write"]:
            self.stdout.write(reference())
            return
        page = settings.BASE_DIR / "docs" / "operating.md"
        page.write_text(with_reference(page.read_text()))
