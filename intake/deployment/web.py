"""The address that customers see, asked as they do: over the network, with its certificate."""

import http.client
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from intake.deployment.findings import Findings, error, fine, warning

PATIENCE = 10  # seconds
DAYS_LEFT = 14  # when a certificate should have been renewed by itself
DAY = 86_400
NEEDED = ("Strict-Transport-Security", "Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy")


@dataclass(frozen=True)
class Visit:
    status: int
    headers: Mapping[str, str]
    expires_at: float | None  # of the certificate, in seconds since 1970


def web_found() -> Findings:
    address = urlsplit(settings.BASE_URL)
    try:
        visit = visit_page(address, reverse("account_login"))
    except ssl.SSLCertVerificationError as reason:
        text = _("Browsers will not trust its certificate: %(reason)s") % {"reason": reason.verify_message}
        yield error(settings.BASE_URL, text, _("Renew it, or let the proxy send the whole chain."))
        return
    except (OSError, http.client.HTTPException) as reason:
        text = _("It does not answer from here: %(reason)s") % {"reason": reason}
        yield error(settings.BASE_URL, text, _("Look at DNS, the proxy and the web processes."))
        return
    found = [*answer_found(visit), *certificate_found(visit, now=time.time())]
    yield from found or [fine(settings.BASE_URL, _("It answers, over a certificate that browsers trust."))]


def answer_found(visit: Visit) -> Findings:
    if visit.status != 200:
        text = _("The sign-in page answers %(status)d.") % {"status": visit.status}
        yield error(
            settings.BASE_URL,
            text,
            _("301 again and again: the proxy does not set X-Forwarded-Proto. 400: ALLOWED_HOSTS lacks this host."),
        )
        return
    if missing := [name for name in NEEDED if name not in visit.headers]:
        text = _("The proxy takes away headers that protect people: %(names)s.") % {"names": ", ".join(missing)}
        yield error(settings.BASE_URL, text, _("Let it pass the headers of the web process on."))


def certificate_found(visit: Visit, *, now: float) -> Findings:
    if visit.expires_at is None:
        return  # the settings' own check tells of http
    days = int((visit.expires_at - now) // DAY)
    if days < DAYS_LEFT:
        text = ngettext("Its certificate ends in %(n)d day.", "Its certificate ends in %(n)d days.", days) % {"n": days}
        yield warning(settings.BASE_URL, text, _("See why it has not been renewed."))


def visit_page(address: SplitResult, path: str) -> Visit:
    host, port = address.hostname or "", address.port
    if address.scheme != "https":
        return ask(http.client.HTTPConnection(host, port, timeout=PATIENCE), path, expires_at=None)
    context = ssl.create_default_context()
    with (
        socket.create_connection((host, port or 443), timeout=PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname=host) as secured,
    ):
        ends = str((secured.getpeercert() or {}).get("notAfter", ""))
    connection = http.client.HTTPSConnection(host, port, timeout=PATIENCE, context=context)
    return ask(connection, path, expires_at=ssl.cert_time_to_seconds(ends))


def ask(connection: http.client.HTTPConnection, path: str, *, expires_at: float | None) -> Visit:
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        return Visit(response.status, dict(response.headers), expires_at)
    finally:
        connection.close()
