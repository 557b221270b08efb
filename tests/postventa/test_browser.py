"""Where a browser for the tests comes from, and what is said where none is to be had; asked in processes of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from postventa import browser
from tests.services import NO_BROWSER

pytestmark = pytest.mark.integration

PROBE = "import pytest\n\n@pytest.mark.browser\ndef test_probe(): pass\n"


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """A machine with no browser, no package manager, and no way to Playwright's own browsers."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("POSTVENTA_CHROMIUM", "PYTEST_")) and k != "CI"}
    nowhere = {"PATH": str(tmp_path), "PLAYWRIGHT_BROWSERS_PATH": str(tmp_path)}
    return {**kept, **nowhere, "PLAYWRIGHT_DOWNLOAD_HOST": "http://127.0.0.1:9"}


def answer(expression: str, environment: dict[str, str]) -> str:
    code = f"from postventa import browser; print({expression})"
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=settings.BASE_DIR, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout.splitlines()[-1]


def test_a_browser_counts_only_where_playwright_starts(bare: dict[str, str]) -> None:
    named = {**bare, "POSTVENTA_CHROMIUM": sys.executable}

    assert answer("browser.is_ready()", bare) == "False"
    assert answer("browser.is_ready()", named) == "True"
    # Debian's chromium comes without a library that Playwright's Node needs.
    assert answer("browser.is_ready()", {**named, "PLAYWRIGHT_NODEJS_PATH": "/bin/false"}) == "False"


@pytest.mark.parametrize(("user", "expected"), [(0, "True"), (1000, "False")])
def test_only_root_is_given_packages_of_the_system(
    bare: dict[str, str], tmp_path: Path, user: int, expected: str
) -> None:
    asked = tmp_path / "asked"
    program = tmp_path / "apt-get"
    # Leaves what the real one does: a program of this name on the PATH.
    program.write_text(f'#!/bin/sh\necho "$@" >> {asked}\n[ "$1" = update ] || /bin/cp "$0" {tmp_path}/chromium\n')
    program.chmod(0o755)

    assert answer(f"setattr(browser.os, 'geteuid', lambda: {user}) or browser.ensure()", bare) == expected
    wanted = ["update -q", f"install -q -y --no-install-recommends {' '.join(browser.DEBIAN_PACKAGES)}"]
    assert (asked.read_text().splitlines() if asked.exists() else []) == (wanted if user == 0 else [])


@pytest.mark.parametrize(("ci", "outcome"), [({}, "1 skipped"), ({"CI": "true"}, "1 error")])
def test_without_a_browser_the_tests_say_so_and_ci_fails(
    bare: dict[str, str], tmp_path: Path, ci: dict[str, str], outcome: str
) -> None:
    probe = tmp_path / "test_probe.py"
    probe.write_text(PROBE)
    command = [sys.executable, "-m", "pytest", "-n0", "-p", "no:cacheprovider", "-c", "pyproject.toml", str(probe)]

    done = subprocess.run(
        command, cwd=settings.BASE_DIR, env={**bare, **ci}, capture_output=True, text=True, check=False
    )

    assert outcome in done.stdout.splitlines()[-1]
    assert NO_BROWSER in done.stdout
    assert done.returncode == int(bool(ci))
