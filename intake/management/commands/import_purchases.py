from typing import Any

from django.core.management.base import CommandParser

from intake.imports import kinds
from intake.imports.command import ImportCommand
from intake.imports.kinds import ImportKind


class Command(ImportCommand):
    help = "Import purchases from a file; a purchase that is known is not stored twice. See docs/imports.md."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--create-affiliates", action="store_true", help="add affiliates that the file names and nobody knows"
        )

    def kind(self, options: dict[str, Any]) -> ImportKind[Any]:
        return kinds.purchases(create_affiliates=options["create_affiliates"])
