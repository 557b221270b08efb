from typing import Any

from django.core.management.base import CommandParser

from intake.imports import kinds
from intake.imports.command import ImportCommand
from intake.imports.kinds import ImportKind


class Command(ImportCommand):
    help = "Import surveys answered in another tool: history, which mails nobody. See docs/imports.md."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--quotable", action="store_true", help="customers were told that affiliates may read their words"
        )
        parser.add_argument("--open-complaints", action="store_true", help="bad answers open a case, as new ones do")

    def kind(self, options: dict[str, Any]) -> ImportKind[Any]:
        return kinds.feedback(quotable=options["quotable"], open_complaints=options["open_complaints"])
