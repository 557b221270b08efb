import logging
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser

from accounts.clock import database_now
from intake.bench.areas import AREAS
from intake.bench.machine import about_machine
from intake.bench.measuring import Contest, Reading, noting_cost
from intake.bench.report import Findings, write_report
from postventa.demo_environment import without_demo
from postventa.embedded import Postgres, Valkey
from postventa.processes import Guard

INSIDE = "POSTVENTA_BENCH"  # the database that was started for the bench


class Command(BaseCommand):
    help = (
        "Measures the product against what its parts can do bare, on this machine, as ratios within one run. Starts "
        "PostgreSQL and Valkey of its own (durable ones), so no data is touched. See docs/performance.md."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("areas", nargs="*", metavar="AREA", help=f"all unless named: {', '.join(AREAS)}")
        parser.add_argument(
            "--areas", nargs="+", default=[], dest="also", metavar="AREA", help="the same, as an option"
        )
        parser.add_argument("--size", type=int, default=10_000, metavar="N", help="rows an import has (%(default)s)")
        parser.add_argument("--rounds", type=int, default=5, metavar="N", help="(%(default)s)")
        parser.add_argument("--quick", action="store_true", help="2,000 rows, 2 rounds: to see that all works")
        parser.add_argument("--full", action="store_true", help="100,000 rows, 10 million invitations; takes hours")
        parser.add_argument(
            "--path", type=Path, default=settings.BASE_DIR / "bench", help="folder of the reports (%(default)s)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        names = [*options["areas"], *options["also"]] or list(AREAS)
        size, rounds = (2_000, 2) if options["quick"] else (options["size"], options["rounds"])
        size = 100_000 if options["full"] else size
        if unknown := set(names).difference(AREAS):
            self.stderr.write(f"There is no area {', '.join(sorted(unknown))}.")
            sys.exit(2)
        # Whoever says that these services are the bench's own names them: nobody's data is emptied by mistake.
        if os.environ.get(INSIDE) != settings.DATABASE_URL:
            sys.exit(again_with_services())
        logging.disable(logging.WARNING)
        call_command("migrate", verbosity=0)
        findings = Findings(about_machine())
        try:
            self.measure(names, findings, size=size, rounds=rounds)
        finally:  # what was found before a fault or Ctrl-C is not lost
            path = write_report(options["path"], findings, size=size, now=database_now())
            self.stdout.write(path.read_text(encoding="utf-8"))
            self.stdout.write(f"Written to {path}.")

    def measure(self, names: Sequence[str], findings: Findings, *, size: int, rounds: int) -> None:
        for name in names:
            # What one area leaves behind would be work for the next: mails fall due.
            call_command("flush", interactive=False, verbosity=0, inhibit_post_migrate=True)
            with noting_cost(name, findings.spent):
                for found in AREAS[name](size):
                    self.stderr.write(f"{found.what} …")
                    match found:
                        case Contest():
                            findings.comparisons.append(found.run(rounds=rounds))
                        case Reading():
                            findings.readings.append(found)
                        case _:
                            findings.skipped.append(found)


def again_with_services() -> int:
    """The settings have been read, so that the same command runs once more, as a child, with services of ours."""
    with tempfile.TemporaryDirectory(prefix="pv-", dir="/tmp") as name, closing(Guard()) as guard:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL may run as nobody
        services = [cls(folder, guard=guard, log=folder / f"{cls.__name__}.log") for cls in (Postgres, Valkey)]
        try:
            for service in services:
                service.start()
            postgres, valkey = services
            environment = {
                **without_demo(os.environ),
                "DATABASE_URL": postgres.url,
                "REDIS_URL": valkey.url,
                INSIDE: postgres.url,
                "SECRET_KEY": secrets.token_urlsafe(),  # one for all web processes
                "API_RATE": "1000000/min",
            }
            return subprocess.run([sys.executable, *sys.argv], env=environment, check=False).returncode
        finally:
            for service in services:
                service.child.stop()
