from celery import shared_task

from accounts.clock import database_now


@shared_task
def process_inbound_events() -> int:
    from intake.hooks.processing import process_due_events

    return process_due_events(now=database_now())
