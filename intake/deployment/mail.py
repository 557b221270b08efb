"""Whether mail can be handed over, and whether the domains it comes from say that it may."""

import smtplib
from collections.abc import Iterable, Sequence
from email.utils import parseaddr
from typing import Any

import dns.exception
import dns.resolver
from anymail.exceptions import AnymailConfigurationError
from django.conf import settings
from django.core.mail import get_connection
from django.utils.translation import gettext as _

from accounts.models import Brand
from intake.deployment.findings import Finding, Findings, error, fine, warning

PATIENCE = 10  # seconds
LOCAL = ("localhost", "127.0.0.1", "::1", "mailpit")
SMTP = "django.core.mail.backends.smtp.EmailBackend"


def server_found() -> Findings:
    """A connection is opened and closed; nothing is sent."""
    if settings.EMAIL_BACKEND != SMTP:
        yield provider_found()
        return
    subject = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    try:
        connection = get_connection(timeout=PATIENCE)
        connection.open()
        connection.close()
    except smtplib.SMTPAuthenticationError:
        yield error(subject, _("It refuses the user or the password."), _("Look at EMAIL_URL."))
        return
    except (OSError, smtplib.SMTPException) as reason:
        yield error(subject, _("It cannot be spoken to: %(reason)s") % {"reason": reason}, _("Look at EMAIL_URL."))
        return
    yield fine(subject, _("It takes our connection."))
    if not (settings.EMAIL_USE_TLS or settings.EMAIL_USE_SSL or settings.EMAIL_HOST in LOCAL):
        yield warning(
            subject,
            _("Mail and password travel to it in the clear."),
            _("Use smtp+tls:// or smtp+ssl:// in EMAIL_URL, unless it is in your own network."),
        )


def provider_found() -> Finding:
    try:
        get_connection()
    except (AnymailConfigurationError, ImportError) as reason:
        return error(settings.EMAIL_BACKEND, str(reason), _("Set what this provider needs (docs/operating.md)."))
    return fine(settings.EMAIL_BACKEND, _("Its settings are there. Whether they are right only a mail can tell."))


def domains_found(resolver: dns.resolver.Resolver | None = None) -> Findings:
    """What DNS says of each domain that mail comes from, or comes back to."""
    if resolver is None:
        resolver = dns.resolver.Resolver()
        resolver.lifetime = PATIENCE
    for domain in sender_domains():
        try:
            yield from domain_found(domain, resolver)
        except dns.exception.DNSException:  # no answer, no resolver, or a name that cannot be one
            yield warning(domain, _("DNS did not answer."), _("Try again, or look at this machine’s resolver."))


def sender_domains() -> list[str]:
    """Of surveys and replies of every brand, of account mail, and where bounces and replies come back to."""
    brands = Brand.objects.values_list("survey_sender", "service_sender", "reply_to")
    addresses = {settings.DEFAULT_FROM_EMAIL, *(address for row in brands for address in row if address)}
    addresses |= {settings.BOUNCE_ADDRESS, settings.UNSUBSCRIBE_ADDRESS, settings.REPLY_ADDRESS}
    domains = {parseaddr(address)[1].rpartition("@")[2].lower() for address in addresses}
    return sorted(domains - {"", "localhost", "{domain}"})


def domain_found(domain: str, resolver: dns.resolver.Resolver) -> Findings:
    found = [
        *spf_found(domain, texts_of(domain, resolver)),
        *dmarc_found(domain, policies_of(domain, resolver)),
        *replies_found(domain, resolver),
    ]
    yield from found or [fine(domain, _("SPF, DMARC and MX are there. DKIM shows in a mail that has arrived."))]


def spf_found(domain: str, texts: Iterable[str]) -> Findings:
    records = [text for text in texts if text.lower().startswith("v=spf1")]
    if not records:
        yield error(
            domain,
            _("There is no SPF record."),
            _("Publish one that names your mail server or provider, ending in ~all."),
        )
    elif len(records) > 1:
        yield error(domain, _("There are several SPF records, so none counts."), _("Join them in one."))
    elif records[0].split()[-1].lower() in ("+all", "all", "?all"):
        yield warning(domain, _("SPF lets everybody send in its name."), _("Let the record end in ~all or -all."))


def dmarc_found(domain: str, policies: Sequence[str]) -> Findings:
    if not policies:
        yield error(
            domain,
            _("There is no DMARC record: large mailboxes refuse mail without one."),
            _("Publish _dmarc.%(domain)s, to begin with v=DMARC1; p=none; rua=mailto:…") % {"domain": domain},
        )
    elif "p=none" in policies[0].lower().replace(" ", ""):
        yield warning(
            domain,
            _("DMARC only watches (p=none)."),
            _("Once its reports show nothing but your own mail, let it say p=quarantine."),
        )


def replies_found(domain: str, resolver: dns.resolver.Resolver) -> Findings:
    if not answers(domain, "MX", resolver):
        yield warning(
            domain,
            _("Nobody takes mail for it: there is no MX record."),
            _("Replies and bounces would be lost. Publish one, or send from a domain that has one."),
        )


def policies_of(domain: str, resolver: dns.resolver.Resolver) -> list[str]:
    """Of the domain, else of the nearest one above that has one, as receivers look for it (RFC 7489, 6.6.3)."""
    labels = domain.split(".")
    for start in range(len(labels) - 1):
        above = ".".join(labels[start:])
        found = [text for text in texts_of(f"_dmarc.{above}", resolver) if text.upper().startswith("V=DMARC1")]
        if found:
            return found
    return []


def texts_of(name: str, resolver: dns.resolver.Resolver) -> list[str]:
    return [b"".join(record.strings).decode(errors="replace") for record in answers(name, "TXT", resolver)]


def answers(name: str, kind: str, resolver: dns.resolver.Resolver) -> Sequence[Any]:
    try:
        return list(resolver.resolve(name, kind))
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
