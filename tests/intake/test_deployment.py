"""What is wrong with an installation is told, each with what to do: asked of real servers, over the network."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingUDPServer

import dns.message
import dns.rdatatype
import dns.resolver
import dns.rrset
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.management import call_command
from django.db.utils import OperationalError
from django.utils import translation

from accounts.models import Brand, Membership
from intake.demo.cast import PASSWORD
from intake.deployment import brands, mail, services, web
from intake.deployment.findings import Finding, Findings, Level
from intake.management.commands import check_deployment
from intake.management.commands.backup import note
from intake.services import create_brand
from mailing.models import Heartbeat, TaskRun
from mailing.services.watching import note_alive
from tests.factories import make_brand, make_staff


@pytest.fixture(autouse=True)
def in_english():
    with translation.override("en"):
        yield


def told(findings: Findings) -> dict[str, list[str]]:
    """By level, what is said."""
    found: dict[str, list[str]] = {}
    for each in findings:
        found.setdefault(each.level, []).append(each.text)
    return found


# --- Database, Redis, processes --------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_database_and_a_redis_that_answer_are_fine():
    assert any("reachable" in text for text in told(services.database_found())[Level.OK])
    assert told(services.redis_found()) == {Level.OK: ["Reachable."]}


def test_a_redis_that_does_not_answer_is_told(settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    assert told(services.redis_found()) == {Level.ERROR: ["It cannot be reached."]}


@pytest.mark.parametrize(
    ("fsync", "commit", "is_wrong"), [("on", "on", False), ("off", "on", True), ("on", "off", True)]
)
def test_a_database_that_forgets_is_no_database(fsync, commit, is_wrong):
    assert bool(list(services.loses_what_it_promised(fsync, commit))) is is_wrong


def test_clocks_apart_and_connections_that_run_out_are_told():
    now = datetime(2026, 5, 1, tzinfo=UTC)

    assert not list(services.clock_apart(now, now + timedelta(seconds=5)))
    assert "3600" in told(services.clock_apart(now, now - timedelta(hours=1)))[Level.WARNING][0]
    assert not list(services.full(80, 100))
    assert told(services.full(81, 100)) == {Level.WARNING: ["81 of 100 connections are taken."]}


def test_clicks_without_a_month_and_a_month_without_room_are_told():
    now = datetime(2026, 3, 10, tzinfo=UTC)

    assert told(services.no_month(0, now + timedelta(days=21), now)) == {}
    found = told(services.no_month(3, now + timedelta(days=2), now))
    assert found[Level.WARNING][0] == "3 clicks have found no month."
    assert len(found[Level.WARNING]) == 2


@pytest.mark.django_db
def test_a_backup_that_is_missing_or_old_is_told(settings):
    assert told(services.backups_found()) == {Level.WARNING: ["There is none yet."]}

    note(2.5)
    assert told(services.backups_found()) == {Level.OK: ["One was made within 36 hours."]}
    TaskRun.objects.update(ended_well_at=datetime.now(tz=UTC) - timedelta(hours=40, minutes=5))
    note(2.5, problem="CopyError")  # which makes no backup
    assert told(services.backups_found()) == {Level.ERROR: ["The last is 40 hours old."]}

    settings.BACKUP_MAX_AGE_HOURS = 0
    assert told(services.backups_found()) == {}


@pytest.mark.django_db
def test_processes_are_counted_by_their_signs_of_life():
    assert len(told(services.processes_found())[Level.ERROR]) == 2  # beat is silent, and there is no worker

    note_alive("beat", host="eins", pid=1, has_just_started=True)
    note_alive("worker", host="eins", pid=2, has_just_started=True)
    assert told(services.processes_found()) == {Level.OK: ["Beat and 1 worker are at work."]}

    note_alive("beat", host="zwei", pid=1, has_just_started=True)
    assert told(services.processes_found())[Level.WARNING] == ["2 beats are at work."]
    Heartbeat.objects.filter(host="zwei").update(seen_at=datetime(2020, 1, 1, tzinfo=UTC))
    assert Level.WARNING not in told(services.processes_found())


# --- Brands ----------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_new_brand_lacks_what_it_lacks():
    create_brand("nueva", name="Nueva")

    found = told(brands.brands_found())

    assert found[Level.ERROR] == ["It has no administrator."]
    assert len(found[Level.WARNING]) == 2  # hosts and senders; its survey is published and the second factor asked for


@pytest.mark.django_db
def test_the_demo_s_password_is_found_outside_the_demo():
    brand = make_brand()
    sofia = make_staff(brand, role=Membership.Role.ADMIN)
    sofia.set_password(PASSWORD)
    sofia.save()

    (text,) = told(brands.passwords_found(brand, [sofia]))[Level.ERROR]

    assert str(sofia.pk) in text
    assert sofia.email not in text


# --- DNS -------------------------------------------------------------------------------------------------------------
@contextmanager
def names(records: dict[tuple[str, str], list[str]]) -> Iterator[dns.resolver.Resolver]:
    """A resolver that asks a name server of ours, which knows these records and nothing else."""

    class Answering(BaseRequestHandler):
        def handle(self) -> None:
            data, sock = self.request
            question = dns.message.from_wire(data)
            asked = question.question[0]
            answer = dns.message.make_response(question)
            key = (asked.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(asked.rdtype))
            if values := records.get(key):
                answer.answer.append(dns.rrset.from_text(asked.name, 60, "IN", key[1], *values))
            elif not any(name == key[0] for name, _kind in records):
                answer.set_rcode(3)  # there is no such name
            sock.sendto(answer.to_wire(), self.client_address)

    with ThreadingUDPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], server.server_address[1]
        try:
            yield resolver
        finally:
            server.shutdown()


WELL = {
    ("tienda.example", "TXT"): ['"google-site-verification=x"', '"v=spf1 include:_spf.correo.example" " ~all"'],
    ("_dmarc.tienda.example", "TXT"): ['"v=DMARC1; p=quarantine; rua=mailto:d@tienda.example"'],
    ("tienda.example", "MX"): ["10 mx.tienda.example."],
}


def test_a_domain_that_says_who_may_send_in_its_name_is_fine():
    with names(WELL) as resolver:
        assert list(told(mail.domain_found("tienda.example", resolver))) == [Level.OK]


def test_what_dns_lacks_is_told_by_domain():
    with names({}) as resolver:
        found = told(mail.domain_found("tienda.example", resolver))

    assert [len(found[level]) for level in (Level.ERROR, Level.WARNING)] == [2, 1]


@pytest.mark.parametrize(
    ("record", "values", "level"),
    [
        (("tienda.example", "TXT"), ['"v=spf1 -all"', '"v=spf1 ~all"'], Level.ERROR),
        (("tienda.example", "TXT"), ['"v=spf1 +all"'], Level.WARNING),
        (("_dmarc.tienda.example", "TXT"), ['"v=DMARC1; p = none"'], Level.WARNING),
    ],
)
def test_what_dns_says_wrongly_is_told(record, values, level):
    with names({**WELL, record: values}) as resolver:
        assert list(told(mail.domain_found("tienda.example", resolver))) == [level]


def test_a_part_of_a_domain_is_under_the_policy_of_the_whole():
    of_part = {("avisos.tienda.example", "TXT"): ['"v=spf1 ~all"'], ("avisos.tienda.example", "MX"): ["10 mx.example."]}
    with names({**WELL, **of_part}) as resolver:
        assert list(told(mail.domain_found("avisos.tienda.example", resolver))) == [Level.OK]


@pytest.mark.django_db
def test_a_name_server_that_is_silent_is_no_verdict(settings):
    settings.DEFAULT_FROM_EMAIL = "Postventa <avisos@tienda.example>"
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port, resolver.lifetime = ["127.0.0.1"], 9, 0.2

    assert mail.sender_domains() == ["tienda.example"]
    assert list(told(mail.domains_found(resolver))) == [Level.WARNING]


# --- The mail server and the web address -----------------------------------------------------------------------------
def test_a_mail_server_that_is_not_there_is_told(settings):
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = mail.SMTP, "127.0.0.1", 1

    assert list(told(mail.server_found())) == [Level.ERROR]


def test_a_provider_without_its_settings_is_told(settings):
    settings.EMAIL_BACKEND, settings.ANYMAIL = "anymail.backends.postmark.EmailBackend", {}
    assert list(told(mail.server_found())) == [Level.ERROR]

    settings.ANYMAIL = {"POSTMARK_SERVER_TOKEN": "x"}
    assert list(told(mail.server_found())) == [Level.OK]


class Page(BaseHTTPRequestHandler):
    lacks = ""

    def do_GET(self) -> None:
        self.send_response(200)
        for name in web.NEEDED:
            if name != self.lacks:
                self.send_header(name, "x")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def site(folder: Path, *, days: int, lacks: str = "") -> Iterator[str]:
    """https://localhost with a certificate that `folder` alone vouches for; its address."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=40))
        .not_valid_after(now + timedelta(days=days, hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key").write_bytes(key.private_bytes(pem, *plain))
    (folder / "certificate").write_bytes(certificate.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate", folder / "key")
    with HTTPServer(("127.0.0.1", 0), type("Lacking", (Page,), {"lacks": lacks})) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"https://localhost:{server.server_address[1]}"
        finally:
            server.shutdown()


@pytest.mark.parametrize(
    ("days", "lacks", "level"),
    [
        (60, "", Level.OK),
        (5, "", Level.WARNING),
        (60, "Strict-Transport-Security", Level.ERROR),
        (-1, "", Level.ERROR),
    ],
)
def test_the_address_is_asked_over_its_certificate(tmp_path, settings, monkeypatch, days, lacks, level):
    with site(tmp_path, days=days, lacks=lacks) as settings.BASE_URL:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate"))
        assert list(told(web.web_found())) == [level]


def test_a_certificate_that_nobody_vouches_for_is_told(tmp_path, settings):
    with site(tmp_path, days=60) as settings.BASE_URL:
        (text,) = told(web.web_found())[Level.ERROR]

    assert "certificate" in text


def test_an_address_where_nobody_answers_is_told(settings):
    settings.BASE_URL = "https://127.0.0.1:1"

    assert list(told(web.web_found())) == [Level.ERROR]


# --- The command -----------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_the_command_says_what_to_do_and_ends_with_1():
    Brand.objects.all().delete()
    output, as_json = StringIO(), StringIO()

    for options in ({"stdout": output}, {"stdout": as_json, "json": True}):
        with pytest.raises(SystemExit) as ended:
            call_command("check_deployment", offline=True, **options)
        assert ended.value.code == 1

    assert "✗ postventa.E0" in output.getvalue()
    assert "setup_link" in output.getvalue()
    assert set(json.loads(as_json.getvalue())) == set(check_deployment.HERE)


def test_what_a_database_that_is_away_cannot_tell_is_left_out():
    def away() -> Findings:
        yield Finding(Level.ERROR, "PostgreSQL", "It cannot be reached.")

    def fine() -> Findings:
        yield Finding(Level.OK, "PostgreSQL", "reachable")

    def brands_of_nobody() -> Findings:
        yield Finding(Level.OK, "Redis", "Reachable.")
        raise OperationalError

    found = check_deployment.look_at({"database": away, "brands": brands_of_nobody, "web": fine})
    assert {name: [each.level for each in of] for name, of in found.items()} == {
        "database": [Level.ERROR],
        "brands": [Level.OK],
        "web": [Level.OK],
    }
    with pytest.raises(OperationalError):
        check_deployment.look_at({"database": fine, "brands": brands_of_nobody})


def test_all_that_is_fine_ends_with_0():
    output = StringIO()
    check_deployment.Command(stdout=output).write([Finding(Level.OK, "x", "y")])

    assert "Nothing to mend." in output.getvalue()
