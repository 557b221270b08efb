"""Real web servers, ours and others, and clients that keep their connections as browsers and shops do."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TypeVar

from django.conf import settings

T = TypeVar("T")
OURS, BARE = "postventa.wsgi", "intake.bench.bare_site"
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
WORKERS, THREADS = 2, 4  # as gunicorn.conf.py has them
CLIENTS = 4
# gunicorn's workers take connections as they come; by renewing them no side keeps an uneven share.
REQUESTS_A_CONNECTION = 25
PATIENCE = 60  # seconds
# Each request comes from another: a link is not followed by one visitor ten thousand times.
_browsers = count(1)


@contextmanager
def serving(
    application: str,
    *,
    python: str | Path = sys.executable,
    environment: Mapping[str, str] | None = None,
    folder: Path = settings.BASE_DIR,
) -> Iterator[int]:
    """gunicorn with this application, of the same shape for everybody; its port."""
    port = free_port()
    command = [python, "-m", "gunicorn", application, "--bind", f"127.0.0.1:{port}"]
    # A stranger has no part of ours, so its shape is said in full.
    shape = ["--worker-class", "gthread", "--workers", str(WORKERS), "--threads", str(THREADS)]
    command += ["--config", settings.BASE_DIR / "gunicorn.conf.py"] if python == sys.executable else shape
    told = {"WEB_CONCURRENCY": str(WORKERS), "WEB_THREADS": str(THREADS), "LOG_LEVEL": "WARNING"}
    environment = {**os.environ, **told, **(environment or {})}
    quiet = subprocess.DEVNULL if python != sys.executable else None
    with subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=quiet) as process:
        try:
            wait_for(port, process)
            yield port
        finally:
            process.terminate()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Until it answers, whatever it says; both workers start at once, so the other is as good as ready."""
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                if connection.recv(1):
                    return
        except OSError:
            pass
        time.sleep(0.05)
    raise RuntimeError("A web server of the bench does not start.")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: bytes
    body: bytes


@dataclass
class Client:
    """One connection, one request after another. A client of the standard library costs as much as a small page."""

    port: int
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))  # by method, unless told apart
    _socket: socket.socket | None = None
    _left: int = 0

    def get(self, path: str, *, status: int, headers: str = "", timed_as: str = "GET") -> Answer:
        return self._ask("GET", path, headers, b"", status, timed_as)

    def post(self, path: str, body: bytes, *, status: int, kind: str, headers: str = "") -> Answer:
        return self._ask("POST", path, f"Content-Type: {kind}\r\n{headers}", body, status, "POST")

    def close(self) -> None:
        if self._socket:
            self._socket.close()
        self._socket = None

    def _ask(self, method: str, path: str, headers: str, body: bytes, status: int, timed_as: str) -> Answer:
        request = (
            f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: Mozilla/5.0 ({next(_browsers)})\r\n"
            f"Content-Length: {len(body)}\r\n{headers}\r\n"
        ).encode() + body
        started = time.perf_counter()
        connection = self._connection()
        connection.sendall(request)
        answer = read_answer(connection)
        self.seconds[timed_as].append(time.perf_counter() - started)
        if b"connection: close" in answer.headers.lower():
            self.close()
        if answer.status != status:
            raise RuntimeError(f"{method} {path}: {answer.status} instead of {status}: {answer.body[:500]!r}")
        return answer

    def _connection(self) -> socket.socket:
        if self._socket is None or self._left == 0:
            self.close()
            self._socket = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._left = REQUESTS_A_CONNECTION
        self._left -= 1
        return self._socket


def read_answer(connection: socket.socket) -> Answer:
    """Of known length, or in pieces with an end."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += received(connection)
    head, _blank, body = data.partition(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    _name, is_known, length = head.lower().partition(b"\r\ncontent-length:")
    if is_known:
        wanted = int(length.split(b"\r\n", 1)[0])
        while len(body) < wanted:
            body += received(connection)
    elif b"\r\ntransfer-encoding: chunked" in head.lower():
        while not body.endswith(b"0\r\n\r\n"):
            body += received(connection)
    return Answer(status, head, body)


def received(connection: socket.socket) -> bytes:
    data = connection.recv(256 * 1024)
    if not data:
        raise RuntimeError("A web server of the bench has closed the connection in the middle of an answer.")
    return data


def visit_all(
    port: int, visit: Callable[[Client, T], object], what: Iterable[T], *, clients: int = CLIENTS
) -> Mapping[str, Sequence[float]]:
    """Each client visits until nothing is left; the seconds of each request, by method."""
    left, faults = deque(what), list[BaseException]()
    crowd = [Client(port) for _client in range(clients)]

    def go_on(client: Client) -> None:
        with closing(client):
            try:
                while left:
                    visit(client, left.popleft())
            except IndexError:
                pass  # another took the last
            except BaseException as fault:
                faults.append(fault)
                left.clear()

    threads = [threading.Thread(target=go_on, args=[client]) for client in crowd]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    methods = dict.fromkeys(method for client in crowd for method in client.seconds)
    return {method: [each for client in crowd for each in client.seconds[method]] for method in methods}
