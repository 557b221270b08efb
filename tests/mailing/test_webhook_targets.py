"""Where events may be sent, and what one request to somebody else's machine comes to."""

import socket
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.core.exceptions import ValidationError
from pytest_django.fixtures import Settings

from mailing import posting, targets
from mailing.posting import Problem, post
from mailing.targets import Target, is_public, parse_target
from tests.mailing.receiver import LONG, Receiver

pytestmark = pytest.mark.unit

DAY = timedelta(days=1)
PATIENCE = 30.0  # seconds with who does answer


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    settings.WEBHOOK_ALLOW_PRIVATE = True
    server = Receiver()
    yield server
    server.close()


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
        *("224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.0.8", "192.88.99.1", "198.18.0.1", "192.0.2.1"),
        *("::", "::1", "::127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "fe80::1%eth0"),
        *("fd00::1", "fec0::1", "ff02::1", "2002:7f00:1::", "2001::1", "2001:db8::1", "3fff::1", "nonsense"),
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "::ffff:8.8.8.8", "2606:2800:220:1::1"])
def test_addresses_that_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        *("", "example.com", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/"),
        *("http://example.com/", "https://", "https:///path", "https://example.com:22/", "https://example.com:99999/"),
        *("https://user:pw@example.com/", "https://@example.com/", "https://example.com/#part"),
        *(
            "https://localhost/",
            "https://LOCALHOST./",
            "https://intranet/",
            "https://db.internal/",
            "https://nas.local/",
        ),
        *("https://127.0.0.1/", "https://127.1/", "https://2130706433/", "https://0x7f000001/", "https://[::1]/"),
        *("https://[::ffff:127.0.0.1]/", "https://169.254.169.254/latest/meta-data/", "https://10.0.0.1:8443/"),
        *("https://exa mple.com/", "https://example.com/\r\nHost: x", "https://example.com\\@localhost/"),
        *(
            "https://ejemplo。com/",
            "https://example.com/" + "x" * 500,
            "https://exam_ple.com/",
            "https://-example.com/",
        ),
    ],
)
def test_urls_that_are_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        parse_target(url)


def test_a_url_taken_apart() -> None:
    assert parse_target("https://Hooks.Example.com:8443/in?shop=1") == Target(
        "https", "hooks.example.com", 8443, "/in?shop=1"
    )
    assert parse_target("https://example.com") == Target("https", "example.com", 443, "/")


@pytest.mark.parametrize("leads_to", [["127.0.0.1"], ["93.184.216.34", "10.0.0.1"], ["::ffff:127.0.0.1"]])
def test_a_name_that_leads_to_a_private_address_is_never_connected_to(
    monkeypatch: pytest.MonkeyPatch, leads_to: list[str]
) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in leads_to]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)
    monkeypatch.setattr(socket, "create_connection", lambda *args, **kwargs: pytest.fail("connected"))

    assert post("https://rebinding.example.com/", b"{}", {}, timeout=PATIENCE).problem == Problem.TARGET


def test_the_connection_goes_to_the_address_that_was_checked(
    receiver: Receiver, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is asked once: what it would answer a moment later has no say."""
    port = int(receiver.url.rpartition(":")[2])
    answers = iter([[(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]])
    real = socket.getaddrinfo

    def once(host: str, *args: object, **kwargs: object) -> object:
        return next(answers) if host == "hooks.example.com" else real(host, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", once)

    reply = post(f"http://hooks.example.com:{port}/200", b"{}", {}, timeout=PATIENCE)

    assert reply.is_taken
    assert receiver.received[0].headers["host"] == f"hooks.example.com:{port}"


def test_a_name_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    assert post("https://gone.example.com/", b"{}", {}, timeout=PATIENCE).problem == Problem.NAME


@pytest.mark.parametrize(
    ("path", "problem", "status"),
    [
        ("200", "", 200),
        ("204", "", 204),
        ("400", Problem.STATUS, 400),
        ("500", Problem.STATUS, 500),
        ("redirect", Problem.REDIRECT, 302),
        ("close", Problem.CONNECTION, None),
    ],
)
def test_what_an_answer_means(receiver: Receiver, path: str, problem: str, status: int | None) -> None:
    reply = post(f"{receiver.url}/{path}", b"{}", {}, timeout=PATIENCE)

    assert (reply.problem, reply.status) == (problem, status)
    assert [each.path for each in receiver.received] == [f"/{path}"]  # a redirect is not followed


@pytest.mark.parametrize("path", ["slow", "drip"])
def test_an_answer_that_does_not_end_is_not_waited_for(receiver: Receiver, path: str) -> None:
    begun = time.monotonic()

    reply = post(f"{receiver.url}/{path}", b"{}", {}, timeout=0.3)

    assert reply.problem == Problem.TIMEOUT
    assert time.monotonic() - begun < LONG / 2


def test_of_a_huge_answer_only_the_beginning_is_read(receiver: Receiver) -> None:
    reply = post(f"{receiver.url}/huge", b"{}", {}, timeout=PATIENCE)

    assert (reply.is_taken, reply.text) == (True, "x" * 500)


def test_a_server_that_is_not_there(receiver: Receiver) -> None:
    with socket.socket() as deaf:  # which holds the port, and does not listen
        deaf.bind(("127.0.0.1", 0))
        port = deaf.getsockname()[1]

        assert post(f"http://127.0.0.1:{port}/", b"{}", {}, timeout=PATIENCE).problem == Problem.CONNECTION


def test_plain_http_where_tls_is_expected(receiver: Receiver) -> None:
    reply = post(receiver.url.replace("http:", "https:"), b"{}", {}, timeout=PATIENCE)

    assert reply.problem == Problem.TLS
    assert receiver.received == []


def test_only_who_is_busy_is_asked_when_to_come_back(receiver: Receiver) -> None:
    assert post(f"{receiver.url}/busy", b"{}", {}, timeout=PATIENCE).retry_after == 7200
    assert post(f"{receiver.url}/500", b"{}", {}, timeout=PATIENCE).retry_after == 0


def test_a_name_server_that_keeps_us_waiting_is_waited_for_no_longer_than_the_rest(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_over = Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: is_over.wait(LONG))
    begun = time.monotonic()

    reply = post("https://hooks.example.com/", b"{}", {}, timeout=0.2)
    waited = time.monotonic() - begun
    is_over.set()

    assert reply.problem == Problem.TIMEOUT
    assert waited < LONG / 2


# --- Certificates ----------------------------------------------------------------------------------------------------
def certificate(folder: Path, name: str) -> Path:
    """A key and a certificate for this host name, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number(), now, now + DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}.pem"
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(secret + signed.public_bytes(pem))
    return file


@pytest.mark.parametrize(
    ("named", "is_trusted", "problem"),
    [
        ("hooks.example.com", True, ""),
        ("hooks.example.com", False, Problem.TLS),
        ("other.example.com", True, Problem.TLS),
    ],
    ids=["good", "unknown signer", "another host's"],
)
def test_the_certificate_has_to_be_the_hosts_though_the_address_is_pinned(
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    named: str,
    is_trusted: bool,
    problem: str,
) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = True
    file = certificate(tmp_path, named)
    ours = ssl.create_default_context(cafile=str(file) if is_trusted else None)
    monkeypatch.setattr(posting, "_tls", lambda: ours)
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(file)
    server = Receiver(tls=theirs)
    port = int(server.url.rpartition(":")[2])
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]
    monkeypatch.setattr(targets.socket, "getaddrinfo", lambda *args, **kwargs: found)
    monkeypatch.setattr(posting.socket, "create_connection", lambda address, timeout: connected(address, timeout))

    reply = post(f"https://hooks.example.com:{port}/200", b"{}", {}, timeout=PATIENCE)
    server.close()

    assert reply.problem == problem
    assert len(server.received) == (0 if problem else 1)


def connected(address: tuple[str, int], timeout: float) -> socket.socket:
    """As create_connection, without the look-up that this test has replaced."""
    sock = socket.socket()
    sock.settimeout(timeout)
    sock.connect(address)
    return sock
