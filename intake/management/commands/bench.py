import logging
import os
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import connection

from accounts.clock import database_now
from intake.bench.areas import AREAS
from intake.bench.report import as_table, write_report
from postventa.demo_environment import without_demo
from postventa.embedded import Postgres, Valkey
from postventa.processes import Guard

INSIDE = "POSTVENTA_BENCH"  # set where the services are started


class Command(BaseCommand):
    help = (
        "Measures the product against what its parts can do bare, on this machine, as ratios within one run. Starts "
        "PostgreSQL and Valkey of its own (durable ones), so no data is touched. See docs/performance.md."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("areas", nargs="*", metavar="AREA", help=f"all unless named: {', '.join(AREAS)}")
        parser.add_argument("--size", type=int, default=10_000, metavar="N", help="rows an import has (%(default)s)")
        parser.add_argument("--rounds", type=int, default=5, metavar="N", help="(%(default)s)")
        parser.add_argument(
            "--path", type=Path, default=settings.BASE_DIR / "bench", help="folder of the reports (%(default)s)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        names = options["areas"] or list(AREAS)
        if unknown := set(names).difference(AREAS):
            self.stderr.write(f"There is no area {', '.join(sorted(unknown))}.")
            sys.exit(2)
        if INSIDE not in os.environ:
            sys.exit(again_with_services())
        logging.disable(logging.WARNING)
        connection.creation.create_test_db(verbosity=0)
        comparisons = []
        for name in names:
            # What one area leaves behind would be work for the next: mails fall due.
            call_command("flush", interactive=False, verbosity=0, inhibit_post_migrate=True)
            for contest in AREAS[name](options["size"]):
                self.stderr.write(f"{contest.what} …")
                comparisons.append(contest.run(rounds=options["rounds"]))
        path = write_report(options["path"], comparisons, size=options["size"], now=database_now())
        self.stdout.write(as_table(comparisons))
        self.stdout.write(f"Written to {path}.")


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
                INSIDE: "1",
            }
            return subprocess.run([sys.executable, *sys.argv], env=environment, check=False).returncode
        finally:
            for service in services:
                service.child.stop()
