"""Prove on this machine that nobody is forgotten and nobody asked twice."""

import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from intake.chaos import cases
from intake.chaos.stage import Outcome, Stage, stage

COLUMNS = ("case", "due", "delivered", "lost", "doubled", "again", "uncertain")
CASES = {case.__name__.replace("_", "-"): case for case in cases.ALL}


class Command(BaseCommand):
    help = (
        "Kills workers, services and conversations of an installation of its own while mail goes out, and counts what "
        "became of each mail. `again`: copies, under the same Message-ID, of answers that have to arrive."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--mails", type=int, default=10_000, help="of a crowd; other cases have a 25th (%(default)s)"
        )
        parser.add_argument("--case", nargs="+", choices=list(CASES), default=list(CASES), help="these alone")
        parser.add_argument("--seconds", type=int, default=0, help="goes round again until so long has passed")
        parser.add_argument("--seed", type=int, help="repeats the choices of an earlier run")

    def handle(self, *args: Any, **options: Any) -> None:
        seed = options["seed"] if options["seed"] is not None else random.randrange(10**6)  # noqa: S311
        self.stdout.write(f"--seed {seed}")
        with tempfile.TemporaryDirectory(prefix="postventa-chaos-", ignore_cleanup_errors=True) as folder:
            Path(folder).chmod(0o711)  # PostgreSQL may run as another account
            with stage(Path(folder), seed=seed) as installation:
                self.stdout.write(hosts_of(installation))
                self.stdout.write(
                    "".join(f"{column:>11}" if column != "case" else f"{column:34}" for column in COLUMNS)
                )
                outcomes = list(self.go_round(installation, options))
        if broken := [each.case for each in outcomes if isinstance(each, Outcome) and not each.holds]:
            raise CommandError(f"Mails were lost or doubled: {', '.join(broken)}.")

    def go_round(self, installation: Stage, options: dict[str, Any]) -> Iterator[Outcome | str]:
        end = time.monotonic() + options["seconds"]
        while installation.round == 1 or time.monotonic() < end:
            for name in options["case"]:
                for outcome in CASES[name](installation, options["mails"]):
                    yield self.show(outcome)
            installation.round += 1
        if installation.deaths:
            self.stdout.write(f"{installation.deaths} workers were killed at random.")
        came = ", ".join(f"{count} from {address}" for address, count in sorted(installation.sink.senders.items()))
        self.stdout.write(f"The mail server took {came}.")

    def show(self, outcome: Outcome | str) -> Outcome | str:
        if isinstance(outcome, str):
            self.stdout.write(outcome)
            self.stdout.flush()
            return outcome
        values = [getattr(outcome, column) for column in COLUMNS[1:]]
        self.stdout.write(f"{outcome.case:34}" + "".join(f"{value:>11}" for value in values))
        self.stdout.flush()
        return outcome


def hosts_of(installation: Stage) -> str:
    network = installation.network
    if not network.why_not:
        return f"Other hosts: {len(network.others)} network namespaces, which reach the services by TCP."
    return f"Other hosts: only processes that reach the services by TCP, for here is no namespace: {network.why_not}"
