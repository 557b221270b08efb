"""In which language and time zone a page is shown, and who needs to be nobody to see it.

No prefixes in URLs: a link is the same page for everybody.
"""

from collections.abc import Callable
from typing import ParamSpec, cast

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import AnonymousUser
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import Resolver404, ResolverMatch, resolve
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers

P = ParamSpec("P")
GetResponse = Callable[[HttpRequest], HttpResponseBase]
VARIES_BY = ("Accept-Language", "Cookie")


class LanguageMiddleware:
    """For visitors: the language they chose here (cookie), else their browser's, else Spanish.

    Token pages speak the customer's language: their views activate it themselves.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        use_language(request, translation.get_language_from_request(request))
        response = self.get_response(request)
        response.headers.setdefault("Content-Language", translation.get_language() or "")
        if "Vary" in response.headers:
            patch_vary_headers(response, VARIES_BY)
        else:
            response.headers["Vary"] = ", ".join(VARIES_BY)
        return response


class VisitorMiddleware:
    """Leads whoever brings no session straight to pages made `for_visitors`, past all that serves people signed in.

    Most requests are such: buyers who follow a link, customers who answer. Of the middleware that stands below this one
    nothing concerns them but the language: sessions, CSRF (these pages have no cookie to abuse), sign-in, messages.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.show_in_their_language = LanguageMiddleware(cast(GetResponse, convert_exception_to_response(show)))

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            return self.get_response(request)
        try:
            match = resolve(request.path_info)
        except Resolver404:
            return self.get_response(request)
        if not getattr(match.func, "is_for_visitors", False):
            return self.get_response(request)
        timezone.deactivate()
        request.user, request.resolver_match = AnonymousUser(), match
        return show(request) if getattr(match.func, "is_wordless", False) else self.show_in_their_language(request)


def show(request: HttpRequest) -> HttpResponseBase:
    """What stands at its address."""
    found: ResolverMatch = request.resolver_match  # type: ignore[assignment]
    response: HttpResponseBase = found.func(request, *found.args, **found.kwargs)
    return response


def for_visitors(view: Callable[P, HttpResponse]) -> Callable[P, HttpResponse]:
    """A page for whoever has its address. It must be safe to call without a CSRF token, and use no session."""
    view.is_for_visitors = True  # type: ignore[attr-defined]
    return login_not_required(view)


def wordless(view: Callable[P, HttpResponse]) -> Callable[P, HttpResponse]:
    """It leads elsewhere, and no language is chosen for it; `in_their_language` for when it has to say something."""
    view.is_wordless = True  # type: ignore[attr-defined]
    return view


def in_their_language(request: HttpRequest, show_page: Callable[[HttpRequest], HttpResponse]) -> HttpResponse:
    if hasattr(request, "LANGUAGE_CODE"):  # of somebody signed in, who came the long way
        return show_page(request)
    return cast(HttpResponse, LanguageMiddleware(show_page)(request))


class ReaderMiddleware:
    """For people signed in: the language they set in their account, where they set one, and their time zone."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        # A thread serves one reader after another: without a zone of their own nobody inherits the last one's.
        timezone.deactivate()
        if request.user.is_authenticated:
            if request.user.language:
                use_language(request, request.user.language)
            if request.user.timezone:
                timezone.activate(request.user.timezone)
        return self.get_response(request)


class PrivateMiddleware:
    """What somebody signed in is told, or a program with its key, nobody keeps: no cache on the way, and no browser for
    whoever sits before it next. A page that is the same for everybody says so itself."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.user.is_authenticated or "Authorization" in request.headers:
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response


def use_language(request: HttpRequest, language: str) -> None:
    translation.activate(language)
    request.LANGUAGE_CODE = translation.get_language()
