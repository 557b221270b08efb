from celery import shared_task
from django.conf import settings

from accounts.clock import database_now


@shared_task
def process_inbound_events() -> int:
    from intake.hooks.processing import process_due_events

    return process_due_events(now=database_now())


@shared_task
def forget_old_idempotency_keys() -> int:
    from intake.idempotency import forget_old_keys

    return forget_old_keys(now=database_now())


@shared_task
def read_bounces() -> int:
    from intake.hooks.mailbox import read_mailbox

    return read_mailbox(settings.BOUNCE_MAILBOX_URL, now=database_now()) if settings.BOUNCE_MAILBOX_URL else 0


@shared_task
def read_customers_mail() -> int:
    from intake.hooks.mailbox import read_customers_mailbox

    url = settings.INBOUND_MAILBOX_URL
    return read_customers_mailbox(url, now=database_now()) if url else 0


@shared_task
def tell_of_silent_hooks() -> int:
    from intake.hooks.silence import tell_of_silent_hooks as tell

    return tell(now=database_now())


@shared_task
def work_erasures() -> int:
    from intake.rights.erasing import work_erasures as work

    return work(now=database_now())


@shared_task
def forget_what_is_old() -> int:
    from intake.rights.retention import forget_what_is_old as forget

    return forget(now=database_now()).total


@shared_task
def take_reading() -> bool:
    from intake.operations.readings import take_reading as take

    return take(now=database_now())
