"""Purchases in. The rules are in rows.py and the services; serializers here describe them for the schema."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NoReturn, TypeVar

from django.conf import settings
from django.db import transaction
from django.http import Http404
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api import IF_MATCH, ApiError, refuse_unless_match, version
from accounts.authentication import key_of
from accounts.models import Brand, Scope
from accounts.services import note_read
from affiliates.models import Attribution, Product, Purchase
from affiliates.services import FieldError, PurchaseConflict, PurchaseInput, Recorded
from intake.hooks.api import hook_urlpatterns
from intake.idempotency import answer_once
from intake.representations import errors_as_json, purchase_as_json, refund_as_json, taken_as_json
from intake.rights.api import rights_urlpatterns
from intake.rows import parse_changes, parse_purchase, parse_refund
from intake.services import Taken, take_change, take_purchases, take_refund
from intake.values import is_storable
from surveys.models import Reason, Wave
from surveys.selectors import survey_states

T = TypeVar("T")
SOURCE = "api"
SURVEY_STATES = [
    (state, state) for state in ["waiting", "planned", "held", "queued", "sent", "answered", "expired", "cancelled"]
]
# Of a purchase, to a key that may write but not read: what it may set, and what it is told of a new one too.
TOLD_TO_WRITERS = frozenset(
    ("external_id", "delivered_at", "activated_at", "promised_on", "state", "attribution", "survey", "follow_up")
)
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="Repeats with the same key get the first answer again, with `Idempotent-Replayed: true`, for 30 days.",
)


class ProductSerializer(serializers.Serializer[Any]):
    sku = serializers.CharField(max_length=120)
    name = serializers.CharField(max_length=250, required=False, allow_blank=True)
    category = serializers.CharField(max_length=120, required=False, allow_blank=True)
    kind = serializers.ChoiceField(Product.Kind.choices, required=False)


class CustomerSerializer(serializers.Serializer[Any]):
    email = serializers.EmailField(required=False, allow_null=True)
    external_id = serializers.CharField(max_length=120, required=False, allow_null=True)
    name = serializers.CharField(max_length=200, required=False, allow_blank=True)
    language = serializers.CharField(max_length=10, required=False, allow_null=True)
    timezone = serializers.CharField(max_length=64, required=False, allow_null=True)
    survey_notice = serializers.BooleanField(required=False, allow_null=True, help_text="Absent: the brand's default.")


class StagesSerializer(serializers.Serializer[Any]):
    delivered_at = serializers.DateTimeField(required=False, allow_null=True)
    activated_at = serializers.DateTimeField(required=False, allow_null=True)
    promised_on = serializers.DateField(required=False, allow_null=True)
    state = serializers.ChoiceField(Purchase.State.choices, required=False)


class PurchaseBaseSerializer(StagesSerializer):
    external_id = serializers.CharField(max_length=120)
    purchased_at = serializers.DateTimeField()
    amount = serializers.DecimalField(max_digits=14, decimal_places=2, min_value=0)
    currency = serializers.CharField(min_length=3, max_length=3, help_text="ISO 4217")
    product = ProductSerializer(required=False, allow_null=True)
    customer = CustomerSerializer()
    click_ids = serializers.ListField(child=serializers.CharField(max_length=40), max_length=50, required=False)
    coupon = serializers.CharField(max_length=60, required=False, allow_null=True)
    affiliate = serializers.CharField(max_length=60, required=False, allow_null=True)
    referral = serializers.CharField(max_length=20, required=False, allow_null=True)
    recommended_by = serializers.CharField(
        max_length=200,
        required=False,
        allow_null=True,
        help_text="Who recommended it, in the customer's words: an affiliate's name or code. Low confidence.",
    )
    metadata = serializers.DictField(required=False)


class PurchaseSerializer(PurchaseBaseSerializer):
    click_id = serializers.CharField(max_length=40, required=False, allow_null=True)


class AttributionSerializer(serializers.Serializer[Any]):
    affiliate = serializers.CharField(allow_null=True)
    method = serializers.ChoiceField(Attribution.Method.choices)
    confidence = serializers.ChoiceField(Attribution.Confidence.choices)
    reason = serializers.ChoiceField(Attribution.Reason.choices)
    window_ends_at = serializers.DateTimeField(allow_null=True)
    acquiring_affiliate = serializers.CharField(allow_null=True)
    indirect_affiliate = serializers.CharField(allow_null=True)


class SurveySerializer(serializers.Serializer[Any]):
    state = serializers.ChoiceField(SURVEY_STATES)
    scheduled_for = serializers.DateTimeField(allow_null=True)
    reason = serializers.ChoiceField(Reason.choices, allow_null=True)


class PurchaseTakenSerializer(serializers.Serializer[Any]):
    external_id = serializers.CharField()
    duplicate = serializers.BooleanField()
    updated = serializers.BooleanField()
    attribution = AttributionSerializer(allow_null=True)
    survey = SurveySerializer(allow_null=True)


class ErrorFieldSerializer(serializers.Serializer[Any]):
    field = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()


class BatchErrorSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()
    fields = ErrorFieldSerializer(many=True)  # type: ignore[assignment]


class BatchRowSerializer(PurchaseTakenSerializer):
    """A row that was refused has an error in place of what became of it."""

    external_id = serializers.CharField(allow_null=True)
    duplicate = serializers.BooleanField(required=False)
    updated = serializers.BooleanField(required=False)
    attribution = AttributionSerializer(required=False, allow_null=True)
    survey = SurveySerializer(required=False, allow_null=True)
    status = serializers.ChoiceField(["created", "updated", "duplicate", "conflict", "rejected"])
    error = BatchErrorSerializer(required=False)


class RefundSerializer(serializers.Serializer[Any]):
    external_id = serializers.CharField(max_length=120, help_text="Unique for the purchase.")
    amount = serializers.DecimalField(max_digits=14, decimal_places=2)
    reason = serializers.CharField(max_length=200, required=False, allow_blank=True)
    refunded_at = serializers.DateTimeField(required=False, help_text="Now unless said.")


class PurchaseDetailSerializer(PurchaseBaseSerializer):
    refunds = RefundSerializer(many=True)
    attribution = AttributionSerializer(allow_null=True)
    survey = SurveySerializer(allow_null=True)
    follow_up = SurveySerializer(allow_null=True, help_text="Asked again two months later; null where none is planned.")


class PurchaseChangedSerializer(PurchaseDetailSerializer):
    """All of it for a key that may read purchases, too; else what such a key may write, and what came of that."""

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        for name in fields.keys() - TOLD_TO_WRITERS:
            fields[name].required = False
        return fields


class PurchasesView(APIView):
    scopes = {"POST": Scope.PURCHASES_WRITE}

    @extend_schema(
        operation_id="purchases_create",
        parameters=[IDEMPOTENCY_KEY],
        request=PurchaseSerializer,
        responses={201: PurchaseTakenSerializer, 200: PurchaseTakenSerializer},
    )
    def post(self, request: Request) -> Response:
        """Send a purchase, as often as you like: the same again changes nothing, a later stage is added."""
        now = timezone.now()
        return answer_once(request, lambda: self.take(request, now=now), now=now)

    def take(self, request: Request, *, now: datetime) -> Response:
        given = or_refuse(parse_purchase(request.data, is_strict=True))
        [taken] = take_purchases(key_of(request).brand, [given], now=now, source=SOURCE)
        recorded = taken.recorded
        if recorded.status == "rejected":
            refuse(recorded.errors)
        if recorded.status == "conflict":
            raise ApiError(
                status.HTTP_409_CONFLICT, "idempotency_conflict", conflict_message(), errors_as_json(recorded.errors)
            )
        is_new = recorded.status == "created"
        return Response(taken_as_json(taken), status=status.HTTP_201_CREATED if is_new else status.HTTP_200_OK)


class PurchaseBatchView(APIView):
    scopes = {"POST": Scope.PURCHASES_WRITE}

    @extend_schema(
        operation_id="purchases_batch",
        parameters=[IDEMPOTENCY_KEY],
        request=PurchaseSerializer(many=True),
        responses=inline_serializer("PurchaseBatch", {"results": BatchRowSerializer(many=True)}),
    )
    def post(self, request: Request) -> Response:
        """Send up to 1,000 purchases. Each gets its own answer, in order; a bad one never stops the others."""
        now = timezone.now()
        return answer_once(request, lambda: self.take(request, now=now), now=now)

    def take(self, request: Request, *, now: datetime) -> Response:
        rows = request.data
        if not isinstance(rows, list) or len(rows) > settings.PURCHASE_BATCH_SIZE:
            message = _("A batch is a list of up to %(limit)d purchases.") % {"limit": settings.PURCHASE_BATCH_SIZE}
            refuse([FieldError("", "invalid_batch", message)])
        parsed = [parse_purchase(row, is_strict=True) for row in rows]
        given = [each for each in parsed if isinstance(each, PurchaseInput)]
        taken = iter(take_purchases(key_of(request).brand, given, now=now, source=SOURCE))
        results = [
            batch_row(row, next(taken) if isinstance(each, PurchaseInput) else Taken(rejected(each)))
            for row, each in zip(rows, parsed, strict=True)
        ]
        return Response({"results": results})


class PurchaseView(APIView):
    scopes = {"GET": Scope.PURCHASES_READ, "PATCH": Scope.PURCHASES_WRITE}

    @extend_schema(operation_id="purchases_retrieve", responses=PurchaseDetailSerializer)
    def get(self, request: Request, external_id: str) -> Response:
        """All that was told of a purchase, who is credited and why, and where its survey stands."""
        purchase = get_purchase(key_of(request).brand, external_id)
        note_read(key_of(request), object_type="purchase", object_id=str(purchase.pk))
        return Response(detail(purchase, now=timezone.now()), headers={"ETag": version_of(purchase)})

    @extend_schema(
        operation_id="purchases_update",
        parameters=[IF_MATCH],
        request=StagesSerializer,
        responses=PurchaseChangedSerializer,
    )
    @transaction.atomic
    def patch(self, request: Request, external_id: str) -> Response:
        """Tell or correct when it was delivered, activated or promised; or move its state on, which never goes back.

        Who bought what is in the answer only where the key may read purchases as well.
        """
        now = timezone.now()
        purchase = get_purchase(key_of(request).brand, external_id, is_to_change=True)
        refuse_unless_match(request, version_of(purchase))
        changes = or_refuse(parse_changes(request.data, purchased_at=purchase.purchased_at))
        with_conflicts(lambda: take_change(purchase, changes, now=now), "state_conflict")
        changed = get_purchase(purchase.brand, external_id)
        told = detail(changed, now=now)
        if Scope.PURCHASES_READ in key_of(request).scopes:
            note_read(key_of(request), object_type="purchase", object_id=str(purchase.pk))
        else:
            told = {name: value for name, value in told.items() if name in TOLD_TO_WRITERS}
        return Response(told, headers={"ETag": version_of(changed)})


class RefundsView(APIView):
    scopes = {"POST": Scope.PURCHASES_WRITE}

    @extend_schema(
        operation_id="purchases_refund",
        parameters=[IDEMPOTENCY_KEY],
        request=RefundSerializer,
        responses={201: RefundSerializer, 200: RefundSerializer},
    )
    def post(self, request: Request, external_id: str) -> Response:
        """Tell that money was given back, in part or all. The same id again changes nothing."""
        now = timezone.now()
        return answer_once(request, lambda: self.take(request, external_id, now=now), now=now)

    def take(self, request: Request, external_id: str, *, now: datetime) -> Response:
        purchase = get_purchase(key_of(request).brand, external_id)
        given = or_refuse(parse_refund(request.data, now=now, is_strict=True))
        refund, is_new = with_conflicts(lambda: take_refund(purchase, **given, now=now), "idempotency_conflict")
        code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
        return Response(refund_as_json(refund), status=code)


def get_purchase(brand: Brand, external_id: str, *, is_to_change: bool = False) -> Purchase:
    """`is_to_change`: nobody else changes it meanwhile."""
    if not is_storable(external_id):
        raise Http404
    purchases = Purchase.objects.filter(brand=brand).select_related("brand", "customer", "product")
    if is_to_change:
        purchases = purchases.select_for_update(of=("self",), no_key=True)
    purchase: Purchase | None = purchases.filter(external_id=external_id).first()
    if purchase is None:
        raise Http404
    return purchase


def version_of(purchase: Purchase) -> str:
    """Of what can be changed here: what its survey does meanwhile is no conflict."""
    return version(purchase.delivered_at, purchase.activated_at, purchase.promised_on, purchase.state)


def detail(purchase: Purchase, *, now: datetime) -> dict[str, Any]:
    related = Attribution.objects.select_related("affiliate", "acquiring_affiliate", "indirect_affiliate")
    attribution = related.current().filter(purchase=purchase).first()
    survey, follow_up = (
        survey_states([purchase], now=now, wave=wave).get(purchase.pk) for wave in (Wave.FIRST, Wave.FOLLOW_UP)
    )
    refunds = list(purchase.refunds.order_by("refunded_at", "id"))
    return purchase_as_json(purchase, attribution, survey, refunds, follow_up=follow_up)


def batch_row(row: Any, taken: Taken) -> dict[str, Any]:
    recorded = taken.recorded
    if recorded.purchase is None or recorded.status == "conflict":
        is_conflict = recorded.status == "conflict"
        error = {
            "code": "idempotency_conflict" if is_conflict else "invalid",
            "message": conflict_message() if is_conflict else invalid_message(),
            "fields": errors_as_json(recorded.errors),
        }
        named = row.get("external_id") if isinstance(row, dict) else None
        # The answer is kept for whoever repeats the request: what cannot be stored cannot be told back.
        told = named if isinstance(named, str) and is_storable(named) else None
        return {"external_id": told, "status": recorded.status, "error": error}
    return {**taken_as_json(taken), "status": recorded.status}


def rejected(errors: list[FieldError]) -> Recorded:
    return Recorded("rejected", errors=tuple(errors))


def or_refuse(parsed: T | list[FieldError]) -> T:
    if isinstance(parsed, list):
        refuse(parsed)
    return parsed


def refuse(errors: Sequence[FieldError]) -> NoReturn:
    raise ApiError(status.HTTP_400_BAD_REQUEST, "invalid", invalid_message(), errors_as_json(list(errors)))


def with_conflicts(work: Callable[[], T], code: str) -> T:
    try:
        return work()
    except PurchaseConflict as conflict:
        fields = [{"field": conflict.field, "code": code, "message": conflict.message}]
        raise ApiError(status.HTTP_409_CONFLICT, code, conflict.message, fields) from conflict


def invalid_message() -> str:
    return _("Some of what was sent is not valid.")


def conflict_message() -> str:
    return _("A purchase with this id and other contents is stored already.")


api_urlpatterns = [
    path("purchases/", PurchasesView.as_view(), name="purchases"),
    path("purchases/batch/", PurchaseBatchView.as_view(), name="purchase-batch"),
    path("purchases/<path:external_id>/refunds/", RefundsView.as_view(), name="purchase-refunds"),
    path("purchases/<path:external_id>/", PurchaseView.as_view(), name="purchase"),
    *rights_urlpatterns,
    *hook_urlpatterns,
]
