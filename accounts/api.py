"""What every API view shares: one shape of errors, pages, and refusals by name. Keys: accounts/authentication.py."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any, NoReturn

import structlog
from django.core.exceptions import PermissionDenied
from django.core.exceptions import ValidationError as DjangoValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.http import Http404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiParameter
from rest_framework import exceptions, pagination, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import set_rollback


class CursorPagination(pagination.CursorPagination):
    """Newest first, by a cursor that stays right while rows are added. `?page_size=` up to 200."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
    ordering = ("-id",)

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        """A cursor that somebody made up is one that there is not."""
        try:
            return super().paginate_queryset(queryset, request, view)
        except (ValueError, DjangoValidationError):
            raise exceptions.NotFound from None


class ApiError(exceptions.APIException):
    """A refusal with a code of ours: `raise ApiError(409, "idempotency_conflict", message, fields)`."""

    def __init__(
        self, status_code: int, code: str, message: str, fields: Iterable[dict[str, str]] = (), **extra: Any
    ) -> None:
        super().__init__(message, code)
        self.status_code = status_code
        self.fields = list(fields)
        self.extra = extra


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Every refusal in the contract's one shape, all fields at once; None leaves a fault to Django."""
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    elif isinstance(error, DjangoValidationError):
        error = exceptions.ValidationError(_as_detail(error))
    if not isinstance(error, exceptions.APIException):
        return None
    set_rollback()
    response = Response(error_body(error), status=error.status_code)
    if (wait := getattr(error, "wait", None)) is not None:
        response["Retry-After"] = str(wait)
    if header := getattr(error, "auth_header", None):
        response["WWW-Authenticate"] = header
    return response


def _as_detail(error: DjangoValidationError) -> Any:
    """Django's errors as DRF's, each with its own code."""
    if hasattr(error, "error_dict"):
        return {name: _as_details(errors) for name, errors in error.error_dict.items()}
    return _as_details(error.error_list)


def _as_details(errors: Iterable[DjangoValidationError]) -> list[exceptions.ErrorDetail]:
    return [exceptions.ErrorDetail(text, each.code or "invalid") for each in errors for text in each.messages]


# What Django REST framework would say without a way out, in English, or with «usted».
OUR_WORDS = {
    "not_authenticated": gettext_lazy("Send your key with the request: “Authorization: Bearer pv_…”."),
    "permission_denied": gettext_lazy("This key may not do that: it lacks the scope."),
    "not_found": gettext_lazy("There is nothing at this address."),
}


def error_body(error: exceptions.APIException) -> dict[str, Any]:
    if isinstance(error, ApiError):
        code, message, fields = str(error.detail.code), str(error.detail), error.fields  # type: ignore[union-attr]
    elif isinstance(error, exceptions.ValidationError):
        code, message, fields = (
            "invalid",
            _("Some of what was sent is not valid."),
            field_errors(error.get_full_details()),
        )
    else:
        code = str(error.get_codes())
        message, fields = str(OUR_WORDS.get(code, error.detail)), []
    return {
        "error": {
            "code": code,
            "message": message,
            "fields": fields,
            # Bound by django-structlog: the one in the log lines of this request.
            "request_id": structlog.contextvars.get_contextvars().get("request_id", ""),
        }
    }


def field_errors(details: Any, path: str = "") -> list[dict[str, str]]:
    """DRF's nested details as a flat list: `customer.email`, `results.3.amount`."""
    if isinstance(details, dict) and set(details) == {"message", "code"}:
        field = path.removesuffix(".non_field_errors")
        return [{"field": "" if field == "non_field_errors" else field, **_plain(details)}]
    if isinstance(details, dict):
        return [e for key, value in details.items() for e in field_errors(value, f"{path}.{key}" if path else str(key))]
    if isinstance(details, list) and all(set(d) == {"message", "code"} for d in details if isinstance(d, dict)):
        return [e for item in details for e in field_errors(item, path)]
    return [e for i, item in enumerate(details) for e in field_errors(item, f"{path}.{i}" if path else str(i))]


def _plain(detail: dict[str, Any]) -> dict[str, str]:
    return {"code": str(detail["code"]), "message": str(detail["message"])}


# --- Two who change the same -----------------------------------------------------------------------------------------
IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The `ETag` that was read: 412 where somebody has changed it since. Without, the last one wins.",
)


def version(*values: Any) -> str:
    """An ETag of what a client may change: it names these values, and no other ones."""
    told = json.dumps(values, cls=DjangoJSONEncoder)
    return f'"{hashlib.sha256(told.encode()).hexdigest()[:32]}"'


def refuse_unless_match(request: Request, current: str) -> None:
    """Call it with the row locked. RFC 9110 13.1.1; no version of ours is weak."""
    given = request.headers.get("If-Match")
    if given is None or given.strip() == "*":
        return
    if current not in [each.strip() for each in given.split(",")]:
        message = _("It has been changed since you read it: read it again.")
        raise ApiError(status.HTTP_412_PRECONDITION_FAILED, "precondition_failed", message)


def conflict(code: str, message: str, fields: Iterable[dict[str, str]] = ()) -> NoReturn:
    raise ApiError(status.HTTP_409_CONFLICT, code, message, fields)
