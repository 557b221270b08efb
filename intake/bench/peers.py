"""What a user would pick instead of us, each in an environment of its own: their libraries never meet ours."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import psycopg2
from django.conf import settings
from django.db import connection
from psycopg2.extensions import make_dsn

from intake.bench.servers import serving

FOLDER = settings.BASE_DIR / "bench" / "peers"
# What both sides stand on is the same for both.
SHARED = ("django", "gunicorn", "psycopg2-binary")
PEERS = {
    "django-survey-and-report": "1.5.0",
    "django-post-office": "3.12.0",
    "django-helpdesk": "2.6.1",
}


class PeerMissing(Exception):
    """The peer cannot be installed here; the text says why, in one line."""


def python_of(peer: str, *, folder: Path = FOLDER) -> Path:
    """The interpreter that can import the peer; its environment is made once. May raise PeerMissing."""
    packages = [f"{peer}=={PEERS[peer]}", *(f"{name}=={version(name)}" for name in SHARED)]
    home = folder / f"{peer}-{hashlib.sha256(repr((packages, sys.version)).encode()).hexdigest()[:8]}"
    python, ready = home / "bin" / "python", home / "ready"
    if not ready.exists():
        # Where there is a pip already, the environment need not have one of its own, which takes longest to make.
        has_pip = find_spec("pip") is not None
        _run([sys.executable, "-m", "venv", "--clear", *(["--without-pip"] if has_pip else []), home], peer)
        pip = [sys.executable, "-m", "pip", "--python", python] if has_pip else [python, "-m", "pip"]
        _run([*map(str, pip), "install", "--quiet", "--disable-pip-version-check", "--no-input", *packages], peer)
        ready.touch()
    return python


def _run(command: list[str | Path], peer: str) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        last = next(iter(done.stdout.strip().splitlines()[-1:]), "no reason given")
        raise PeerMissing(f"{peer} cannot be installed here: {last}")


@contextmanager
def peer_site(python: Path, module: str, *told: str) -> Iterator[tuple[int, str]]:
    """Its site on a database of its own in the same server, as a module beside this one makes it: as a program, told
    those words, it fills the database and says what visitors have to know; the port, and what it said.
    """
    program = Path(__file__).with_name(f"{module}.py")
    environment = {**os.environ, **own_database()}
    made = subprocess.run(
        [python, program, *told],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    with serving(module, python=python, environment=environment, folder=program.parent) as port:
        yield port, made.stdout


def own_database() -> dict[str, str]:
    """An empty one in the same server: the environment in which a peer finds it."""
    told = connection.get_connection_params()
    address = {"host": told.get("host"), "user": told.get("user"), "dbname": "postgres"}
    with closing(psycopg2.connect(**address)) as server:
        server.autocommit = True
        with server.cursor() as cursor:
            cursor.execute("DROP DATABASE IF EXISTS peer WITH (FORCE)")
            cursor.execute("CREATE DATABASE peer")
    return {"PEER_DATABASE": make_dsn(**{**address, "dbname": "peer"})}
