"""What befalls the machines and not the mail: disk, memory, connections, names, certificates, rows, a month away."""

import datetime as dt
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from threading import Thread

import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset
import psycopg2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.db import DatabaseError, connection

from intake.chaos.network import Host
from intake.chaos.sink import Sink
from intake.chaos.stage import Outcome, Stage, wait_until
from mailing.models import OutgoingMail
from postventa.processes import Child

State = OutgoingMail.State
DISK_LEFT = 48  # MB that PostgreSQL has when it begins
DNS_TAKES = 3  # seconds for an answer


def size_of(crowd: int) -> int:
    return max(20, crowd // 25)


def at_work(stage: Stage, *hosts: Host, **told: str) -> list[Child]:
    """A worker on each of these hosts, or one here, and beat."""
    workers = [stage.worker(host, told=told) for host in hosts] or [stage.worker(told=told)]
    return [*workers, stage.beat()]


def end(stage: Stage, programs: list[Child]) -> None:
    for program in programs:
        program.kill()
        stage.children.remove(program)


# --- Connections ---------------------------------------------------------------------------------------------------
def connections_taken(stage: Stage, crowd: int) -> Iterator[Outcome]:
    """Somebody takes all connections of PostgreSQL for ten seconds, while mail goes out."""
    case, size = "all connections taken", size_of(crowd)
    programs = at_work(stage)
    stage.sink.delay = 0.2
    stage.sell(case, size)
    assert wait_until(lambda: stage.mails(case).filter(state=State.SENT).exists(), seconds=90)
    with all_connections(stage):
        time.sleep(10)
    stage.sink.delay = 0.0
    yield stage.settle(case, size)
    end(stage, programs)


@contextmanager
def all_connections(stage: Stage) -> Iterator[None]:
    taken = []
    try:
        while True:
            taken.append(psycopg2.connect(stage.postgres.url))
    except psycopg2.OperationalError:
        yield
    finally:
        for each in taken:
            each.close()


# --- Memory --------------------------------------------------------------------------------------------------------
def out_of_memory(stage: Stage, crowd: int) -> Iterator[Outcome]:
    """The system kills the largest process of a worker, again and again, as it does when memory ends."""
    case, size = "killed for want of memory", size_of(crowd)
    worker, beat = stage.worker(pool="prefork"), stage.beat()
    stage.sink.delay = 0.5
    stage.sell(case, size)
    assert wait_until(lambda: stage.mails(case).filter(state=State.HANDING_OVER).exists(), seconds=90)
    for _kill in range(3):
        os.kill(max(children_of(worker), key=memory_of), signal.SIGKILL)
        time.sleep(3)
    stage.sink.delay = 0.0
    yield stage.settle(case, size, seconds=150)
    end(stage, [worker, beat])


def children_of(program: Child) -> list[int]:
    assert program.process
    own = Path(f"/proc/{program.process.pid}/task/{program.process.pid}/children")
    return [int(pid) for pid in own.read_text().split()]


def memory_of(pid: int) -> int:
    """Pages in memory."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except FileNotFoundError:
        return 0


# --- Disk ----------------------------------------------------------------------------------------------------------
def disk_full(stage: Stage, crowd: int) -> Iterator[Outcome | str]:
    """PostgreSQL's disk fills up while mail goes out, and somebody makes room a while later."""
    case, size = "disk full", size_of(crowd)
    try:
        with small_disk(stage) as disk:
            programs = at_work(stage)
            stage.sink.delay = 0.2
            stage.sell(case, size)
            assert wait_until(lambda: stage.mails(case).filter(state=State.SENT).exists(), seconds=90)
            ballast = disk / "ballast"
            fill(ballast)
            refused = is_refused(lambda: stage.sell("sold on a full disk", 1000))
            time.sleep(5)
            ballast.unlink()
            if stage.postgres.child.has_ended():
                stage.postgres.start()
            stage.sink.delay = 0.0
            yield stage.settle(case, size)
            yield f"  what the shop told meanwhile: {'refused, not half taken' if refused else 'taken'}"
            end(stage, programs)
    except (OSError, subprocess.CalledProcessError) as error:
        yield f"{case}: not tried, for here no disk can be mounted: {error}"


@contextmanager
def small_disk(stage: Stage) -> Iterator[Path]:
    """PostgreSQL's data on one that is nearly full, and where it was before afterwards."""
    data = stage.postgres.data
    kept = data.with_name(f"{data.name}-kept")
    stage.postgres.child.stop()
    megabytes = sum(path.stat().st_size for path in data.rglob("*") if path.is_file()) // 2**20 + DISK_LEFT
    data.rename(kept)
    data.mkdir(mode=0o700)
    try:
        run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=700,uid={kept.stat().st_uid}", "none", data)
        run("cp", "-a", f"{kept}/.", data)
        stage.postgres.start()
        connection.close()
        yield data
        stage.postgres.child.stop()
        shutil.rmtree(kept)
        run("cp", "-a", data, kept)
    finally:
        stage.postgres.child.stop()
        subprocess.run(["umount", data], check=False, capture_output=True)
        data.rmdir()
        kept.rename(data)
        stage.postgres.start()
        connection.close()


def fill(ballast: Path) -> None:
    """To the last byte."""
    try:
        with ballast.open("wb", buffering=0) as file:
            while file.write(b"\0" * 4096):
                pass
    except OSError:
        pass


def is_refused(work: Callable[[], None]) -> bool:
    try:
        work()
    except DatabaseError:
        connection.close()
        return True
    return False


def run(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True)


# --- Names ---------------------------------------------------------------------------------------------------------
def names_slow(stage: Stage, crowd: int) -> Iterator[Outcome | str]:
    """The mail server has a name, whose server answers late, and then for a while not at all."""
    if stage.network.why_not:
        yield f"slow DNS: not tried, for here is no namespace: {stage.network.why_not}"
        return
    size = size_of(crowd)
    server = SlowNames(stage.network.address)
    host = stage.network.add_host("by-name")
    (stage.folder / "resolv.conf").write_text(f"nameserver {stage.network.address}\noptions timeout:4 attempts:1\n")
    run(*host.prefix, "mount", "--bind", stage.folder / "resolv.conf", "/etc/resolv.conf")
    programs = at_work(stage, host, EMAIL_URL=f"smtp://mail.caos.example:{stage.sink.port}")
    stage.sell("DNS slow", size)
    yield stage.settle("DNS slow", size)
    server.answers = False
    stage.sell("DNS away for a while", size)
    unreachable = OutgoingMail.objects.filter(reason=OutgoingMail.Reason.UNREACHABLE)
    assert wait_until(unreachable.exists, seconds=90), "nobody asks for the name"
    server.answers = True
    yield stage.settle("DNS away for a while", size)
    server.close()
    end(stage, programs)


class SlowNames:
    """A name server that knows one name, and thinks about it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.answers = True
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 53))
        Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        while True:
            try:
                asked, who = self.socket.recvfrom(4096)
            except OSError:  # closed
                return
            if self.answers:
                Thread(target=self.answer, args=(asked, who), daemon=True).start()

    def answer(self, asked: bytes, who: tuple[str, int]) -> None:
        question = dns.message.from_wire(asked)
        reply = dns.message.make_response(question)
        reply.flags |= dns.flags.RA
        [wanted] = question.question
        if wanted.rdtype == dns.rdatatype.A:
            reply.answer.append(dns.rrset.from_text(wanted.name, 0, "IN", "A", self.address))
        time.sleep(DNS_TAKES)
        with suppress(OSError):  # closed meanwhile
            self.socket.sendto(reply.to_wire(), who)

    def close(self) -> None:
        self.socket.close()


# --- Certificates --------------------------------------------------------------------------------------------------
def certificate_expired(stage: Stage, crowd: int) -> Iterator[Outcome]:
    """The mail server's certificate has expired: it gets nothing until it has a new one."""
    case, size = "certificate expired", size_of(crowd)
    plain, authority = stage.sink, Authority(stage.network.address)
    stage.sink = Sink(stage.network.address, tls=authority.context(stage.folder, days_left=-1))
    (stage.folder / "authority.pem").write_bytes(authority.pem)
    told = {"EMAIL_URL": f"smtp+ssl://{stage.network.address}:{stage.sink.port}"}
    told["SSL_CERT_FILE"] = str(stage.folder / "authority.pem")
    programs = at_work(stage, **told)
    stage.sell(case, size)
    unreachable = stage.mails(case).filter(reason=OutgoingMail.Reason.UNREACHABLE)
    assert wait_until(unreachable.exists, seconds=90), programs[0].last_words()
    assert not stage.sink.taken, "a server was trusted that cannot be"
    stage.sink.go()
    stage.sink.tls = authority.context(stage.folder, days_left=30)
    stage.sink.come()
    yield stage.settle(case, size)
    end(stage, programs)
    stage.sink.go()
    stage.sink = plain


class Authority:
    """Signs certificates for one address."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name.from_rfc4514_string("CN=Caos")
        basic = x509.BasicConstraints(ca=True, path_length=None)
        self.pem = self.sign(self.name, self.key, days_left=30, extension=basic)

    def sign(
        self, name: x509.Name, key: ec.EllipticCurvePrivateKey, *, days_left: int, extension: x509.ExtensionType
    ) -> bytes:
        now = dt.datetime.now(dt.UTC)
        made = (
            x509.CertificateBuilder(self.name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=60))
            .not_valid_after(now + timedelta(days=days_left))
            .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        )
        return made.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def context(self, folder: Path, *, days_left: int) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        alternative = x509.SubjectAlternativeName([x509.IPAddress(ip_address(self.address))])
        name = x509.Name.from_rfc4514_string("CN=mail")
        file = folder / f"certificate{days_left}.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file.write_bytes(private + self.sign(name, key, days_left=days_left, extension=alternative))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


# --- Rows ----------------------------------------------------------------------------------------------------------
def poisoned_rows(stage: Stage, crowd: int) -> Iterator[Outcome]:
    """Among the mails are some that nobody can render, or write to. The others go, and these are shown to staff."""
    size, few = size_of(crowd), 4
    stage.queue("poisoned", 3 * few)
    stage.queue("beside poisoned ones", size)
    pks = list(stage.mails("poisoned").order_by("pk").values_list("pk", flat=True))
    poisoned = OutgoingMail.objects.filter(pk__in=pks)
    poisoned.filter(pk__in=pks[:few]).update(template="surveys/no_such_mail")
    poisoned.filter(pk__in=pks[few : 2 * few]).update(context={}, sealed_context=b"\0 no seal")
    poisoned.filter(pk__in=pks[2 * few :]).update(to_address="not an address@" + stage.domain("poisoned"))
    for case in ("poisoned", "beside poisoned ones"):
        stage.take_up(case)
    programs = at_work(stage)
    yield stage.settle("beside poisoned ones", size)
    yield stage.settle("poisoned", 0)
    end(stage, programs)


# --- A month away --------------------------------------------------------------------------------------------------
_LONG_AGO = """
UPDATE affiliates_purchase
   SET purchased_at = purchased_at - interval '30 days', delivered_at = delivered_at - interval '30 days'
 WHERE external_id LIKE %(case)s;
UPDATE surveys_invitation SET scheduled_for = scheduled_for - interval '30 days'
 WHERE purchase_id IN (SELECT id FROM affiliates_purchase WHERE external_id LIKE %(case)s);
UPDATE mailing_outgoingmail
   SET not_before = not_before - interval '30 days', expires_at = expires_at - interval '30 days',
       created_at = created_at - interval '30 days', updated_at = updated_at - interval '30 days'
 WHERE to_address LIKE %(case)s
"""


def a_month_away(stage: Stage, crowd: int) -> Iterator[Outcome]:
    """Nobody has worked for thirty days: who was to be asked still is, whose question was in the queue is no longer."""
    size, asked, queued, owed = size_of(crowd), "30 days: to be asked", "30 days: in the queue", "30 days: answers owed"
    stage.queue(queued, size)
    stage.take_up(queued)
    stage.answer(owed, size)
    stage.sell(asked, size)
    for case in (asked, queued, owed):
        with connection.cursor() as cursor:
            cursor.execute(_LONG_AGO, {"case": f"%{stage.domain(case)}%"})
    programs = at_work(stage)
    yield stage.settle(asked, size, in_a_hurry=False)
    yield stage.settle(queued, 0, in_a_hurry=False)
    yield stage.settle(owed, size, in_a_hurry=False)
    end(stage, programs)
