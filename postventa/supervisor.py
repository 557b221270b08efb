"""The demo: every process it needs, started in order, watched, started again where it dies, and ended together."""

import hashlib
import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO, Any

from celery import Celery
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connections
from django.db import Error as DatabaseError
from django.utils.translation import gettext as _
from environ import Env

from accounts.models import Brand
from mailing.signing import new_secret
from postventa import demo_environment
from postventa.embedded import Postgres, Valkey, shared_folder
from postventa.processes import Child, Guard, StartError

START_PATIENCE = 120.0  # seconds until every process must have answered
MOST_RESTARTS = 5  # of one process, before the demo gives up
CALM_AFTER = 60.0  # seconds a process must run for its deaths to be forgotten


class Interrupted(Exception):
    """Somebody asked the demo to end."""


class Demo:
    def __init__(
        self, base_dir: Path, folder: Path, *, port: int, mailbox_port: int, say: Callable[[str], None]
    ) -> None:
        self._base_dir = base_dir
        self._folder = folder
        self._say = say
        self._interrupted = False
        self._children: list[Child] = []  # in the order of their start
        self._starters: dict[str, Callable[[], None]] = {}  # how to start one again
        self._web = listeners(port, "PORT")
        self._mailbox = listeners(mailbox_port, "MAILBOX_PORT")
        self._smtp = socket.create_server(("127.0.0.1", 0))
        self.environment: dict[str, str] = {}
        self._is_database_ours = True
        self._is_empty = False

    @property
    def url(self) -> str:
        return f"http://localhost:{self._web[0].getsockname()[1]}"

    @property
    def mailbox_url(self) -> str:
        return f"http://localhost:{self._mailbox[0].getsockname()[1]}"

    def run(self, lock: IO[str], when_ready: Callable[[dict[str, Any]], None]) -> None:
        """Start everything, call `when_ready` with what demo.json says, and stay until asked to end."""
        # The guard inherits the lock: another demo can only begin when it has ended what is left of this one.
        self._guard = Guard(keep_open=[lock.fileno()])
        for name in demo_environment.TOLD:
            self._guard.remove_file(self._folder / name)
        with self._asked_to_end():
            try:
                self._start_services()
                self._start_programs()
                when_ready(self._announce())
                self._watch()
            except Interrupted:
                pass
            finally:
                self._stop()

    # --- Starting --------------------------------------------------------------------------------------------------
    def _start_services(self) -> None:
        demo_environment.forget(self._folder)
        outside = demo_environment.without_demo(os.environ)
        database_url, redis_url = outside.get("DATABASE_URL"), outside.get("REDIS_URL")
        self._is_database_ours = not database_url
        if not database_url:
            postgres = Postgres(self._folder, guard=self._guard, log=self._log("postgres"))
            self._start(postgres.child, postgres.start)
            database_url = postgres.url
        if not redis_url:
            valkey = Valkey(self._folder, guard=self._guard, log=self._log("valkey"))
            self._start(valkey.child, valkey.start)
            redis_url = valkey.url
        self.environment = {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "SECRET_KEY": self._secret_key(),
            "EMAIL_URL": f"smtp://127.0.0.1:{self._smtp.getsockname()[1]}",
            "DEFAULT_FROM_EMAIL": "Postventa <postventa@demo.example>",
            # Its mailbox is our own: nobody's server has to be spared.
            "MAIL_RATE": "0",
            "MAIL_RATE_PER_DOMAIN": "0",
            # What is tried out with it listens on this very machine.
            "WEBHOOK_ALLOW_PRIVATE": "true",
            # Whoever plays the customer can write back from the mailbox.
            "REPLY_ADDRESS": "c@{domain}",
            "INBOUND_MAIL_SECRET": new_secret(),
            "BASE_URL": self.url,
            "LOG_JSON": "false",
        }
        write_privately(self._folder / "environment.json", json.dumps(self.environment))

    def _start_programs(self) -> None:
        mailbox = self._program(
            "mailbox",
            [
                *("manage.py", "mailbox", "--folder", self._folder / "mailbox", "--smtp-fd", self._smtp.fileno()),
                *(f"--http-fd={listener.fileno()}" for listener in self._mailbox),
            ],
            sockets=[self._smtp, *self._mailbox],
            is_ready=lambda: answers(self._mailbox[0], "/healthz") and greets(self._smtp),
        )
        web = self._program(
            "web",
            [
                *("-m", "gunicorn", "postventa.wsgi", "--worker-class", "gthread", "--workers", 1, "--threads", 8),
                *(f"--bind=fd://{listener.fileno()}" for listener in self._web),
            ],
            sockets=self._web,
            is_ready=lambda: answers(self._web[0], "/readyz"),
        )
        worker = self._program(
            "worker",
            [
                *("-m", "celery", "-A", "postventa.celery", "worker", "-P", "threads", "--concurrency", 4),
                *("-B", "--schedule", self._folder / "beat", "--without-gossip", "--without-mingle"),
            ],
            is_ready=lambda: worker_answers(self.environment["REDIS_URL"]),
        )
        self._start(mailbox)
        self._start(web)
        self._migrate()
        self._seed()
        self._start(worker)
        deadline = time.monotonic() + START_PATIENCE
        for child in (mailbox, web, worker):
            self._wait_until_ready(child, deadline)

    def _migrate(self) -> None:
        """In this process: Django is loaded here already, and loading it once more would cost every start a second."""
        connections.databases[DEFAULT_DB_ALIAS].update(Env.db_url_config(self.environment["DATABASE_URL"]))
        try:
            with self._log("migrate").open("w") as log:
                call_command("migrate", interactive=False, stdout=log, stderr=log)
            self._is_empty = not Brand.objects.exists()
        except DatabaseError as error:
            raise StartError(_("The database cannot be used: {error}").format(error=error)) from error
        finally:
            connections.close_all()
        self._check_interruption()

    def _seed(self) -> None:
        """Made-up data, once, and never among somebody's real ones; what it takes to sign in stays in our folder."""
        if self._credentials_file.exists():
            return
        if not (self._is_database_ours or self._is_empty):
            raise StartError(_("The database of DATABASE_URL already holds brands: name an empty one."))
        scratch = self._credentials_file.with_suffix(".new")
        self._say(_("Making up the demo data (only the first time) …"))
        self._run_to_end("seed", ["manage.py", "seed_demo", "--write", scratch])
        scratch.chmod(0o600)
        scratch.rename(self._credentials_file)

    @property
    def _credentials_file(self) -> Path:
        if self._is_database_ours:
            return self._folder / "credentials.json"
        key = hashlib.sha256(self.environment["DATABASE_URL"].encode()).hexdigest()[:12]
        return self._folder / f"credentials-{key}.json"

    def _announce(self) -> dict[str, Any]:
        facts = {
            "url": self.url,
            "mailbox_url": self.mailbox_url,
            "admin_url": f"{self.url}/admin/",
            "portal_url": f"{self.url}/portal/",
            **json.loads(self._credentials_file.read_text()),
            "database_url": self.environment["DATABASE_URL"],
            "redis_url": self.environment["REDIS_URL"],
        }
        write_privately(self._folder / "demo.json", json.dumps(facts, indent=2, ensure_ascii=False))
        return facts

    def _start(self, child: Child, start: Callable[[], None] | None = None) -> None:
        self._children.append(child)
        self._starters[child.name] = start or child.start
        self._starters[child.name]()
        self._check_interruption()

    def _run_to_end(self, name: str, arguments: list[Any]) -> None:
        child = self._program(name, arguments, is_ready=lambda: False)
        self._start(child)
        while not child.has_ended():
            self._check_interruption()
            time.sleep(0.02)
        failed = child.process is None or child.process.returncode != 0
        child.stop()
        self._children.remove(child)
        if failed:
            raise StartError(told(_("“{name}” has failed."), child))

    def _wait_until_ready(self, child: Child, deadline: float) -> None:
        while not child.is_ready():
            self._check_interruption()
            if child.has_ended():
                raise StartError(told(_("“{name}” ended while starting."), child))
            if time.monotonic() > deadline:
                raise StartError(told(_("“{name}” does not answer."), child))
            time.sleep(0.05)

    def _program(
        self,
        name: str,
        arguments: list[Any],
        *,
        is_ready: Callable[[], bool],
        sockets: Sequence[socket.socket] = (),
    ) -> Child:
        """One of our own Python programs; `sockets` already listen and survive its restarts."""
        self._log(name).unlink(missing_ok=True)
        return Child(
            name=name,
            command=[sys.executable, *map(str, arguments)],
            log=self._log(name),
            guard=self._guard,
            is_ready=is_ready,
            environment={**self.environment, "PYTHONUNBUFFERED": "1"},
            options={"cwd": self._base_dir, "pass_fds": [listener.fileno() for listener in sockets]},
        )

    def _secret_key(self) -> str:
        """Kept across starts, so that links in the mailbox go on working."""
        file = self._folder / "secret_key"
        if not file.exists():
            write_privately(file, secrets.token_urlsafe(50))
        return file.read_text()

    def _log(self, name: str) -> Path:
        return self._folder / "logs" / f"{name}.log"

    # --- Watching and ending ---------------------------------------------------------------------------------------
    def _watch(self) -> None:
        deaths: dict[str, list[float]] = {}
        while True:
            self._check_interruption()
            for child in self._children:
                if child.has_ended():
                    self._restart(child, deaths.setdefault(child.name, []))
            time.sleep(0.2)

    def _restart(self, child: Child, deaths: list[float]) -> None:
        """Start it again after a pause that grows with each death of late."""
        now = time.monotonic()
        deaths[:] = [at for at in deaths if now - at < CALM_AFTER] + [now]
        self._say(told(_("“{name}” has ended by itself. The end of its log:"), child))
        if len(deaths) > MOST_RESTARTS:
            raise StartError(_("“{name}” keeps ending: the demo gives up.").format(name=child.name))
        child.stop()  # whatever of its group is left
        self._pause(2.0 ** (len(deaths) - 2))
        try:
            self._starters[child.name]()
        except StartError as error:  # a service that does not come up yet counts as one more death
            self._say(str(error))

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._check_interruption()
            time.sleep(0.05)

    def _stop(self) -> None:
        programs = [child for child in self._children if child.name not in ("PostgreSQL", "Valkey")]
        for child in programs:
            child.ask_to_stop()  # all at once, so that waiting is shared
        for child in [*programs, *reversed(self._children)]:
            child.stop()
        demo_environment.forget(self._folder)
        self._guard.close()

    def _check_interruption(self) -> None:
        if self._interrupted:
            raise Interrupted

    @contextmanager
    def _asked_to_end(self) -> Iterator[None]:
        """SIGINT, SIGTERM and a closed terminal all ask for the same; a second time changes nothing."""

        def note(number: int, frame: FrameType | None) -> None:
            if not self._interrupted:
                self._interrupted = True
                self._say(_("Ending …"))

        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, note) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def told(message: str, child: Child) -> str:
    return message.format(name=child.name) + f"\n{child.last_words()}"


def listeners(port: int, variable: str) -> list[socket.socket]:
    """Sockets on this machine's own addresses, IPv4 and, where there is one, IPv6; port 0 chooses a free one."""
    try:
        first = socket.create_server(("127.0.0.1", port))
    except OSError:
        raise StartError(
            _("Port {port} is taken or not allowed. Choose another: {variable}={other} python3 manage.py demo").format(
                port=port, variable=variable, other=port + 10 if port < 60_000 else port - 10
            )
        ) from None
    with suppress(OSError):
        return [first, socket.create_server(("::1", first.getsockname()[1]), family=socket.AF_INET6)]
    return [first]


def answers(listener: socket.socket, path: str) -> bool:
    """Whether what listens there answers 200."""
    connection = http.client.HTTPConnection("127.0.0.1", listener.getsockname()[1], timeout=5)
    try:
        connection.request("GET", path, headers={"Host": "localhost"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def greets(listener: socket.socket) -> bool:
    try:
        with socket.create_connection(listener.getsockname(), timeout=5) as connection:
            return connection.recv(3) == b"220"
    except OSError:
        return False


def worker_answers(redis_url: str) -> bool:
    """Whether a Celery worker listens at this broker."""
    broker = redis_url.split("?")[0].replace("unix://", "redis+socket://")
    with Celery(broker=broker, set_as_current=False) as probe:
        try:
            return bool(probe.control.ping(timeout=0.3, limit=1))
        except OSError:
            return False


def write_privately(path: Path, text: str) -> None:
    """Whole or not at all, and for nobody else to read."""
    scratch = path.with_suffix(".new")
    scratch.unlink(missing_ok=True)
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    scratch.replace(path)


def reset(folder: Path) -> None:
    """Remove what a demo keeps; its lock stays, for we hold it."""
    elsewhere = shared_folder(folder)  # where root keeps what nobody could not reach
    for place in (folder, elsewhere):
        for entry in place.iterdir():
            if entry.name != "lock":
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    elsewhere.rmdir()
