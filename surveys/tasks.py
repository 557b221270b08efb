"""What runs by itself: CELERY_BEAT_SCHEDULE in settings.py says when."""

from collections.abc import Callable

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
    from accounts.in_turn import sum_in_turn
    from surveys.services.following_up import plan_missing_follow_ups
    from surveys.services.holding import plan_called_back, plan_put_aside, wake_held, wake_rested
    from surveys.services.sending import send_due_reminders

    now = database_now()
    wake: list[Callable[..., int]] = [plan_put_aside, plan_called_back, wake_held, wake_rested]
    return sum_in_turn([*wake, plan_missing_follow_ups, send_due_reminders], lambda step: step(now=now))
