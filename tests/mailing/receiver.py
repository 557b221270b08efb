"""A real HTTP server that somebody else runs, for what we tell other systems."""

import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LONG = 20.0  # seconds: nobody is to wait for this


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """It answers as the path says: /200, /500, /410 …; and worse: /slow, /drip, /huge, /close, /redirect, /busy.

    `received` has all that came, whatever was answered. `on_request` is called before the answer.
    """

    received: list[Received] = field(default_factory=list)
    on_request: Callable[[], None] = lambda: None
    status: int | None = None  # instead of the path's
    tls: ssl.SSLContext | None = None
    most_at_once: int = 0
    _now: int = 0
    _lock: Any = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._server.handle_error = lambda *args: None  # type: ignore[method-assign]  # who refuses its certificate
        if self.tls:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def ids(self) -> list[str]:
        return [each.headers["webhook-id"] for each in self.received]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(receiver) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                with receiver._lock:
                    receiver._now += 1
                    receiver.most_at_once = max(receiver.most_at_once, receiver._now)
                try:
                    body = self.rfile.read(int(self.headers["Content-Length"]))
                    headers = {name.lower(): value for name, value in self.headers.items()}
                    receiver.received.append(Received(self.path, headers, body))
                    receiver.on_request()
                    self.answer(self.path.strip("/"))
                except OSError:
                    pass  # the other side has hung up, which some tests are about
                finally:
                    with receiver._lock:
                        receiver._now -= 1

            def answer(self, word: str) -> None:
                if word == "close":
                    self.connection.close()
                elif word == "slow":
                    time.sleep(LONG)
                elif word == "drip":
                    self.wfile.write(b"HTTP/1.1 200 OK\r\n")
                    for number in range(int(LONG / 0.05)):
                        self.wfile.write(f"X-{number}: drip\r\n".encode())
                        self.wfile.flush()
                        time.sleep(0.05)
                elif word == "huge":
                    self.say(200, {"Content-Length": str(10**9)})
                    self.wfile.write(b"x" * 5_000_000)
                elif word == "redirect":
                    self.say(302, {"Location": f"{receiver.url}/200", "Content-Length": "0"})
                elif word == "busy":
                    self.say(503, {"Retry-After": "7200", "Content-Length": "0"})
                else:
                    self.say(receiver.status or int(word or 200), {"Content-Length": "5"})
                    self.wfile.write(b"hola\n")

            def say(self, status: int, headers: dict[str, str]) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                """Nothing on the test's output."""

        return Handler
