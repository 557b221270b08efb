"""What all pages behind a secret link have in common, and who seems to be calling them."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt

from accounts.middleware import for_visitors

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]

HEADERS = {"Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Robots-Tag": "noindex, nofollow"}


def secret_link(view: View[P]) -> View[P]:
    """A page that its link alone opens: no sign-in, no cookie, and nobody may keep, index or pass on the address.

    Without the CSRF cookie, too: who knows the token may act, and nobody else can forge the request. Http404 from the
    view becomes one page for all: nothing tells an unknown token from a malformed one.
    """

    @for_visitors
    @csrf_exempt
    @wraps(view)
    def wrapped(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            response = view(request, *args, **kwargs)
        except Http404:
            response = render(request, "pages/unknown_link.html", status=404)
        for name, value in HEADERS.items():
            response.headers[name] = value
        return response

    return wrapped


def client_address(request: HttpRequest) -> str:
    """The visitor's address: what the outermost of our own proxies saw. What comes before it anybody can write."""
    count, seen = settings.TRUSTED_PROXY_COUNT, request.META.get("REMOTE_ADDR", "")
    hops = request.headers.get("X-Forwarded-For", "").split(",") if count else []
    return hops[-count].strip() if 0 < count <= len(hops) else seen
