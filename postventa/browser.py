"""Which browser the tests drive, and how one gets onto a machine that has none."""

import fcntl
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

DEBIAN_PACKAGES = ["chromium", "libatomic1", "fonts-liberation"]
FLAGS = [
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
]


def launch_options() -> dict[str, object]:
    """For Playwright's `launch`: the browser found, or its own where none is."""
    # Chromium's sandbox refuses root.
    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else FLAGS
    found = find()
    return {"args": flags, **({"executable_path": found} if found else {})}


def find() -> str | None:
    if named := os.environ.get("POSTVENTA_CHROMIUM"):
        return named
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((found for name in names if (found := shutil.which(name))), None)


@cache
def ensure() -> bool:
    """Whether the browser tests can run; fetches a browser where that is possible without asking anybody."""
    # Workers of one run ask all at once, and apt-get serves one of them.
    with Path(__file__).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return is_ready() or installs_from_debian() or installs_own()


def is_ready() -> bool:
    """Whether Playwright starts, which a browser of the system alone does not tell, and has something to drive."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only a developer's environment has it

    try:
        with sync_playwright() as playwright:
            return bool(find()) or Path(playwright.chromium.executable_path).exists()
    except Exception:  # its Node does not start where a system library is missing
        return False


def installs_from_debian() -> bool:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    print("Installing a browser for the tests (apt-get) …", flush=True)  # noqa: T201
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    update = ["apt-get", "update", "-q"]
    install = ["apt-get", "install", "-q", "-y", "--no-install-recommends", *DEBIAN_PACKAGES]
    done = all(
        subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0
        for command in (update, install)
    )
    return done and is_ready()


def installs_own() -> bool:
    print("Fetching a browser for the tests (playwright install chromium) …", flush=True)  # noqa: T201
    command = [sys.executable, "-m", "playwright", "install", "chromium"]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=300).returncode == 0
    except subprocess.TimeoutExpired:
        return False
    return done and is_ready()
