"""Which language and which time zone a page is shown in. No prefixes in URLs: a link is the same page for everybody."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers

GetResponse = Callable[[HttpRequest], HttpResponseBase]


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
        patch_vary_headers(response, ("Accept-Language", "Cookie"))
        return response


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


def use_language(request: HttpRequest, language: str) -> None:
    translation.activate(language)
    request.LANGUAGE_CODE = translation.get_language()
