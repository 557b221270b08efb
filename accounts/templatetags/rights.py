"""What whoever reads a page may do: a link that would be refused is not shown."""

from functools import partial
from typing import Any

from django import template
from django.contrib.admin.helpers import AdminReadonlyField
from django.http import HttpRequest
from django.utils.safestring import SafeString

from accounts.admin import may_open
from accounts.models import Brand, User

register = template.Library()


@register.filter
def knows_customers_of(user: User, brand: Brand) -> bool:
    return user.knows_customers_of(brand)


@register.filter
def takes_files_of(user: User, brand: Brand) -> bool:
    return user.may_take_files_of(brand)


@register.filter
def shown_to(field: AdminReadonlyField, request: HttpRequest) -> SafeString:
    """A field of an admin page: Django leads from a row to all that it names, this to what the reader may see."""

    def lead(remote_field: Any, row: Any, *, to_page: Any) -> Any:
        return to_page(remote_field, row) if may_open(request, row) else str(row)

    field.get_admin_url = partial(lead, to_page=field.get_admin_url)  # type: ignore[method-assign]  # of this one alone
    return field.contents()
