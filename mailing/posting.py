"""One HTTP request to somebody else's machine, which may be slow, broken or hostile. Knows no database.

The connection goes to the address that was checked (`mailing.targets`), no redirect is followed, no proxy asked, and
of the answer no more is read than a person needs to see what was wrong. All of it ends at a deadline, however slowly
the other side drips.
"""

import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPResponse
from threading import Timer

from django.core.exceptions import ValidationError

from mailing.models import DeliveryAttempt
from mailing.targets import NotPublic, Target, UnknownHost, parse_target, resolve

Problem = DeliveryAttempt.Problem

USER_AGENT = "Postventa-Webhooks/1"
REPLY_BYTES = 2000
REPLY_CHARACTERS = 500
# What only time can heal: the whole endpoint is left in peace for a while, not this one event.
PROBLEMS_OF_ENDPOINT = {Problem.TIMEOUT, Problem.CONNECTION, Problem.TLS, Problem.NAME, Problem.TARGET, Problem.SECRET}
STATUSES_OF_ENDPOINT = {429, 502, 503, 504}
LONGEST_RETRY_AFTER = 24 * 3600  # seconds


@dataclass(frozen=True)
class Reply:
    """What came back. No problem: the other side took it."""

    problem: str = ""
    status: int | None = None
    text: str = ""
    milliseconds: int = 0
    retry_after: int = 0  # seconds for which the other side asks to be left in peace

    @property
    def is_taken(self) -> bool:
        return not self.problem

    @property
    def is_gone(self) -> bool:
        """The other side wants nothing more, ever."""
        return self.status == 410

    @property
    def concerns_endpoint(self) -> bool:
        """Would any other event fare the same at this moment?"""
        return self.problem in PROBLEMS_OF_ENDPOINT or self.status in STATUSES_OF_ENDPOINT


def post(url: str, body: bytes, headers: Mapping[str, str], *, timeout: float) -> Reply:
    """Never raises for what the other side does; `timeout` is for all of it, the look-up of its name included."""
    begun = time.monotonic()
    reply = _post(url, body, headers, timeout=timeout)
    return Reply(reply.problem, reply.status, reply.text, round((time.monotonic() - begun) * 1000), reply.retry_after)


def _post(url: str, body: bytes, headers: Mapping[str, str], *, timeout: float) -> Reply:
    deadline = time.monotonic() + timeout
    try:
        target = parse_target(url)
        address = resolve(target, timeout=timeout)
    except (NotPublic, ValidationError):  # what may be called can have been narrowed since it was written down
        return Reply(Problem.TARGET)
    except UnknownHost:
        return Reply(Problem.NAME)
    except TimeoutError:
        return Reply(Problem.TIMEOUT)
    left = max(0.001, deadline - time.monotonic())  # 0 would be «do not wait», which fails at once
    connection = PinnedConnection(target, address, timeout=left)
    # Each wait on the socket has its own time-out; this one is for all of them together.
    watch = Timer(left, connection.cut)
    watch.daemon = True
    watch.start()
    try:
        connection.request("POST", target.path, body, {"User-Agent": USER_AGENT, "Connection": "close", **headers})
        response = connection.getresponse()
        # Cut in the middle of its head, http.client takes what there is for all of it.
        return Reply(Problem.TIMEOUT) if connection.is_cut else _read(response)
    except ssl.SSLCertVerificationError as error:
        return Reply(Problem.TLS, text=_printable(error.verify_message))
    except TimeoutError:
        return Reply(Problem.TIMEOUT)
    except (OSError, HTTPException, ValueError) as error:
        if connection.is_cut:
            return Reply(Problem.TIMEOUT)
        problem = Problem.TLS if isinstance(error, ssl.SSLError) else Problem.CONNECTION
        return Reply(problem, text=_printable(str(error)))
    finally:
        watch.cancel()
        connection.close()


def _read(response: HTTPResponse) -> Reply:
    """The status says whether it was taken; that the body breaks off afterwards changes nothing."""
    text = b""
    with suppress(OSError, HTTPException, ValueError):
        text = response.read(REPLY_BYTES)
    status = response.status
    if 300 <= status < 400:
        return Reply(Problem.REDIRECT, status, _printable(response.getheader("Location", "")))
    problem = "" if 200 <= status < 300 else Problem.STATUS
    return Reply(problem, status, _printable(text.decode(errors="replace")), retry_after=_seconds(response, status))


def _seconds(response: HTTPResponse, status: int) -> int:
    """Dates are not read: the other side's clock may be wrong, and the schedule is long."""
    told = response.getheader("Retry-After", "").strip()
    if status not in STATUSES_OF_ENDPOINT or not (told.isascii() and told.isdigit()):
        return 0
    return min(int(told[:9]), LONGEST_RETRY_AFTER)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)[:REPLY_CHARACTERS].strip()


class PinnedConnection(HTTPConnection):
    """To an address already looked up, under the name that the certificate and the Host header are for."""

    def __init__(self, target: Target, address: str, *, timeout: float) -> None:
        super().__init__(target.host, target.port, timeout=timeout)
        self.is_secure = target.scheme == "https"
        # http.client leaves the port out of the Host header where it is the scheme's own.
        self.default_port = 443 if self.is_secure else 80
        self.address = address
        self.is_cut = False

    def connect(self) -> None:
        self.sock = socket.create_connection((self.address, self.port), self.timeout)
        if self.is_secure:
            self.sock = _tls().wrap_socket(self.sock, server_hostname=self.host)
        if self.is_cut:
            raise TimeoutError

    def cut(self) -> None:
        """From another thread: whatever is being waited for ends now."""
        self.is_cut = True
        if sock := self.sock:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


@cache
def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
