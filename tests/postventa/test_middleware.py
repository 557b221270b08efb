"""What every request passes."""

from typing import Any

import pytest
import structlog
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django_structlog.middlewares import request as request_log
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from accounts.models import User
from postventa.middleware import PolicyMiddleware, RequestLogMiddleware

POLICY = "Content-Security-Policy"


@pytest.fixture(autouse=True)
def _heard_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was used before the log was configured anew goes on as it was configured, and cannot be captured."""
    monkeypatch.setattr(request_log, "logger", structlog.get_logger(request_log.__name__))


def responses(**labels: str) -> float:
    return REGISTRY.get_sample_value("django_http_responses_total_by_status_view_method_total", labels) or 0.0


def test_requests_are_counted_by_view_method_and_status(client: Client) -> None:
    healthy = {"status": "200", "view": "healthz", "method": "GET"}
    before = responses(**healthy)

    client.get("/healthz")

    assert responses(**healthy) == before + 1
    timed = {"view": "healthz", "method": "GET"}
    assert REGISTRY.get_sample_value("django_http_requests_latency_seconds_by_view_method_count", timed)


@pytest.mark.django_db
def test_what_somebody_makes_up_makes_no_series_of_its_own(client: Client) -> None:
    before = responses(status="404", view="", method="other")

    client.generic("BREW", "/coffee/")

    assert responses(status="404", view="", method="other") == before + 1


def test_a_request_is_told_once_with_its_id(rf: RequestFactory) -> None:
    seen = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(structlog.contextvars.get_contextvars())
        return HttpResponse(status=204)

    with capture_logs() as lines:
        RequestLogMiddleware(view)(rf.get("/help/?a=1"))

    [line] = lines
    assert (line["event"], line["code"], line["request"]) == ("request_finished", 204, "GET /help/?a=1")
    [context] = seen
    assert set(context) == {"request_id"}
    assert structlog.contextvars.get_contextvars() == {}


@pytest.mark.django_db
def test_the_log_knows_who_is_signed_in(client: Client) -> None:
    user = User.objects.create_user("ana@ana.example")
    client.force_login(user)

    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        client.get("/help/")

    [line] = [line for line in lines if line["event"] == "request_finished"]
    assert line["user_id"] == user.pk


def test_a_page_has_the_policy_of_the_settings_or_its_own(rf: RequestFactory) -> None:
    def framed(request: HttpRequest) -> HttpResponse:
        response = HttpResponse()
        response._csp_replace = {"frame-src": ["https://framed.example"]}
        return response

    def missing(request: HttpRequest) -> HttpResponse:
        return HttpResponse(status=404)

    usual = PolicyMiddleware(missing)(rf.get("/")).headers[POLICY]
    own = PolicyMiddleware(framed)(rf.get("/")).headers[POLICY]

    assert "default-src 'none'" in usual
    assert "frame-src" not in usual
    directives = [{each.strip() for each in policy.split(";")} for policy in (own, usual)]
    assert directives[0] - directives[1] == {"frame-src https://framed.example"}
    assert "frame-src https://framed.example" in own


def test_under_debug_djangos_page_of_a_failure_keeps_its_styles(rf: RequestFactory, settings: Any) -> None:
    settings.DEBUG = True

    failed = PolicyMiddleware(lambda _request: HttpResponse(status=500))(rf.get("/"))
    fine = PolicyMiddleware(lambda _request: HttpResponse())(rf.get("/"))

    assert POLICY not in failed.headers
    assert "default-src 'none'" in fine.headers[POLICY]


def test_an_unknown_page_is_no_failure(rf: RequestFactory) -> None:
    """The log keeps apart what is wrong with us and what is wrong with the address."""

    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(status=404)

    with capture_logs() as lines:
        RequestLogMiddleware(view)(rf.get("/nowhere/"))

    assert [(line["event"], line["log_level"]) for line in lines] == [("request_finished", "warning")]
