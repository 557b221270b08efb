"""The Celery application: `celery -A postventa.celery worker`. The timetable is CELERY_BEAT_SCHEDULE in settings.py."""

import logging.config
import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging
from django.conf import settings
from django_structlog.celery.steps import DjangoStructLogInitStep

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "postventa.settings")

app = Celery("postventa", task_cls="mailing.runs:WatchedTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.steps["worker"].add(DjangoStructLogInitStep)
app.steps["worker"].add("mailing.heartbeats:WorkerHeartbeat")
app.autodiscover_tasks()


@setup_logging.connect
def use_our_logging(**_kwargs: Any) -> None:
    """Celery would otherwise install handlers of its own, which redact nothing."""
    logging.config.dictConfig(settings.LOGGING)
