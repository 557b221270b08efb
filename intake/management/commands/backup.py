import os
import socket
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.clock import database_now
from intake.deployment.services import BACKUP
from mailing.services.watching import Runs, note_runs
from postventa.postgresql import copies

PATTERN = "postventa-????????T??????Z.dump"


class Command(BaseCommand):
    help = (
        "Write all of the database into one file, as it is at this moment, while everything goes on. The keys of the "
        "environment are not in it: keep SECRET_KEY, LINK_KEYS and PSEUDONYM_KEYS somewhere else."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", help="where the file goes; -: to standard output")
        parser.add_argument("--keep", type=int, metavar="N", help="remove older backups of the folder beyond so many")

    def handle(self, *args: Any, **options: Any) -> None:
        began = time.monotonic()
        try:
            if options["folder"] == "-":
                copies.dump(sys.stdout.buffer)
                note(time.monotonic() - began)
                return
            path = write(Path(options["folder"]), now=database_now())
        except (copies.CopyError, OSError) as error:
            note(time.monotonic() - began, problem=type(error).__name__)
            raise CommandError(str(error)) from error
        note(time.monotonic() - began)
        if options["keep"]:
            forget_older(path.parent, keep=options["keep"])
        self.stdout.write(f"{path} ({path.stat().st_size / 1_000_000:.1f} MB)")


def write(folder: Path, *, now: datetime) -> Path:
    """Under its name only when it is whole, on the disk and readable; for nobody else to read."""
    path = folder / f"postventa-{now:%Y%m%dT%H%M%SZ}.dump"
    scratch = path.with_suffix(".part")
    try:
        with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            copies.dump(file)
            os.fsync(file.fileno())
        copies.taken_at(scratch)
        scratch.rename(path)
    finally:
        scratch.unlink(missing_ok=True)
    return path


def note(seconds: float, *, problem: str = "") -> None:
    """Among the jobs of the night, where operators and `check_deployment` look for it."""
    run = Runs()
    run.add(seconds, "", problem)
    note_runs({BACKUP: run}, host=socket.gethostname())


def forget_older(folder: Path, *, keep: int) -> None:
    for path in sorted(folder.glob(PATTERN), reverse=True)[keep:]:
        path.unlink()
