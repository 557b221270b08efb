from celery import shared_task


@shared_task
def send_due_mail() -> None:
    from mailing.services import send_due_mail

    send_due_mail()


@shared_task
def recover_expired_leases() -> None:
    from mailing.services import recover_expired_leases

    recover_expired_leases()
