"""What runs by itself: CELERY_BEAT_SCHEDULE in settings.py says when."""

from celery import shared_task


@shared_task
def send_due_invitations() -> int:
    from accounts.clock import database_now
    from surveys.services.sending import send_due_invitations

    return send_due_invitations(now=database_now())


@shared_task
def plan_due_work() -> int:
    """Whoever is to be reminded or asked again, was held for a cause that is over, or did not get the mail for them."""
    from accounts.clock import database_now
    from surveys.services.following_up import plan_missing_follow_ups
    from surveys.services.holding import plan_called_back, plan_put_aside, wake_held, wake_rested
    from surveys.services.sending import send_due_reminders

    now = database_now()
    woken = plan_put_aside(now=now) + plan_called_back(now=now) + wake_held(now=now) + wake_rested(now=now)
    return woken + plan_missing_follow_ups(now=now) + send_due_reminders(now=now)
