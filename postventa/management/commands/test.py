import os
import signal
import subprocess
import sys
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from postventa import browser
from postventa.demo_environment import without_demo


class Command(BaseCommand):
    """In place of Django's own `test`."""

    help = "Runs all that CI runs: linters, types, every test. With arguments only pytest runs, and gets them."
    requires_system_checks = ()

    def run_from_argv(self, argv: list[str]) -> None:
        if argv[2:] == ["--help"]:
            self.print_help(argv[0], argv[1])
            return
        sys.exit(self.run_pytest(argv[2:]) if argv[2:] else self.run_everything())

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(self.run_everything())

    def run_everything(self) -> int:
        lint_failure = ""
        try:
            call_command("lint", stdout=self.stdout)
        except CommandError as error:
            lint_failure = str(error)
        try:
            call_command("audit", stdout=self.stdout)
        except CommandError as error:
            lint_failure = f"{lint_failure}\n{error}".strip()
        self.stdout.flush()
        arguments = ["-n", workers(), "--dist", "worksteal"]
        if not browser.ensure():
            if os.environ.get("CI"):
                sys.exit("There is no browser here and none could be fetched: set POSTVENTA_CHROMIUM.")
            self.stdout.write("No browser here and none could be fetched: all but the browser tests.")
            arguments += ["-m", "not browser"]
        result = self.run_pytest(arguments)
        if lint_failure:
            self.stdout.write(self.style.ERROR(lint_failure))
        return result or int(bool(lint_failure))

    def run_pytest(self, arguments: list[str]) -> int:
        # Ctrl-C is pytest's to handle. Not SIG_IGN, which it would inherit.
        signal.signal(signal.SIGINT, lambda number, frame: None)
        command = [sys.executable, "-m", "pytest", *arguments]
        self.stdout.flush()
        return subprocess.run(command, cwd=settings.BASE_DIR, env=without_demo(os.environ), check=False).returncode


def workers() -> str:
    """As many as there are processors to use, and two at least: browser tests mostly wait."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return str(max(2, min(count, 6)))
