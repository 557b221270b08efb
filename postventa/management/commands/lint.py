import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from postventa.demo_environment import without_demo

PYTHON = [sys.executable]
CHECKS: dict[str, list[str]] = {
    "types (mypy)": [*PYTHON, "-m", "mypy", "--no-error-summary"],
    "faults (ruff check)": [*PYTHON, "-m", "ruff", "check", "--quiet", "."],
    "format (ruff format)": [*PYTHON, "-m", "ruff", "format", "--quiet", "--check", "."],
    "templates (djlint)": [*PYTHON, "-m", "djlint", "templates", "--lint", "--quiet"],
    "imports (import-linter)": [str(Path(sys.executable).with_name("lint-imports")), "--no-logo"],
    "settings (check)": [*PYTHON, "manage.py", "check", "--fail-level", "WARNING"],
    "migrations (makemigrations)": [*PYTHON, "-W", "ignore", "manage.py", "makemigrations", "--check", "--dry-run"],
}


class Command(BaseCommand):
    help = "Runs the linters, types and import rules: everything of `test` that needs no database."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        # As many at a time as there are processors; types take as long as all others together, so they begin.
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            answers = dict(zip(CHECKS, pool.map(run, CHECKS.values()), strict=True))
        failed = {name: answer.stdout for name, answer in answers.items() if answer.returncode}
        for name, told in failed.items():
            self.stdout.write(self.style.ERROR(f"{name} failed:\n") + told)
        if failed:
            raise CommandError(f"lint: {', '.join(failed)} failed")
        self.stdout.write("lint: all passed")


def run(command: list[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command,
        cwd=settings.BASE_DIR,
        env=without_demo(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
