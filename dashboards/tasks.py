"""What runs by itself: CELERY_BEAT_SCHEDULE in settings.py says when."""

from celery import shared_task


@shared_task
def send_digests() -> int:
    from accounts.clock import database_now
    from dashboards.services import send_digests

    return send_digests(now=database_now())
