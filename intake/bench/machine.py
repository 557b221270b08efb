"""What was measured on: rates mean nothing without it, and ratios little."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import redis
from django.conf import settings
from django.db import connection

LIBRARIES = ("django", "celery", "psycopg2-binary", "gunicorn")


def about_machine() -> dict[str, str]:
    """In words, by what it is; asked of the services that the bench uses."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        [postgresql] = cursor.fetchone()
    valkey = redis.Redis.from_url(settings.REDIS_URL).info("server")
    return {
        "system": platform.platform(),
        "processors": f"{os.cpu_count()} × {processor()}",
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GB",
        "load_before": " · ".join(f"{each:.1f}" for each in os.getloadavg()),
        "code": code(),
        "python": platform.python_version(),
        "postgresql": postgresql,
        "redis": f"{valkey.get('server_name', 'redis')} {valkey.get('valkey_version', valkey['redis_version'])}",
        "libraries": ", ".join(f"{name} {version(name)}" for name in LIBRARIES),
    }


def processor() -> str:
    """Its name, where the system tells it."""
    try:
        told = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in told.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()


def code() -> str:
    """The commit that is measured; + where files of it have been changed since."""
    try:
        told = subprocess.run(
            ["git", "describe", "--always", "--dirty=+"],
            cwd=settings.BASE_DIR,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return told.stdout.strip()
