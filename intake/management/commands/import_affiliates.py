from typing import Any

from intake.imports import kinds
from intake.imports.command import ImportCommand
from intake.imports.kinds import ImportKind


class Command(ImportCommand):
    help = "Import affiliates from a file; one who is known learns names and address. Nobody is written to."

    def kind(self, options: dict[str, Any]) -> ImportKind[Any]:
        return kinds.affiliates()
