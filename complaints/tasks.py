from celery import shared_task

from accounts.clock import database_now


@shared_task
def open_cases_for_bad_answers() -> int:
    from complaints.services.following_up import open_cases_for_bad_answers

    return open_cases_for_bad_answers(now=database_now())
