from django.apps import AppConfig
from django.conf import settings


class PostventaConfig(AppConfig):
    name = "postventa"
    verbose_name = "Postventa"

    def ready(self) -> None:
        # Here and not at the top: the application must exist before any `shared_task` is called, and the checks
        # register themselves, but neither can be imported before the apps are ready.
        from postventa import celery, checks  # noqa: F401

        if settings.SENTRY_DSN or settings.OTEL_EXPORTER_OTLP_ENDPOINT:  # extras, which need not be there
            from postventa.telemetry import start

            start()
