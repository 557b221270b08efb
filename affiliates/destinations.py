"""Where a tracking link may lead: to a page of the brand's own shop and nowhere else."""

from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

from django.utils.encoding import iri_to_uri
from django.utils.http import url_has_allowed_host_and_scheme

CLICK_PARAMETER = "pv_click"


def is_allowed_destination(url: str, hosts: Iterable[str]) -> bool:
    """An http(s) address on one of the hosts, without user, backslash, blank or control character.

    What browsers and this parser read differently must not pass: browsers take a backslash for a slash and drop
    tabs and line ends.
    """
    if not url.isprintable() or "\\" in url or " " in url:
        return False
    try:
        parts = urlsplit(url)
        netloc = _netloc(parts)
        allowed = {_netloc(urlsplit(f"//{host.strip()}")) for host in hosts if host.strip()}
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https")
        and "@" not in parts.netloc
        and netloc in allowed
        and url_has_allowed_host_and_scheme(url.lower(), {parts.netloc.lower()})
    )


def around_click(url: str) -> tuple[str, str]:
    """What stands in the address before and after a click's id in its query; everything else stays as it is.

    As a header has it: what is not ASCII is percent-encoded.
    """
    parts = urlsplit(iri_to_uri(url))
    kept = [pair for pair in parts.query.split("&") if pair and pair.partition("=")[0] != CLICK_PARAMETER]
    before = parts._replace(query="&".join([*kept, f"{CLICK_PARAMETER}="]), fragment="").geturl()
    return before, f"#{parts.fragment}" if parts.fragment else ""


def _netloc(parts: SplitResult) -> str:
    """Host, and port where it is not the scheme's own. ValueError: no host or an impossible one."""
    host = (parts.hostname or "").encode("idna").decode()
    return f"{host}:{parts.port}" if parts.port not in (None, 80, 443) else host
