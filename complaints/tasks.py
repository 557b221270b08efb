from celery import shared_task
from django.utils import timezone


@shared_task
def open_cases_for_bad_answers() -> None:
    from complaints.services.opening import open_cases_for_bad_answers as service

    service(now=timezone.now())
