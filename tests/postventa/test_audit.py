"""Known weaknesses in libraries stop what lands; a database of advisories that is away does not."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command

from postventa.management.commands.audit import pinned_in

KNOWN = {("jinja2", "2.4.1"): ["GHSA-462w-v97r-4m45"]}


class Advisories(BaseHTTPRequestHandler):
    """As OSV answers: of each library asked about, in order, what is known."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
        pins = [(query["package"]["name"], query["version"]) for query in asked]
        told = {"results": [{"vulns": [{"id": each} for each in KNOWN[pin]]} if pin in KNOWN else {} for pin in pins]}
        body = b"<html>" if self.path == "/odd" else json.dumps(told).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def database() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Advisories) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def audit(folder: Path, database: str, **options: Any) -> str:
    out = StringIO()
    call_command("audit", folder=folder, database=database, stdout=out, **options)
    return out.getvalue().strip()


def lock(folder: Path, *pins: str) -> Path:
    (folder / "base.txt").write_text("".join(f"{pin} \\\n    --hash=sha256:00\n    # via django\n" for pin in pins))
    return folder


def test_a_known_weakness_is_told_by_name(tmp_path: Path, database: str) -> None:
    folder = lock(tmp_path, "django==5.2.19", "jinja2==2.4.1")

    with pytest.raises(CommandError, match=r"jinja2 2\.4\.1: GHSA-462w-v97r-4m45"):
        audit(folder, database)


def test_without_one_it_passes(tmp_path: Path, database: str) -> None:
    assert audit(lock(tmp_path, "django==5.2.19"), database) == "audit: no known weakness in 1 libraries"


def test_what_is_accepted_passes_until_its_day(tmp_path: Path, database: str) -> None:
    folder = lock(tmp_path, "jinja2==2.4.1")
    (folder / "accepted-advisories").write_text("# why\nGHSA-462w-v97r-4m45 2026-12-31 No template of strangers.\n")

    with time_machine.travel("2026-12-31 12:00"):
        assert audit(folder, database) == "audit: no known weakness in 1 libraries"
    with time_machine.travel("2027-01-01 12:00"), pytest.raises(CommandError, match="GHSA-462w"):
        audit(folder, database)


@pytest.mark.parametrize("where", ["odd", "http://127.0.0.1:9/", "http://no-such-host.invalid/"])
def test_a_database_that_is_away_is_told_and_stops_nothing_unless_asked_for(
    tmp_path: Path, database: str, where: str
) -> None:
    folder, away = lock(tmp_path, "django==5.2.19"), where if "://" in where else database + where

    assert "since the database of advisories is away" in audit(folder, away)
    with pytest.raises(CommandError, match="is away"):
        audit(folder, away, strict=True)


def test_it_reads_every_lock_file_of_ours() -> None:
    names = {name for name, _version in pinned_in(Path("requirements"))}

    assert {"django", "celery", "pytest"} <= names
