import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db.utils import DatabaseError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from intake.deployment import brands, mail, services, web
from intake.deployment.findings import Finding, Findings, Level

HERE: Mapping[str, Callable[[], Findings]] = {
    "settings": services.settings_found,
    "database": services.database_found,
    "replica": services.replica_found,
    "redis": services.redis_found,
    "processes": services.processes_found,
    "backups": services.backups_found,
    "brands": brands.brands_found,
}
OUTSIDE: Mapping[str, Callable[[], Findings]] = {
    "mail": mail.server_found,
    "dns": mail.domains_found,
    "web": web.web_found,
}
MARKS = {Level.OK: "✓", Level.WARNING: "!", Level.ERROR: "✗"}


class Command(BaseCommand):
    help = (
        "Is this installation fit for customers? Looks at settings, database, Redis, our processes, each brand, the "
        "mail server, DNS of the senders’ domains and the address that customers see. Changes and sends nothing. Exit "
        "status 1 where something must be mended."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--offline", action="store_true", help="leave out mail server, DNS and web address")
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        parts = HERE if options["offline"] else {**HERE, **OUTSIDE}
        found = look_at(parts)
        everything = [finding for findings in found.values() for finding in findings]
        if options["json"]:
            self.stdout.write(json.dumps({name: [asdict(each) for each in of] for name, of in found.items()}, indent=2))
        else:
            self.write(everything)
        if any(finding.level == Level.ERROR for finding in everything):
            sys.exit(1)

    def write(self, findings: list[Finding]) -> None:
        for finding in findings:
            self.stdout.write(f"{MARKS[finding.level]} {finding.subject}: {finding.text}")
            if finding.advice:
                self.stdout.write(f"    {finding.advice}")
        errors, warnings = (sum(each.level == level for each in findings) for level in (Level.ERROR, Level.WARNING))
        mended = ngettext("%(n)d thing to mend", "%(n)d things to mend", errors) % {"n": errors}
        watched = ngettext("%(n)d to look at", "%(n)d to look at", warnings) % {"n": warnings}
        self.stdout.write("")
        self.stdout.write(_("Nothing to mend.") if not (errors or warnings) else f"{mended}, {watched}.")


def look_at(parts: Mapping[str, Callable[[], Findings]]) -> dict[str, list[Finding]]:
    """Without what cannot be read where the database is away or too old, which has been said of it by then."""
    found: dict[str, list[Finding]] = {}
    for name, look in parts.items():
        found[name] = []
        try:
            found[name] += look()
        except DatabaseError:
            if not any(finding.level == Level.ERROR for finding in found.get("database", ())):
                raise
    return found
