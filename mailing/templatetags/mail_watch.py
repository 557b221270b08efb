"""Whether the mail goes: on every page of the admin where it stands still, and in a few figures at its door."""

from typing import Any

from django import template
from django.db import Error as DatabaseError

from accounts.admin import has_role
from accounts.models import KNOWING_CUSTOMERS, Membership
from mailing.selectors.pulse import take_pulse
from mailing.selectors.queue import mail_summary, standing_troubles

register = template.Library()


@register.inclusion_tag("admin/mailing/_alarm.html", takes_context=True)
def mail_alarm(context: dict[str, Any]) -> dict[str, Any]:
    """One statement a page, and only for staff; not where the page says it all (`tells_of_troubles`)."""
    user = context.get("user")
    if context.get("tells_of_troubles") or not (user and user.is_active and getattr(user, "is_staff", False)):
        return {"troubles": []}
    try:
        return {"troubles": standing_troubles(take_pulse()), "sees_queue": has_role(user, *KNOWING_CUSTOMERS)}
    except DatabaseError:  # the page itself will say so
        return {"troubles": []}


@register.inclusion_tag("admin/mailing/_summary.html", takes_context=True)
def mail_box(context: dict[str, Any]) -> dict[str, Any]:
    """Seven statements at most, for a signed-in member of staff. Nothing to follow for who is to know no addresses."""
    user = context["user"]
    if not has_role(user, *KNOWING_CUSTOMERS):
        return {}
    return {"mail": mail_summary(user), "sees_operations": has_role(user, Membership.Role.ADMIN)}
