"""Prove on this machine that nobody is forgotten and nobody asked twice."""

import random
import tempfile
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from intake.chaos import cases
from intake.chaos.stage import Outcome, stage

COLUMNS = ("case", "due", "delivered", "lost", "doubled", "again", "uncertain")
CASES = {case.__name__.replace("_", "-"): case for case in cases.ALL}


class Command(BaseCommand):
    help = (
        "Kills workers, services and conversations of an installation of its own while mail goes out, and counts what "
        "became of each mail. `again`: copies, under the same Message-ID, of answers that have to arrive."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--mails", type=int, default=400, help="mails a case (400)")
        parser.add_argument("--only", nargs="+", choices=list(CASES), default=list(CASES), help="these cases alone")
        parser.add_argument("--seed", type=int, help="repeats the choices of an earlier run")

    def handle(self, *args: Any, **options: Any) -> None:
        seed = options["seed"] if options["seed"] is not None else random.randrange(10**6)  # noqa: S311
        self.stdout.write(f"--seed {seed}")
        self.stdout.write("".join(f"{column:>11}" if column != "case" else f"{column:32}" for column in COLUMNS))
        with tempfile.TemporaryDirectory(prefix="postventa-chaos-", ignore_cleanup_errors=True) as folder:
            Path(folder).chmod(0o711)  # PostgreSQL may run as another account
            with stage(Path(folder), seed=seed) as installation:
                chosen = [CASES[name] for name in options["only"]]
                outcomes = [self.show(o) for case in chosen for o in case(installation, options["mails"])]
        if broken := [outcome.case for outcome in outcomes if not outcome.holds]:
            raise CommandError(f"Mails were lost or doubled: {', '.join(broken)}.")

    def show(self, outcome: Outcome) -> Outcome:
        values = [getattr(outcome, column) for column in COLUMNS[1:]]
        self.stdout.write(f"{outcome.case:32}" + "".join(f"{value:>11}" for value in values))
        self.stdout.flush()
        return outcome
