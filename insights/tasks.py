"""What runs by itself: CELERY_BEAT_SCHEDULE in settings.py says when."""

from celery import shared_task


@shared_task
def fold_changes() -> int:
    from accounts.clock import database_now
    from insights.services import fold_changes

    return fold_changes(now=database_now())


@shared_task
def measure_brands() -> int:
    from accounts.clock import database_now
    from insights.services import measure_due_brands

    return measure_due_brands(now=database_now())
