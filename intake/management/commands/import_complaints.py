from typing import Any

from intake.imports import kinds
from intake.imports.command import ImportCommand
from intake.imports.kinds import ImportKind


class Command(ImportCommand):
    help = "Import cases of another tool: nobody is written to; open ones go on here. See docs/imports.md."

    def kind(self, options: dict[str, Any]) -> ImportKind[Any]:
        return kinds.complaints()
