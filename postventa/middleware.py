"""What every request passes: counted, told in the log, and its page under a policy.

Each does what the library does that it stands on, without what nobody reads: on a redirect that was most of the work.
"""

import time
import uuid
from collections.abc import Callable
from functools import cache

import structlog
from csp.constants import HEADER
from csp.middleware import CSPMiddleware
from csp.utils import build_policy
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django_structlog.middlewares import RequestMiddleware
from django_structlog.middlewares import request as request_log
from prometheus_client import Counter, Histogram

GetResponse = Callable[[HttpRequest], HttpResponseBase]
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
# By the names that django-prometheus gives them, so that boards made for it show them; its others are sums of these.
RESPONSES = Counter(
    "django_http_responses_total_by_status_view_method",
    "Count of responses by status, view, method.",
    ["status", "view", "method"],
)
LATENCY = Histogram(
    "django_http_requests_latency_seconds_by_view_method",
    "Histogram of request processing time labelled by view.",
    ["view", "method"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60),
)


class MetricsMiddleware:
    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        response = self.get_response(request)
        view = request.resolver_match.view_name if request.resolver_match else ""
        method = request.method if request.method in METHODS else "other"  # not as many as somebody makes up
        counted, timed = _series(response.status_code, view, method)
        counted.inc()
        timed.observe(time.perf_counter() - started)
        return response


@cache
def _series(status: int, view: str, method: str) -> tuple[Counter, Histogram]:
    """Looked up once: the library does so under a lock each time."""
    return RESPONSES.labels(str(status), view, method), LATENCY.labels(view, method)


class RequestLogMiddleware(RequestMiddleware):
    """One line when it is known what came of a request; its id in all lines that are written meanwhile."""

    def prepare(self, request: HttpRequest) -> None:
        structlog.contextvars.bind_contextvars(request_id=str(uuid.uuid4()))

    def handle_response(self, request: HttpRequest, response: HttpResponseBase) -> None:
        if response.streaming or hasattr(request, "_raised_exception"):  # its lines go on, or were written
            super().handle_response(request, response)  # type: ignore[arg-type]  # streams come too
            return
        self.bind_user_id(request)
        level = self._log_level_for_status_code(response.status_code)
        request_log.logger.log(
            level, "request_finished", code=response.status_code, request=self.format_request(request)
        )
        structlog.contextvars.clear_contextvars()

    @staticmethod
    def bind_user_id(request: HttpRequest) -> None:
        """Without a session nobody is signed in, and nobody need be looked for."""
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            RequestMiddleware.bind_user_id(request)


class PolicyMiddleware(CSPMiddleware):
    """The content security policy of settings.py, put together once. A view may still have its own, without a nonce."""

    def __init__(self, get_response: GetResponse) -> None:
        super().__init__(get_response)
        self.usual = build_policy()

    def process_request(self, request: HttpRequest) -> None:
        """No page of ours asks for a nonce: there is nothing to make ready for one."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        has_its_own = any(name.startswith("_csp_") for name in vars(response))
        if has_its_own or settings.DEBUG:  # under which Django's own pages of failures bring their styles
            return super().process_response(request, response)
        response.headers.setdefault(HEADER, self.usual)
        return response
