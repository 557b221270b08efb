"""Where events may be sent: to https on the public internet, never to a machine beside us.

The address is written by whoever sets up an endpoint and its name is answered by their name server, so both are
checked, the address at every try and right before the connection goes to that very address: a name that leads
somewhere else a moment later leads nowhere.
"""

import re
import socket
from concurrent.futures import Future
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from threading import Thread
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

LONGEST_URL = 500
# Letters, digits, dots, hyphens, or an IPv6 address: no other spelling of a host, which others may read otherwise.
HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:.]+")
LOCAL_NAMES = (".localhost", ".local", ".internal", ".lan", ".home.arpa", ".intranet")
# IPv6 is public within this, but for what leads into IPv4, is for documentation or for experiments.
PUBLIC_IPV6 = ip_network("2000::/3")
OTHER_IPV6 = [ip_network(each) for each in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")]
OTHER_IPV4 = [ip_network(each) for each in ("192.0.0.0/24", "192.88.99.0/24")]


class NotPublic(Exception):
    """The host leads to an address that is not on the public internet."""


class UnknownHost(Exception):
    """The host's name leads nowhere."""


class Target(NamedTuple):
    scheme: str
    host: str
    port: int
    path: str  # with its query


def parse_target(url: str) -> Target:
    """ValidationError: not an address that may be told anything. Looks up no name."""
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise _refused(_("Write the whole address, such as https://example.com/webhooks."))
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise _refused(_("Write the whole address, such as https://example.com/webhooks.")) from None
    if parts.scheme not in _schemes() or not HOST.fullmatch(host):
        raise _refused(_("Write the whole address, such as https://example.com/webhooks."))
    if parts.username is not None or parts.fragment:
        raise _refused(_("An address has no name, password or # part: the signature proves who calls."))
    port = port or (443 if parts.scheme == "https" else 80)
    if not settings.WEBHOOK_ALLOW_PRIVATE:
        if port not in settings.WEBHOOK_PORTS:
            allowed = ", ".join(map(str, settings.WEBHOOK_PORTS))
            raise _refused(_("Only these ports may be called: %(ports)s.") % {"ports": allowed})
        if _is_local(host):
            raise _refused(_("Only addresses on the public internet may be called."))
    return Target(parts.scheme, host, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def resolve(target: Target, *, timeout: float) -> str:
    """The address to connect to. NotPublic: one of the host's addresses is not public. UnknownHost. TimeoutError."""
    try:
        addresses = _addresses_of(target, timeout=timeout)
    except TimeoutError:
        raise
    except (OSError, UnicodeError):
        raise UnknownHost(target.host) from None
    if not settings.WEBHOOK_ALLOW_PRIVATE and not all(is_public(address) for address in addresses):
        raise NotPublic(target.host)
    return addresses[0]


def _addresses_of(target: Target, *, timeout: float) -> list[str]:
    """The system's resolver knows no deadline, and the name server may be slow on purpose: it is asked by a thread of
    its own, which ends when the resolver gives up, and nobody waits for it longer than this."""
    answer: Future[list[Any]] = Future()

    def ask() -> None:
        try:
            answer.set_result(socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM))
        except Exception as fault:
            answer.set_exception(fault)

    Thread(target=ask, daemon=True).start()
    return [str(address[0]) for *_kind, address in answer.result(timeout)]


def is_public(address: str) -> bool:
    try:
        parsed: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    if isinstance(parsed, IPv6Address):
        return parsed in PUBLIC_IPV6 and not any(parsed in other for other in OTHER_IPV6)
    return parsed.is_global and not parsed.is_multicast and not any(parsed in other for other in OTHER_IPV4)


def _schemes() -> tuple[str, ...]:
    return ("https", "http") if settings.WEBHOOK_ALLOW_PRIVATE else ("https",)


def _is_local(host: str) -> bool:
    """Known without asking: a name of a machine beside us, or an address that is not public, however it is written."""
    if host.replace(".", "").isdigit() or ":" in host:
        return not is_public(host)
    return "." not in host or host.endswith(LOCAL_NAMES)


def _refused(message: str) -> ValidationError:
    return ValidationError({"url": ValidationError(message, "invalid_target")})
