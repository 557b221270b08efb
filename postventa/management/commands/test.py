import os
import signal
import subprocess
import sys
import time
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from postventa import browser
from postventa.demo_environment import without_demo

LONGEST = 12 * 60  # seconds that everything may take, on two processors


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
        started, lint_failure = time.monotonic(), ""
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
        linted = time.monotonic()
        result = self.run_pytest(arguments)
        self.tell_time(linted - started, time.monotonic() - linted)
        if lint_failure:
            self.stdout.write(self.style.ERROR(lint_failure))
        return result or int(bool(lint_failure))

    def tell_time(self, linting: float, testing: float) -> None:
        self.stdout.write(f"lint: {linting:.0f} s   tests: {testing:.0f} s")
        if linting + testing > LONGEST:
            over = f"That is more than {LONGEST / 60:.0f} minutes: see what takes longest with --durations=40."
            self.stdout.write(self.style.WARNING(over))

    def run_pytest(self, arguments: list[str]) -> int:
        # Ctrl-C is pytest's to handle. Not SIG_IGN, which it would inherit.
        signal.signal(signal.SIGINT, lambda number, frame: None)
        command = [sys.executable, "-m", "pytest", *arguments]
        self.stdout.flush()
        return subprocess.run(command, cwd=settings.BASE_DIR, env=without_demo(os.environ), check=False).returncode


def workers() -> str:
    """One more than there are processors to use: at any time some test waits, for a browser, a worker or a clock."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return str(min(count + 1, 6))
