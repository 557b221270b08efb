from celery import shared_task


@shared_task
def flag_suspicions() -> int:
    from accounts.clock import database_now
    from affiliates.services import flag_suspicions

    return flag_suspicions(now=database_now())


@shared_task
def tell_of_paused_webhooks() -> int:
    from accounts.clock import database_now
    from affiliates.services.webhook_mails import tell_of_paused_webhooks

    return tell_of_paused_webhooks(now=database_now())


@shared_task
def make_room_for_clicks() -> int:
    from accounts.clock import database_now
    from affiliates.services.clicks import make_room_for_clicks as make

    return len(make(now=database_now()))
