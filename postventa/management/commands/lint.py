import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from postventa.demo_environment import without_demo

PYTHON = [sys.executable]
CHECKS: dict[str, list[str]] = {
    "faults (ruff check)": [*PYTHON, "-m", "ruff", "check", "--quiet", "."],
    "format (ruff format)": [*PYTHON, "-m", "ruff", "format", "--quiet", "--check", "."],
    "templates (djlint)": [*PYTHON, "-m", "djlint", "templates", "--lint", "--quiet"],
    "types (mypy)": [*PYTHON, "-m", "mypy", "--no-error-summary"],
    "imports (import-linter)": [str(Path(sys.executable).with_name("lint-imports")), "--no-logo"],
    "settings (check)": [*PYTHON, "manage.py", "check", "--fail-level", "WARNING"],
    "migrations (makemigrations)": [*PYTHON, "-W", "ignore", "manage.py", "makemigrations", "--check", "--dry-run"],
}


class Command(BaseCommand):
    help = "Runs the linters, types and import rules: everything of `test` that needs no database."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        failed = [name for name, command in CHECKS.items() if not self.passes(name, command)]
        if failed:
            raise CommandError(f"lint: {', '.join(failed)} failed")
        self.stdout.write("lint: all passed")

    def passes(self, name: str, command: list[str]) -> bool:
        """Run it; only a failure has something to say."""
        answer = subprocess.run(
            command,
            cwd=settings.BASE_DIR,
            env=without_demo(os.environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if answer.returncode:
            self.stdout.write(self.style.ERROR(f"{name} failed:\n") + answer.stdout)
        return answer.returncode == 0
