import re
from collections.abc import Iterator
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

LOCKED = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", re.MULTILINE)
PAGE = Path("docs") / "licences.md"
INTRODUCTION = """# Licences of what is installed with it

What the production image installs, as `requirements/base.txt` locks it; written by `manage.py licences --write` from
what each package says of itself. “Not on this machine”: locked for other systems or versions of Python alone.

| package | version | licence |
|---|---|---|
"""


class Command(BaseCommand):
    help = "Lists the licences of all that production installs, as docs/licences.md has them."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--write", action="store_true", help=f"write {PAGE} anew")

    def handle(self, *args: Any, **options: Any) -> None:
        page = licences_page(settings.BASE_DIR)
        if options["write"]:
            (settings.BASE_DIR / PAGE).write_text(page)
        else:
            self.stdout.write(page)


def licences_page(root: Path) -> str:
    return INTRODUCTION + "".join(f"| {' | '.join(row)} |\n" for row in licences(root / "requirements" / "base.txt"))


def licences(lock: Path) -> Iterator[tuple[str, str, str]]:
    """Name, version and licence of each package of a lock file, by name."""
    for name, version in dict(LOCKED.findall(lock.read_text())).items():
        try:
            yield name, version, licence_of(metadata(name))
        except PackageNotFoundError:
            yield name, version, "not on this machine"


def licence_of(package: PackageMetadata) -> str:
    """As SPDX where the package says so (PEP 639), else in its own words."""
    said = package.json
    if expression := said.get("license_expression"):
        return str(expression)
    classified = [each.rpartition(" :: ")[2] for each in said.get("classifier", []) if each.startswith("License :: ")]
    return ", ".join(classified) or str(said.get("license") or "not said").splitlines()[0]
