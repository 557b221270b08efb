from typing import Any

from django import template

from intake.setting_up import first_steps as steps_for

register = template.Library()


@register.inclusion_tag("admin/intake/_first_steps.html", takes_context=True)
def first_steps(context: dict[str, Any]) -> dict[str, Any]:
    """One statement, for a signed-in member of staff."""
    return {"brands": steps_for(context["user"])}
