from celery import shared_task


@shared_task
def flag_suspicions() -> int:
    from accounts.clock import database_now
    from affiliates.services import flag_suspicions

    return flag_suspicions(now=database_now())
