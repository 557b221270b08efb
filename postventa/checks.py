"""What makes settings unfit for production: `manage.py check --deploy` says so, each with what to do."""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from mailing.transport import longest_conversation
from postventa import settings as declared
from postventa.environment import misspelt, settings_of

SHORTEST_KEY = 50  # characters, as Django's own security.W009 asks


@register(Tags.security, deploy=True)
def check_deployment(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    return [*wrong_keys(), *wrong_addresses(), *wrong_targets(), *wrong_services(), *wrong_mail(), *wrong_names()]


def wrong_keys() -> Iterator[CheckMessage]:
    if not settings.SECRET_KEY_IS_SET:
        yield Error(
            "SECRET_KEY is not set: each process has made up its own, so sessions and links die with it.",
            hint="Set SECRET_KEY, or SECRET_KEY_FILE: python -c 'import secrets; print(secrets.token_urlsafe(50))'.",
            id="postventa.E001",
        )
    for name, error in (("LINK_KEYS", "postventa.E002"), ("PSEUDONYM_KEYS", "postventa.E003")):
        keys = getattr(settings, name)
        if settings.SECRET_KEY in keys.values():
            yield Error(
                f"{name} is not set, so SECRET_KEY stands in for it and could never be changed again.",
                hint=f"Set {name}=1=<a key of its own>; to change it later, add 2=<another> and keep the first.",
                id=error,
            )
        elif any(len(key) < SHORTEST_KEY for key in keys.values()):
            yield Error(
                f"A key of {name} is shorter than {SHORTEST_KEY} characters.",
                hint="Make keys with python -c 'import secrets; print(secrets.token_urlsafe(50))'.",
                id=error,
            )


def wrong_addresses() -> Iterator[CheckMessage]:
    if settings.DEBUG:
        yield Error("DEBUG is on: error pages show settings and data.", hint="Unset DEBUG.", id="postventa.E004")
    address = urlsplit(settings.BASE_URL)
    if address.scheme != "https":
        yield Error(
            f"BASE_URL is {settings.BASE_URL}: links in mails and cookies would travel in the clear.",
            hint="Set BASE_URL to the https address that customers see, such as https://opinion.example.com.",
            id="postventa.E005",
        )
    hosts = settings.ALLOWED_HOSTS
    if "*" in hosts or not any(is_host_allowed(address.hostname or "", pattern) for pattern in hosts):
        yield Error(
            f"ALLOWED_HOSTS does not name exactly the hosts served here; BASE_URL's is {address.hostname}.",
            hint=f"Set ALLOWED_HOSTS={address.hostname}.",
            id="postventa.E006",
        )


def wrong_targets() -> Iterator[CheckMessage]:
    if settings.WEBHOOK_ALLOW_PRIVATE:
        yield Error(
            "WEBHOOK_ALLOW_PRIVATE is on: whoever sets up a webhook can have machines of your own network called.",
            hint="Unset WEBHOOK_ALLOW_PRIVATE.",
            id="postventa.E015",
        )


def is_host_allowed(host: str, pattern: str) -> bool:
    return host == pattern or (pattern.startswith(".") and f".{host}".endswith(pattern))


def wrong_services() -> Iterator[CheckMessage]:
    if settings.DATABASE_URL == settings.DEFAULT_DATABASE_URL:
        yield Error(
            "DATABASE_URL is not set.",
            hint="Set DATABASE_URL, or DATABASE_URL_FILE: postgres://user:password@host:5432/postventa.",
            id="postventa.E007",
        )
    if not finds_the_primary(declared.env.db_url_config(settings.DATABASE_URL)):
        yield Error(
            "DATABASE_URL names several hosts, and the first that answers would be taken, be it a replica.",
            hint="Add ?target_session_attrs=read-write to DATABASE_URL.",
            id="postventa.E017",
        )
    if settings.REDIS_URL == settings.DEFAULT_REDIS_URL:
        yield Error(
            "REDIS_URL is not set.",
            hint="Set REDIS_URL, or REDIS_URL_FILE: redis://:password@host:6379/0.",
            id="postventa.E008",
        )


def finds_the_primary(database: Mapping[str, Any]) -> bool:
    options = database.get("OPTIONS", {})
    hosts = f"{database['HOST']}{options.get('host', '')}"
    return "," not in hosts or options.get("target_session_attrs") in ("read-write", "primary")


def wrong_mail() -> Iterator[CheckMessage]:
    is_smtp = settings.EMAIL_BACKEND == "django.core.mail.backends.smtp.EmailBackend"
    if is_smtp and settings.EMAIL_URL == settings.DEFAULT_EMAIL_URL:
        yield Error(
            "EMAIL_URL is not set.",
            hint="Set EMAIL_URL=smtp+tls://user:password@smtp.example.com:587, or a provider as EMAIL_BACKEND.",
            id="postventa.E009",
        )
    longest = longest_conversation()
    if longest >= settings.MAIL_LEASE_SECONDS:
        yield Error(
            "MAIL_LEASE_SECONDS is shorter than a conversation under EMAIL_TIMEOUT may last: a mail could be taken "
            "over while it is being sent.",
            hint=f"Set MAIL_LEASE_SECONDS to more than {longest}.",
            id="postventa.E010",
        )
    if settings.EMAIL_TIMEOUT < 600:
        yield Warning(
            f"EMAIL_TIMEOUT is {settings.EMAIL_TIMEOUT} s: giving up early makes a mail arrive twice.",
            hint="RFC 5321 (4.5.3.2.6) asks for 600. A shorter one is right only for a relay that answers at once.",
            id="postventa.W011",
        )
    if not (settings.ANYMAIL or settings.BOUNCE_ADDRESS):
        yield Warning(
            "Neither a provider's webhooks nor returned mail tell of bounces and complaints.",
            hint="Set what its webhooks are proved by, such as ANYMAIL_WEBHOOK_SECRET; or BOUNCE_ADDRESS.",
            id="postventa.W014",
        )
    if not settings.OPERATOR_EMAILS:
        yield Warning(
            "OPERATOR_EMAILS is not set: nobody is written to when the mail stands still.",
            hint="Set OPERATOR_EMAILS=you@example.com, or let your monitoring run manage.py check_queue.",
            id="postventa.W013",
        )
    if settings.DEFAULT_FROM_EMAIL.rstrip(">").endswith("@localhost"):
        yield Error(
            "DEFAULT_FROM_EMAIL is on localhost, from where nobody accepts mail.",
            hint="Set DEFAULT_FROM_EMAIL to an address of a domain with SPF, DKIM and DMARC.",
            id="postventa.E012",
        )


def wrong_names() -> Iterator[CheckMessage]:
    """What somebody has set and nobody reads would be found out only when it is missed."""
    for name, meant in misspelt(os.environ, settings_of(declared)):
        yield Warning(
            f"Nobody reads {name}.",
            hint=f"{meant} is perhaps meant." if meant else "docs/operating.md names all settings: it may be gone.",
            id="postventa.W016",
        )
