import pytest
from django.core.exceptions import ValidationError as DjangoValidationError
from django.http import Http404
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from accounts.api import ApiError, exception_handler


class ProductSerializer(serializers.Serializer):
    sku = serializers.CharField()


class PurchaseSerializer(serializers.Serializer):
    external_id = serializers.CharField()
    amount = serializers.DecimalField(14, 2)
    product = ProductSerializer()
    click_ids = serializers.ListField(child=serializers.CharField(max_length=3))


def answer_to(error: Exception) -> tuple[int, dict]:
    request = Request(APIRequestFactory().get("/"))
    response = exception_handler(error, {"request": request})
    assert response is not None
    return response.status_code, response.data["error"]


def test_all_fields_are_reported_at_once_and_by_path() -> None:
    serializer = PurchaseSerializer(data={"amount": "x", "product": {}, "click_ids": ["ok", "too long"]})
    serializer.is_valid()

    status, body = answer_to(exceptions.ValidationError(serializer.errors))

    assert status == 400
    assert body["code"] == "invalid"
    assert [(f["field"], f["code"]) for f in body["fields"]] == [
        ("external_id", "required"),
        ("amount", "invalid"),
        ("product.sku", "required"),
        ("click_ids.1", "max_length"),
    ]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Http404(), 404, "not_found"),
        (exceptions.NotAuthenticated(), 401, "not_authenticated"),
        (exceptions.ParseError(), 400, "parse_error"),
        (exceptions.MethodNotAllowed("PUT"), 405, "method_not_allowed"),
        (ApiError(409, "idempotency_conflict", "Other content."), 409, "idempotency_conflict"),
    ],
)
def test_refusals_have_one_shape(error: Exception, status: int, code: str) -> None:
    assert answer_to(error)[0] == status
    assert set(answer_to(error)[1]) == {"code", "message", "fields", "request_id"}
    assert answer_to(error)[1]["code"] == code
    assert answer_to(error)[1]["fields"] == []


def test_what_services_refuse_is_a_bad_request() -> None:
    status, body = answer_to(DjangoValidationError({"email": ["No."]}))

    assert (status, body["fields"]) == (400, [{"field": "email", "code": "invalid", "message": "No."}])


def test_waiting_is_said_in_seconds() -> None:
    response = exception_handler(exceptions.Throttled(wait=2.3), {"request": Request(APIRequestFactory().get("/"))})

    assert response is not None
    assert response["Retry-After"] == "3"


def test_faults_stay_faults() -> None:
    assert exception_handler(RuntimeError(), {"request": Request(APIRequestFactory().get("/"))}) is None
