from celery import shared_task

from accounts.clock import database_now


@shared_task
def open_cases_for_bad_answers() -> int:
    from complaints.services.following_up import open_cases_for_bad_answers

    return open_cases_for_bad_answers(now=database_now())


@shared_task
def sort_incoming_mail() -> int:
    from complaints.services.receiving import sort_due_mail

    return sort_due_mail(now=database_now())


@shared_task
def forget_old_mail() -> int:
    from complaints.services.receiving import forget_old_content

    return forget_old_content(now=database_now())


@shared_task
def raise_alarms() -> int:
    from complaints.services.alarms import raise_alarms

    return raise_alarms(now=database_now())


@shared_task
def recount_deadlines() -> int:
    from complaints.services.recounting import recount_deadlines

    return recount_deadlines(now=database_now())
