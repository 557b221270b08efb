"""Failures told to Sentry, and traces by OpenTelemetry: extras, each begun by a setting of its own (postventa/apps.py).

Nothing of this is imported without it. What leaves goes through `redact` as the logs do (postventa/logs.py), and what
people typed, who they are and what a failing function held in its hands does not leave at all.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.conf import settings

from postventa.logs import redact

# Of a request: what was typed, who asked, and all that a browser says by itself.
NEVER_TOLD = {"cookies", "data", "env", "headers", "query_string"}
# Of a trace the same, under the names of both of its conventions; of addresses what stands before the question mark.
NEVER_TRACED = {
    *("http.user_agent", "user_agent.original", "url.query", "client.address", "http.client_ip"),
    *("net.peer.ip", "net.sock.peer.addr", "network.peer.address"),
}
ADDRESSES = {"http.url", "http.target", "url.full", "url.path"}


def scrubbed(told: Any) -> Any:
    """The same without tokens, keys and addresses, however deep."""
    if isinstance(told, str):
        return redact(told)
    if isinstance(told, Mapping):
        return {key: scrubbed(value) for key, value in told.items()}
    if isinstance(told, bytes):
        return redact(told.decode(errors="replace")).encode()
    if isinstance(told, Collection):
        clean = [scrubbed(value) for value in told]
        return tuple(clean) if isinstance(told, tuple) else clean
    return told


def scrub_event(event: dict[str, Any], _hint: dict[str, Any]) -> dict[str, Any]:
    """What Sentry gets of a failure."""
    event.pop("user", None)
    event.pop("server_name", None)
    event["request"] = {key: value for key, value in event.get("request", {}).items() if key not in NEVER_TOLD}
    clean: dict[str, Any] = scrubbed(event)
    return clean


def scrub_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """What a trace tells of a request, a task or a statement."""
    told = {key: value for key, value in attributes.items() if key not in NEVER_TRACED}
    return {key: scrubbed(str(value).split("?")[0] if key in ADDRESSES else value) for key, value in told.items()}


def start() -> None:
    """ModuleNotFoundError: the extra is not installed."""
    if settings.SENTRY_DSN:
        start_sentry()
    if settings.OTEL_EXPORTER_OTLP_ENDPOINT:
        start_tracing()


def start_sentry() -> None:
    import sentry_sdk  # noqa: PLC0415 - an extra
    from sentry_sdk.integrations.celery import CeleryIntegration  # noqa: PLC0415
    from sentry_sdk.integrations.django import DjangoIntegration  # noqa: PLC0415
    from sentry_sdk.integrations.logging import ignore_logger  # noqa: PLC0415

    ignore_logger("django_structlog.middlewares.request")  # its line on a failure would tell the same once more
    sentry_sdk.init(
        dsn=settings.SENTRY_DSN,
        release=settings.VERSION,
        environment=settings.SENTRY_ENVIRONMENT,
        integrations=[DjangoIntegration(), CeleryIntegration()],
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        traces_sample_rate=None,
        before_send=scrub_event,
        before_breadcrumb=lambda crumb, _hint: scrubbed(crumb),
    )


def start_tracing() -> None:
    """By OpenTelemetry's own settings too: OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_HEADERS …"""
    from opentelemetry import trace  # noqa: PLC0415 - an extra
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.instrumentation.celery import CeleryInstrumentor  # noqa: PLC0415
    from opentelemetry.instrumentation.django import DjangoInstrumentor  # noqa: PLC0415
    from opentelemetry.instrumentation.psycopg2 import Psycopg2Instrumentor  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    def without_secrets(span: Any) -> Any:
        events = [Event(each.name, scrub_attributes(each.attributes or {}), each.timestamp) for each in span.events]
        return ReadableSpan(
            name=redact(span.name),
            context=span.context,
            parent=span.parent,
            resource=span.resource,
            attributes=scrub_attributes(span.attributes or {}),
            events=events,
            links=span.links,
            kind=span.kind,
            status=span.status if span.status.is_ok else type(span.status)(span.status.status_code),
            start_time=span.start_time,
            end_time=span.end_time,
            instrumentation_scope=span.instrumentation_scope,
        )

    class Exporter(OTLPSpanExporter):
        def export(self, spans: Sequence[Any]) -> Any:
            return super().export([without_secrets(span) for span in spans])

    provider = TracerProvider(resource=Resource.create({"service.version": settings.VERSION}))
    provider.add_span_processor(BatchSpanProcessor(Exporter()))
    trace.set_tracer_provider(provider)
    for instrumentor in (DjangoInstrumentor(), CeleryInstrumentor(), Psycopg2Instrumentor()):
        instrumentor.instrument()
