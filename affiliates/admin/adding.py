"""Rows that staff add under a code of their choice."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse

from accounts.admin import BrandModelAdmin


class AddingAdmin(BrandModelAdmin):
    """Two may add the same code at once. The slower one's form is read once more, and now finds the code taken."""

    can_add = True

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except (IntegrityError, ValidationError):  # from writing, when the form had been found good
            return super().changeform_view(request, *args, **kwargs)
