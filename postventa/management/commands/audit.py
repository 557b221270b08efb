"""Are there known weaknesses in the libraries that the lock files name? Asked of OSV, which collects all advisories.

SECURITY.md says what is done about one.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

ADVISORIES = "https://api.osv.dev/v1/querybatch"
PATIENCE = 10  # seconds
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
# «GHSA-… 2027-01-31 why it does not concern us»: accepted until that day.
ACCEPTED = re.compile(r"^([A-Z][\w-]+)\s+(\d{4}-\d\d-\d\d)\s+\S", re.MULTILINE)

Pin = tuple[str, str]


class Command(BaseCommand):
    help = "Asks a database for known weaknesses of the locked libraries. Where that is away it says so and passes."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--database", default=ADVISORIES, metavar="URL")
        parser.add_argument("--folder", type=Path, default=Path(settings.BASE_DIR) / "requirements")
        parser.add_argument("--strict", action="store_true", help="fail where the database does not answer")

    def handle(self, *args: Any, **options: Any) -> None:
        pins = sorted(pinned_in(options["folder"]))
        try:
            found = dict(known_of(pins, options["database"]))
        except (OSError, ValueError, LookupError) as reason:
            text = f"audit: {len(pins)} libraries not asked about, since the database of advisories is away: {reason}"
            if options["strict"]:
                raise CommandError(text) from None
            self.stdout.write(self.style.WARNING(text))
            return
        accepted = accepted_in(options["folder"], today=datetime.now(tz=UTC).date())
        open_ones = {pin: [each for each in ids if each not in accepted] for pin, ids in found.items()}
        lines = [f"{name} {version}: {', '.join(ids)}" for (name, version), ids in open_ones.items() if ids]
        if lines:
            raise CommandError("audit: known weaknesses (https://osv.dev/<id>; see SECURITY.md)\n" + "\n".join(lines))
        self.stdout.write(f"audit: no known weakness in {len(pins)} libraries")


def pinned_in(folder: Path) -> set[Pin]:
    return {pin for path in folder.glob("*.txt") for pin in PINNED.findall(path.read_text())}


def known_of(pins: list[Pin], database: str) -> Iterator[tuple[Pin, list[str]]]:
    """Each with its advisories. OSError, ValueError, LookupError: no answer, or none that is one."""
    queries = [{"package": {"name": name, "ecosystem": "PyPI"}, "version": version} for name, version in pins]
    body = json.dumps({"queries": queries}).encode()
    request = Request(database, body, {"Content-Type": "application/json"})  # noqa: S310  # an address of ours
    with urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310
        results = json.load(answer)["results"]
    for pin, result in zip(pins, results, strict=True):
        yield pin, [each["id"] for each in result.get("vulns", [])]


def accepted_in(folder: Path, *, today: date) -> set[str]:
    path = folder / "accepted-advisories"
    told = ACCEPTED.findall(path.read_text()) if path.exists() else []
    return {name for name, until in told if date.fromisoformat(until) >= today}
