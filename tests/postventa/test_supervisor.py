"""The demo as a person meets it: started, used, ended; in a folder of its own so that a real demo is not disturbed."""

import json
import os
import signal
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psycopg2
import pytest
from django.conf import settings

from postventa.embedded import command_of
from postventa.processes import StartError
from postventa.supervisor import START_PATIENCE, listeners, reset
from tests.migrated import temporary_folder
from tests.postventa.test_processes import is_alive
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

RUN = """
import sys
from pathlib import Path
import django; django.setup()
from postventa import demo_environment
from postventa.supervisor import Demo
base, folder = Path(sys.argv[1]), Path(sys.argv[2])
lock = demo_environment.hold_lock(folder)
if lock is None:
    sys.exit("busy")
say = lambda text: print(text, flush=True)
Demo(base, folder, port=0, mailbox_port=0, say=say).run(lock, lambda facts: say("ready"))
"""
WHO = {"api_key": "pv_k", "brand": "b", "staff": {"email": "s@x.example", "password": "p"}, "affiliates": []}


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def folder() -> Iterator[Path]:
    with temporary_folder() as path:
        # With credentials there the data count as made up already; seeding has tests of its own.
        (path / "credentials.json").write_text(json.dumps(WHO))
        yield path


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Starts a demo in `folder`; what a failing test leaves running ends with it."""
    outside = {"DATABASE_URL", "REDIS_URL", "EMAIL_URL", "BASE_URL", "SECRET_KEY"}
    environment = {name: value for name, value in os.environ.items() if name not in outside}
    started: list[subprocess.Popen[str]] = []

    def start_one(**told: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", RUN, settings.BASE_DIR, folder],
            cwd=settings.BASE_DIR,
            env={**environment, "DJANGO_SETTINGS_MODULE": "postventa.settings", **told},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start_one
    for process in started:
        if process.returncode is None:
            process.terminate()
            process.communicate(timeout=90)


def facts(folder: Path) -> dict[str, Any]:
    wait_until((folder / "demo.json").exists, seconds=3 * START_PATIENCE)  # services, migrations, programs
    return dict(json.loads((folder / "demo.json").read_text()))


def processes_of(folder: Path) -> set[int]:
    """Those that carry the folder's name in their command line: services, worker and mailbox."""
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
    return {pid for pid in pids if str(folder) in command_of(pid) and is_alive(pid) and pid != os.getpid()}


def web_answers(url: str) -> bool:
    try:
        with urlopen(f"{url}/readyz", timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def test_the_demo_from_start_to_end(folder: Path, start: Start) -> None:
    demo = start(POSTVENTA_PG_DATA="")  # from nothing
    told = facts(folder)

    # Everything answers, and what it tells is what the contract says.
    assert web_answers(told["url"])
    assert {name: told[name] for name in WHO} == WHO
    assert told["admin_url"] == told["url"] + "/admin/"
    assert told["portal_url"] == told["url"] + "/portal/"
    host = told["database_url"].split("host=")[1]
    psycopg2.connect(host=host, user="postventa", dbname="postventa").close()
    environment = json.loads((folder / "environment.json").read_text())
    assert (folder / "environment.json").stat().st_mode & 0o077 == 0
    with smtplib.SMTP("127.0.0.1", int(environment["EMAIL_URL"].rsplit(":", 1)[1])) as client:
        client.sendmail("a@x.example", ["b@x.example"], b"Subject: hola\r\n\r\nx")
    with urlopen(f"{told['mailbox_url']}/api/messages") as response:
        assert [mail["subject"] for mail in json.load(response)] == ["hola"]

    # A second one refuses.
    second = start()
    assert second.communicate(timeout=90)[0] == "busy\n"

    # A process that dies comes back, on the same port.
    (mailbox,) = [pid for pid in processes_of(folder) if "manage.py mailbox" in command_of(pid)]
    os.kill(mailbox, signal.SIGKILL)
    wait_until(lambda: any("manage.py mailbox" in command_of(p) for p in processes_of(folder) - {mailbox}))
    with urlopen(f"{told['mailbox_url']}/api/messages", timeout=30) as response:
        assert [mail["subject"] for mail in json.load(response)] == ["hola"]

    # Asked to end, twice, it leaves nothing behind.
    demo.send_signal(signal.SIGINT)
    time.sleep(0.1)
    demo.send_signal(signal.SIGINT)
    output = demo.communicate(timeout=90)[0]
    assert demo.returncode == 0
    assert "Traceback" not in output
    assert processes_of(folder) == set()
    assert not web_answers(told["url"])
    assert not (folder / "demo.json").exists()


def test_a_killed_demo_leaves_nothing_and_starts_again(folder: Path, start: Start) -> None:
    demo = start()
    first = facts(folder)
    connection = psycopg2.connect(host=first["database_url"].split("host=")[1], user="postventa", dbname="postventa")
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept AS SELECT 1 AS number")
    connection.close()

    demo.kill()
    demo.communicate()
    again = start()  # at once: it waits for the guard of the first
    wait_until(lambda: not (folder / "demo.json").exists())
    second = facts(folder)

    assert not web_answers(first["url"])
    connection = psycopg2.connect(host=second["database_url"].split("host=")[1], user="postventa", dbname="postventa")
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT number FROM kept")
        assert cursor.fetchall() == [(1,)]
    connection.close()
    again.terminate()
    again.communicate(timeout=90)
    assert again.returncode == 0
    assert processes_of(folder) == set()


def test_a_taken_port_is_told_with_another_to_try() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(StartError) as refusal:
            listeners(port, "PORT")

    assert f"{port}" in str(refusal.value)
    assert "PORT=" in str(refusal.value)


def test_reset_forgets_all_but_the_lock(folder: Path) -> None:
    (folder / "postgres").mkdir()
    (folder / "postgres" / "PG_VERSION").write_text("18")
    (folder / "lock").write_text("1")

    reset(folder)

    assert [entry.name for entry in folder.iterdir()] == ["lock"]
