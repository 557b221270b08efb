"""The data of a PostgreSQL whose database is migrated: made once for these migrations, then copied in half a second.

Two hundred migrations take most of a minute. A run whose migrations have been seen before begins with a copy; so does
every worker's database, and every server that is started where POSTVENTA_PG_DATA names one.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from postventa import demo_environment
from postventa.embedded import Postgres, find_postgres
from postventa.processes import Guard, StartError

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / ".pytest_cache" / "d" / "postgres"
MOST_KEPT = 3  # of other branches and edits; each is some 60 MB


def copy_migrated(target: Path) -> None:
    """The data of a stopped PostgreSQL, its database migrated: nobody else's, for others' copies come and go."""
    KEPT.mkdir(parents=True, exist_ok=True)
    kept = KEPT / key()
    with lock(fcntl.LOCK_EX if not kept.exists() else fcntl.LOCK_SH):
        if not kept.exists():  # else somebody made it while we waited
            make(kept)
        kept.touch()  # used last
        copy(kept, target)


def key() -> str:
    """What the data depend on: our migrations, the libraries and theirs, the server; and the month, until the end of
    which there is room for clicks."""
    parts = [*sorted(ROOT.glob("*/migrations/*.py")), ROOT / "requirements" / "dev.txt", Path(__file__)]
    told = [f"{datetime.now(UTC):%Y-%m}", str(find_postgres()), *(f"{path.name}\n{path.read_text()}" for path in parts)]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]


def make(kept: Path) -> None:
    with temporary_folder() as folder, closing(Guard()) as guard:
        postgres = Postgres(folder, guard=guard, log=folder / "postgres.log", durable=False)
        try:
            postgres.start()
            migrate(postgres.url)
        finally:
            postgres.child.stop()
        scratch = Path(tempfile.mkdtemp(dir=KEPT))
        copy(folder / "postgres", scratch / "data")
        (scratch / "data").rename(kept)
        scratch.rmdir()
    for old in sorted(KEPT.glob("[!.]*/"), key=lambda each: each.stat().st_mtime)[:-MOST_KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def migrate(url: str) -> None:
    """In a process of its own: this one has not read its settings."""
    environment = {**demo_environment.without_demo(os.environ), "DATABASE_URL": url}
    done = subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity=0"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise StartError(f"The migrations fail:\n{done.stdout}")


def copy(data: Path, target: Path) -> None:
    """Whoever owns the files: as root they are not ours (postventa/embedded.py)."""
    subprocess.run(["cp", "-Rp", data, target], check=True)


@contextmanager
def lock(kind: int) -> Iterator[None]:
    with (KEPT / ".lock").open("a") as file:
        fcntl.flock(file, kind)
        yield


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Short, since sockets live in it, and open to cross, since PostgreSQL may run as nobody."""
    folder = Path(tempfile.mkdtemp(prefix="pv-", dir="/tmp"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
