from celery import shared_task


@shared_task
def send_due_mail() -> None:
    from mailing.services import send_due_mail

    send_due_mail()


@shared_task
def recover_expired_leases() -> None:
    from mailing.services import recover_expired_leases

    recover_expired_leases()


@shared_task
def deliver_webhooks() -> None:
    from mailing.services.webhooks import deliver_webhooks

    deliver_webhooks()


@shared_task
def forget_old_webhooks() -> int:
    from accounts.clock import database_now
    from mailing.services.webhooks import forget_old_webhooks

    return forget_old_webhooks(now=database_now())
